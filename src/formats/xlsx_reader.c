#include "formats/xlsx_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/merged_cells.h"
#include "formats/number_format.h"
#include "formats/text_store.h"
#include "formats/workbook.h"
#include "formats/xlsx_text.h"
#include "formats/xml_part.h"
#include "formats/xml_tracker.h"

struct xlsx {
    struct package *package;
    struct workbook workbook;
    const char *temporary_folder;
    struct text_store *strings;  /* NULL: not read yet */
    const char *merged_part;     /* the sheet whose merged cells are known */
    struct merged_cells *merged; /* NULL: it has none */
};

bool xlsx_open(int fd, const char *temporary_folder, struct xlsx **ret_xlsx, struct error *err)
{
    CLEANUP(xlsx_close) struct xlsx *xlsx = xcalloc(1, sizeof(*xlsx));
    xlsx->temporary_folder = temporary_folder;
    if (!package_open(fd, &xlsx->package, err) || !workbook_read(xlsx->package, &xlsx->workbook, err))
        return false;
    *ret_xlsx = xlsx;
    xlsx = NULL;
    return true;
}

void xlsx_close(struct xlsx **xlsx)
{
    if (!*xlsx)
        return;
    text_store_free(&(*xlsx)->strings);
    merged_cells_free(&(*xlsx)->merged);
    workbook_release(&(*xlsx)->workbook);
    package_close(&(*xlsx)->package);
    free(*xlsx);
    *xlsx = NULL;
}

size_t xlsx_sheet_count(const struct xlsx *xlsx)
{
    return xlsx->workbook.sheet_count;
}

struct xlsx_sheet xlsx_sheet(const struct xlsx *xlsx, size_t index)
{
    const struct workbook_sheet *sheet = &xlsx->workbook.sheets[index];
    return (struct xlsx_sheet){sheet->name, sheet->hidden};
}

/* ---- shared texts ---- */

enum place {
    OUTSIDE,
    STRINGS, /* sharedStrings.xml */
    SHEET,   /* a worksheet */
    ROWS,
    ROW,
    CELL,
    VALUE,
    FORMULA,
    STRING, /* a shared or inline text: one or several TEXT, also in a RUN of one look */
    RUN,
    TEXT
};

static const struct xml_step string_steps[] = {{OUTSIDE, "sst", STRINGS},
                                               {STRINGS, "si", STRING},
                                               {STRING, "t", TEXT},
                                               {STRING, "r", RUN},
                                               {RUN, "t", TEXT}};

struct string_reading {
    struct xml_tracker tracker;
    struct text_store *store;
    struct strbuf text;
};

static bool strings_start_element(void *context, const char *name, const char *const *attributes,
                                  struct error *err)
{
    struct string_reading *reading = context;
    (void)attributes, (void)err;
    if (xml_tracker_start(&reading->tracker, name) == STRING)
        strbuf_reset(&reading->text);
    return true;
}

static bool strings_take_text(void *context, const char *bytes, size_t length, struct error *err)
{
    struct string_reading *reading = context;
    (void)err;
    if (xml_tracker_place(&reading->tracker) == TEXT)
        strbuf_append(&reading->text, bytes, length);
    return true;
}

static bool refuse_long_cell(struct error *err)
{
    return error_set(err, ERROR_INVALID, "a cell holds more than 32,767 characters, which is Excel's limit",
                     "有单元格超过 32,767 个字符（Excel 的上限）");
}

static bool strings_end_element(void *context, const char *name, struct error *err)
{
    struct string_reading *reading = context;
    (void)name;
    if (xml_tracker_end(&reading->tracker) != STRING)
        return true;
    if (reading->text.overflowed)
        return refuse_long_cell(err);
    if (text_store_count(reading->store) == XLSX_STRING_COUNT_MAX)
        return error_set(err, ERROR_INVALID,
                         "the workbook has more than 16 million different texts; split it",
                         "工作簿中不同的文本超过 1600 万个，请拆分");
    size_t length = reading->text.length;
    if (length > 0)
        length = xlsx_text_decode(reading->text.bytes, length);
    return text_store_add(reading->store, strbuf_text(&reading->text), length, err);
}

