#include <string.h>
#include <strings.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "formats/cell_reference.h"
#include "ops/import_internal.h"
#include "platform/knowledge.h"
#include "platform/text_rules.h"

const char *const import_column_names[IMPORT_COLUMNS] = {"question", "answer", "category"};

/* In lower case where there is one. */
static const struct {
    const char *heading;
    enum import_column column;
} headings[] = {
    {"question", IMPORT_QUESTION}, {"问题", IMPORT_QUESTION}, {"問題", IMPORT_QUESTION},
    {"質問", IMPORT_QUESTION},     {"answer", IMPORT_ANSWER}, {"答案", IMPORT_ANSWER},
    {"回答", IMPORT_ANSWER},       {"答え", IMPORT_ANSWER},   {"category", IMPORT_CATEGORY},
    {"分类", IMPORT_CATEGORY},     {"分類", IMPORT_CATEGORY}, {"カテゴリ", IMPORT_CATEGORY},
    {"类别", IMPORT_CATEGORY},     {"類別", IMPORT_CATEGORY}, {"カテゴリー", IMPORT_CATEGORY},
};

/* What people and programs put around a heading, also what nobody sees: U+200B, U+FEFF. */
static const char *const ornaments[] = {" ",  "\t", "\r", "\n",           "\xE3\x80\x80", "*",
                                        "＊", ":",  "：", "\xE2\x80\x8B", "\xEF\xBB\xBF"};

static size_t ornament_at(const struct text_span *span, bool at_end)
{
    for (size_t i = 0; i < ARRAY_SIZE(ornaments); i++) {
        size_t length = strlen(ornaments[i]);
        if (length <= span->length &&
            memcmp(span->bytes + (at_end ? span->length - length : 0), ornaments[i], length) == 0)
            return length;
    }
    return 0;
}

static void drop_ornaments(struct text_span *span)
{
    for (size_t length; (length = ornament_at(span, false)) > 0; span->length -= length)
        span->bytes += length;
    for (size_t length; (length = ornament_at(span, true)) > 0;)
        span->length -= length;
}

/* "答案（必填）" is 答案. */
static void drop_remark(struct text_span *span)
{
    static const char *const opening[] = {"(", "（"}, *const closing[] = {")", "）"};
    for (size_t i = 0; i < ARRAY_SIZE(opening); i++) {
        size_t length = strlen(closing[i]);
        const char *open = memmem(span->bytes, span->length, opening[i], strlen(opening[i]));
        if (open && memcmp(span->bytes + span->length - length, closing[i], length) == 0)
            span->length = (size_t)(open - span->bytes);
    }
}

static struct text_span bare_heading(const char *heading)
{
    struct text_span span = {heading, strlen(heading)};
    drop_ornaments(&span);
    drop_remark(&span);
    drop_ornaments(&span);
    return span;
}

bool import_heading_find(const char *heading, enum import_column *ret_column)
{
    struct text_span trimmed = bare_heading(heading);
    for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
        if (strlen(headings[i].heading) == trimmed.length &&
            strncasecmp(headings[i].heading, trimmed.bytes, trimmed.length) == 0) {
            *ret_column = headings[i].column;
            return true;
        }
    return false;
}

/* ---- columns that are named by their place ---- */

static bool columns_wrong(struct error *err)
{
    return error_add_field(err, "columns",
                           "must be JSON like {\"question\":0,\"answer\":1,\"category\":2,\"heading\":true}: "
                           "places from 0, each once",
                           "应为 JSON，例如 {\"question\":0,\"answer\":1,\"category\":2,\"heading\":true}，"
                           "列号从 0 开始且不重复");
}

static bool take_place(struct import_columns *columns, const cJSON *member)
{
    int64_t place;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (strcmp(member->string, import_column_names[i]) == 0) {
            if (!json_is_integer(member, &place) || place < 0 || place >= SHEET_COLUMNS_MAX)
                return false;
            columns->places[i] = (size_t)place;
            return true;
        }
    if (strcmp(member->string, "heading") != 0 || !cJSON_IsBool(member))
        return false;
    columns->heading = cJSON_IsTrue(member) ? IMPORT_HEADING_FIRST_ROW : IMPORT_HEADING_NONE;
    return true;
}

