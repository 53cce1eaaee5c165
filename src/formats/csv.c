#include "formats/csv.h"

#include <csv.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "formats/file_kind.h"
#include "formats/text_window.h"
#include "formats/tsv.h"

#define PARSER_STRICT (CSV_STRICT | CSV_STRICT_FINI)
#define PARSER_LENIENT CSV_STRICT_FINI

struct csv_reader {
    struct text_window window;
    struct csv_parser parser;
    struct csv_form *form;
    table_take each;
    void *context;

    /* The row being read. */
    int64_t number;
    struct strbuf text; /* the fields, each with a NUL */
    size_t offsets[CSV_COLUMNS_MAX], count;
    size_t largest; /* bytes of its largest field */
    bool beyond;    /* something stands behind the last column that may be */
    bool complete;

    size_t heading_count; /* 0: the heading has not come yet */
};

static void csv_reader_release(struct csv_reader *reader)
{
    csv_free(&reader->parser);
    strbuf_release(&reader->text);
    text_window_release(&reader->window);
}

/* ---- the row ---- */

static void csv_begin_field(struct csv_reader *reader, size_t length)
{
    if (reader->count < CSV_COLUMNS_MAX)
        reader->offsets[reader->count] = reader->text.length;
    else
        reader->beyond |= length > 0;
    reader->count++;
    if (length > reader->largest)
        reader->largest = length;
}

static void csv_add_field(struct csv_reader *reader, const char *bytes, size_t length)
{
    csv_begin_field(reader, length);
    strbuf_append(&reader->text, bytes, length);
    strbuf_putc(&reader->text, '\0');
}

/* libcsv's callbacks. */
static void csv_take_field(void *bytes, size_t length, void *context)
{
    csv_add_field(context, bytes, length);
}

static void csv_take_row_end(int terminator, void *context)
{
    (void)terminator;
    struct csv_reader *reader = context;
    reader->complete = true;
}

static bool refuse_csv_row(const struct csv_reader *reader, struct error *err, const char *en, const char *zh)
{
    error_set(err, ERROR_INVALID, "%s%.0s", "%.0s%s", en, zh);
    return error_prefix(err, "line %lld", "第 %lld 行", (long long)reader->window.line);
}

static bool refuse_large_csv_row(const struct csv_reader *reader, struct error *err)
{
    return refuse_csv_row(reader, err,
                          "the row that begins here is larger than 256 KiB; is a quote not closed?",
                          "从此处开始的行超过 256 KiB；是否有引号未闭合？");
}

static bool csv_deliver_row(struct csv_reader *reader, struct error *err)
{
    if (reader->beyond)
        return refuse_csv_row(reader, err, "more than 256 columns", "超过 256 列");
    if (reader->largest > CSV_FIELD_MAX)
        return refuse_csv_row(reader, err,
                              "a field of this row is larger than 64 KiB; is a quote not closed?",
                              "该行有字段超过 64 KiB；是否有引号未闭合？");
    const char *fields[CSV_COLUMNS_MAX];
    if (reader->heading_count == 0)
        reader->heading_count = reader->count;
    if (reader->count > CSV_COLUMNS_MAX) /* empty ones, as spreadsheets leave them at a row's end */
        reader->count = CSV_COLUMNS_MAX;
    for (size_t i = 0; i < reader->count; i++)
        fields[i] = reader->text.bytes + reader->offsets[i];
    struct table_row row = {
        .number = reader->number, .line = reader->window.line, .count = reader->count, .fields = fields};
    return reader->each(reader->context, &row, err);
}

/* ---- lines ---- */

#define STRETCH 1024 /* so that a text with one kind of breaks is not searched to its end for the other */

/* The first \n or \r from `at` on; `length`: there is none. */
static size_t csv_find_break(const char *bytes, size_t at, size_t length)
{
    for (; at < length; at += STRETCH) {
        size_t size = length - at < STRETCH ? length - at : STRETCH;
        const char *feed = memchr(bytes + at, '\n', size);
        const char *carriage = memchr(bytes + at, '\r', feed ? (size_t)(feed - bytes) - at : size);
        if (carriage || feed)
            return (size_t)((carriage ? carriage : feed) - bytes);
    }
    return length;
}