static bool xlsx_read_strings(struct xlsx *xlsx, struct error *err)
{
    static const struct xml_events events = {
        .start = strings_start_element, .end = strings_end_element, .text = strings_take_text};
    if (xlsx->strings)
        return true;
    CLEANUP(text_store_free) struct text_store *store = text_store_new(xlsx->temporary_folder);
    struct string_reading reading = {.tracker = {.steps = string_steps, .count = ARRAY_SIZE(string_steps)},
                                     .store = store,
                                     .text = {.ceiling = XLSX_TEXT_MAX}};
    bool done = !xlsx->workbook.shared_strings || xml_part_read(xlsx->package, xlsx->workbook.shared_strings,
                                                                XLSX_STRINGS_MAX, &events, &reading, err);
    strbuf_release(&reading.text);
    if (!done)
        return false;
    xlsx->strings = store;
    store = NULL;
    return true;
}

/* ---- a sheet ---- */

static const struct xml_step sheet_steps[] = {
    {ROW, "c", CELL},          {CELL, "v", VALUE},   {ROWS, "row", ROW},
    {CELL, "is", STRING},      {CELL, "f", FORMULA}, {STRING, "t", TEXT},
    {STRING, "r", RUN},        {RUN, "t", TEXT},     {OUTSIDE, "worksheet", SHEET},
    {SHEET, "sheetData", ROWS}};

enum cell_type { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_BOOLEAN, CELL_DATE, CELL_ERROR };

static const struct {
    const char *name;
    enum cell_type type;
} cell_types[] = {{"s", CELL_SHARED},  {"n", CELL_NUMBER}, {"str", CELL_TEXT}, {"inlineStr", CELL_TEXT},
                  {"b", CELL_BOOLEAN}, {"e", CELL_ERROR},  {"d", CELL_DATE}};

struct sheet_reading {
    struct xlsx *xlsx;
    struct xml_tracker tracker;
    table_take take;
    void *context;
    int64_t rows; /* that were taken */

    int64_t number; /* of the row */
    size_t count;   /* its columns so far */
    struct strbuf texts;
    size_t *offsets; /* SHEET_COLUMNS_MAX: where in `texts` each column's begins, 0: empty */
    const char **fields;
    uint8_t *faults; /* SHEET_COLUMNS_MAX: enum table_fault */
    bool is_faulty;  /* any of them */

    int64_t column; /* of the cell */
    bool is_formula;
    enum cell_type type;
    size_t style;
    struct strbuf value; /* what stands in the file */
};

/* Puts "row 7, column C" in front. */
static bool sheet_locate(const struct sheet_reading *reading, struct error *err)
{
    char letters[16];
    return error_prefix(err, "row %lld, column %s", "第 %lld 行 %s 列", (long long)reading->number,
                        cell_reference_letters(reading->column, letters));
}

/* ---- a sheet: rows ---- */

static bool sheet_start_row(struct sheet_reading *reading, const char *const *attributes, struct error *err)
{
    const char *number = xml_attribute(attributes, "r");
    int64_t last = reading->number;
    reading->number = number ? strtoll(number, NULL, 10) : last + 1;
    if (reading->number <= last)
        return error_set(err, ERROR_INVALID,
                         "row %lld comes behind row %lld: the file is damaged; save it again",
                         "第 %lld 行出现在第 %lld 行之后：文件已损坏，请重新保存", (long long)reading->number,
                         (long long)last);
    if (reading->number > SHEET_ROWS_MAX)
        return error_set(err, ERROR_INVALID, "the sheet has more than %d rows, which is Excel's limit",
                         "工作表超过 %d 行（Excel 的上限）", SHEET_ROWS_MAX);
    memset(reading->offsets, 0, reading->count * sizeof(*reading->offsets));
    if (reading->is_faulty)
        memset(reading->faults, 0, reading->count * sizeof(*reading->faults));
    reading->is_faulty = false;
    reading->count = 0;
    reading->column = -1;
    strbuf_reset(&reading->texts);
    strbuf_putc(&reading->texts, '\0'); /* the empty field */
    return true;
}

