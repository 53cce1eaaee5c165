/* multipart/form-data (RFC 7578), read as a stream: bytes are pushed in pieces of any size, parts come
 * out as events. Memory is bounded by one part's headers. What it lets through is what browsers, curl
 * and the usual libraries send; all else is refused with a reason. */
#ifndef KIMONO_HTTP_MULTIPART_H
#define KIMONO_HTTP_MULTIPART_H

#include <stddef.h>

#include "base/error.h"

#define MULTIPART_HEAD_MAX 4096 /* bytes of one part's headers */

struct multipart;

struct multipart_part {
    const char *name;         /* UTF-8, not empty */
    const char *filename;     /* UTF-8 without folders; "": none was chosen; NULL: not a file */
    const char *content_type; /* as sent; "" when it is not said */
};

/* Each returns false, with `err`, to end the reading; texts are valid during the call only. */
struct multipart_events {
    void *context;
    bool (*begin)(void *context, const struct multipart_part *part, struct error *err);
    bool (*data)(void *context, const char *bytes, size_t length, struct error *err);
    bool (*end)(void *context, struct error *err);
};

/* ERROR_MEDIA_TYPE: the Content-Type (NULL: none) is not multipart/form-data; ERROR_BAD_REQUEST: its
 * boundary is missing or no boundary. The caller closes it. */
bool multipart_open(struct multipart **ret_multipart, const char *content_type,
                    const struct multipart_events *events, struct error *err);
void multipart_close(struct multipart *multipart); /* takes NULL */

/* ERROR_BAD_REQUEST: it is malformed, and where; or what an event said. Not to be fed after that. */
bool multipart_feed(struct multipart *multipart, const char *bytes, size_t length, struct error *err);
/* At the end of the body. ERROR_BAD_REQUEST: the closing boundary has not come. */
bool multipart_finish(const struct multipart *multipart, struct error *err);

#endif
