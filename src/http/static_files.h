/* The pages: from the binary (static_assets.h), or from a folder while developing them. */
#ifndef KIMONO_HTTP_STATIC_FILES_H
#define KIMONO_HTTP_STATIC_FILES_H

#include "http/request.h"

struct static_files;

/* `folder` NULL: the assets in the binary. A folder is read at each request; what lies outside it
 * (by "..", by a symbolic link) is not there. ERROR_INVALID if it is no folder. */
bool static_files_open(struct static_files **ret_files, const char *folder, struct error *err);
void static_files_close(struct static_files *files); /* takes NULL */

/* Answers GET of a page with its type, ETag, caching (content-hashed names are immutable), the
 * precompressed copy that the client accepts, and the Content-Security-Policy. `/ops` redirects to
 * `/ops/`; a path below /ops/ whose last segment has no dot gets index.html (`/ops/login`:
 * login.html); `/ops/dashboard.html` and other fragments' plain names redirect to the page (a
 * fragment is what exists as /ops/NAME-HASH.html, HASH being hexadecimal). The same holds for any folder beside ops that has
 * an index.html. False when there is no such file: nothing has been written then. */
bool static_files_answer(const struct static_files *files, struct http_request *request);

#endif
