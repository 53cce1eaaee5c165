/* What a form (multipart/form-data) brought: its texts in memory, its files on disk, in files without
 * a name that are closed with the request. */
#ifndef KIMONO_HTTP_FORM_H
#define KIMONO_HTTP_FORM_H

#include <stdint.h>

#include "base/error.h"

#define HTTP_FORM_FIELDS_MAX 32
#define HTTP_FORM_TEXT_MAX ((size_t)32 << 10) /* bytes of one text */

/* A file that was sent. Who needs it longer than the request lasts duplicates the descriptor (the
 * duplicate has the same position, so read with pread, or go back to the beginning). */
struct upload {
    int fd;                   /* at its beginning, for reading and writing; -1: none came */
    const char *filename;     /* UTF-8, without folders */
    const char *content_type; /* what the client says it is; "" when it says nothing */
    int64_t size;             /* bytes */
};

struct http_form_field {
    const char *name;
    const char *text; /* UTF-8 without NUL; NULL: it is a file */
    struct upload file;
    const struct http_form_field *next; /* in the order of the form */
};

/* Inside http/: collects a form while its body comes. */
struct http_request;
struct form;

/* For the request, whose Content-Type is read; fields go into its arena, files into `folder` (NULL: see
 * base/temporary_file.h). ERROR_MEDIA_TYPE (also: it is packed), ERROR_BAD_REQUEST. */
bool form_open(struct form **ret_form, struct http_request *request, const char *folder, struct error *err);
/* ERROR_BAD_REQUEST: malformed, or too many fields; ERROR_INVALID names the field that comes twice, is
 * too long, or is not UTF-8; ERROR_UNAVAILABLE: the disk is full. Not to be fed after that. */
bool form_feed(struct form *form, const char *bytes, size_t length, struct error *err);
/* At the end of the body: the fields are then in the request. */
bool form_finish(struct form *form, struct error *err);
void form_close(struct form *form); /* takes NULL; closes the files */

#endif