static bool sheet_end_row(struct sheet_reading *reading, struct error *err)
{
    if (reading->texts.overflowed)
        return error_set(err, ERROR_INVALID, "row %lld holds more than 4 MiB of text",
                         "第 %lld 行的文本超过 4 MiB", (long long)reading->number);
    size_t own = reading->count;
    if (own == 0)
        return true;
    for (size_t i = 0; i < own; i++)
        reading->fields[i] = reading->texts.bytes + reading->offsets[i];
    struct merged_cells *merged = reading->xlsx->merged; /* they may reach behind the row's own */
    for (size_t i = own; merged && i < SHEET_COLUMNS_MAX; i++)
        reading->fields[i] = "";
    if (merged &&
        !merged_cells_fill(merged, reading->number, reading->fields, SHEET_COLUMNS_MAX, &reading->count, err))
        return false;
    struct table_row row = {
        .number = reading->number,
        .line = reading->number,
        .count = reading->count,
        .fields = reading->fields,
        .faults = reading->is_faulty ? reading->faults : NULL,
    };
    reading->rows++;
    reading->count = own;
    return reading->take(reading->context, &row, err);
}

/* ---- a sheet: cells ---- */

static enum cell_type find_cell_type(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(cell_types); i++)
        if (strcmp(cell_types[i].name, name) == 0)
            return cell_types[i].type;
    return CELL_TEXT;
}

static bool sheet_start_cell(struct sheet_reading *reading, const char *const *attributes, struct error *err)
{
    reading->column++;
    reading->type = CELL_NUMBER;
    reading->style = 0;
    reading->is_formula = false;
    strbuf_reset(&reading->value);
    for (; *attributes; attributes += 2) {
        const char *name = attributes[0], *value = attributes[1];
        if (name[1] != '\0')
            continue;
        if (*name == 's') {
            reading->style = strtoul(value, NULL, 10);
        } else if (*name == 't') {
            reading->type = find_cell_type(value);
        } else if (*name == 'r') {
            int64_t column, row;
            cell_reference_parse(value, &column, &row);
            if (column >= 0)
                reading->column = column;
        }
    }
    return reading->column < SHEET_COLUMNS_MAX ||
           error_set(err, ERROR_INVALID, "row %lld has more than %d columns, which is Excel's limit",
                     "第 %lld 行超过 %d 列（Excel 的上限）", (long long)reading->number, SHEET_COLUMNS_MAX);
}

/* The text is what was appended to `texts` since `from`. */
static void cell_put_field(struct sheet_reading *reading, size_t from)
{
    size_t column = (size_t)reading->column;
    if (reading->texts.overflowed || reading->texts.length == from)
        return;
    strbuf_putc(&reading->texts, '\0');
    reading->offsets[column] = from;
    if (column >= reading->count)
        reading->count = column + 1;
}

static void cell_put_fault(struct sheet_reading *reading, enum table_fault fault)
{
    size_t column = (size_t)reading->column;
    reading->faults[column] = (uint8_t)fault;
    reading->is_faulty = true;
    if (column >= reading->count)
        reading->count = column + 1;
}

static void cell_put_number(struct sheet_reading *reading, double number)
{
    static const struct number_style general = {0};
    const struct workbook *workbook = &reading->xlsx->workbook;
    const struct number_style *style =
        reading->style < workbook->style_count ? &workbook->formats[reading->style] : &general;
    enum number_note note = number_format_write(style, number, &workbook->numbers, &reading->texts);
    if (note != NUMBER_SURE)
        cell_put_fault(reading, note == NUMBER_GUESSED ? TABLE_NOTE_FORMAT : TABLE_NOTE_DIGITS);
}

