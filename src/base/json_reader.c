#include "base/json_reader.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

#define PLACE_SIZE 80 /* of the text of a place */

static bool refuse_json(struct error *err, size_t at, const char *en, const char *zh)
{
    error_set(err, ERROR_BAD_REQUEST, "Not JSON: %s%.0s (byte %zu).",
              "不是合法的 JSON：%.0s%s（第 %zu 字节）。", en, zh, at);
    return false;
}

/* Where in the value something is: a name, and within what. Elements of arrays have the array's place. */
struct place {
    const struct place *outer; /* NULL at the top */
    const char *name;
    size_t length;
};

/* The names that lead there, joined by '.'; "" at the top. */
static void place_write(const struct place *place, char ret_path[static PLACE_SIZE])
{
    ret_path[0] = '\0';
    if (!place)
        return;
    char outer[PLACE_SIZE];
    place_write(place->outer, outer);
    size_t used = strnlen(outer, PLACE_SIZE - 2), room = PLACE_SIZE - 1 - used - (used > 0);
    memcpy(ret_path, outer, used);
    if (used > 0)
        ret_path[used++] = '.';
    size_t length = utf8_cut(place->name, place->length, room);
    memcpy(ret_path + used, place->name, length);
    ret_path[used + length] = '\0';
}

/* It is JSON, but not taken. */
static bool refuse_json_field(struct error *err, const struct place *place, const char *en, const char *zh)
{
    char path[PLACE_SIZE];
    place_write(place, path);
    error_clear(err);
    if (*path)
        return error_add_field(err, path, "%s%.0s", "%.0s%s", en, zh);
    return error_set(err, ERROR_INVALID, "Not accepted: it %s%.0s.", "不接受：%.0s%s。", en, zh);
}

/* The scan: one pass over the text before cJSON reads it, for what cJSON lets pass and RFC 8259 does not
 * (numbers such as 01 and 1., control characters in strings, any of them as white space), and for our own
 * limits (depth, the escape of NUL). Whether commas and colons are where they belong is cJSON's to say. */
struct scan {
    const char *text;
    size_t length, at;
    int depth;
    /* The name that was read last at each depth; within an array none. */
    struct place names[JSON_READER_DEPTH + 1];
    bool has_nul;
    char nul_path[PLACE_SIZE]; /* of the first escape of NUL */
};

/* The names that lead to what comes next, as one chain. */
static const struct place *scan_place(struct scan *scan)
{
    const struct place *place = NULL;
    for (int depth = 1; depth <= scan->depth; depth++)
        if (scan->names[depth].name) {
            scan->names[depth].outer = place;
            place = &scan->names[depth];
        }
    return place;
}

/* The text between `start` and `end`: where a colon follows it is a name. */
static void scan_note_string(struct scan *scan, size_t start, size_t end, size_t nul_at)
{
    size_t next = end + 1;
    while (next < scan->length && strchr(" \t\r\n", scan->text[next]) && scan->text[next])
        next++;
    bool has_nul = nul_at < end && !scan->has_nul;
    if (scan->depth > 0 && next < scan->length &&
        scan->text[next] == ':') /* up to a NUL, which nobody reads */
        scan->names[scan->depth] = (struct place){NULL, scan->text + start, (has_nul ? nul_at : end) - start};
    if (has_nul) {
        scan->has_nul = true;
        place_write(scan_place(scan), scan->nul_path);
    }
}

/* From the opening quotation mark to the closing one. */
static bool scan_string(struct scan *scan, struct error *err)
{
    size_t start = scan->at + 1, nul_at = scan->length;
    for (size_t i = start; i < scan->length; i++) {
        unsigned char c = (unsigned char)scan->text[i];
        if (c == '"') {
            scan_note_string(scan, start, i, nul_at);
            scan->at = i + 1;
            return true;
        }
        if (c < 0x20)
            return refuse_json(err, i, "a control character in a string", "字符串中含有控制字符");
        if (c != '\\')
            continue;
        if (nul_at == scan->length && scan->length - i >= 6 && memcmp(scan->text + i + 1, "u0000", 5) == 0)
            nul_at = i;
        i++;
    }
    return refuse_json(err, scan->length, "a string does not end", "字符串未结束");
}

static bool scan_is_digit(const struct scan *scan, size_t at)
{
    return at < scan->length && scan->text[at] >= '0' && scan->text[at] <= '9';
}

static bool scan_is_one_of(const struct scan *scan, size_t at, const char *characters)
{
    return at < scan->length && scan->text[at] && strchr(characters, scan->text[at]);
}

static size_t scan_digits(const struct scan *scan, size_t at)
{
    while (scan_is_digit(scan, at))
        at++;
    return at;
}

