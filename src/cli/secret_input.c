/* A secret, typed or piped in. Never an argument: those are seen by everyone who lists processes. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/cli.h"

static volatile sig_atomic_t caught;

static void secret_catch_signal(int number)
{
    caught = number;
}

/* Byte by byte, so that what follows the line stays for whoever reads after us. */
static bool secret_read_line(char *line, size_t size)
{
    size_t length = 0;
    bool any = false;
    for (;;) {
        char c;
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR && !caught)
            continue;
        if (got <= 0 && !(got == 0 && any))
            return false;
        if (got == 0 || c == '\n')
            break;
        any = true;
        if (c == '\0' || length + 1 >= size)
            return false;
        line[length++] = c;
    }
    if (length > 0 && line[length - 1] == '\r')
        length--;
    line[length] = '\0';
    utf8_drop_mark(line);
    return true;
}

/* The terminal's echo must come back even if the person presses Ctrl-C: the signal is caught, the echo
 * restored, and the signal then does what it would have done. */
static bool secret_read_from_terminal(const char *prompt, char *line, size_t size)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction before[ARRAY_SIZE(signals)], catcher = {.sa_handler = secret_catch_signal};
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return false;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    caught = 0;
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &catcher, &before[i]);
    fputs(prompt, stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool done = secret_read_line(line, size);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &before[i], NULL);
    if (caught)
        raise(caught);
    return done;
}

bool cli_read_secret(const char *prompt, char *ret_line, size_t size)
{
    bool done = isatty(STDIN_FILENO) ? secret_read_from_terminal(prompt, ret_line, size)
                                     : secret_read_line(ret_line, size);
    if (!done)
        explicit_bzero(ret_line, size);
    return done;
}
