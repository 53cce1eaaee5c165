#include "base/memory.h"
#include "formats/number_format.h"

/* clang-format off */
static const struct {
    unsigned id;
    const char *code;
} builtins[] = {
    {0, "General"}, {1, "0"}, {2, "0.00"}, {3, "#,##0"}, {4, "#,##0.00"},
    {5, "\"$\"#,##0;-\"$\"#,##0"}, {6, "\"$\"#,##0;-\"$\"#,##0"},
    {7, "\"$\"#,##0.00;-\"$\"#,##0.00"}, {8, "\"$\"#,##0.00;-\"$\"#,##0.00"},
    {9, "0%"}, {10, "0.00%"}, {11, "0.00E+00"}, {12, "# ?/?"}, {13, "# ?\?/?\?"},
    {14, "yyyy-mm-dd"}, {15, "d-mmm-yy"}, {16, "d-mmm"}, {17, "mmm-yy"},
    {18, "h:mm AM/PM"}, {19, "h:mm:ss AM/PM"}, {20, "h:mm"}, {21, "h:mm:ss"}, {22, "yyyy-mm-dd h:mm"},
    {37, "#,##0;-#,##0"}, {38, "#,##0;-#,##0"}, {39, "#,##0.00;-#,##0.00"}, {40, "#,##0.00;-#,##0.00"},
    {41, "#,##0;-#,##0;\"-\""}, {42, "\"$\"#,##0;-\"$\"#,##0;\"$\"\"-\""},
    {43, "#,##0.00;-#,##0.00;\"-\""}, {44, "\"$\"#,##0.00;-\"$\"#,##0.00;\"$\"\"-\""},
    {45, "mm:ss"}, {46, "[h]:mm:ss"}, {47, "mm:ss.0"}, {48, "##0.0E+0"}, {49, "@"},
};

/* Those that mean another thing in each East Asian edition (ECMA-376 part 1, 18.8.30). */
#define ERA "[$-411]ge\\.m\\.d"
#define ERA_LONG "[$-411]ggge\"年\"m\"月\"d\"日\""
#define ROC "[$-404]e/m/d"
#define ROC_LONG "[$-404]e\"年\"m\"月\"d\"日\""
#define HANJA "yyyy\"年\" mm\"月\" dd\"日\""
static const struct {
    unsigned id;
    const char *chinese, *traditional, *japanese, *korean;
} eastern[] = {
    {27, "yyyy\"年\"m\"月\"", ROC, ERA, HANJA},
    {28, "m\"月\"d\"日\"", ROC_LONG, ERA_LONG, "mm-dd"},
    {29, "m\"月\"d\"日\"", ROC_LONG, ERA_LONG, "mm-dd"},
    {30, "m-d-yy", "m/d/yy", "m/d/yy", "mm-dd-yy"},
    {31, "yyyy\"年\"m\"月\"d\"日\"", "yyyy\"年\"m\"月\"d\"日\"", "yyyy\"年\"m\"月\"d\"日\"",
     "yyyy\"년\" mm\"월\" dd\"일\""},
    {32, "h\"时\"mm\"分\"", "hh\"時\"mm\"分\"", "h\"時\"mm\"分\"", "h\"시\" mm\"분\""},
    {33, "h\"时\"mm\"分\"ss\"秒\"", "hh\"時\"mm\"分\"ss\"秒\"", "h\"時\"mm\"分\"ss\"秒\"",
     "h\"시\" mm\"분\" ss\"초\""},
    {34, "上午/下午h\"时\"mm\"分\"", "上午/下午hh\"時\"mm\"分\"", "yyyy\"年\"m\"月\"", "yyyy-mm-dd"},
    {35, "上午/下午h\"时\"mm\"分\"ss\"秒\"", "上午/下午hh\"時\"mm\"分\"ss\"秒\"", "m\"月\"d\"日\"", "yyyy-mm-dd"},
    {36, "yyyy\"年\"m\"月\"", ROC, ERA, HANJA},
    {50, "yyyy\"年\"m\"月\"", ROC, ERA, HANJA},
    {51, "m\"月\"d\"日\"", ROC_LONG, ERA_LONG, "mm-dd"},
    {52, "yyyy\"年\"m\"月\"", "上午/下午hh\"時\"mm\"分\"", "yyyy\"年\"m\"月\"", "yyyy-mm-dd"},
    {53, "m\"月\"d\"日\"", "上午/下午hh\"時\"mm\"分\"ss\"秒\"", "m\"月\"d\"日\"", "yyyy-mm-dd"},
    {54, "m\"月\"d\"日\"", ROC_LONG, ERA_LONG, "mm-dd"},
    {55, "上午/下午h\"时\"mm\"分\"", "上午/下午hh\"時\"mm\"分\"", "yyyy\"年\"m\"月\"", "yyyy-mm-dd"},
    {56, "上午/下午h\"时\"mm\"分\"ss\"秒\"", "上午/下午hh\"時\"mm\"分\"ss\"秒\"", "m\"月\"d\"日\"", "yyyy-mm-dd"},
    {57, "yyyy\"年\"m\"月\"", ROC, ERA, HANJA},
    {58, "m\"月\"d\"日\"", ROC_LONG, ERA_LONG, "mm-dd"},
};
/* clang-format on */

const char *number_format_builtin(unsigned id)
{
    for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
        if (builtins[i].id == id)
            return builtins[i].code;
    return NULL;
}

bool number_format_is_eastern(unsigned id)
{
    return (id >= 27 && id <= 36) || (id >= 50 && id <= 58);
}

const char *number_format_eastern(unsigned id, enum number_language language)
{
    for (size_t i = 0; i < ARRAY_SIZE(eastern); i++)
        if (eastern[i].id == id)
            switch (language) {
            case NUMBER_LANGUAGE_JAPANESE: return eastern[i].japanese;
            case NUMBER_LANGUAGE_KOREAN: return eastern[i].korean;
            case NUMBER_LANGUAGE_TRADITIONAL: return eastern[i].traditional;
            default: return eastern[i].chinese;
            }
    return NULL;
}
