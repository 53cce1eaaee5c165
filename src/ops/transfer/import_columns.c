#include <string.h>
#include <strings.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "formats/cell_reference.h"
#include "ops/transfer/import_internal.h"
#include "platform/knowledge/knowledge.h"
#include "platform/text_rules.h"

const char *const import_column_names[IMPORT_COLUMNS + 1] = {"question", "answer", "category"};

const char *const import_headings[] = {
    [IMPORT_HEADING_AUTO] = "auto", [IMPORT_HEADING_FIRST_ROW] = "yes", [IMPORT_HEADING_NONE] = "no", NULL};

bool import_heading_parse(const char *name, enum import_heading *ret_heading)
{
    for (size_t i = 0; import_headings[i]; i++)
        if (strcmp(import_headings[i], name) == 0) {
            *ret_heading = (enum import_heading)i;
            return true;
        }
    return false;
}

/* ---- columns that are named by their place ---- */

static bool import_columns_wrong(struct error *err)
{
    return error_add_field(err, "columns",
                           "must be JSON like {\"question\":0,\"answer\":1,\"category\":2,\"heading\":true}: "
                           "places from 0, each once",
                           "应为 JSON，例如 {\"question\":0,\"answer\":1,\"category\":2,\"heading\":true}，"
                           "列号从 0 开始且不重复");
}

static bool import_columns_take(struct import_columns *columns, const cJSON *member)
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

static bool import_columns_fit(const struct import_columns *columns)
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
        return import_columns_wrong(err);
    for (const cJSON *member = root->child; member; member = member->next)
        if (!import_columns_take(&columns, member))
            return import_columns_wrong(err);
    if (!import_columns_fit(&columns))
        return import_columns_wrong(err);
    *ret_columns = columns;
    return true;
}

/* ---- the first row: known names ---- */

/* One name that means nothing else, or one for a question and one for an answer. */
static bool layout_heading_is_known(const struct table_row *first)
{
    bool found[IMPORT_COLUMNS] = {false};
    enum import_column column;
    int rank;
    for (size_t i = 0; i < first->count; i++) {
        if (!import_heading_find(first->fields[i], &column, &rank))
            continue;
        if (rank == 0)
            return true;
        found[column] = true;
    }
    return found[IMPORT_QUESTION] && found[IMPORT_ANSWER];
}

static bool layout_find_by_heading(const struct table_row *first, struct import_layout *layout,
                                   struct error *err)
{
    int ranks[IMPORT_COLUMNS], rank;
    enum import_column column;
    for (size_t i = 0; i < first->count; i++) {
        if (!import_heading_find(first->fields[i], &column, &rank))
            continue;
        size_t *place = &layout->places[column];
        if (*place != IMPORT_ABSENT && rank == 0 && ranks[column] == 0)
            return error_set(
                err, ERROR_INVALID, "the heading names the column '%s' twice (columns %zu and %zu)",
                "标题行中“%s”列重复（第 %zu 列和第 %zu 列）", import_column_names[column], *place + 1, i + 1);
        if (*place != IMPORT_ABSENT && rank == ranks[column])
            import_warn(layout->warnings, IMPORT_WARNING_HEADING, 0,
                        "“%.40s” is taken for the %s, and “%.40s” is ignored, which could be it as well",
                        "已把“%.40s”当作%s列；“%.40s”也可能是，未导入", first->fields[*place],
                        import_column_names[column], first->fields[i]);
        if (*place == IMPORT_ABSENT || rank < ranks[column]) {
            *place = i;
            ranks[column] = rank;
        }
    }
    return true;
}

/* ---- the first row: names that are only like them ---- */

static bool import_cell_is_blank(const char *cell)
{
    return text_trim(cell).length == 0;
}

