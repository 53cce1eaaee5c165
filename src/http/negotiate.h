/* What headers ask for: Accept-Language, Accept-Encoding, If-None-Match, Prefer; values with parameters. Pure functions; a header that
 * is absent is NULL, one that is nonsense counts as absent as far as it is nonsense. */
#ifndef KIMONO_HTTP_NEGOTIATE_H
#define KIMONO_HTTP_NEGOTIATE_H

#include <stdbool.h>

#include "base/error.h"

/* Chinese if zh, zh-CN … has a higher quality than English (or '*'), or the same and stands first. */
enum language http_language(const char *accept_language);

/* Whether Japanese has a quality above those of Chinese and English, or the same and stands first. */
bool http_prefers_japanese(const char *accept_language);

/* Whether the header is `value` in any case, whatever parameters follow it: "application/json; charset=utf-8". */
bool http_header_value_is(const char *header, const char *value);

/* Whether the coding ("gzip", "br") is accepted, by name or by '*', with a quality above 0. */
bool http_accepts_encoding(const char *accept_encoding, const char *coding);

/* Whether If-None-Match names the etag (given without quotes), by weak comparison, or is '*'. The
 * compressed variants that this server makes of one content ("…-gz", "…-br") count as that content. */
bool http_etag_listed(const char *if_none_match, const char *etag);

/* Seconds of the first 'wait' in Prefer (RFC 7240), `max` at most; 0: none is asked for. */
int http_prefer_wait(const char *prefer, int max);

#endif
