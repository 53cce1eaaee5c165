#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static enum cli_status serve_run(const struct invocation *invocation);

static const struct option_spec options[] = {
    {.name = "listen",
     .value = "HOST:PORT",
     .text = "where to serve (default: 127.0.0.1:8080)",
     .setting = true},
    CLI_STORE_OPTIONS,
    {.name = "static",
     .value = "DIR",
     .text = "serve the console from this folder (while developing it)",
     .setting = true},
    CLI_OPTIONS_END,
};

const struct command serve_command = {
    .name = "serve",
    .arguments = "[--config FILE] [--data DIR] [--listen HOST:PORT] [--database URL] [--static DIR]",
    .text = "the platform and its operations console",
    .details =
        "Prints 'listening on http://HOST:PORT/ops/' when it is ready. SIGTERM or SIGINT: finishes what "
        "runs\n"
        "and ends; a second one: ends at once. The log goes to standard error.\n"
        "Secrets (DASHSCOPE_API_KEY, PINECONE_API_KEY) come from the environment or from files of mode 0600\n"
        "that DASHSCOPE_API_KEY_FILE … name, never from flags.\n",
    .options = options,
    .run = serve_run,
};

/* A terminal that closes stops the server, unless it was started to outlive it (nohup). */
static void serve_stop_signals(sigset_t *ret_signals)
{
    struct sigaction hangup;
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(ret_signals, SIGHUP);
}

static void serve_end_at_once(int number)
{
    _exit(128 + number);
}

/* The signals are blocked before any thread starts, so that only this one takes them. */
static enum cli_status serve_run(const struct invocation *invocation)
{
    CLEANUP(cli_close) struct app *app = NULL;
    sigset_t signals;
    int number;
    serve_stop_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (!cli_open(invocation, APP_SERVER, CLI_STORE_MAY_BE_NEW, &app))
        return CLI_FAILED;
    const char *listen =
        settings_now(invocation->settings)->listen; /* with HOST:0 the system chose the port */
    printf("listening on http://%.*s:%d/ops/\n", (int)(strrchr(listen, ':') - listen), listen, app_port(app));
    fflush(stdout);
    sigwait(&signals, &number);
    /* What is committed is safe, so a second signal may end everything in the middle. */
    struct sigaction action = {.sa_handler = serve_end_at_once};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
    return CLI_DONE;
}
