#include "security/secret_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/identifier.h"
#include "base/memory.h"
#include "base/owned_file.h"
#include "base/utf8.h"

static void secret_file_close(const int *file)
{
    if (*file >= 0)
        close(*file);
}

static bool secret_file_refuse(struct error *err, const char *path, const char *en, const char *zh)
{
    return error_set(err, ERROR_INTERNAL, "%.200s: %s%.0s", "%.200s：%.0s%s", path, en, zh);
}

static bool secret_file_refuse_errno(struct error *err, const char *path)
{
    const char *why = strerror(errno);
    return secret_file_refuse(err, path, why, why);
}

static bool secret_file_check(const struct stat *status, const char *path, struct error *err)
{
    if (!S_ISREG(status->st_mode))
        return secret_file_refuse(err, path, "not a regular file", "不是普通文件");
    if (status->st_mode & (S_IRWXG | S_IRWXO))
        return secret_file_refuse(err, path, "holds a secret but others may read it: chmod 600 it",
                                  "含有密钥却可被他人读取：请执行 chmod 600");
    /* Not "chown it": the user whom it belongs to may be the one who serves. */
    if (!owned_may_trust(status->st_uid, path))
        return secret_file_refuse(
            err, path, "holds a secret but belongs to another user: run this as that user, or as root",
            "含有密钥却属于其他用户：请以该用户或 root 身份运行");
    return true;
}

static bool secret_file_read_all(int file, const char *path, char *ret_text, size_t size, struct error *err)
{
    size_t length = 0;
    ssize_t got;
    while ((got = read(file, ret_text + length, size - length)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return secret_file_refuse_errno(err, path);
        length += (size_t)got;
        if (length == size)
            return secret_file_refuse(err, path, "too long for a secret", "内容过长，不像密钥");
    }
    while (length > 0 && isspace((unsigned char)ret_text[length - 1]))
        length--;
    ret_text[length] = '\0';
    if (strlen(ret_text) != length)
        return secret_file_refuse(err, path, "holds a NUL byte", "含有 NUL 字节");
    utf8_drop_mark(ret_text);
    return true;
}

bool secret_file_read(const char *path, char *ret_text, size_t size, bool *ret_exists, struct error *err)
{
    /* O_NONBLOCK: a named pipe in its place must not stop the start. */
    CLEANUP(secret_file_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (ret_exists)
        *ret_exists = file >= 0 || errno != ENOENT;
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        return secret_file_refuse_errno(err, path);
    return secret_file_check(&status, path, err) && secret_file_read_all(file, path, ret_text, size, err);
}

static bool secret_file_write_all(int file, const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t put = write(file, text, length);
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            text += put;
            length -= (size_t)put;
        }
    }
    return fsync(file) == 0;
}

/* Written under another name first, then linked: link() fails where rename() would replace the file
 * that another process has made in the meantime. */
bool secret_file_make(const char *path, const char *text, bool *ret_made, struct error *err)
{
    char temporary[PATH_MAX], suffix[IDENTIFIER_SIZE];
    identifier_make("", suffix);
    if (snprintf(temporary, sizeof(temporary), "%s.%s", path, suffix) >= (int)sizeof(temporary))
        return secret_file_refuse(err, path, "the path is too long", "路径过长");
    CLEANUP(secret_file_close) int file = owned_open(temporary, O_WRONLY | O_EXCL, 0600);
    if (file < 0)
        return secret_file_refuse_errno(err, path);
    bool written = secret_file_write_all(file, text);
    bool made = written && link(temporary, path) == 0;
    int why = errno;
    unlink(temporary);
    errno = why;
    if (!made && !(written && why == EEXIST))
        return secret_file_refuse_errno(err, path);
    char copy[PATH_MAX];
    snprintf(copy, sizeof(copy), "%s", path);
    CLEANUP(secret_file_close) int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        fsync(folder);
    *ret_made = made;
    return true;
}

#define LEFT_SECONDS 60 /* whoever makes the file now is done long before */

static bool secret_file_is_left_over(const char *name, const char *base)
{
    size_t length = strlen(base);
    return strncmp(name, base, length) == 0 && name[length] == '.' &&
           strlen(name + length + 1) == IDENTIFIER_LENGTH &&
           strspn(name + length + 1, IDENTIFIER_DIGITS) == IDENTIFIER_LENGTH;
}

void secret_file_sweep(const char *path)
{
    char folder_of[PATH_MAX], base_of[PATH_MAX], left[PATH_MAX];
    struct stat status;
    snprintf(folder_of, sizeof(folder_of), "%s", path);
    snprintf(base_of, sizeof(base_of), "%s", path);
    const char *folder = dirname(folder_of), *base = basename(base_of);
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        bool fits = snprintf(left, sizeof(left), "%s/%s", folder, entry->d_name) < (int)sizeof(left);
        if (fits && secret_file_is_left_over(entry->d_name, base) && stat(left, &status) == 0 &&
            time(NULL) - status.st_mtime > LEFT_SECONDS)
            unlink(left);
    }
    if (entries)
        closedir(entries);
}
