#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ops/transfer/import_internal.h"

static const struct field column_fields[] = {
    FIELD(struct import_preview_column, place, INT, "Place of the column, from 0"),
    FIELD(struct import_preview_column, heading, TEXT, "What it is called; null: the first row is no heading",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct import_preview_column, taken_for, TEXT, "What it is taken for; null: it is ignored",
          .nullable = true, .values = import_column_names),
};
static const struct descriptor column_descriptor =
    DESCRIPTOR("ImportPreviewColumn", struct import_preview_column, column_fields);

static const struct field row_fields[] = {
    FIELD_MANY(struct import_preview_row, cells, TEXTS, "Its cells, long ones cut",
               .personal = PERSONAL_PARTS),
};
static const struct descriptor row_descriptor =
    DESCRIPTOR("ImportPreviewRow", struct import_preview_row, row_fields);

static const struct field warning_fields[] = {
    FIELD(struct import_warning, code, TEXT,
          "encoding, heading, first_row, number_format, digits or other_tenants"),
    FIELD(struct import_warning, row, INT, "The first row that it is about; 0: the whole file"),
    FIELD(struct import_warning, count, INT, "So many rows; 0: the whole file"),
    FIELD(struct import_warning, message, TEXT, "What was guessed, or is to be known",
          .personal = PERSONAL_PARTS),
};
static const struct descriptor warning_descriptor =
    DESCRIPTOR("ImportWarning", struct import_warning, warning_fields);

static const char *const askable[] = {"encoding", "heading", "columns", NULL};
static const struct field preview_fields[] = {
    FIELD(struct import_preview, format, TEXT, "xlsx, csv or tsv, by the contents"),
    FIELD(struct import_preview, encoding, TEXT, "Of a text, as it was found out; null: a workbook",
          .nullable = true),
    FIELD(struct import_preview, delimiter, TEXT, "Of a text, as it was found out; null: a workbook",
          .nullable = true),
    FIELD_MANY(struct import_preview, sheets, TEXTS, "Of a workbook", .personal = PERSONAL_PARTS),
    FIELD(struct import_preview, sheet, TEXT, "The one that is read; null: a text", .nullable = true,
          .personal = PERSONAL_PARTS),
    FIELD_MANY(struct import_preview, columns, LIST, "What each is taken for", .of = &column_descriptor),
    FIELD_MANY(struct import_preview, rows, LIST, "The first rows below the heading", .of = &row_descriptor),
    FIELD(struct import_preview, total_rows_at_least, INT, "So many rows below the heading, or more"),
    FIELD(struct import_preview, problem, TEXT, "Why it cannot be imported like this; null: it can",
          .nullable = true, .personal = PERSONAL_PARTS),
    FIELD(struct import_preview, asks_for, TEXT,
          "What has to be said then; null: nothing helps, or nothing is wrong", .nullable = true,
          .values = askable),
    FIELD_MANY(struct import_preview, warnings, LIST, "What was guessed", .of = &warning_descriptor),
    FIELD_MANY(struct import_preview, encodings, TEXTS,
               "Of a text whose encoding is not sure: what it may be, the likeliest first"),
};
const struct descriptor import_preview_descriptor =
    DESCRIPTOR("ImportPreview", struct import_preview, preview_fields);

struct looking {
    const struct import_request *request;
    enum language language;
    struct arena *arena;
    struct import_preview *preview;
    struct import_layout layout;
    struct import_warnings warnings;
    bool has_first, enough;
    struct error problem;
};

static const char *preview_shorten(struct arena *arena, const char *text)
{
    size_t kept = 0;
    for (size_t characters = 0; text[kept] && characters < IMPORT_PREVIEW_TEXT; characters++)
        do
            kept++;
        while (((unsigned char)text[kept] & 0xC0) == 0x80);
    return arena_printf(arena, "%.*s%s", (int)kept, text, text[kept] ? "…" : "");
}

