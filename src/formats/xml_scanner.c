#include "formats/xml_scanner.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"

#define BUFFER ((size_t)64 << 10)
#define ATTRIBUTES_MAX 32
#define NAMES_SIZE 4096  /* bytes of the names of all open elements */
#define REFERENCE_MAX 12 /* bytes of &#x0010FFFF; */

struct name {
    uint16_t at, length; /* in `names` */
    uint16_t local;      /* in the name */
};

/* Where in the buffer name="value" stands. */
struct attribute {
    char *name, *equals, *value, *quote; /* the closing one */
};

struct scanner {
    struct package_part *part;
    const struct xml_events *events;
    void *context;
    struct error *err;
    struct xml_delivered *delivered;

    char *buffer;    /* BUFFER bytes, and a NUL behind those that are there */
    char *at, *end;  /* what was not read yet */
    bool part_ended; /* nothing comes behind `end` */

    int depth;
    struct name open[XML_DEPTH_MAX];
    char names[NAMES_SIZE]; /* each with a NUL */
    size_t names_length;

    struct attribute found[ATTRIBUTES_MAX]; /* of the tag */
    size_t found_count;
    bool has_reference; /* in a value */
};

/* What a step came to. After MORE the same step is taken again with more bytes. */
enum step { NEXT, MORE, LEAVE, FAILED };

/* ---- characters ---- */

enum { TEXT = 1, VALUE = 2, NAME_START = 4, NAME = 8, SPACE = 16 };