/* RFC 8259, section 6: [ minus ] int [ frac ] [ exp ]. */
static bool scan_number(struct scan *scan, struct error *err)
{
    size_t i = scan->at + scan_is_one_of(scan, scan->at, "-");
    bool good = scan_is_digit(scan, i);
    i = scan_is_one_of(scan, i, "0") ? i + 1 : scan_digits(scan, i);
    if (scan_is_one_of(scan, i, ".")) {
        good = good && scan_is_digit(scan, i + 1);
        i = scan_digits(scan, i + 1);
    }
    if (scan_is_one_of(scan, i, "eE")) {
        i += 1 + scan_is_one_of(scan, i + 1, "+-");
        good = good && scan_is_digit(scan, i);
        i = scan_digits(scan, i);
    }
    if (!good || scan_is_one_of(scan, i, "0123456789.eE+-"))
        return refuse_json(err, scan->at, "not a number", "不是数字");
    scan->at = i;
    return true;
}

/* Outside of strings and numbers; the letters are those of true, false, null. */
static const bool scan_may_stand[UCHAR_MAX + 1] = {
    [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true, [','] = true,
    [':'] = true, ['t'] = true,  ['r'] = true,  ['u'] = true,  ['e'] = true,
    ['f'] = true, ['a'] = true,  ['l'] = true,  ['s'] = true,  ['n'] = true,
};

static bool scan_next(struct scan *scan, struct error *err)
{
    char c = scan->text[scan->at];
    if (c == '"')
        return scan_string(scan, err);
    if (c == '-' || scan_is_digit(scan, scan->at))
        return scan_number(scan, err);
    if (c == '[' || c == '{') {
        if (++scan->depth > JSON_READER_DEPTH)
            return refuse_json(err, scan->at, "nested too deeply", "嵌套过深");
        scan->names[scan->depth] = (struct place){0};
    } else if (c == ']' || c == '}') {
        if (--scan->depth < 0)
            return refuse_json(err, scan->at, "something unexpected", "出现意外内容");
    } else if (!scan_may_stand[(unsigned char)c]) {
        return refuse_json(err, scan->at, "something unexpected", "出现意外内容");
    }
    scan->at++;
    return true;
}

static bool scan_text(struct scan *scan, struct error *err)
{
    bool marked = scan->length >= 3 && memcmp(scan->text, "\xEF\xBB\xBF", 3) == 0; /* cJSON skips it, too */
    scan->at = marked ? 3 : 0;
    while (scan->at < scan->length)
        if (!scan_next(scan, err))
            return false;
    return true;
}

static bool name_stands_before(const cJSON *object, const cJSON *member)
{
    for (const cJSON *other = object->child; other != member; other = other->next)
        if (other->string[0] == member->string[0] && strcmp(other->string, member->string) == 0)
            return true;
    return false;
}

static bool json_check_value(const cJSON *value, const struct place *place, struct error *err)
{
    int count = 0;
    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
        return refuse_json_field(err, place, "is a number beyond what can be stored", "数字超出可存储的范围");
    for (const cJSON *child = value->child; child; child = child->next) {
        bool named = cJSON_IsObject(value);
        struct place name = {place, child->string, named ? strlen(child->string) : 0};
        /* Comparing each name with all before it is quadratic: objects of input are small. */
        if (named && ++count > 256)
            return refuse_json_field(err, place, "has more than 256 names", "字段超过 256 个");
        if (named && name_stands_before(value, child))
            return refuse_json_field(err, &name, "stands twice", "重复");
        if (!json_check_value(child, named ? &name : place, err))
            return false;
    }
    return true;
}

bool json_parse(const char *text, size_t length, cJSON **ret_value, struct error *err)
{
    if (!utf8_valid(text, length))
        return error_set(err, ERROR_BAD_REQUEST, "The text is not UTF-8.", "内容不是 UTF-8 编码。");
    struct scan scan = {.text = text, .length = length};
    if (!scan_text(&scan, err))
        return false;
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (!value) {
        size_t at = end >= text && end <= text + length ? (size_t)(end - text) : 0;
        return refuse_json(err, at, "something unexpected", "出现意外内容");
    }
    while (end < text + length && strchr(" \t\r\n", *end))
        end++;
    bool taken = end == text + length ||
                 refuse_json(err, (size_t)(end - text), "something follows the value", "值之后还有内容");
    struct place nul = {NULL, scan.nul_path, strlen(scan.nul_path)};
    if (taken && scan.has_nul)
        taken = refuse_json_field(err, &nul, "holds \\u0000, which no text may", "含有不接受的转义 \\u0000");
    if (!taken || !json_check_value(value, NULL, err)) {
        cJSON_Delete(value);
        return false;
    }
    *ret_value = value;
    return true;
}

bool json_is_integer(const cJSON *value, int64_t *ret_integer)
{
    if (!cJSON_IsNumber(value) || fabs(value->valuedouble) > (double)JSON_INTEGER_MAX ||
        value->valuedouble != floor(value->valuedouble))
        return false;
    *ret_integer = (int64_t)value->valuedouble;
    return true;
}