/* ---- columns ---- */

static const char *preview_column_taken_for(const struct import_layout *layout, size_t place)
{
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (layout->places[i] == place)
            return import_column_names[i];
    return NULL;
}

static size_t preview_cell_count(const struct table_row *row)
{
    return row->count < IMPORT_PREVIEW_COLUMNS ? row->count : IMPORT_PREVIEW_COLUMNS;
}

static void preview_describe_columns(struct looking *looking, const struct table_row *first)
{
    struct import_preview *preview = looking->preview;
    size_t count = preview_cell_count(first);
    while (count > IMPORT_COLUMNS && !*first->fields[count - 1]) /* the empty cells at its end */
        count--;
    preview->columns = arena_alloc(looking->arena, count * sizeof(*preview->columns));
    preview->columns_count = count;
    for (size_t i = 0; i < count; i++)
        preview->columns[i] = (struct import_preview_column){
            .place = (int64_t)i,
            .heading = looking->layout.has_heading ? preview_shorten(looking->arena, first->fields[i]) : NULL,
            .taken_for = preview_column_taken_for(&looking->layout, i),
        };
}

/* What is wrong with the heading is shown beside the rows, so that the columns can be chosen by hand. */
static void preview_take_first(struct looking *looking, const struct table_row *first)
{
    looking->has_first = true;
    if (import_layout_guess(&looking->layout, first, &looking->problem)) {
        import_layout_check(&looking->layout, first, &looking->problem);
    } else {
        looking->layout.has_heading = true;
        for (size_t i = 0; i < IMPORT_COLUMNS; i++)
            looking->layout.places[i] = IMPORT_ABSENT;
    }
    preview_describe_columns(looking, first);
}

/* ---- rows ---- */

static void preview_add_row(struct looking *looking, const struct table_row *row)
{
    struct import_preview *preview = looking->preview;
    struct import_preview_row *slot = &preview->rows[preview->rows_count++];
    size_t count = preview_cell_count(row);
    const char **cells = arena_alloc(looking->arena, (count + 1) * sizeof(*cells));
    for (size_t i = 0; i < count; i++)
        cells[i] = preview_shorten(looking->arena, row->fields[i]);
    slot->cells = cells;
    slot->cells_count = count;
}

static bool preview_take_row(void *context, const struct table_row *row, struct error *err)
{
    struct looking *looking = context;
    struct import_preview *preview = looking->preview;
    if (import_row_is_empty(row))
        return true;
    if (!looking->has_first) {
        preview_take_first(looking, row);
        if (looking->layout.has_heading)
            return true;
    }
    if (looking->problem.code == ERROR_NONE)
        import_layout_look(&looking->layout, row, &looking->problem);
    /* For its warnings: what is wrong with a row is for the trial to say. */
    struct import_row ignored_row = {0};
    struct error ignored;
    if (looking->problem.code == ERROR_NONE)
        import_row_read(&looking->layout, row, &ignored_row, &ignored);
    preview->total_rows_at_least++;
    if (preview->rows_count < IMPORT_PREVIEW_ROWS)
        preview_add_row(looking, row);
    if (preview->total_rows_at_least < IMPORT_PREVIEW_READ)
        return true;
    looking->enough = true;
    return error_set(err, ERROR_CANCELLED, "enough was read", "已读取足够的行");
}

/* ---- the file ---- */

