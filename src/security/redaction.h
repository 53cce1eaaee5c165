/* Redaction: secrets and personal data never reach a log, an answer to a viewer, or an error text. */
#ifndef KIMONO_SECURITY_REDACTION_H
#define KIMONO_SECURITY_REDACTION_H

#include "base/strbuf.h"

/* Appends `text` with what looks like a secret or personal data masked: bearer and kimono tokens, JWTs,
 * sk-… and pcsk_… keys, access_token/key/sign values in URLs, values of names such as "password" and
 * "api_key", passwords in URLs, e-mail addresses, phone numbers of China and Japan, Chinese identity
 * numbers, bank cards (Luhn). Digits may be full-width (１３８…). What stays tells which it was:
 * 138****8000, z***@example.com, kma_***, postgresql://kimono:***@db/kimono. Redacting twice changes
 * nothing more. Adding a kind: a row in one of the tables of redaction.c. */
void redact(struct strbuf *out, const char *text);

/* "sk-…9f3a": enough to tell which key it is; "…" when the secret is shorter than 12. */
void redact_secret(const char *secret, char ret_masked[static 16]);

#endif