/* Length of the line that begins at `from`, with its break; 0: its end is not there. */
static size_t csv_line_length(const struct text_window *window, size_t from)
{
    const char *bytes = text_window_bytes(window);
    size_t length = text_window_length(window), at = csv_find_break(bytes, from, length);
    if (at < length)
        at += bytes[at] == '\r' && at + 1 < length && bytes[at + 1] == '\n' ? 2 : 1;
    else if (!window->at_end)
        return 0;
    return at - from;
}

/* Before the heading a line of tabs is blank too, whether the delimiter is known yet or not. */
static bool csv_line_is_blank(const struct csv_reader *reader, size_t length)
{
    const char *bytes = text_window_bytes(&reader->window);
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r\n", bytes[i]) ||
            (bytes[i] == reader->form->delimiter && reader->heading_count > 0))
            return false;
    return true;
}

/* ---- the delimiter ---- */

static const char delimiters[] = "\t;,"; /* of two that fit equally well the one that is less of a letter */
#define DELIMITERS (sizeof(delimiters) - 1)
#define ROWS_LOOKED_AT 20

struct delimiter_count {
    size_t in_heading, in_row;
    int rows; /* that have as many as the heading */
};

static void count_delimiter_row(struct delimiter_count counts[static DELIMITERS], int row)
{
    for (size_t i = 0; i < DELIMITERS; i++) {
        if (row == 0)
            counts[i].in_heading = counts[i].in_row;
        counts[i].rows += counts[i].in_heading > 0 && counts[i].in_row == counts[i].in_heading;
        counts[i].in_row = 0;
    }
}

static bool is_better_delimiter(const struct delimiter_count *a, const struct delimiter_count *b)
{
    return a->rows != b->rows ? a->rows > b->rows : a->in_heading > b->in_heading;
}

/* A row that is cut off by the end of the stretch does not count. */
static char find_delimiter(const char *bytes, size_t length, bool whole)
{
    struct delimiter_count counts[DELIMITERS] = {0};
    bool quoted = false;
    int rows = 0;
    size_t best = DELIMITERS - 1, in_line = 0;
    for (size_t i = 0; i < length && rows < ROWS_LOOKED_AT; i++, in_line++) {
        quoted ^= bytes[i] == '"';
        const char *found = quoted || !bytes[i] ? NULL : strchr(delimiters, bytes[i]);
        if (found)
            counts[found - delimiters].in_row++;
        if (quoted || (bytes[i] != '\n' && bytes[i] != '\r'))
            continue;
        if (in_line > 0)
            count_delimiter_row(counts, rows++);
        in_line = SIZE_MAX; /* the line's first byte makes it 0 again */
    }
    if (rows == 0 || (whole && !quoted && in_line > 0 && rows < ROWS_LOOKED_AT))
        count_delimiter_row(counts, rows);
    for (size_t i = DELIMITERS; i-- > 0;)
        if (counts[i].in_heading > 0 && !is_better_delimiter(&counts[best], &counts[i]))
            best = i;
    return delimiters[best];
}

/* Excel's own first line: "sep=;" names the delimiter and is no row. Its length; 0: this is none. */
static size_t csv_take_delimiter_line(struct csv_reader *reader)
{
    static const char start[] = "sep=";
    const char *bytes = text_window_bytes(&reader->window);
    size_t at = sizeof(start) - 1;
    if (reader->window.line != 1 || text_window_length(&reader->window) <= at ||
        strncasecmp(bytes, start, at) != 0 || !memchr(delimiters, bytes[at], DELIMITERS))
        return 0;
    size_t length = csv_line_length(&reader->window, 0);
    if (length == 0 || (length > at + 1 && !strchr("\r\n", bytes[at + 1])))
        return 0;
    reader->form->delimiter = bytes[at];
    return length;
}

/* ---- comma and semicolon, by libcsv where there are quotes ---- */

