/* Parameters of header fields (Content-Type, Content-Disposition), and names of files in them. Pure
 * functions. Source: RFC 9110, 5.6.6; RFC 6266; RFC 8187. */
#ifndef KIMONO_HTTP_DISPOSITION_H
#define KIMONO_HTTP_DISPOSITION_H

#include <stdbool.h>

#include "base/arena.h"

/* The value of `name` in "form-data; name=x; filename=\"y\"", unquoted, in the arena; NULL if it is not
 * there. A backslash escapes a quote or a backslash and is itself before anything else, since browsers
 * once sent whole Windows paths. False: the field cannot be read, or says it twice. */
bool http_header_parameter(struct arena *arena, const char *header, const char *name, const char **ret_value);

/* "attachment; filename=…", with the name once more in UTF-8 where it is not plain ASCII; in the arena.
 * `file_name` is UTF-8; control characters, slashes and quotes in it are replaced. */
const char *http_attachment(struct arena *arena, const char *file_name);

#endif