/* Of the ASCII characters, what each may be a plain part of. Beyond ASCII: nothing, see scan_skip_wide. */
/* clang-format off */
#define N 0                                  /* none, or more than itself */
#define W (TEXT | SPACE)                     /* tab and line feed, which become blanks in a value */
#define R SPACE                              /* carriage return, which becomes a line feed */
#define B (TEXT | VALUE | SPACE)
#define S (TEXT | VALUE)
#define Q TEXT                               /* quotes */
#define V VALUE                              /* ], for ]]> is no text */
#define D (TEXT | VALUE | NAME)
#define L (TEXT | VALUE | NAME | NAME_START)
static const unsigned char classes[256] = {
    N, N, N, N, N, N, N, N, N, W, W, N, N, R, N, N,
    N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
    B, S, Q, S, S, S, N, Q, S, S, S, S, S, D, D, S, /*   ! " # $ % & ' ( ) * + , - . / */
    D, D, D, D, D, D, D, D, D, D, L, S, N, S, S, S, /* 0 1 2 3 4 5 6 7 8 9 : ; < = > ? */
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* @ A B C D E F G H I J K L M N O */
    L, L, L, L, L, L, L, L, L, L, L, S, S, V, S, L, /* P Q R S T U V W X Y Z [ \ ] ^ _ */
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* ` a b c d e f g h i j k l m n o */
    L, L, L, L, L, L, L, L, L, L, L, S, S, S, S, S, /* p q r s t u v w x y z { | } ~   */
};
#undef N
#undef W
#undef R
#undef B
#undef S
#undef Q
#undef V
#undef D
#undef L
/* clang-format on */

static bool is_of_class(const char *at, unsigned char class)
{
    return (classes[(unsigned char)*at] & class) != 0;
}

/* Behind the well-formed characters beyond ASCII that begin here; XML has no U+FFFE and no U+FFFF. */
static char *scan_skip_wide(char *at, const char *end)
{
    while (at < end && ((unsigned char)*at & 0x80)) {
        const unsigned char *c = (const unsigned char *)at;
        size_t length = utf8_character_length(at, (size_t)(end - at));
        if (length == 0 || (length == 3 && c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE))
            break;
        at += length;
    }
    return at;
}

/* Behind the characters of the class, and those beyond ASCII. The NUL behind the buffer's bytes ends it. */
static char *scan_skip_plain(const struct scanner *scanner, char *at, unsigned char class)
{
    for (;;) {
        while (is_of_class(at, class))
            at++;
        if (((unsigned char)*at & 0x80) == 0)
            return at;
        char *behind = scan_skip_wide(at, scanner->end);
        if (behind == at)
            return at;
        at = behind;
    }
}

static char *scan_skip(char *at, unsigned char class)
{
    while (is_of_class(at, class))
        at++;
    return at;
}

/* At `at` stands what cannot go on, unless it is only cut off: `need` bytes would decide. */
static enum step scan_stuck(const struct scanner *scanner, const char *at, size_t need)
{
    return (size_t)(scanner->end - at) < need && !scanner->part_ended ? MORE : LEAVE;
}

#define CHARACTER_MAX 4 /* bytes */

/* ---- references ---- */

static const struct {
    const char *name;
    uint32_t character;
} entities[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};

static bool is_xml_character(uint32_t c)
{
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF) && c != 0xFFFE && c != 0xFFFF;
}

static int reference_digit(char c, uint32_t base)
{
    int value = c >= '0' && c <= '9'                     ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                         : 99;
    return value < (int)base ? value : -1;
}

/* Of "#1234;" or "#x12ab;" the length; 0: it is none. */
static size_t read_numeric_reference(const char *text, uint32_t *ret_character)
{
    uint32_t base = text[1] == 'x' ? 16 : 10, value = 0;
    size_t first = base == 16 ? 2 : 1, at = first;
    for (; at < REFERENCE_MAX - 2 && reference_digit(text[at], base) >= 0; at++)
        value = value > 0x10FFFF ? value : value * base + (uint32_t)reference_digit(text[at], base);
    *ret_character = value;
    return at > first && text[at] == ';' && is_xml_character(value) ? at + 1 : 0;
}

/* Bytes of the reference whose & stands at `at`; 0: it is none. A NUL lies behind it somewhere. */
static size_t read_reference(const char *at, uint32_t *ret_character)
{
    size_t length = at[1] == '#' ? read_numeric_reference(at + 1, ret_character) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(entities) && length == 0; i++)
        if (strncmp(at + 1, entities[i].name, strlen(entities[i].name)) == 0) {
            *ret_character = entities[i].character;
            length = strlen(entities[i].name);
        }
    return length ? length + 1 : 0;
}

/* In place; false: one is no reference. */
static bool decode_references(char *text)
{
    char *to = text = strchrnul(text, '&');
    while (*text) {
        uint32_t character;
        size_t length = *text == '&' ? read_reference(text, &character) : 0;
        if (*text == '&' && length == 0)
            return false;
        if (length > 0)
            to += utf8_put(to, character);
        else
            *to++ = *text++;
        text += length;
    }
    *to = '\0';
    return true;
}

/* ---- texts ---- */

static bool deliver_text(struct scanner *scanner, const char *bytes, size_t length)
{
    scanner->delivered->text += length;
    return length == 0 || !scanner->events->text ||
           scanner->events->text(scanner->context, bytes, length, scanner->err);
}

static enum step scan_text_reference(struct scanner *scanner)
{
    uint32_t character;
    char bytes[CHARACTER_MAX];
    size_t length = read_reference(scanner->at, &character);
    if (length == 0)
        return scan_stuck(scanner, scanner->at, REFERENCE_MAX);
    scanner->at += length;
    return deliver_text(scanner, bytes, utf8_put(bytes, character)) ? NEXT : FAILED;
}

/* \r and \r\n are \n. */
static enum step scan_text_break(struct scanner *scanner)
{
    if (scanner->at + 1 == scanner->end)
        return scan_stuck(scanner, scanner->at, 2);
    scanner->at += scanner->at[1] == '\n' ? 2 : 1;
    return deliver_text(scanner, "\n", 1) ? NEXT : FAILED;
}

static enum step scan_text_bracket(struct scanner *scanner)
{
    if (scanner->end - scanner->at < 3)
        return scan_stuck(scanner, scanner->at, 3);
    if (scanner->at[1] == ']' && scanner->at[2] == '>')
        return LEAVE;
    return deliver_text(scanner, scanner->at++, 1) ? NEXT : FAILED;
}

/* Up to a tag. */
static enum step scan_take_text(struct scanner *scanner)
{
    char *from = scanner->at;
    scanner->at = scan_skip_plain(scanner, from, TEXT);
    if (!deliver_text(scanner, from, (size_t)(scanner->at - from)))
        return FAILED;
    switch (*scanner->at) {
    case '<': return NEXT;
    case '&': return scan_text_reference(scanner);
    case '\r': return scan_text_break(scanner);
    case ']': return scan_text_bracket(scanner);
    default: return scan_stuck(scanner, scanner->at, CHARACTER_MAX);
    }
}

/* ---- attributes ---- */

static bool is_new_attribute(const struct scanner *scanner, const char *name, size_t length)
{
    for (size_t i = 0; i < scanner->found_count; i++) {
        const struct attribute *other = &scanner->found[i];
        if ((size_t)(other->equals - other->name) == length && memcmp(other->name, name, length) == 0)
            return false;
    }
    return true;
}

/* The value's end; NULL: `ret_step` says why there is none. */
static char *find_value_end(struct scanner *scanner, char *at, char quote, enum step *ret_step)
{
    for (;; at++) {
        at = scan_skip_plain(scanner, at, VALUE);
        if (*at == quote)
            return at;
        if (*at == '&')
            scanner->has_reference = true;
        else if (*at != '"' && *at != '\'')
            break;
    }
    *ret_step = scan_stuck(scanner, at, CHARACTER_MAX);
    return NULL;
}

/* Nothing is changed before the whole tag is there. */
static enum step scan_attribute(struct scanner *scanner, char **at)
{
    struct attribute found = {.name = *at, .equals = scan_skip(*at, NAME)};
    char quote = is_of_class(found.name, NAME_START) && *found.equals == '=' ? found.equals[1] : '\0';
    enum step step = NEXT;
    if (quote != '"' && quote != '\'')
        return scan_stuck(scanner, found.equals, 2);
    found.value = found.equals + 2;
    found.quote = find_value_end(scanner, found.value, quote, &step);
    if (!found.quote)
        return step;
    if (scanner->found_count == ATTRIBUTES_MAX ||
        !is_new_attribute(scanner, found.name, (size_t)(found.equals - found.name)))
        return LEAVE;
    scanner->found[scanner->found_count++] = found;
    *at = found.quote + 1;
    return NEXT;
}

/* `*at` is behind the tag's name; then it is at what ends the tag. */
static enum step scan_attributes(struct scanner *scanner, char **at)
{
    scanner->found_count = 0;
    scanner->has_reference = false;
    for (;;) {
        char *name = scan_skip(*at, SPACE);
        if (*name == '>' || *name == '/' || *name == '?') {
            *at = name;
            return NEXT;
        }
        if (name == *at || name == scanner->end)
            return scan_stuck(scanner, name, 1);
        *at = name;
        enum step step = scan_attribute(scanner, at);
        if (step != NEXT)
            return step;
    }
}

/* The list of names and values, each ended by a NUL. False: a reference is none. */
static bool list_attributes(struct scanner *scanner, const char *attributes[static 2 * ATTRIBUTES_MAX + 1])
{
    for (size_t i = 0; i < scanner->found_count; i++) {
        const struct attribute *found = &scanner->found[i];
        *found->equals = *found->quote = '\0';
        *attributes++ = found->name;
        *attributes++ = found->value;
        if (scanner->has_reference && !decode_references(found->value))
            return false;
    }
    *attributes = NULL;
    return true;
}

/* ---- elements ---- */

static bool open_element(struct scanner *scanner, const char *name, size_t length)
{
    if (scanner->depth == XML_DEPTH_MAX || scanner->names_length + length >= NAMES_SIZE)
        return false;
    char *copy = scanner->names + scanner->names_length;
    memcpy(copy, name, length);
    copy[length] = '\0';
    const char *colon = memchr(copy, ':', length);
    scanner->open[scanner->depth++] = (struct name){.at = (uint16_t)scanner->names_length,
                                                    .length = (uint16_t)length,
                                                    .local = (uint16_t)(colon ? colon + 1 - copy : 0)};
    scanner->names_length += length + 1;
    return true;
}

static enum step close_element(struct scanner *scanner)
{
    const struct name *name = &scanner->open[--scanner->depth];
    scanner->names_length = name->at;
    scanner->delivered->elements++;
    return !scanner->events->end ||
                   scanner->events->end(scanner->context, scanner->names + name->at + name->local,
                                        scanner->err)
               ? NEXT
               : FAILED;
}

static enum step scan_take_start(struct scanner *scanner)
{
    const char *attributes[2 * ATTRIBUTES_MAX + 1];
    char *name = scanner->at + 1, *at = scan_skip(name, NAME);
    size_t length = (size_t)(at - name);
    if (!is_of_class(name, NAME_START))
        return scan_stuck(scanner, name, 1);
    enum step step = scan_attributes(scanner, &at);
    if (step != NEXT)
        return step;
    bool empty = *at == '/';
    if (at[empty] != '>')
        return scan_stuck(scanner, at, 2);
    if (!open_element(scanner, name, length) || !list_attributes(scanner, attributes))
        return LEAVE;
    scanner->at = at + empty + 1;
    scanner->delivered->elements++;
    const struct name *open = &scanner->open[scanner->depth - 1];
    if (scanner->events->start &&
        !scanner->events->start(scanner->context, scanner->names + open->at + open->local, attributes,
                                scanner->err))
        return FAILED;
    return empty ? close_element(scanner) : NEXT;
}

static enum step scan_take_end(struct scanner *scanner)
{
    const struct name *name = &scanner->open[scanner->depth - 1];
    char *there = scanner->at + 2, *behind = there + name->length;
    if (behind >= scanner->end)
        return scan_stuck(scanner, scanner->at, (size_t)name->length + 3);
    if (memcmp(there, scanner->names + name->at, name->length) != 0)
        return LEAVE;
    behind = scan_skip(behind, SPACE);
    if (*behind != '>')
        return scan_stuck(scanner, behind, 1);
    scanner->at = behind + 1;
    return close_element(scanner);
}

/* ---- the whole ---- */

/* More bytes behind those that were not read yet. */
static enum step scan_fill(struct scanner *scanner)
{
    size_t kept = (size_t)(scanner->end - scanner->at), length;
    if (kept == BUFFER)
        return LEAVE;
    memmove(scanner->buffer, scanner->at, kept);
    scanner->at = scanner->buffer;
    scanner->end = scanner->buffer + kept;
    if (!package_part_read(scanner->part, scanner->end, BUFFER - kept, &length, scanner->err))
        return FAILED;
    scanner->end += length;
    *scanner->end = '\0';
    scanner->part_ended = length == 0;
    return NEXT;
}

/* version="1.0", and perhaps encoding="UTF-8" and standalone="yes". */
static bool is_known_declaration(const char *const *attributes)
{
    if (!*attributes || strcmp(attributes[0], "version") != 0 || strcmp(attributes[1], "1.0") != 0)
        return false;
    attributes += 2;
    if (*attributes && strcmp(attributes[0], "encoding") == 0) {
        if (strcasecmp(attributes[1], "UTF-8") != 0)
            return false;
        attributes += 2;
    }
    if (*attributes && strcmp(attributes[0], "standalone") == 0) {
        if (strcmp(attributes[1], "yes") != 0 && strcmp(attributes[1], "no") != 0)
            return false;
        attributes += 2;
    }
    return !*attributes;
}

#define MARK "\xEF\xBB\xBF"
#define DECLARATION "<?xml"

/* A byte order mark and the XML declaration, if they are there. The buffer holds as much as came. */
static enum step scan_declaration(struct scanner *scanner)
{
    const char *attributes[2 * ATTRIBUTES_MAX + 1];
    if (strncmp(scanner->at, MARK, strlen(MARK)) == 0)
        scanner->at += strlen(MARK);
    if (strncmp(scanner->at, DECLARATION, strlen(DECLARATION)) != 0)
        return NEXT;
    char *at = scanner->at + strlen(DECLARATION);
    if (scan_attributes(scanner, &at) != NEXT || at[0] != '?' || at[1] != '>' || scanner->has_reference ||
        !list_attributes(scanner, attributes) || !is_known_declaration(attributes))
        return LEAVE;
    scanner->at = at + 2;
    return NEXT;
}

static enum step scan_take_one(struct scanner *scanner)
{
    if (scanner->depth == 0) { /* outside the root there is only white space; the first tag is the root */
        scanner->at = scan_skip(scanner->at, SPACE);
        if (scanner->delivered->elements == 0 && *scanner->at == '<')
            return scan_take_start(scanner);
        return scan_stuck(scanner, scanner->at, 1);
    }
    if (*scanner->at != '<')
        return scan_take_text(scanner);
    return scanner->at[1] == '/' ? scan_take_end(scanner) : scan_take_start(scanner);
}

enum xml_scan xml_scan(struct package_part *part, const struct xml_events *events, void *context,
                       struct xml_delivered *ret_delivered, struct error *err)
{
    CLEANUP(free_pointer) char *buffer = xmalloc(BUFFER + 1);
    struct scanner scanner = {.part = part,
                              .events = events,
                              .context = context,
                              .err = err,
                              .delivered = ret_delivered,
                              .buffer = buffer,
                              .at = buffer,
                              .end = buffer};
    *ret_delivered = (struct xml_delivered){0};
    enum step step = scan_fill(&scanner);
    if (step == NEXT)
        step = scan_declaration(&scanner);
    while (step == NEXT || step == MORE) {
        step = scan_take_one(&scanner);
        if (step == MORE)
            step = scan_fill(&scanner);
    }
    if (step == FAILED)
        return XML_SCAN_FAILED;
    bool at_end = scanner.part_ended && scanner.at == scanner.end;
    return at_end && scanner.depth == 0 && ret_delivered->elements > 0 ? XML_SCAN_DONE : XML_SCAN_LEFT;
}