static bool refuse_stray_quote(struct csv_reader *reader, size_t line, size_t at, struct error *err)
{
    const char *bytes = text_window_bytes(&reader->window);
    error_set(err, ERROR_INVALID,
              "a quote inside a quoted field must be doubled (\"\"), or a comma is missing behind it",
              "带引号的字段内的引号须写成两个（\"\"），或其后缺少逗号");
    return error_prefix(err, "line %lld, column %zu", "第 %lld 行第 %zu 列",
                        (long long)(reader->window.line + text_window_breaks(bytes, line, true)),
                        utf8_count(bytes + line, at - line));
}

/* libcsv is strict, so that a stray quote in a quoted field is refused at once and never swallows the
 * rows that follow; a quote in an unquoted field is only a letter, so for that one byte it is not. */
static bool csv_feed_line(struct csv_reader *reader, size_t line, size_t length, struct error *err)
{
    const char *bytes = text_window_bytes(&reader->window);
    struct csv_parser *parser = &reader->parser;
    size_t at = line;
    while (at < line + length) {
        at += csv_parse(parser, bytes + at, line + length - at, csv_take_field, csv_take_row_end, reader);
        if (at == line + length)
            break;
        if (csv_error(parser) != CSV_EPARSE)
            return refuse_csv_row(reader, err, csv_strerror(csv_error(parser)), "无法解析");
        if (parser->quoted)
            return refuse_stray_quote(reader, line, at, err);
        csv_set_opts(parser, PARSER_LENIENT);
        at += csv_parse(parser, bytes + at, 1, csv_take_field, csv_take_row_end, reader);
        csv_set_opts(parser, PARSER_STRICT);
    }
    return true;
}

static bool is_space_or_tab(char c)
{
    return c == ' ' || c == '\t';
}

