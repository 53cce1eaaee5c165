#include "security/redaction.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* The text is read once, from left to right. At each place the finders are called in turn: the first that finds
 * something to be masked there puts the mask in `out` and gives the end. */

static bool is_word_character(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_token_character(char c)
{
    return is_word_character(c) || c == '-' || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

static bool begins_word(const char *text, const char *at)
{
    return at == text || !is_word_character(at[-1]);
}

static size_t span_length(const char *at, bool (*is_in)(char))
{
    size_t length = 0;
    while (at[length] && is_in(at[length]))
        length++;
    return length;
}

/* --- secrets that are known by how they begin */

static const struct {
    const char *prefix;
    size_t least; /* characters of a token that must follow */
} secret_prefixes[] = {
    {"kmr_", 16}, {"kma_", 16}, {"kmp_", 16},        {"pcsk_", 16}, {"sk-", 16},   {"eyJ", 24},
    {"LTAI", 12}, {"AKIA", 16}, {"github_pat_", 20}, {"ghp_", 30},  {"xoxb-", 16}, {"glpat-", 16},
};

/* The length of the prefix, and of what follows it; 0: no such secret begins here. */
static size_t prefix_length(const char *at, size_t *ret_rest)
{
    for (size_t i = 0; i < ARRAY_SIZE(secret_prefixes); i++) {
        const char *prefix = secret_prefixes[i].prefix;
        size_t length = strlen(prefix);
        if (at[0] != prefix[0] || strncmp(at, prefix, length) != 0)
            continue;
        *ret_rest = span_length(at + length, is_token_character);
        if (*ret_rest >= secret_prefixes[i].least)
            return length;
    }
    return 0;
}

static const char *redact_prefixed(struct strbuf *out, const char *text, const char *at)
{
    size_t rest, length = begins_word(text, at) ? prefix_length(at, &rest) : 0;
    if (length == 0)
        return NULL;
    strbuf_append(out, at, length);
    strbuf_puts(out, "***");
    return at + length + rest;
}

static const char *redact_authorization(struct strbuf *out, const char *text, const char *at)
{
    static const char *const schemes[] = {"Bearer ", "Basic "};
    bool possible = (at[0] == 'B' || at[0] == 'b') && begins_word(text, at);
    for (size_t i = 0; i < ARRAY_SIZE(schemes) && possible; i++) {
        size_t length = strlen(schemes[i]);
        size_t rest =
            strncasecmp(at, schemes[i], length) == 0 ? span_length(at + length, is_token_character) : 0;
        if (rest < 8)
            continue;
        strbuf_append(out, at, length);
        strbuf_puts(out, "***");
        return at + length + rest;
    }
    return NULL;
}

/* --- values of a name: access_token=…, "password": "…" */

enum name_place { ANYWHERE, IN_URL };

static const struct {
    const char *name;
    enum name_place place; /* IN_URL: too common a word elsewhere; only after '?' or '&' */
} secret_names[] = {
    {"access_token", ANYWHERE},
    {"refresh_token", ANYWHERE},
    {"api_key", ANYWHERE},
    {"apikey", ANYWHERE},
    {"api-key", ANYWHERE},
    {"password", ANYWHERE},
    {"passwd", ANYWHERE},
    {"secret", ANYWHERE},
    {"client_secret", ANYWHERE},
    {"app_secret", ANYWHERE},
    {"token", ANYWHERE},
    {"signature", IN_URL},
    {"sign", IN_URL},
    {"sig", IN_URL},
    {"key", IN_URL},
    {"pwd", IN_URL},
};

/* The end of a JSON text that begins after its quotation mark. */
static const char *quoted_end(const char *at)
{
    while (*at && *at != '"') {
        if (*at == '\\' && at[1])
            at++;
        at++;
    }
    return at;
}

static size_t unquoted_length(const char *at)
{
    return strcspn(at, " \t\r\n&\"'`,;)}]<>#");
}

/* As a password or a key looks, unlike what prose says of one: six printable characters or more, with a digit. What is
 * known by its prefix keeps that. */
static bool looks_like_secret(const char *at)
{
    size_t length = unquoted_length(at), digits = 0, rest;
    if (prefix_length(at, &rest) > 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)at[i] >= 0x80)
            return false;
        digits += isdigit((unsigned char)at[i]) != 0;
    }
    return length >= 6 && digits > 0;
}

