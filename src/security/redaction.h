/* Redaction: secrets and personal data never reach a log, an answer to a viewer, or an error text. */
#ifndef KIMONO_SECURITY_REDACTION_H
#define KIMONO_SECURITY_REDACTION_H

#include <stdbool.h>

#include "base/strbuf.h"

/* Appends `text` with what looks like a secret or personal data masked: bearer and kimono tokens, JWTs,
 * sk-… and pcsk_… keys, access_token/key/sign values in URLs, values of names such as "password" and
 * "api_key", passwords in URLs, e-mail addresses, phone numbers of China and Japan, Chinese identity
 * numbers, individual numbers of Japan, bank cards (Luhn), passwords that are named in Chinese or Japanese, private keys
 * in PEM. Digits may be full-width (１３８…). What stays tells which it was:
 * 138****8000, z***@example.com, kma_***, postgresql://kimono:***@db/kimono. Redacting twice changes
 * nothing more. Adding a kind: a row in one of the tables of redaction.c. */
void redact(struct strbuf *out, const char *text);

/* The same for JSON, which stays JSON: each text and name in it, numbers too (which then become texts), and all values of
 * what is named as a secret. Whatever has nothing to mask stays byte for byte. */
void redact_json(struct strbuf *out, const char *json);

/* password, api_key, DASHSCOPE_API_KEY …: what is called so is a secret, whatever it looks like. */
bool redact_is_secret_name(const char *name);

/* Bytes before the first thing that redact() masks. */
size_t redact_plain_length(const char *text);

/* Of what is personal as a whole, such as whom to ask, its first character stays: 欧***. */
void redact_whole(struct strbuf *out, const char *text);

/* Whether `text` holds a mask that redact() or redact_whole() has put over something in `stored`: then it was
 * written by someone who saw the masked form only, and keeping it would lose what is below the mask.
 * `ret_mask` gets it. */
bool redact_is_edited_mask(const char *text, const char *stored, struct strbuf *ret_mask);

/* "sk-…9f3a": enough to tell which key it is; "…" when the secret is shorter than 12. */
void redact_secret(const char *secret, char ret_masked[static 16]);

#endif