/* A row without any quote, as most are, split as libcsv would, several times as fast. */
static void csv_split_line(struct csv_reader *reader, const char *line, size_t length)
{
    const char *end = line + length;
    while (end > line && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    for (const char *at = line, *next; at; at = next) {
        const char *delimiter = memchr(at, reader->form->delimiter, (size_t)(end - at));
        const char *last = delimiter ? delimiter : end;
        next = delimiter ? delimiter + 1 : NULL;
        while (at < last && is_space_or_tab(*at))
            at++;
        while (at < last && is_space_or_tab(last[-1]))
            last--;
        csv_add_field(reader, at, (size_t)(last - at));
    }
    reader->complete = true;
}

static bool read_csv_row(struct csv_reader *reader, size_t *ret_used, struct error *err)
{
    size_t used = 0;
    while (!reader->complete && used < text_window_length(&reader->window)) {
        size_t length = csv_line_length(&reader->window, used);
        if (length == 0 || used + length > CSV_ROW_MAX)
            return refuse_large_csv_row(reader, err);
        const char *line = text_window_bytes(&reader->window) + used;
        if (used == 0 && !memchr(line, '"', length))
            csv_split_line(reader, line, length);
        else if (!csv_feed_line(reader, used, length, err))
            return false;
        used += length;
    }
    *ret_used = used;
    if (!reader->complete && csv_fini(&reader->parser, csv_take_field, csv_take_row_end, reader) != 0)
        return refuse_csv_row(reader, err, "a quote is opened in the row that begins here and never closed",
                              "从此处开始的行中有引号未闭合");
    return true;
}

/* ---- tabs ---- */

static void csv_add_tsv_field(struct csv_reader *reader, const char *bytes, const struct tsv_field *field)
{
    const char *text = bytes + field->start;
    csv_begin_field(reader, field->length);
    if (!field->quoted)
        strbuf_append(&reader->text, text, field->length);
    for (size_t i = 0; field->quoted && i < field->length; i++) {
        strbuf_putc(&reader->text, text[i]);
        i += text[i] == '"';
    }
    strbuf_putc(&reader->text, '\0');
}

static bool read_tsv_row(struct csv_reader *reader, size_t *ret_used, struct error *err)
{
    struct tsv_field fields[CSV_COLUMNS_MAX];
    const char *bytes = text_window_bytes(&reader->window);
    size_t length = text_window_length(&reader->window), count;
    if (length > CSV_ROW_MAX + 1)
        length = CSV_ROW_MAX + 1;
    size_t used = tsv_split(bytes, length, reader->heading_count, fields, CSV_COLUMNS_MAX, &count);
    if (used > CSV_ROW_MAX)
        return refuse_large_csv_row(reader, err);
    for (size_t i = 0; i < count && i < CSV_COLUMNS_MAX; i++)
        csv_add_tsv_field(reader, bytes, &fields[i]);
    if (count > CSV_COLUMNS_MAX) {
        const struct tsv_field *last = &fields[CSV_COLUMNS_MAX - 1];
        size_t at = last->start + last->length + last->quoted;
        reader->beyond = at + strspn(bytes + at, " \t\r\n") < used;
    }
    reader->count = count;
    *ret_used = used;
    return true;
}

/* ---- the whole ---- */

static bool csv_read_rows(struct csv_reader *reader, struct error *err)
{
    while (text_window_fill(&reader->window, err)) {
        reader->form->encoding = reader->window.decoder.encoding;
        reader->form->guess = reader->window.decoder.guess;
        if (text_window_length(&reader->window) == 0) {
            if (reader->form->encoding == TEXT_ENCODING_UNKNOWN)
                reader->form->encoding = TEXT_ENCODING_UTF8;
            return true;
        }
        size_t used = csv_take_delimiter_line(reader);
        if (used > 0) {
            text_window_skip(&reader->window, used);
            continue;
        }
        reader->number++;
        reader->count = reader->largest = 0;
        reader->beyond = reader->complete = false;
        strbuf_reset(&reader->text);
        used = csv_line_length(&reader->window, 0);
        if (csv_line_is_blank(reader, used) && used > 0) {
            text_window_skip(&reader->window, used);
            continue;
        }
        if (!reader->form->delimiter)
            reader->form->delimiter =
                find_delimiter(text_window_bytes(&reader->window), text_window_length(&reader->window),
                               reader->window.at_end);
        csv_set_delim(&reader->parser, (unsigned char)reader->form->delimiter);
        bool done = reader->form->delimiter == '\t' ? read_tsv_row(reader, &used, err)
                                                    : read_csv_row(reader, &used, err);
        if (!done || !csv_deliver_row(reader, err))
            return false;
        text_window_skip(&reader->window, used);
    }
    return false;
}

bool csv_read_form(const struct byte_source *source, struct csv_form *form, table_take each, void *context,
                   struct error *err)
{
    CLEANUP(csv_reader_release) struct csv_reader reader = {.form = form, .each = each, .context = context};
    if (csv_init(&reader.parser, PARSER_STRICT) != 0)
        return error_set(err, ERROR_INTERNAL, "libcsv cannot be used", "libcsv 无法使用");
    text_window_init(&reader.window, source, form->encoding);
    return csv_read_rows(&reader, err);
}

bool csv_read(const struct byte_source *source, char delimiter, table_take each, void *context,
              struct error *err)
{
    struct csv_form form = {.delimiter = delimiter};
    return csv_read_form(source, &form, each, context, err);
}

/* ---- files ---- */

static ssize_t csv_read_bytes(void *context, void *bytes, size_t size)
{
    return read(*(const int *)context, bytes, size);
}

bool csv_read_file(const char *path, table_take each, void *context, struct error *err)
{
    CLEANUP(file_close) int fd = -1;
    enum file_kind kind;
    const char *ending = strrchr(path, '.');
    char delimiter = ending && strcasecmp(ending, ".tsv") == 0 ? '\t' : 0;
    struct byte_source source = {.read = csv_read_bytes, .context = &fd};
    bool done = file_open(path, &fd, &kind, err);
    if (done && kind != FILE_KIND_TEXT)
        done = error_set(err, ERROR_INVALID, "this is an Excel workbook; save it as “CSV UTF-8”",
                         "这是 Excel 工作簿，请另存为“CSV UTF-8”");
    done = done && csv_read(&source, delimiter, each, context, err);
    return done || error_prefix(err, "%s", "%s", path);
}