/* Exactly one column is like a question's and one like an answer's, and nothing else stands there but names. */
static bool layout_find_by_likeness(const struct table_row *first, struct import_layout *layout)
{
    size_t places[IMPORT_COLUMNS] = {IMPORT_ABSENT, IMPORT_ABSENT, IMPORT_ABSENT},
           counts[IMPORT_COLUMNS] = {0};
    for (size_t i = 0; i < first->count; i++) {
        int like = import_heading_is_like(first->fields[i]);
        if (!import_cell_is_blank(first->fields[i]) && !import_heading_is_label(first->fields[i]))
            return false;
        if (like >= 0 && like < IMPORT_COLUMNS && counts[like]++ == 0)
            places[like] = i;
    }
    if (counts[IMPORT_QUESTION] != 1 || counts[IMPORT_ANSWER] != 1)
        return false;
    memcpy(layout->places, places, sizeof(places));
    import_warn(layout->warnings, IMPORT_WARNING_HEADING, 0,
                "the first row is taken for a heading: “%.40s” for the question, “%.40s” for the answer",
                "已把第一行当作标题行：“%.40s”为问题，“%.40s”为答案", first->fields[places[IMPORT_QUESTION]],
                first->fields[places[IMPORT_ANSWER]]);
    return true;
}

/* ---- the first row: whether it is a heading of unknown names ---- */

static void layout_quote_first(const struct table_row *first, char *text, size_t size)
{
    CLEANUP(strbuf_release) struct strbuf found = {.ceiling = 2000};
    for (size_t i = 0, shown = 0; i < first->count && shown < 6; i++)
        if (!import_cell_is_blank(first->fields[i]))
            strbuf_printf(&found, "%s%.40s", shown++ ? " | " : "", first->fields[i]);
    utf8_copy(text, size, strbuf_text(&found));
    utf8_drop_invalid(text);
}

static void first_row_judge(const struct table_row *cells, struct import_first_row *first)
{
    size_t filled = 0, labels = 0, words = 0;
    for (size_t i = 0; i < cells->count; i++) {
        const char *cell = cells->fields[i];
        if (import_cell_is_blank(cell))
            continue;
        filled++;
        labels += import_heading_is_label(cell);
        words += import_heading_is_word(cell);
        int like = import_heading_is_like(cell);
        first->like_names += like >= 0;
        first->like_text |= like == IMPORT_QUESTION || like == IMPORT_ANSWER;
        size_t characters = utf8_count(cell, strlen(cell));
        if (characters > first->longest)
            first->longest = characters;
    }
    first->is_suspect = filled >= 2 && labels == filled;
    first->is_words = words == filled;
    layout_quote_first(cells, first->text, sizeof(first->text));
}

#define MUCH_LONGER 3

/* A row below that is made just like the first one says that this one may be a pair like others. */
static void first_row_compare(struct import_first_row *first, const struct table_row *cells)
{
    struct import_first_row row = {0};
    first_row_judge(cells, &row);
    first->rows++;
    first->alike += row.is_suspect && (row.is_words || !first->is_words) &&
                    (row.like_names > 0 || first->like_names == 0);
    first->longer += row.longest >= MUCH_LONGER * first->longest;
}

bool import_layout_finish(struct import_layout *layout, struct error *err)
{
    const struct import_first_row *first = &layout->first;
    if (!layout->is_guessed || layout->has_heading || !first->is_suspect || first->rows == 0 ||
        first->alike > 0)
        return true;
    if (first->like_names >= 2 || first->is_words)
        return error_set(
            err, ERROR_INVALID,
            "the first row looks like a heading whose names are not known (%s): say whether it is "
            "one, and which columns are question and answer",
            "第一行看起来是标题行，但列名无法识别（%s）：请指明它是否为标题行，以及哪一列是问题、"
            "哪一列是答案",
            first->text);
    if (first->like_text || (first->rows >= 3 && first->longer == first->rows))
        import_warn(layout->warnings, IMPORT_WARNING_FIRST_ROW, 1,
                    "the first row (%s) is taken for a pair; if it is a heading, say so",
                    "已把第一行（%s）当作一条问答；如果它是标题行，请指明", first->text);
    return true;
}