/* `at` is behind the name: gives where the value begins, NULL if none does. `="` and `":"` are read; `: ` and a colon
 * alone, as headers and prose have them, only before what looks like a secret. */
static const char *value_start(const char *at, bool *ret_quoted)
{
    bool quoted_name = *at == '"';
    at += quoted_name;
    bool spoken = *at == ':' && !quoted_name;
    if (*at != '=' && *at != ':')
        return NULL;
    at++;
    while ((quoted_name || spoken) && *at == ' ')
        at++;
    if (spoken && !looks_like_secret(at))
        return NULL;
    *ret_quoted = *at == '"';
    return at + *ret_quoted;
}

static const char *redact_named(struct strbuf *out, const char *text, const char *at)
{
    if (at > text && isalnum((unsigned char)at[-1])) /* '_' may stand before: DASHSCOPE_API_KEY=… */
        return NULL;
    bool in_url = at > text && (at[-1] == '?' || at[-1] == '&');
    char first = (char)tolower((unsigned char)at[0]);
    for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++) {
        if (first != secret_names[i].name[0]) /* most words end here */
            continue;
        size_t length = strlen(secret_names[i].name);
        if ((secret_names[i].place == IN_URL && !in_url) ||
            strncasecmp(at, secret_names[i].name, length) != 0)
            continue;
        bool quoted;
        const char *value = value_start(at + length, &quoted);
        const char *end = value;
        if (value && quoted)
            end = quoted_end(value);
        if (value && !quoted)
            end += unquoted_length(value);
        if (end == value)
            continue;
        strbuf_append(out, at, (size_t)(value - at));
        strbuf_puts(out, "***");
        return end;
    }
    return NULL;
}

bool redact_is_secret_name(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++) {
        size_t own = strlen(secret_names[i].name);
        if (secret_names[i].place == IN_URL || own > length)
            continue;
        const char *end = name + length - own;
        if (strcasecmp(end, secret_names[i].name) == 0 && (end == name || !isalnum((unsigned char)end[-1])))
            return true;
    }
    return false;
}

/* The same in Chinese and Japanese: 密码：…, 暗証番号は…. What follows must be four characters of ASCII or more. */
static const char *redact_spoken(struct strbuf *out, const char *text, const char *at)
{
    static const char *const names[] = {"密码", "密碼",       "口令",     "验证码",
                                        "密钥", "パスワード", "暗証番号", "認証コード"};
    static const char *const joints[] = {"：", ":", "=", "是", "为", "は"};
    (void)text;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (at[0] != names[i][0] || at[1] != names[i][1]) /* most characters end here */
            continue;
        size_t length = strlen(names[i]);
        if (strncmp(at, names[i], length) != 0)
            continue;
        const char *value = at + length;
        for (size_t j = 0; j < ARRAY_SIZE(joints); j++)
            if (strncmp(value, joints[j], strlen(joints[j])) == 0) {
                value += strlen(joints[j]);
                break;
            }
        value += strspn(value, " ");
        size_t secret = 0;
        while (value[secret] > ' ' && value[secret] < 0x7F && !strchr(",;\"'", value[secret]))
            secret++;
        if (value == at + length || secret < 4)
            return NULL;
        strbuf_append(out, at, (size_t)(value - at));
        strbuf_puts(out, "***");
        return value + secret;
    }
    return NULL;
}