static bool places_fit(const struct import_columns *columns)
{
    const size_t *places = columns->places;
    return places[IMPORT_QUESTION] != IMPORT_ABSENT && places[IMPORT_ANSWER] != IMPORT_ABSENT &&
           places[IMPORT_QUESTION] != places[IMPORT_ANSWER] &&
           places[IMPORT_CATEGORY] != places[IMPORT_QUESTION] &&
           places[IMPORT_CATEGORY] != places[IMPORT_ANSWER];
}

bool import_columns_parse(const char *json, struct import_columns *ret_columns, struct error *err)
{
    struct import_columns columns = {.given = true, .places = {IMPORT_ABSENT, IMPORT_ABSENT, IMPORT_ABSENT}};
    struct error ignored;
    CLEANUP(json_delete) cJSON *root = NULL;
    if (!json_parse(json, strlen(json), &root, &ignored) || !cJSON_IsObject(root))
        return columns_wrong(err);
    for (const cJSON *member = root->child; member; member = member->next)
        if (!take_place(&columns, member))
            return columns_wrong(err);
    if (!places_fit(&columns))
        return columns_wrong(err);
    *ret_columns = columns;
    return true;
}

/* ---- the first row ---- */

static bool names_any(const struct table_row *first)
{
    enum import_column column;
    for (size_t i = 0; i < first->count; i++)
        if (import_heading_find(first->fields[i], &column))
            return true;
    return false;
}

static bool find_by_heading(const struct table_row *first, struct import_layout *layout, struct error *err)
{
    for (size_t i = 0; i < first->count; i++) {
        enum import_column column;
        if (!import_heading_find(first->fields[i], &column))
            continue;
        if (layout->places[column] != IMPORT_ABSENT)
            return error_set(err, ERROR_INVALID,
                             "the heading names the column '%s' twice (columns %zu and %zu)",
                             "标题行中“%s”列重复（第 %zu 列和第 %zu 列）", import_column_names[column],
                             layout->places[column] + 1, i + 1);
        layout->places[column] = i;
    }
    return true;
}

static void find_by_place(size_t count, struct import_layout *layout)
{
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        layout->places[i] = i < count ? i : IMPORT_ABSENT;
}

bool import_layout_guess(const struct import_columns *columns, const struct table_row *first,
                         bool is_workbook, struct import_layout *ret_layout, struct error *err)
{
    struct import_layout layout = {
        .is_workbook = is_workbook,
        .has_heading = columns->heading == IMPORT_HEADING_FIRST_ROW ||
                       (columns->heading == IMPORT_HEADING_IF_KNOWN && names_any(first)),
        .places = {IMPORT_ABSENT, IMPORT_ABSENT, IMPORT_ABSENT},
        .is_guessed = columns->heading == IMPORT_HEADING_IF_KNOWN,
        .count = first->count,
    };
    if (columns->given)
        memcpy(layout.places, columns->places, sizeof(layout.places));
    else if (!layout.has_heading)
        find_by_place(first->count, &layout);
    else if (!find_by_heading(first, &layout, err))
        return false;
    *ret_layout = layout;
    return true;
}

static bool column_missing(const struct import_layout *layout, const struct table_row *first,
                           enum import_column column, struct error *err)
{
    if (!layout->has_heading)
        return error_set(
            err, ERROR_INVALID,
            "the first row names no column and has only one cell: a question needs an answer "
            "beside it. Name the columns question, answer, category (问题, 答案, 分类).",
            "第一行不是标题行，且只有一列：问题旁边需要有答案。请将列命名为 问题、答案、分类（或 "
            "question、answer、category）。");
    CLEANUP(strbuf_release) struct strbuf found = {.ceiling = 160};
    for (size_t i = 0; i < first->count && !found.overflowed; i++)
        strbuf_printf(&found, "%s%.40s", i ? " | " : "", first->fields[i]);
    return error_set(
        err, ERROR_INVALID,
        "the heading has no column '%s'; it has: %s. Name the columns question, answer, category "
        "(问题, 答案, 分类).",
        "标题行中没有“%s”列，现有：%s。请将列命名为 问题、答案、分类（或 question、answer、category）。",
        import_column_names[column], strbuf_text(&found));
}