/* ---- the first row: the whole ---- */

bool import_layout_guess(struct import_layout *layout, const struct table_row *first, struct error *err)
{
    const struct import_columns *columns = &layout->request->columns;
    bool is_known = layout_heading_is_known(first), is_found = true;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        layout->places[i] = IMPORT_ABSENT;
    layout->count = first->count;
    layout->is_guessed = columns->heading == IMPORT_HEADING_AUTO;
    layout->has_heading = columns->heading == IMPORT_HEADING_FIRST_ROW || (layout->is_guessed && is_known);
    if (columns->given)
        memcpy(layout->places, columns->places, sizeof(layout->places));
    else if (layout->has_heading && is_known)
        is_found = layout_find_by_heading(first, layout, err);
    else if (columns->heading != IMPORT_HEADING_NONE && layout_find_by_likeness(first, layout))
        layout->has_heading = true;
    else
        for (size_t i = 0; i < IMPORT_COLUMNS && i < first->count; i++)
            layout->places[i] = i;
    layout->first.number = first->number;
    if (layout->is_guessed && !layout->has_heading)
        first_row_judge(first, &layout->first);
    layout->tenant_place = IMPORT_ABSENT;
    for (size_t i = 0; i < first->count && layout->has_heading && layout->tenant_place == IMPORT_ABSENT; i++)
        if (import_heading_is_tenant(first->fields[i]))
            layout->tenant_place = i;
    return is_found;
}

static bool layout_column_missing(const struct import_layout *layout, const struct table_row *first,
                                  enum import_column column, struct error *err)
{
    if (!layout->has_heading)
        return error_set(
            err, ERROR_INVALID,
            "the first row names no column and has only one cell: a question needs an answer "
            "beside it. Name the columns question, answer, category (问题, 答案, 分类).",
            "第一行不是标题行，且只有一列：问题旁边需要有答案。请将列命名为 问题、答案、分类（或 "
            "question、answer、category）。");
    char found[160];
    layout_quote_first(first, found, sizeof(found));
    return error_set(
        err, ERROR_INVALID,
        "the heading has no column '%s'; it has: %s. Name the columns question, answer, category "
        "(问题, 答案, 分类).",
        "标题行中没有“%s”列，现有：%s。请将列命名为 问题、答案、分类（或 question、answer、category）。",
        import_column_names[column], found);
}