static void preview_describe_file(const struct table *table, struct looking *looking)
{
    struct import_preview *preview = looking->preview;
    bool is_text = table_kind(table) == FILE_KIND_TEXT;
    size_t count = table_sheet_count(table);
    const char **sheets = arena_alloc(looking->arena, (count + 1) * sizeof(*sheets));
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++)
            if (table_sheet(table, i).hidden == (pass == 1))
                sheets[preview->sheets_count++] = arena_strdup(looking->arena, table_sheet(table, i).name);
    preview->sheets = sheets;
    preview->sheet = arena_strdup(looking->arena, table_sheet_read(table));
    char delimiter = table_delimiter(table);
    preview->format = !is_text ? "xlsx" : delimiter == '\t' ? "tsv" : "csv";
    enum text_encoding encoding = table_encoding(table);
    preview->delimiter = delimiter ? arena_strndup(looking->arena, &delimiter, 1) : NULL;
    preview->encoding =
        is_text ? text_encoding_name(encoding == TEXT_ENCODING_UNKNOWN ? TEXT_ENCODING_UTF8 : encoding)
                : NULL;
}

static void preview_list_encodings(const struct table *table, struct looking *looking)
{
    struct text_encoding_guess guess = table_encoding_guess(table);
    const char **names = arena_alloc(looking->arena, TEXT_ENCODING_ASKED * sizeof(*names));
    size_t count = guess.certainty == TEXT_ENCODING_SURE ? 0 : guess.count;
    for (size_t i = 0; i < count; i++)
        names[i] = text_encoding_name(guess.candidates[i]);
    looking->preview->encodings = names;
    looking->preview->encodings_count = count;
}

/* The first thing that is wrong, and which parameter would put it right. */
static void preview_find_problem(struct table *table, struct looking *looking)
{
    struct error *problem = &looking->problem, doubt;
    struct import_preview *preview = looking->preview;
    const char *asks_for = problem->code != ERROR_NONE ? "columns" : NULL;
    error_clear(&doubt);
    if (!import_check_encoding(table, &looking->warnings, &doubt)) {
        *problem = doubt;
        asks_for = "encoding";
    } else if (problem->code == ERROR_NONE && !looking->has_first) {
        import_nothing_found(table, problem);
    } else if (problem->code == ERROR_NONE && preview->total_rows_at_least == 0) {
        error_set(problem, ERROR_INVALID, "there is no row below the heading", "标题行下没有任何数据行");
    } else if (problem->code == ERROR_NONE && !import_layout_finish(&looking->layout, problem)) {
        asks_for = "heading";
    }
    preview->asks_for = asks_for;
    if (problem->code != ERROR_NONE)
        preview->problem = arena_strdup(looking->arena, problem->detail[looking->language]);
    preview->warnings =
        import_warnings_list(&looking->warnings, looking->language, looking->arena, &preview->warnings_count);
}

/* Whatever is wrong with the file is wrong with the field `file`. */
static bool preview_file_wrong(struct error *err)
{
    if (err->code != ERROR_INVALID || err->field_count > 0)
        return false;
    return error_add_field(err, "file", "%s%.0s", "%.0s%s", err->detail[LANGUAGE_EN],
                           err->detail[LANGUAGE_ZH]);
}

bool import_preview(int fd, const struct import_request *request, enum language language,
                    const char *temporary_folder, struct arena *arena, struct import_preview *ret_preview,
                    struct error *err)
{
    struct import_preview preview = {0};
    struct looking looking = {.request = request, .language = language, .arena = arena, .preview = &preview};
    CLEANUP(table_close) struct table *table = NULL;
    char path[64];
    preview.rows = arena_alloc(arena, IMPORT_PREVIEW_ROWS * sizeof(*preview.rows));
    error_clear(&looking.problem);
    /* The file may have no name any more, and its descriptor's position belongs to whoever received it. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (!import_table_open(request, path, request->file, temporary_folder, &table, err))
        return preview_file_wrong(err);
    looking.layout = (struct import_layout){.request = request,
                                            .warnings = &looking.warnings,
                                            .is_workbook = table_kind(table) == FILE_KIND_WORKBOOK};
    if (!table_read(table, preview_take_row, &looking, err) && !looking.enough)
        return preview_file_wrong(err);
    preview_describe_file(table, &looking);
    preview_list_encodings(table, &looking);
    preview_find_problem(table, &looking);
    *ret_preview = preview;
    return true;
}