static bool cell_put_shared(struct sheet_reading *reading, const char *text, struct error *err)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end || number >= text_store_count(reading->xlsx->strings)) {
        error_set(
            err, ERROR_INVALID,
            "its text, number %.20s of the workbook's, is not there: the file is damaged; save it again",
            "其文本（编号 %.20s）在工作簿中不存在：文件已损坏，请重新保存", text);
        return sheet_locate(reading, err);
    }
    return text_store_append(reading->xlsx->strings, number, &reading->texts, err);
}

static bool cell_put_value(struct sheet_reading *reading, const char *text, struct error *err)
{
    double number;
    char *end = NULL;
    switch (reading->type) {
    case CELL_SHARED: return cell_put_shared(reading, text, err);
    case CELL_BOOLEAN:
        strbuf_puts(&reading->texts, *text == '1' || *text == 't' ? "TRUE" : "FALSE");
        return true;
    case CELL_NUMBER:
        number = strtod(text, &end);
        if (*end == '\0')
            cell_put_number(reading, number);
        break;
    case CELL_DATE:
        end = (char *)text;
        if (number_format_parse_date(text, reading->xlsx->workbook.numbers.date1904, &number)) {
            cell_put_number(reading, number);
            end = "";
        }
        break;
    case CELL_TEXT:
    case CELL_ERROR: end = (char *)text; break;
    }
    if (*end)
        strbuf_append(&reading->texts, reading->value.bytes,
                      xlsx_text_decode(reading->value.bytes, reading->value.length));
    return true;
}

static bool sheet_end_cell(struct sheet_reading *reading, struct error *err)
{
    size_t from = reading->texts.length;
    if (reading->value.overflowed) {
        refuse_long_cell(err);
        return sheet_locate(reading, err);
    }
    if (reading->value.length == 0) {
        if (reading->is_formula && reading->type != CELL_TEXT) /* a text may be computed, and empty */
            cell_put_fault(reading, TABLE_FAULT_UNCOMPUTED);
        return true;
    }
    if (reading->type == CELL_ERROR)
        cell_put_fault(reading, TABLE_FAULT_ERROR);
    if (!cell_put_value(reading, strbuf_text(&reading->value), err))
        return false;
    cell_put_field(reading, from);
    return true;
}

/* ---- a sheet: events ---- */

static bool sheet_start_element(void *context, const char *name, const char *const *attributes,
                                struct error *err)
{
    struct sheet_reading *reading = context;
    switch (xml_tracker_start(&reading->tracker, name)) {
    case ROW: return sheet_start_row(reading, attributes, err);
    case CELL: return sheet_start_cell(reading, attributes, err);
    case FORMULA: reading->is_formula = true; return true;
    default: return true;
    }
}

static bool sheet_end_element(void *context, const char *name, struct error *err)
{
    struct sheet_reading *reading = context;
    (void)name;
    switch (xml_tracker_end(&reading->tracker)) {
    case ROW: return sheet_end_row(reading, err);
    case CELL: return sheet_end_cell(reading, err);
    default: return true;
    }
}

static bool sheet_take_text(void *context, const char *bytes, size_t length, struct error *err)
{
    struct sheet_reading *reading = context;
    (void)err;
    int place = xml_tracker_place(&reading->tracker);
    if (place == VALUE || place == TEXT)
        strbuf_append(&reading->value, bytes, length);
    return true;
}

/* ---- the whole ---- */

static void sheet_reading_release(struct sheet_reading *reading)
{
    strbuf_release(&reading->texts);
    strbuf_release(&reading->value);
    free(reading->offsets);
    free(reading->fields);
    free(reading->faults);
}

static bool xlsx_read_merged(struct xlsx *xlsx, const char *part, struct error *err)
{
    if (xlsx->merged_part == part) {
        if (xlsx->merged)
            merged_cells_rewind(xlsx->merged);
        return true;
    }
    merged_cells_free(&xlsx->merged);
    xlsx->merged_part = NULL;
    if (!merged_cells_read(xlsx->package, part, XLSX_SHEET_MAX, &xlsx->merged, err))
        return false;
    xlsx->merged_part = part;
    return true;
}

