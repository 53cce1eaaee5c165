#include "formats/workbook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "formats/number_format.h"
#include "formats/xml_part.h"

#define SMALL_PART ((uint64_t)4 << 20) /* bytes, unpacked */
#define STYLES_PART ((uint64_t)32 << 20)
#define SHEET_NAME_MAX 1024 /* bytes; Excel allows 31 characters */
#define FORMAT_MAX 1024     /* bytes; Excel allows 255 characters */

void workbook_release(struct workbook *workbook)
{
    arena_release(&workbook->arena);
    free(workbook->sheets);
    free(workbook->formats);
    *workbook = (struct workbook){0};
}

/* ---- packages that are something else ---- */

static const struct {
    const char *part; /* by which it is known */
    const char *en, *zh;
} others[] = {
    {"xl/workbook.bin", "this is a binary workbook (.xlsb): save it as .xlsx",
     "这是二进制工作簿（.xlsb）：请另存为 .xlsx"},
    {"word/document.xml", "this is a Word document (.docx), not a workbook",
     "这是 Word 文档（.docx），不是工作簿"},
    {"ppt/presentation.xml", "this is a presentation (.pptx), not a workbook",
     "这是演示文稿（.pptx），不是工作簿"},
    {"content.xml", "this is an OpenDocument file (.ods, .odt): save it as .xlsx",
     "这是 OpenDocument 文件（.ods、.odt）：请另存为 .xlsx"},
    {"Index/Document.iwa", "this is a Numbers document: export it as .xlsx",
     "这是 Numbers 文档：请导出为 .xlsx"},
    {"META-INF/MANIFEST.MF", "this is a program (.jar, .apk), not a workbook",
     "这是程序文件（.jar、.apk），不是工作簿"},
};

static bool refuse_other_package(const struct package *package, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (package_has(package, others[i].part))
            return error_set(err, ERROR_INVALID, "%s%.0s", "%.0s%s", others[i].en, others[i].zh);
    return error_set(
        err, ERROR_INVALID,
        "this is a ZIP file without a workbook in it; unpack it and import the .xlsx or .csv inside",
        "这是 ZIP 压缩包，其中没有工作簿；请解压后导入其中的 .xlsx 或 .csv");
}

/* ---- relations: which part a part means by an id ---- */

enum relation_kind {
    RELATION_OTHER,
    RELATION_DOCUMENT,
    RELATION_SHEET,
    RELATION_STRINGS,
    RELATION_STYLES,
};

/* By the last word of the type: what is before it differs between the transitional and the strict form. */
static const struct {
    const char *type;
    enum relation_kind kind;
} relation_types[] = {{"/officeDocument", RELATION_DOCUMENT},
                      {"/worksheet", RELATION_SHEET},
                      {"/sharedStrings", RELATION_STRINGS},
                      {"/styles", RELATION_STYLES}};

struct relation {
    const char *id, *part;
    enum relation_kind kind;
};

#define RELATIONS_MAX (2 * WORKBOOK_SHEETS_MAX)

struct relations {
    struct arena arena;
    const char *folder; /* of the part whose relations they are, "xl/" */
    struct relation *list;
    size_t count;
};

static void relations_release(struct relations *relations)
{
    arena_release(&relations->arena);
    free(relations->list);
}

static enum relation_kind relation_kind(const char *type)
{
    size_t length = type ? strlen(type) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(relation_types) && type; i++) {
        size_t ending = strlen(relation_types[i].type);
        if (length >= ending && strcmp(type + length - ending, relation_types[i].type) == 0)
            return relation_types[i].kind;
    }
    return RELATION_OTHER;
}

/* One segment of a path onto `path`, which ends in '/' or is empty. */
static void path_step(char *path, const char *segment, size_t length)
{
    size_t end = strlen(path);
    if (length == 2 && memcmp(segment, "..", 2) == 0) {
        if (end > 0)
            path[end - 1] = '\0';
        char *slash = strrchr(path, '/');
        path[slash ? slash + 1 - path : 0] = '\0';
    } else if (length > 0 && !(length == 1 && *segment == '.')) {
        memcpy(path + end, segment, length);
        memcpy(path + end + length, "/", 2);
    }
}

/* Relative to the folder, or from the package's root if it begins with a slash. NULL: too long. */
static const char *resolve_part(struct arena *arena, const char *folder, const char *target)
{
    char path[2 * PACKAGE_NAME_MAX + 2] = "";
    if (strlen(target) + strlen(folder) >= PACKAGE_NAME_MAX)
        return NULL;
    if (*target != '/' && *target != '\\')
        snprintf(path, sizeof(path), "%s", folder);
    while (*target) {
        size_t length = strcspn(target, "/\\");
        path_step(path, target, length);
        target += length + (target[length] != '\0');
    }
    size_t length = strlen(path);
    return arena_strndup(arena, path, length > 0 ? length - 1 : 0);
}