/* Of a key in PEM its first line stays. */
static const char *redact_pem(struct strbuf *out, const char *text, const char *at)
{
    static const char begin[] = "-----BEGIN ", end[] = "-----END ";
    (void)text;
    if (strncmp(at, begin, sizeof(begin) - 1) != 0)
        return NULL;
    const char *label = at + sizeof(begin) - 1;
    size_t length = strcspn(label, "-\r\n\\");
    if (length < 11 || strncmp(label + length - 11, "PRIVATE KEY", 11) != 0)
        return NULL;
    const char *last = strstr(label + length, end);
    strbuf_append(out, at, (size_t)(label + length - at));
    strbuf_puts(out, "***");
    if (!last)
        return label + strlen(label);
    last += sizeof(end) - 1;
    last += strcspn(last, "-");
    return last + strspn(last, "-");
}

/* --- scheme://user:password@host */

static const char *redact_url_password(struct strbuf *out, const char *text, const char *at)
{
    (void)text;
    if (strncmp(at, "://", 3) != 0)
        return NULL;
    size_t length = strcspn(at + 3, "/?# \t\r\n\"'<>");
    const char *colon = memchr(at + 3, ':', length), *host = memrchr(at + 3, '@', length);
    if (!colon || !host || host <= colon + 1)
        return NULL;
    strbuf_append(out, at, (size_t)(colon + 1 - at));
    strbuf_puts(out, "***");
    return host;
}

/* --- e-mail: the first letter and the domain stay */

static bool is_local_part(char c)
{
    return is_word_character(c) || strchr(".+-%", c) != NULL;
}

static bool is_domain(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '.';
}

static const char *redact_email(struct strbuf *out, const char *text, const char *at)
{
    if (at != text && is_local_part(at[-1]))
        return NULL;
    size_t local = span_length(at, is_local_part);
    if (local == 0 || at[local] != '@')
        return NULL;
    const char *domain = at + local + 1;
    size_t length = span_length(domain, is_domain);
    while (length > 0 && !isalnum((unsigned char)domain[length - 1]))
        length--;
    if (!memchr(domain, '.', length) || domain[0] == '.')
        return NULL;
    strbuf_putc(out, at[0]);
    strbuf_puts(out, "***@");
    strbuf_append(out, domain, length);
    return domain + length;
}

/* --- numbers */

#define NUMBER_MAX 20

struct number {
    char digits[NUMBER_MAX + 1];
    size_t count;
    const char *end;
};

/* A digit, ASCII or full-width (U+FF10 to U+FF19). -1: none. */
static int take_digit(const char **at)
{
    const unsigned char *s = (const unsigned char *)*at;
    if (isdigit(s[0])) {
        (*at)++;
        return s[0] - '0';
    }
    if (s[0] == 0xEF && s[1] == 0xBC && s[2] >= 0x90 && s[2] <= 0x99) {
        *at += 3;
        return s[2] - 0x90;
    }
    return -1;
}

static bool digit_matches(char pattern, int digit)
{
    switch (pattern) {
    case 'd': return true;
    case 'n': return digit >= 1; /* not 0 */
    case 'm': return digit >= 3; /* second digit of a Chinese mobile number */
    case 'j': return digit >= 5; /* 050, 070, 080, 090: Japanese mobile and IP telephone */
    default: return pattern == '0' + digit;
    }
}

/* What people put between the groups of a number: hyphens of several kinds, and the lengthening mark of kana. */
static const char *const number_hyphens[] = {
    "-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\uff0d", "\u30fc",
};
static const char *const number_blanks[] = {" ", "\u3000"};
static const char *const number_brackets[] = {"(", ")", "\uff08", "\uff09"};

static bool skip_one_of(const char *const *marks, size_t count, const char **at)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(marks[i]);
        if (strncmp(*at, marks[i], length) == 0) {
            *at += length;
            return true;
        }
    }
    return false;
}