bool import_layout_check(const struct import_layout *layout, const struct table_row *first, struct error *err)
{
    for (enum import_column column = IMPORT_QUESTION; column <= IMPORT_ANSWER; column++)
        if (layout->places[column] == IMPORT_ABSENT)
            return layout_column_missing(layout, first, column, err);
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

static bool import_row_names(const struct table_row *cells, enum import_column wanted)
{
    enum import_column column;
    int rank;
    for (size_t i = 0; i < cells->count; i++)
        if (import_heading_find(cells->fields[i], &column, &rank) && column == wanted && rank < 2)
            return true;
    return false;
}

bool import_layout_look(struct import_layout *layout, const struct table_row *cells, struct error *err)
{
    if (layout->has_heading || !layout->is_guessed || cells->number > HEADING_LOOKED_FOR)
        return true;
    if (layout->first.is_suspect && cells->number > layout->first.number)
        first_row_compare(&layout->first, cells);
    if (!import_row_names(cells, IMPORT_QUESTION) || !import_row_names(cells, IMPORT_ANSWER))
        return true;
    return error_set(err, ERROR_INVALID,
                     "row %lld names the columns, but other rows stand above it: delete those, so that the "
                     "heading is the first row",
                     "第 %lld 行是标题行，但其上方还有其他行：请删除这些行，使标题行成为第一行",
                     (long long)cells->number);
}

/* A row longer than the first one has most likely lost its quotes, one that ends before the answer a line
 * break: taking what is there would import half an answer. A workbook's cells name their columns. */
static bool import_row_check_shape(const struct import_layout *layout, const struct table_row *cells,
                                   struct error *err)
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
static void import_row_check_cell(const struct table_row *cells, size_t place, const char *column,
                                  struct error *err)
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

/* No faults of the row, but warnings. */
static void import_row_note_numbers(const struct import_layout *layout, const struct table_row *cells)
{
    for (size_t i = 0; i < IMPORT_COLUMNS && cells->faults; i++) {
        size_t place = layout->places[i];
        uint8_t fault = place < cells->count ? cells->faults[place] : TABLE_FAULT_NONE;
        if (fault == TABLE_NOTE_FORMAT)
            import_warn(layout->warnings, IMPORT_WARNING_NUMBER_FORMAT, cells->number,
                        "the format of a number or date is not sure, it is read as “%.60s”; check such cells",
                        "数字或日期的格式无法确定，读作“%.60s”，请核对此类单元格", cells->fields[place]);
        else if (fault == TABLE_NOTE_DIGITS)
            import_warn(layout->warnings, IMPORT_WARNING_DIGITS, cells->number,
                        "a number of more than 15 digits (%.40s): the spreadsheet has lost the last ones; "
                        "write it as text",
                        "超过 15 位的数字（%.40s）：表格软件已丢失末尾几位，请改为文本格式重新填写",
                        cells->fields[place]);
    }
}

static bool import_row_check_tenant(const struct import_layout *layout, const struct table_row *cells,
                                    struct error *err)
{
    const struct import_request *request = layout->request;
    size_t place = layout->tenant_place;
    if (place >= cells->count || !request->tenant_id || import_cell_is_blank(cells->fields[place]))
        return true;
    const char *whose = cells->fields[place];
    struct text_span id = text_trim(whose); /* ids are ASCII, and the same in either case */
    if (id.length == strlen(request->tenant_id) && strncasecmp(id.bytes, request->tenant_id, id.length) == 0)
        return true;
    if (request->takes_other_tenants) {
        import_warn(layout->warnings, IMPORT_WARNING_OTHER_TENANT, cells->number,
                    "rows of other tenants (“%.64s”) become pairs of “%.64s”, as was said",
                    "按指定，其他商家（“%.64s”）的行导入为“%.64s”的问答", whose, request->tenant_id);
        return true;
    }
    import_warn(
        layout->warnings, IMPORT_WARNING_OTHER_TENANT, cells->number,
        "rows of other tenants (“%.64s”) are not imported for “%.64s”, unless you say that they are meant",
        "其他商家（“%.64s”）的行不会导入到“%.64s”，除非指明需要导入", whose, request->tenant_id);
    return error_add_field(err, "tenant_id", "the row belongs to the tenant “%.64s”, not to “%.64s”",
                           "该行属于商家“%.64s”，而不是“%.64s”", whose, request->tenant_id);
}

bool import_row_read(const struct import_layout *layout, const struct table_row *cells,
                     struct import_row *ret_row, struct error *err)
{
    error_clear(err);
    if (!layout->is_workbook && !import_row_check_shape(layout, cells, err))
        return false;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++) {
        size_t place = layout->places[i];
        ret_row->texts[i] = place == IMPORT_ABSENT ? NULL : place < cells->count ? cells->fields[place] : "";
    }
    const char *category = ret_row->texts[IMPORT_CATEGORY];
    import_row_note_numbers(layout, cells);
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        import_row_check_cell(cells, layout->places[i], import_column_names[i], err);
    if (err->code != ERROR_NONE || !import_row_check_tenant(layout, cells, err))
        return false;
    return qa_pair_validate(ret_row->texts[IMPORT_QUESTION], ret_row->texts[IMPORT_ANSWER],
                            category ? category : "", err);
}