static bool take_relation(void *context, const char *name, const char *const *attributes, struct error *err)
{
    struct relations *relations = context;
    const char *id = xml_attribute(attributes, "Id"), *target = xml_attribute(attributes, "Target");
    const char *mode = xml_attribute(attributes, "TargetMode");
    enum relation_kind kind = relation_kind(xml_attribute(attributes, "Type"));
    if (strcmp(name, "Relationship") != 0 || !id || !target || kind == RELATION_OTHER ||
        (mode && strcmp(mode, "External") == 0))
        return true;
    const char *part = resolve_part(&relations->arena, relations->folder, target);
    if (relations->count == RELATIONS_MAX || strlen(id) > PACKAGE_NAME_MAX)
        return error_set(err, ERROR_INVALID, "the workbook has more than %d parts; split it",
                         "工作簿的部分超过 %d 个，请拆分", RELATIONS_MAX);
    if (part)
        relations->list[relations->count++] =
            (struct relation){arena_strdup(&relations->arena, id), part, kind};
    return true;
}

/* `part` is "xl/workbook.xml", "" for the package's own. No relations at all are fine. */
static bool read_relations(struct package *package, const char *part, struct relations *relations,
                           struct error *err)
{
    static const struct xml_events events = {.start = take_relation};
    const char *slash = strrchr(part, '/'), *base = slash ? slash + 1 : part;
    char name[2 * PACKAGE_NAME_MAX];
    relations->list = xcalloc(RELATIONS_MAX, sizeof(*relations->list));
    relations->folder = arena_strndup(&relations->arena, part, (size_t)(base - part));
    snprintf(name, sizeof(name), "%s_rels/%s.rels", relations->folder, base);
    return !package_has(package, name) || xml_part_read(package, name, SMALL_PART, &events, relations, err);
}

static const char *first_relation(const struct relations *relations, enum relation_kind kind)
{
    for (size_t i = 0; i < relations->count; i++)
        if (relations->list[i].kind == kind)
            return relations->list[i].part;
    return NULL;
}

/* ---- workbook.xml ---- */

struct reading {
    struct workbook *workbook;
    const struct relations *relations;
    bool is_workbook, begun;
    struct format_list *formats;
};

static const struct relation *find_sheet_relation(const struct relations *relations, const char *id)
{
    for (size_t i = 0; i < relations->count; i++)
        if (id && relations->list[i].kind == RELATION_SHEET && strcmp(relations->list[i].id, id) == 0)
            return &relations->list[i];
    return NULL;
}

/* A sheet without a worksheet (a chart, a dialog) is passed over. */
static bool workbook_take_sheet(const struct reading *reading, const char *const *attributes,
                                struct error *err)
{
    struct workbook *workbook = reading->workbook;
    const char *name = xml_attribute(attributes, "name"), *state = xml_attribute(attributes, "state");
    const struct relation *relation =
        find_sheet_relation(reading->relations, xml_attribute_with_prefix(attributes, "id"));
    if (!name || !relation)
        return true;
    if (strlen(name) > SHEET_NAME_MAX)
        return error_set(err, ERROR_INVALID, "a sheet's name is longer than %d bytes",
                         "工作表名称超过 %d 字节", SHEET_NAME_MAX);
    if (workbook->sheet_count == WORKBOOK_SHEETS_MAX)
        return error_set(err, ERROR_INVALID, "the workbook has more than %d sheets; split it",
                         "工作簿的工作表超过 %d 个，请拆分", WORKBOOK_SHEETS_MAX);
    workbook->sheets[workbook->sheet_count++] = (struct workbook_sheet){
        .name = arena_strdup(&workbook->arena, name),
        .part = arena_strdup(&workbook->arena, relation->part),
        .hidden = state && strcmp(state, "visible") != 0,
    };
    return true;
}

static bool workbook_take_element(void *context, const char *name, const char *const *attributes,
                                  struct error *err)
{
    struct reading *reading = context;
    if (!reading->begun)
        reading->is_workbook = strcmp(name, "workbook") == 0;
    reading->begun = true;
    if (strcmp(name, "workbookPr") == 0) {
        const char *value = xml_attribute(attributes, "date1904");
        reading->workbook->numbers.date1904 =
            value && (strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0);
    }
    return strcmp(name, "sheet") != 0 || workbook_take_sheet(reading, attributes, err);
}

/* ---- styles.xml: only the number formats ---- */

