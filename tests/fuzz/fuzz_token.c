/* security/token: access tokens and refresh tokens as they come from outside. The first byte chooses:
 * the rest as a whole token; the rest as the claims of a token with a good signature; the rest as header
 * and claims, divided by a NUL, with a good signature. */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "security/token.h"

#define NOW 1795330106
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static const unsigned char key[SIGNING_KEY_SIZE] = "no corpus is signed by this key.";

static void append_base64(struct strbuf *out, const void *bytes, size_t length)
{
    size_t room = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *at = strbuf_reserve(out, room);
    sodium_bin2base64(at, room, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out->length += strlen(at);
}

static void sign(struct strbuf *token, const void *header, size_t header_length, const void *claims,
                 size_t length)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    append_base64(token, header, header_length);
    strbuf_putc(token, '.');
    append_base64(token, claims, length);
    crypto_auth_hmacsha256_init(&state, key, sizeof(key));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)token->bytes, token->length);
    crypto_auth_hmacsha256_final(&state, mac);
    strbuf_putc(token, '.');
    append_base64(token, mac, sizeof(mac));
}

static void make_token(struct strbuf *token, const uint8_t *data, size_t size)
{
    uint8_t choice = data[0] % 3;
    const uint8_t *rest = data + 1, *divider = memchr(rest, 0, size - 1);
    size_t length = size - 1, header_length = divider ? (size_t)(divider - rest) : 0;
    if (choice == 0)
        strbuf_append(token, rest, length);
    else if (choice == 2 && divider)
        sign(token, rest, header_length, divider + 1, length - header_length - 1);
    else
        sign(token, HEADER, strlen(HEADER), rest, length);
}

static void check_access(struct token_signer *signer, const char *token, bool signed_here)
{
    struct access_claims claims, again;
    struct error err;
    memset(&claims, 0, sizeof(claims));
    memset(&again, 0, sizeof(again));
    bool good = token_verify(signer, token, NOW, &claims, &err);
    if (good && (!signed_here || claims.expires_at <= NOW || !claims.user_id[0] || !claims.session_id[0]))
        abort();
    if (token_verify(signer, token, NOW, &again, &err) != good) /* now from the cache */
        abort();
    if (good && (strcmp(claims.user_id, again.user_id) != 0 || claims.expires_at != again.expires_at))
        abort();
}

static void check_refresh(const char *token)
{
    char session_id[40], start[64];
    if (!token_refresh_parse(token, session_id))
        return;
    int length = snprintf(start, sizeof(start), "kmr_%s.", session_id);
    if (strlen(token) != (size_t)length + 43 || memcmp(token, start, (size_t)length) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct token_signer *signer;
    if (!signer)
        signer = token_signer_new(key);
    if (size < 1)
        return 0;
    struct strbuf token = {0};
    make_token(&token, data, size);
    check_access(signer, strbuf_text(&token), data[0] % 3 != 0);
    check_refresh(strbuf_text(&token));
    strbuf_release(&token);
    return 0;
}