static bool xlsx_read_sheet(struct xlsx *xlsx, const struct workbook_sheet *sheet, table_take take,
                            void *context, int64_t *ret_rows, struct error *err)
{
    static const struct xml_events events = {
        .start = sheet_start_element, .end = sheet_end_element, .text = sheet_take_text};
    CLEANUP(sheet_reading_release)
    struct sheet_reading reading = {
        .xlsx = xlsx,
        .tracker = {.steps = sheet_steps, .count = ARRAY_SIZE(sheet_steps)},
        .take = take,
        .context = context,
        .texts = {.ceiling = XLSX_ROW_MAX},
        .value = {.ceiling = XLSX_TEXT_MAX},
    };
    reading.offsets = xcalloc(SHEET_COLUMNS_MAX, sizeof(*reading.offsets));
    reading.fields = xcalloc(SHEET_COLUMNS_MAX, sizeof(*reading.fields));
    reading.faults = xcalloc(SHEET_COLUMNS_MAX, sizeof(*reading.faults));
    if (!xlsx_read_merged(xlsx, sheet->part, err) ||
        !xml_part_read(xlsx->package, sheet->part, XLSX_SHEET_MAX, &events, &reading, err))
        return false;
    *ret_rows = reading.rows;
    return true;
}

static const struct workbook_sheet *xlsx_find_sheet(const struct workbook *workbook, const char *name,
                                                    struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf names = {.ceiling = 200};
    for (size_t i = 0; i < workbook->sheet_count; i++) {
        if (strcmp(workbook->sheets[i].name, name) == 0)
            return &workbook->sheets[i];
        if (!names.overflowed)
            strbuf_printf(&names, "%s%s", i ? ", " : "", workbook->sheets[i].name);
    }
    error_set(err, ERROR_INVALID, "there is no sheet “%.120s”; there are: %s%s",
              "没有名为“%.120s”的工作表，现有：%s%s", name, strbuf_text(&names),
              names.overflowed ? ", …" : "");
    return NULL;
}

static bool xlsx_read_first(struct xlsx *xlsx, table_take take, void *context, const char **ret_sheet,
                            struct error *err)
{
    const struct workbook *workbook = &xlsx->workbook;
    bool all = true; /* are hidden: then they are read as if none were */
    for (size_t i = 0; i < workbook->sheet_count; i++)
        all = all && workbook->sheets[i].hidden;
    int64_t rows = 0, looked_at = 0;
    for (size_t i = 0; i < workbook->sheet_count && rows == 0; i++) {
        if (workbook->sheets[i].hidden && !all)
            continue;
        if (looked_at++ == XLSX_EMPTY_SHEETS_MAX)
            return error_set(err, ERROR_INVALID,
                             "the first %d sheets have no rows; choose the sheet, or delete the empty ones",
                             "前 %d 个工作表都没有数据行，请指定工作表或删除空表", XLSX_EMPTY_SHEETS_MAX);
        *ret_sheet = workbook->sheets[i].name;
        if (!xlsx_read_sheet(xlsx, &workbook->sheets[i], take, context, &rows, err))
            return false;
    }
    return true;
}

bool xlsx_read(struct xlsx *xlsx, const char *sheet, table_take take, void *context, const char **ret_sheet,
               struct error *err)
{
    const char *name;
    int64_t rows;
    error_clear(err);
    if (!xlsx_read_strings(xlsx, err))
        return false;
    if (!sheet)
        return xlsx_read_first(xlsx, take, context, ret_sheet ? ret_sheet : &name, err);
    const struct workbook_sheet *found = xlsx_find_sheet(&xlsx->workbook, sheet, err);
    if (found && ret_sheet)
        *ret_sheet = found->name;
    return found && xlsx_read_sheet(xlsx, found, take, context, &rows, err);
}
