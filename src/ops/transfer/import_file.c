/* The file of an import: what both the import and its preview ask of it. */
#include <string.h>
#include <strings.h>

#include "ops/transfer/import_internal.h"

bool import_table_open(const struct import_request *request, const char *path, const char *file,
                       const char *temporary_folder, struct table **ret_table, struct error *err)
{
    const char *ending = strrchr(file, '.');
    struct table_options options = {
        .sheet = request->sheet,
        .delimiter = ending && strcasecmp(ending, ".tsv") == 0 ? '\t' : '\0',
        .encoding = request->encoding,
        .temporary_folder = temporary_folder,
    };
    return table_open(path, &options, ret_table, err);
}

bool import_check_encoding(const struct table *table, struct import_warnings *warnings, struct error *err)
{
    struct text_encoding_guess guess = table_encoding_guess(table);
    char list[TEXT_ENCODING_LIST_SIZE];
    if (guess.certainty == TEXT_ENCODING_SURE)
        return true;
    text_encoding_list(&guess, list);
    if (guess.certainty == TEXT_ENCODING_DOUBTFUL)
        return error_set(err, ERROR_INVALID,
                         "its encoding cannot be told for sure; it may be one of these, the likeliest first: "
                         "%s. Say which, or "
                         "save the file as “CSV UTF-8”.",
                         "无法确定文件编码，可能是（按可能性排序）：%s。请指明编码，或另存为“CSV UTF-8”。",
                         list);
    import_warn(warnings, IMPORT_WARNING_ENCODING, 0,
                "the file is read as %s, which is likely but not sure; check letters with marks",
                "文件按 %s 编码读取，可能性较大但不确定，请核对带符号的字母",
                text_encoding_name(guess.encoding));
    return true;
}

bool import_nothing_found(struct table *table, struct error *err)
{
    const char *hidden = table_hidden_sheet_with_rows(table);
    if (hidden)
        return error_set(
            err, ERROR_INVALID,
            "only hidden sheets have rows (“%.60s”): choose that sheet, or show it in the workbook",
            "只有隐藏的工作表有数据（“%.60s”）：请选择该工作表，或在工作簿中取消隐藏", hidden);
    return error_set(err, ERROR_INVALID, "the file is empty", "文件为空");
}
