/* The OpenAPI 3.1 document, made from the route table, its parameters and the descriptors of its
 * answers: it cannot differ from what the server does. */
#ifndef KIMONO_API_OPENAPI_H
#define KIMONO_API_OPENAPI_H

#include "base/strbuf.h"

void openapi_write(struct strbuf *out, const char *version);

#endif
