#include "base/json_reader.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

static bool refuse(struct error *err, size_t at, const char *en, const char *zh)
{
    error_set(err, ERROR_BAD_REQUEST, "Not JSON: %s%.0s (byte %zu).",
              "不是合法的 JSON：%.0s%s（第 %zu 字节）。", en, zh, at);
    return false;
}

/* The scan: one pass over the text before cJSON reads it, for what cJSON lets pass and RFC 8259 does not
 * (numbers such as 01 and 1., control characters in strings, any of them as white space), and for our own
 * limits (depth, the escape of NUL). Whether commas and colons are where they belong is cJSON's to say. */
struct scan {
    const char *text;
    size_t length, at;
    int depth;
};

/* From the opening quotation mark to the closing one. */
static bool scan_string(struct scan *scan, struct error *err)
{
    for (size_t i = scan->at + 1; i < scan->length; i++) {
        unsigned char c = (unsigned char)scan->text[i];
        if (c == '"') {
            scan->at = i + 1;
            return true;
        }
        if (c < 0x20)
            return refuse(err, i, "a control character in a string", "字符串中含有控制字符");
        if (c != '\\')
            continue;
        if (scan->length - i >= 6 && memcmp(scan->text + i + 1, "u0000", 5) == 0)
            return refuse(err, i, "the escape \\u0000 is not accepted", "不接受转义 \\u0000");
        i++;
    }
    return refuse(err, scan->length, "a string does not end", "字符串未结束");
}

static bool is_digit(const struct scan *scan, size_t at)
{
    return at < scan->length && scan->text[at] >= '0' && scan->text[at] <= '9';
}

static bool is_one_of(const struct scan *scan, size_t at, const char *characters)
{
    return at < scan->length && scan->text[at] && strchr(characters, scan->text[at]);
}

static size_t skip_digits(const struct scan *scan, size_t at)
{
    while (is_digit(scan, at))
        at++;
    return at;
}

/* RFC 8259, section 6: [ minus ] int [ frac ] [ exp ]. */
static bool scan_number(struct scan *scan, struct error *err)
{
    size_t i = scan->at + is_one_of(scan, scan->at, "-");
    bool good = is_digit(scan, i);
    i = is_one_of(scan, i, "0") ? i + 1 : skip_digits(scan, i);
    if (is_one_of(scan, i, ".")) {
        good = good && is_digit(scan, i + 1);
        i = skip_digits(scan, i + 1);
    }
    if (is_one_of(scan, i, "eE")) {
        i += 1 + is_one_of(scan, i + 1, "+-");
        good = good && is_digit(scan, i);
        i = skip_digits(scan, i);
    }
    if (!good || is_one_of(scan, i, "0123456789.eE+-"))
        return refuse(err, scan->at, "not a number", "不是数字");
    scan->at = i;
    return true;
}

static bool scan_next(struct scan *scan, struct error *err)
{
    char c = scan->text[scan->at];
    if (c == '"')
        return scan_string(scan, err);
    if (c == '-' || is_digit(scan, scan->at))
        return scan_number(scan, err);
    if (c == '[' || c == '{') {
        if (++scan->depth > JSON_READER_DEPTH)
            return refuse(err, scan->at, "nested too deeply", "嵌套过深");
    } else if (c == ']' || c == '}') {
        scan->depth--;
    } else if (!is_one_of(scan, scan->at, " \t\r\n,:truefalsn")) { /* the last ones: true, false, null */
        return refuse(err, scan->at, "something unexpected", "出现意外内容");
    }
    scan->at++;
    return true;
}

static bool check_text(const char *text, size_t length, struct error *err)
{
    bool marked = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0; /* cJSON skips a byte order mark */
    struct scan scan = {.text = text, .length = length, .at = marked ? 3 : 0};
    while (scan.at < length)
        if (!scan_next(&scan, err))
            return false;
    return true;
}

static bool check_numbers_and_names(const cJSON *value, struct error *err);

static bool name_stands_before(const cJSON *object, const cJSON *member)
{
    for (const cJSON *other = object->child; other != member; other = other->next)
        if (strcmp(other->string, member->string) == 0)
            return true;
    return false;
}

static bool check_children(const cJSON *value, struct error *err)
{
    int count = 0;
    for (const cJSON *child = value->child; child; child = child->next) {
        /* Comparing each name with all before it is quadratic: objects of input are small. */
        if (cJSON_IsObject(value) && ++count > 256)
            return error_set(err, ERROR_BAD_REQUEST, "Not accepted: an object with more than 256 names.",
                             "不接受：对象的字段超过 256 个。");
        if (cJSON_IsObject(value) && name_stands_before(value, child))
            return error_set(err, ERROR_BAD_REQUEST, "Not accepted: the name '%.40s' stands twice.",
                             "不接受：字段“%.40s”重复。", child->string);
        if (!check_numbers_and_names(child, err))
            return false;
    }
    return true;
}

static bool check_numbers_and_names(const cJSON *value, struct error *err)
{
    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
        return error_set(err, ERROR_BAD_REQUEST, "Not accepted: a number beyond what can be stored.",
                         "不接受：数字超出可存储的范围。");
    return check_children(value, err);
}

bool json_parse(const char *text, size_t length, cJSON **ret_value, struct error *err)
{
    if (!utf8_valid(text, length))
        return error_set(err, ERROR_BAD_REQUEST, "The text is not UTF-8.", "内容不是 UTF-8 编码。");
    if (!check_text(text, length, err))
        return false;
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (!value) {
        size_t at = end >= text && end <= text + length ? (size_t)(end - text) : 0;
        return refuse(err, at, "something unexpected", "出现意外内容");
    }
    while (end < text + length && strchr(" \t\r\n", *end))
        end++;
    if (end != text + length) {
        cJSON_Delete(value);
        return refuse(err, (size_t)(end - text), "something follows the value", "值之后还有内容");
    }
    if (!check_numbers_and_names(value, err)) {
        cJSON_Delete(value);
        return false;
    }
    *ret_value = value;
    return true;
}

bool json_is_integer(const cJSON *value, int64_t *ret_integer)
{
    if (!cJSON_IsNumber(value) || fabs(value->valuedouble) > 9007199254740992.0 ||
        value->valuedouble != floor(value->valuedouble))
        return false;
    *ret_integer = (int64_t)value->valuedouble;
    return true;
}