bool import_layout_check(const struct import_layout *layout, const struct table_row *first, struct error *err)
{
    for (enum import_column column = IMPORT_QUESTION; column <= IMPORT_ANSWER; column++)
        if (layout->places[column] == IMPORT_ABSENT)
            return column_missing(layout, first, column, err);
    return true;
}

/* ---- the rows below ---- */

#define HEADING_LOOKED_FOR 20 /* rows */

bool import_row_is_empty(const struct table_row *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (cells->fields[i][0] && text_trim(cells->fields[i]).length > 0)
            return false;
    return !cells->faults;
}

static bool names(const struct table_row *cells, enum import_column wanted)
{
    enum import_column column;
    for (size_t i = 0; i < cells->count; i++)
        if (import_heading_find(cells->fields[i], &column) && column == wanted)
            return true;
    return false;
}

bool import_heading_is_first(const struct import_layout *layout, const struct table_row *cells,
                             struct error *err)
{
    if (layout->has_heading || !layout->is_guessed || cells->number > HEADING_LOOKED_FOR ||
        !names(cells, IMPORT_QUESTION) || !names(cells, IMPORT_ANSWER))
        return true;
    return error_set(err, ERROR_INVALID,
                     "row %lld names the columns, but other rows stand above it: delete those, so that the "
                     "heading is the first row",
                     "第 %lld 行是标题行，但其上方还有其他行：请删除这些行，使标题行成为第一行",
                     (long long)cells->number);
}

/* A row longer than the first one has most likely lost its quotes, one that ends before the answer a line
 * break: taking what is there would import half an answer. A workbook's cells know their columns. */
static bool check_shape(const struct import_layout *layout, const struct table_row *cells, struct error *err)
{
    size_t count = cells->count;
    while (count > layout->count && cells->fields[count - 1][0] == '\0')
        count--;
    if (count > layout->count)
        return error_add_field(err, "", "has %zu columns, the first row has %zu; is a text not quoted?",
                               "有 %zu 列，而首行有 %zu 列；是否有文本未加引号？", count, layout->count);
    for (enum import_column column = IMPORT_QUESTION; column <= IMPORT_ANSWER; column++)
        if (layout->places[column] >= count)
            return error_add_field(err, import_column_names[column],
                                   "is missing: the row has only %zu columns", "缺失：该行只有 %zu 列",
                                   count);
    return true;
}

/* A formula that was never computed would come as an empty text, and replace an answer that is there. */
static void check_fault(const struct table_row *cells, size_t place, const char *column, struct error *err)
{
    if (!cells->faults || place >= cells->count)
        return;
    if (cells->faults[place] == TABLE_FAULT_UNCOMPUTED)
        error_add_field(err, column,
                        "is a formula without a value: open the file in a spreadsheet program and save it",
                        "是没有计算结果的公式：请用表格软件打开并保存该文件");
    else if (cells->faults[place] == TABLE_FAULT_ERROR)
        error_add_field(err, column, "is a formula that failed: %s", "是计算出错的公式：%s",
                        cells->fields[place]);
}

static bool has_values(const struct import_layout *layout, const struct table_row *cells, struct error *err)
{
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        check_fault(cells, layout->places[i], import_column_names[i], err);
    return err->code == ERROR_NONE;
}

bool import_row_read(const struct import_layout *layout, const struct table_row *cells,
                     struct import_row *ret_row, struct error *err)
{
    error_clear(err);
    if (!layout->is_workbook && !check_shape(layout, cells, err))
        return false;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++) {
        size_t place = layout->places[i];
        ret_row->texts[i] = place == IMPORT_ABSENT ? NULL : place < cells->count ? cells->fields[place] : "";
    }
    const char *category = ret_row->texts[IMPORT_CATEGORY];
    return has_values(layout, cells, err) &&
           qa_pair_validate(ret_row->texts[IMPORT_QUESTION], ret_row->texts[IMPORT_ANSWER],
                            category ? category : "", err);
}