struct own_format {
    unsigned id;
    const char *code;
};

struct format_list {
    struct own_format *list;
    size_t count;
    bool in_cell_styles, in_fonts;
    enum number_language font_language;
};

/* A later one with the same number counts. */
static struct number_style find_number_format(const struct format_list *formats, unsigned id)
{
    for (size_t i = formats->count; i-- > 0;)
        if (formats->list[i].id == id)
            return (struct number_style){.code = formats->list[i].code};
    return (struct number_style){.code = number_format_builtin(id),
                                 .eastern = number_format_is_eastern(id) ? id : 0};
}

/* ---- styles.xml: in whose language the workbook was made ---- */

/* What names the language of East Asia that a program was made for: the fonts that it takes by itself. */
static const struct {
    const char *part;
    enum number_language language;
} font_names[] = {
    {"ＭＳ", NUMBER_LANGUAGE_JAPANESE},        {"游", NUMBER_LANGUAGE_JAPANESE},
    {"Yu Gothic", NUMBER_LANGUAGE_JAPANESE},   {"Yu Mincho", NUMBER_LANGUAGE_JAPANESE},
    {"Meiryo", NUMBER_LANGUAGE_JAPANESE},      {"メイリオ", NUMBER_LANGUAGE_JAPANESE},
    {"ヒラギノ", NUMBER_LANGUAGE_JAPANESE},    {"宋体", NUMBER_LANGUAGE_CHINESE},
    {"等线", NUMBER_LANGUAGE_CHINESE},         {"黑体", NUMBER_LANGUAGE_CHINESE},
    {"雅黑", NUMBER_LANGUAGE_CHINESE},         {"SimSun", NUMBER_LANGUAGE_CHINESE},
    {"DengXian", NUMBER_LANGUAGE_CHINESE},     {"YaHei", NUMBER_LANGUAGE_CHINESE},
    {"新細明體", NUMBER_LANGUAGE_TRADITIONAL}, {"微軟正黑", NUMBER_LANGUAGE_TRADITIONAL},
    {"PMingLiU", NUMBER_LANGUAGE_TRADITIONAL}, {"JhengHei", NUMBER_LANGUAGE_TRADITIONAL},
    {"맑은", NUMBER_LANGUAGE_KOREAN},          {"Malgun", NUMBER_LANGUAGE_KOREAN},
    {"돋움", NUMBER_LANGUAGE_KOREAN},          {"굴림", NUMBER_LANGUAGE_KOREAN},
};

/* Windows' numbers of character sets. */
static const struct {
    const char *number;
    enum number_language language;
} charsets[] = {{"128", NUMBER_LANGUAGE_JAPANESE},
                {"129", NUMBER_LANGUAGE_KOREAN},
                {"134", NUMBER_LANGUAGE_CHINESE},
                {"136", NUMBER_LANGUAGE_TRADITIONAL}};

static enum number_language language_of_font(const char *name, const char *value)
{
    if (strcmp(name, "charset") == 0)
        for (size_t i = 0; i < ARRAY_SIZE(charsets); i++)
            if (strcmp(charsets[i].number, value) == 0)
                return charsets[i].language;
    if (strcmp(name, "name") == 0)
        for (size_t i = 0; i < ARRAY_SIZE(font_names); i++)
            if (strstr(value, font_names[i].part))
                return font_names[i].language;
    return NUMBER_LANGUAGE_UNKNOWN;
}

static enum number_language language_of_formats(const struct format_list *formats)
{
    for (size_t i = 0; i < formats->count; i++) {
        enum number_language language = number_format_language(formats->list[i].code);
        if (language >= NUMBER_LANGUAGE_CHINESE && language <= NUMBER_LANGUAGE_KOREAN)
            return language;
    }
    return NUMBER_LANGUAGE_UNKNOWN;
}

/* ---- styles.xml: the whole ---- */

static bool styles_take_format(struct reading *reading, const char *const *attributes, struct error *err)
{
    struct format_list *formats = reading->formats;
    const char *id = xml_attribute(attributes, "numFmtId"), *code = xml_attribute(attributes, "formatCode");
    if (!id || !code)
        return true;
    if (formats->count == WORKBOOK_FORMATS_MAX || strlen(code) > FORMAT_MAX)
        return error_set(err, ERROR_INVALID,
                         "the workbook has too many number formats (%d at most), or too long ones",
                         "工作簿的数字格式过多（最多 %d 个）或过长", WORKBOOK_FORMATS_MAX);
    formats->list[formats->count++] = (struct own_format){
        .id = (unsigned)strtoul(id, NULL, 10),
        .code = arena_strdup(&reading->workbook->arena, code),
    };
    return true;
}