/* `mark`: as in a pattern of match_number. */
static bool match_separator(char mark, const char **at)
{
    bool hyphen = skip_one_of(number_hyphens, ARRAY_SIZE(number_hyphens), at);
    if (!hyphen && mark == '~')
        hyphen = skip_one_of(number_brackets, ARRAY_SIZE(number_brackets), at);
    else if (!hyphen)
        hyphen = skip_one_of(number_blanks, ARRAY_SIZE(number_blanks), at);
    return hyphen || mark == '-';
}

/* 'd', 'n', 'm', 'j', '0' to '9': digits; '-': one hyphen or blank that may be there; '_': one that must be; '~': one
 * hyphen or bracket that must be; 'X': a digit or x. What follows the pattern must not go on as a word. */
static bool match_number(const char *pattern, const char *at, struct number *ret_number)
{
    struct number number = {.count = 0};
    for (; *pattern; pattern++) {
        if (*pattern == '-' || *pattern == '~' || *pattern == '_') {
            if (!match_separator(*pattern, &at))
                return false;
            continue;
        }
        int digit = take_digit(&at);
        if (*pattern == 'X' && digit < 0 && (*at == 'x' || *at == 'X'))
            at++;
        else if (digit < 0 || (*pattern != 'X' && !digit_matches(*pattern, digit)))
            return false;
        number.digits[number.count++] = digit < 0 ? 'X' : (char)('0' + digit);
    }
    const char *after = at;
    if (is_word_character(*at) || take_digit(&after) >= 0)
        return false;
    number.end = at;
    *ret_number = number;
    return true;
}

/* A Chinese identity number holds a date of birth: year, month, day from the seventh digit on. The
 * check digit is not checked: a mistyped number is personal data as well. */
static bool holds_birthday(const struct number *number)
{
    int date = 0; /* yyyymmdd */
    for (size_t i = 6; i < 14; i++)
        date = date * 10 + (number->digits[i] - '0');
    int year = date / 10000, month = date / 100 % 100, day = date % 100;
    return year >= 1900 && year < 2100 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Japan's individual number: the last digit follows from the eleven before it. Source: ordinance 85 of 2014 of the
 * Ministry of Internal Affairs and Communications, article 5. */
static bool is_individual_number(const struct number *number)
{
    const char *end = number->end;
    if (match_separator('_', &end) && take_digit(&end) >= 0)
        return false; /* the head of a longer one */
    int sum = 0;
    for (int n = 1; n <= 11; n++)
        sum += (number->digits[11 - n] - '0') * (n <= 6 ? n + 1 : n - 5);
    int digit = sum % 11 <= 1 ? 0 : 11 - sum % 11;
    return number->digits[11] == '0' + digit;
}

static const struct number_kind {
    const char *pattern;
    bool (*check)(const struct number *number); /* NULL: the pattern says it all */
    size_t head, tail;                          /* digits that stay */
} number_kinds[] = {
    {"nddddd-dddddddd-dddX", holds_birthday, 3, 4}, /* China: identity number */
    {"dddd_dddd_dddd", is_individual_number, 0, 4}, /* Japan: individual number */
    {"1md-dddd-dddd", NULL, 3, 4},                  /* China: mobile */
    {"0j0-dddd-dddd", NULL, 3, 4},                  /* Japan: mobile */
    {"0nd~dddddddd", NULL, 3, 2},                   /* China: fixed line, by length of its area code */
    {"0nd~ddddddd", NULL, 3, 2},
    {"0ndd~dddddddd", NULL, 4, 2},
    {"0ndd~ddddddd", NULL, 4, 2},
    {"0n~dddd~dddd", NULL, 2, 2}, /* Japan: fixed line, likewise */
    {"0nd~ddd~dddd", NULL, 3, 2},
    {"0ndd~dd~dddd", NULL, 4, 2},
    {"0nddd~d~dddd", NULL, 5, 2},
};

/* The same behind a country code. */
static const struct {
    const char *code, *pattern;
} international[] = {
    {"+86", "-1md-dddd-dddd"}, {"0086", "-1md-dddd-dddd"}, {"+81", "-j0-dddd-dddd"},
    {"+86", "-nd-dddd-dddd"},  {"+81", "-n-dddd-dddd"},
};

static void redact_put_masked(struct strbuf *out, const struct number *number, size_t head, size_t tail)
{
    strbuf_append(out, number->digits, head);
    for (size_t i = head; i + tail < number->count; i++)
        strbuf_putc(out, '*');
    strbuf_append(out, number->digits + number->count - tail, tail);
}

static bool begins_number(const char *text, const char *at)
{
    if (at == text)
        return true;
    if (is_word_character(at[-1]))
        return false;
    /* the fraction of a number, or a later group of one: 0.138…, 2026-1380… */
    bool joined = (at[-1] == '.' || at[-1] == '-') && at - text >= 2 && isdigit((unsigned char)at[-2]);
    bool full_width_before = false;
    if (at - text >= 3) {
        const char *before = at - 3;
        full_width_before = take_digit(&before) >= 0 && before == at;
    }
    return !joined && !full_width_before;
}

static const char *redact_international(struct strbuf *out, const char *text, const char *at)
{
    if (!(*at == '+' || *at == '0') || !begins_number(text, at))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(international); i++) {
        size_t length = strlen(international[i].code);
        struct number number;
        if (strncmp(at, international[i].code, length) != 0 ||
            !match_number(international[i].pattern, at + length, &number))
            continue;
        strbuf_append(out, at, length);
        strbuf_putc(out, ' ');
        redact_put_masked(out, &number, 2, 2);
        return number.end;
    }
    return NULL;
}

