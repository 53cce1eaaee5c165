#include "http/static_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "http/negotiate.h"
#include "http/static_assets.h"

#define POLICY                                                                                               \
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "                        \
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
#define PATH_LENGTH_MAX 512

struct static_files {
    char *folder; /* its real path; NULL: the assets in the binary */
};

bool static_files_open(struct static_files **ret_files, const char *folder, struct error *err)
{
    char *real = folder ? realpath(folder, NULL) : NULL;
    struct stat status;
    if (folder && (!real || stat(real, &status) != 0 || !S_ISDIR(status.st_mode))) {
        free(real);
        return error_set(err, ERROR_INVALID, "The folder of pages '%s' is not there.", "页面目录“%s”不存在。",
                         folder);
    }
    struct static_files *files = xcalloc(1, sizeof(*files));
    files->folder = real;
    *ret_files = files;
    return true;
}

void static_files_close(struct static_files *files)
{
    if (!files)
        return;
    free(files->folder);
    free(files);
}

/* ---- which file ---- */

/* The first asset whose path is not before `path`. */
static size_t asset_lower_bound(const char *path)
{
    size_t low = 0, high = static_asset_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(static_assets[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct static_asset *asset_find(const char *path)
{
    size_t at = asset_lower_bound(path);
    bool found = at < static_asset_count && strcmp(static_assets[at].path, path) == 0;
    return found ? &static_assets[at] : NULL;
}

/* The real path of a regular file inside the folder; the caller frees it. */
static char *folder_find(const char *folder, const char *path)
{
    char joined[PATH_MAX];
    if (snprintf(joined, sizeof(joined), "%s%s", folder, path) >= (int)sizeof(joined))
        return NULL;
    char *real = realpath(joined, NULL);
    size_t length = strlen(folder);
    struct stat status;
    bool inside = real && strncmp(real, folder, length) == 0 && real[length] == '/';
    if (inside && stat(real, &status) == 0 && S_ISREG(status.st_mode))
        return real;
    free(real);
    return NULL;
}

static bool page_file_exists(const struct static_files *files, const char *path)
{
    if (!files->folder)
        return asset_find(path) != NULL;
    CLEANUP(free_pointer) char *real = folder_find(files->folder, path);
    return real != NULL;
}

/* Whether `rest` is what stands behind NAME in the name of a fragment: "-HASH.html", ".HASH.html". */
static bool is_hashed_rest(const char *rest)
{
    if (*rest != '-' && *rest != '.')
        return false;
    size_t length = strspn(rest + 1, "0123456789abcdef");
    return length >= 8 && strcmp(rest + 1 + length, ".html") == 0;
}

static bool folder_has_fragment(const char *folder, const char *page)
{
    char path[PATH_MAX];
    const char *name = strrchr(page, '/') + 1;
    if (strstr(page, "..") ||
        snprintf(path, sizeof(path), "%s%.*s", folder, (int)(name - page), page) >= (int)sizeof(path))
        return false;
    DIR *directory = opendir(path);
    bool found = false;
    for (struct dirent *entry; directory && !found && (entry = readdir(directory));)
        found =
            strncmp(entry->d_name, name, strlen(name)) == 0 && is_hashed_rest(entry->d_name + strlen(name));
    if (directory)
        closedir(directory);
    return found;
}

/* Whether the page's fragment exists under a hashed name. */
static bool fragment_exists(const struct static_files *files, const char *page)
{
    if (files->folder)
        return folder_has_fragment(files->folder, page);
    size_t length = strlen(page);
    for (size_t i = asset_lower_bound(page); i < static_asset_count; i++) {
        if (strncmp(static_assets[i].path, page, length) != 0)
            return false;
        if (is_hashed_rest(static_assets[i].path + length))
            return true;
    }
    return false;
}

/* ---- answering with it ---- */

static bool path_ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static const char *file_content_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".map", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
        {".csv", "text/csv; charset=utf-8"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (path_ends_with(path, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

static void add_page_headers(struct http_request *request, const char *content_type, bool immutable)
{
    request->response.status = 200;
    request->response.content_type = content_type;
    http_response_header(request, "Cache-Control",
                         immutable ? "public, max-age=31536000, immutable" : "no-cache");
    http_response_header(request, "Vary", "Accept-Encoding");
    if (strncmp(content_type, "text/html", 9) == 0)
        http_response_header(request, "Content-Security-Policy", POLICY);
}

static bool answer_asset(struct http_request *request, const struct static_asset *asset)
{
    const struct {
        const char *coding, *mark;
        const unsigned char *bytes;
        size_t length;
    } copies[] = {
        {"br", "-br", asset->brotli, asset->brotli_length},
        {"gzip", "-gz", asset->gzip, asset->gzip_length},
        {NULL, "", asset->identity, asset->identity_length},
    };
    const char *accepted = http_request_header(request, "Accept-Encoding");
    size_t i = 0;
    while (copies[i].coding && (!copies[i].bytes || !http_accepts_encoding(accepted, copies[i].coding)))
        i++;
    add_page_headers(request, asset->content_type, asset->immutable);
    if (copies[i].coding)
        http_response_header(request, "Content-Encoding", copies[i].coding);
    request->response.fixed_body = copies[i].bytes ? (const void *)copies[i].bytes : "";
    request->response.fixed_length = copies[i].length;
    const char *etag = asset->etag + (*asset->etag == '"'); /* without quotes, if it has any */
    request->response.etag =
        arena_printf(&request->arena, "%.*s%s", (int)strcspn(etag, "\""), etag, copies[i].mark);
    return true;
}

static bool read_page_file(int fd, struct strbuf *out)
{
    for (;;) {
        char *room = strbuf_reserve(out, 65536);
        ssize_t got = room ? read(fd, room, 65536) : -1;
        if (got <= 0)
            return got == 0;
        out->length += (size_t)got;
        out->bytes[out->length] = '\0';
    }
}

static bool answer_from_folder(const char *folder, struct http_request *request, const char *path)
{
    CLEANUP(free_pointer) char *real = folder_find(folder, path);
    int fd = real ? open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    if (fd < 0)
        return false;
    strbuf_reset(&request->response.body);
    bool done = read_page_file(fd, &request->response.body);
    close(fd);
    if (!done) {
        strbuf_reset(&request->response.body);
        return false;
    }
    add_page_headers(request, file_content_type(real), false);
    return true;
}

static bool answer_file(const struct static_files *files, struct http_request *request, const char *path)
{
    if (files->folder)
        return answer_from_folder(files->folder, request, path);
    const struct static_asset *asset = asset_find(path);
    return asset && answer_asset(request, asset);
}

static bool answer_redirect(struct http_request *request, const char *to)
{
    const char *query = request->query;
    const char *location = query ? arena_printf(&request->arena, "%s?%s", to, query) : to;
    request->response.status = 302;
    http_response_header(request, "Location", location);
    http_response_header(request, "Cache-Control", "no-cache");
    return true;
}

/* ---- the rules of names ---- */

/* "/ops" is asked for, "/ops/" is where the page's relative names are right. */
static bool answer_folder_name(const struct static_files *files, struct http_request *request)
{
    const char *path = request->path;
    char index[PATH_LENGTH_MAX + 16];
    if (path[0] != '/' || path[1] == '\0' || strchr(path + 1, '/'))
        return false;
    snprintf(index, sizeof(index), "%s/index.html", path);
    return page_file_exists(files, index) &&
           answer_redirect(request, arena_printf(&request->arena, "%s/", path));
}

/* "/ops/dashboard.html" is but a piece of a page; the page is "/ops/dashboard". */
static bool answer_fragment_name(const struct static_files *files, struct http_request *request)
{
    if (!path_ends_with(request->path, ".html"))
        return false;
    size_t length = strlen(request->path) - strlen(".html");
    const char *page = arena_strndup(&request->arena, request->path, length);
    return fragment_exists(files, page) && answer_redirect(request, page);
}

/* A page's address: "/ops/login" is login.html if there is one, all others are the frame's. */
static bool answer_page(const struct static_files *files, struct http_request *request)
{
    const char *path = request->path, *rest = strchr(path + 1, '/');
    char file[PATH_LENGTH_MAX + 16];
    if (!rest || strchr(strrchr(path, '/'), '.'))
        return false;
    snprintf(file, sizeof(file), "%s.html", path);
    if (rest[1] && !path_ends_with(path, "/") && answer_file(files, request, file))
        return true;
    snprintf(file, sizeof(file), "%.*s/index.html", (int)(rest - path), path);
    return answer_file(files, request, file);
}

bool static_files_answer(const struct static_files *files, struct http_request *request)
{
    const char *path = request->path;
    if (strcmp(request->method, "GET") != 0 || path[0] != '/' || strlen(path) > PATH_LENGTH_MAX)
        return false;
    return answer_file(files, request, path) || answer_folder_name(files, request) ||
           answer_fragment_name(files, request) || answer_page(files, request);
}