static bool styles_take_style(struct reading *reading, const char *const *attributes, struct error *err)
{
    struct workbook *workbook = reading->workbook;
    const char *id = xml_attribute(attributes, "numFmtId");
    if (workbook->style_count == WORKBOOK_STYLES_MAX)
        return error_set(err, ERROR_INVALID, "the workbook has more than %d cell styles",
                         "工作簿的单元格样式超过 %d 个", WORKBOOK_STYLES_MAX);
    workbook->formats[workbook->style_count++] =
        find_number_format(reading->formats, id ? (unsigned)strtoul(id, NULL, 10) : 0);
    return true;
}

static bool styles_take_element(void *context, const char *name, const char *const *attributes,
                                struct error *err)
{
    struct reading *reading = context;
    struct format_list *formats = reading->formats;
    if (strcmp(name, "cellXfs") == 0)
        formats->in_cell_styles = true;
    if (strcmp(name, "fonts") == 0)
        formats->in_fonts = true;
    /* The first font that says anything; before the languages that formats name, as those may be another's. */
    const char *value = xml_attribute(attributes, "val");
    if (formats->in_fonts && value && formats->font_language == NUMBER_LANGUAGE_UNKNOWN)
        formats->font_language = language_of_font(name, value);
    if (strcmp(name, "numFmt") == 0)
        return styles_take_format(reading, attributes, err);
    return !formats->in_cell_styles || strcmp(name, "xf") != 0 || styles_take_style(reading, attributes, err);
}

static bool styles_end_element(void *context, const char *name, struct error *err)
{
    const struct reading *reading = context;
    (void)err;
    if (strcmp(name, "cellXfs") == 0)
        reading->formats->in_cell_styles = false;
    if (strcmp(name, "fonts") == 0)
        reading->formats->in_fonts = false;
    return true;
}

static bool read_styles(struct package *package, const char *part, struct reading *reading, struct error *err)
{
    static const struct xml_events events = {.start = styles_take_element, .end = styles_end_element};
    if (!part || !package_has(package, part))
        return true;
    CLEANUP(free_pointer)
    struct own_format *list = xcalloc(WORKBOOK_FORMATS_MAX, sizeof(*list));
    struct format_list formats = {.list = list};
    reading->formats = &formats;
    reading->workbook->formats = xcalloc(WORKBOOK_STYLES_MAX, sizeof(*reading->workbook->formats));
    bool read = xml_part_read(package, part, STYLES_PART, &events, reading, err);
    reading->workbook->numbers.language =
        formats.font_language ? formats.font_language : language_of_formats(&formats);
    reading->formats = NULL;
    return read;
}

/* ---- the whole ---- */

static bool workbook_find_document(struct package *package, char part[static PACKAGE_NAME_MAX],
                                   struct error *err)
{
    CLEANUP(relations_release) struct relations relations = {0};
    if (!read_relations(package, "", &relations, err))
        return false;
    const char *document = first_relation(&relations, RELATION_DOCUMENT);
    if (!document || !package_has(package, document))
        document = "xl/workbook.xml";
    if (!package_has(package, document) || package_has(package, "xl/workbook.bin"))
        return refuse_other_package(package, err);
    snprintf(part, PACKAGE_NAME_MAX, "%s", document);
    return true;
}

static bool workbook_read_parts(struct package *package, const char *document, struct workbook *workbook,
                                struct error *err)
{
    static const struct xml_events events = {.start = workbook_take_element};
    CLEANUP(relations_release) struct relations relations = {0};
    struct reading reading = {.workbook = workbook, .relations = &relations};
    if (!read_relations(package, document, &relations, err) ||
        !xml_part_read(package, document, SMALL_PART, &events, &reading, err))
        return false;
    if (!reading.is_workbook)
        return refuse_other_package(package, err);
    if (workbook->sheet_count == 0)
        return error_set(err, ERROR_INVALID, "the workbook has no worksheet", "工作簿中没有工作表");
    const char *strings = first_relation(&relations, RELATION_STRINGS);
    if (strings && package_has(package, strings))
        workbook->shared_strings = arena_strdup(&workbook->arena, strings);
    return read_styles(package, first_relation(&relations, RELATION_STYLES), &reading, err);
}

bool workbook_read(struct package *package, struct workbook *workbook, struct error *err)
{
    char document[PACKAGE_NAME_MAX];
    *workbook = (struct workbook){.sheets = xcalloc(WORKBOOK_SHEETS_MAX, sizeof(*workbook->sheets))};
    return workbook_find_document(package, document, err) &&
           workbook_read_parts(package, document, workbook, err);
}