static const char *redact_personal_number(struct strbuf *out, const char *text, const char *at)
{
    if (!begins_number(text, at))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(number_kinds); i++) {
        const struct number_kind *kind = &number_kinds[i];
        struct number number;
        if (!match_number(kind->pattern, at, &number) || (kind->check && !kind->check(&number)))
            continue;
        redact_put_masked(out, &number, kind->head, kind->tail);
        return number.end;
    }
    return NULL;
}

/* Source: ISO/IEC 7812-1, annex B. */
static bool luhn_is_valid(const struct number *number)
{
    int sum = 0;
    for (size_t i = 0; i < number->count; i++) {
        int digit = number->digits[number->count - 1 - i] - '0';
        if (i % 2 == 1)
            digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return sum % 10 == 0;
}

/* 15 to 19 digits in groups of four or more. Cards begin with 2 to 6 or 9 (the major industry identifiers of
 * banking), which leaves today's timestamps in micro- and nanoseconds alone. */
static const char *redact_card(struct strbuf *out, const char *text, const char *at)
{
    if (!begins_number(text, at))
        return NULL;
    struct number number = {.count = 0};
    size_t in_group = 0;
    for (const char *next = at; number.count <= 19;) {
        int digit = take_digit(&next);
        if (digit < 0)
            break;
        number.digits[number.count++] = (char)('0' + digit);
        number.end = next;
        bool group_ends = ++in_group >= 4 && (*next == '-' || *next == ' ');
        next += group_ends;
        in_group = group_ends ? 0 : in_group;
    }
    bool card_length = number.count >= 15 && number.count <= 19;
    if (!card_length || !strchr("234569", number.digits[0]) || is_word_character(*number.end) ||
        !luhn_is_valid(&number))
        return NULL;
    redact_put_masked(out, &number, 0, 4);
    return number.end;
}

typedef const char *(*finder)(struct strbuf *out, const char *text, const char *at);

static const finder secret_finders[] = {redact_prefixed, redact_authorization, redact_named};
static const finder number_finders[] = {redact_international, redact_personal_number, redact_card};

static const char *redact_with_finders(const finder *finders, size_t count, struct strbuf *out,
                                       const char *text, const char *at)
{
    const char *end = NULL;
    for (size_t i = 0; i < count && !end; i++)
        end = finders[i](out, text, at);
    return end;
}

/* The first bytes of the names of redact_spoken. */
static bool may_begin_spoken(unsigned char c)
{
    return c == 0xE3 || c == 0xE5 || c == 0xE6 || c == 0xE8 || c == 0xE9;
}

/* Which finders can begin with this byte. */
static const char *redact_mask_here(struct strbuf *out, const char *text, const char *at)
{
    const char *end = NULL;
    if (*at == ':')
        return redact_url_password(out, text, at);
    if (may_begin_spoken((unsigned char)*at))
        return redact_spoken(out, text, at);
    if (*at == '-' && (end = redact_pem(out, text, at)))
        return end;
    if (isdigit((unsigned char)*at) || *at == '+' || (unsigned char)*at == 0xEF)
        end = redact_with_finders(number_finders, ARRAY_SIZE(number_finders), out, text, at);
    else if (isalpha((unsigned char)*at))
        end = redact_with_finders(secret_finders, ARRAY_SIZE(secret_finders), out, text, at);
    return end ? end : redact_email(out, text, at);
}

/* The next place from `at` on that is to be masked, its mask in `ret_mask` (empty before) and its end;
 * NULL: none. */
static const char *redact_find_next(const char *text, const char *at, struct strbuf *ret_mask,
                                    const char **ret_end)
{
    for (; *at; at++) {
        /* Most bytes are in the midst of a word, or of a character that is not ASCII: nothing begins there. */
        unsigned char c = (unsigned char)*at;
        bool may_begin = is_word_character(*at)
                             ? at == text || !isalnum((unsigned char)at[-1])
                             : c == 0xEF || may_begin_spoken(c) || (c < 0x80 && strchr(":+.%-", c));
        const char *end = may_begin ? redact_mask_here(ret_mask, text, at) : NULL;
        if (end) {
            *ret_end = end;
            return at;
        }
    }
    return NULL;
}

void redact(struct strbuf *out, const char *text)
{
    CLEANUP(strbuf_release) struct strbuf mask = {0};
    const char *start = text, *at, *end; /* from start to at nothing is appended yet */
    while ((at = redact_find_next(text, start, &mask, &end))) {
        strbuf_append(out, start, (size_t)(at - start));
        strbuf_append(out, strbuf_text(&mask), mask.length);
        strbuf_reset(&mask);
        start = end;
    }
    strbuf_puts(out, start);
}

size_t redact_plain_length(const char *text)
{
    CLEANUP(strbuf_release) struct strbuf mask = {0};
    const char *end, *at = redact_find_next(text, text, &mask, &end);
    return at ? (size_t)(at - text) : strlen(text);
}

void redact_whole(struct strbuf *out, const char *text)
{
    if (!*text)
        return;
    size_t first = 1;
    while (((unsigned char)text[first] & 0xC0) == 0x80) /* the rest of its UTF-8 */
        first++;
    strbuf_append(out, text, first);
    strbuf_puts(out, "***");
}

static bool holds_only_here(const char *text, const char *mask, const char *stored)
{
    return strstr(text, mask) && !strstr(stored, mask);
}

bool redact_is_edited_mask(const char *text, const char *stored, struct strbuf *ret_mask)
{
    const char *start = stored, *end;
    strbuf_reset(ret_mask);
    while (redact_find_next(stored, start, ret_mask, &end)) {
        if (holds_only_here(text, strbuf_text(ret_mask), stored))
            return true;
        strbuf_reset(ret_mask);
        start = end;
    }
    redact_whole(ret_mask, stored);
    return *stored && holds_only_here(text, strbuf_text(ret_mask), stored);
}

void redact_secret(const char *secret, char ret_masked[static 16])
{
    size_t length = strlen(secret);
    if (length < 12) {
        snprintf(ret_masked, 16, "…");
        return;
    }
    size_t prefix = strcspn(secret, "-_");
    prefix = prefix < 5 && prefix < length ? prefix + 1 : 0;
    snprintf(ret_masked, 16, "%.*s…%s", (int)prefix, secret, secret + length - 4);
}
