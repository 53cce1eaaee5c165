/* What people and programs call the columns, and what looks like a heading whose names are none of those. */
#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "ops/transfer/import_internal.h"

/* ---- names ---- */

/* As heading_fold leaves them. Of two columns with names of one meaning the one of the lower rank counts;
 * one name of rank 0 alone makes the first row a heading, of others it takes a question and an answer. */
static const struct {
    enum import_column column;
    int rank;
    const char *names[48];
} known[] = {
    {IMPORT_QUESTION, 0, {"question", "问题", "問題", "質問", "질문"}},
    {IMPORT_QUESTION,
     1,
     {"q",
      "questions",
      "问",
      "问句",
      "问法",
      "提问",
      "标准问",
      "标准问题",
      "标准问法",
      "主问题",
      "用户问题",
      "客户问题",
      "常见问题",
      "問",
      "問句",
      "提問",
      "標準問題",
      "常見問題",
      "ご質問",
      "質問文",
      "質問内容",
      "よくある質問",
      "問い合わせ",
      "お問い合わせ",
      "問い",
      "질의",
      "문의",
      "문의내용",
      "질문내용",
      "자주묻는질문",
      "query",
      "faq",
      "userquestion",
      "standardquestion",
      "问题内容",
      "问题描述"}},
    {IMPORT_QUESTION,
     2,
     {"title", "标题", "標題", "题目", "題目", "问题标题", "分段标题", "タイトル", "件名", "제목", "prompt",
      "instruction", "input", "subject"}},
    {IMPORT_ANSWER, 0, {"answer", "答案", "回答", "答え", "답변"}},
    {IMPORT_ANSWER,
     1,
     {"a",        "answers",  "ans",      "答",       "解答",      "回复",           "答复",     "标准答案",
      "标准回答", "标准回复", "标准答复", "答案内容", "回答内容",  "回复内容",       "客服回复", "回覆",
      "答覆",     "標準答案", "回答文",   "ご回答",   "답",        "대답",           "응답",     "회신",
      "답변내용", "reply",    "replies",  "response", "responses", "standardanswer", "botanswer"}},
    {IMPORT_ANSWER,
     2,
     {"content", "内容", "內容", "正文", "分段内容", "本文", "内容文", "내용", "본문", "completion", "output",
      "body", "text"}},
    {IMPORT_CATEGORY, 0, {"category", "分类", "分類", "类别", "類別", "カテゴリ", "カテゴリー", "카테고리"}},
    {IMPORT_CATEGORY,
     1,
     {"categories", "类目", "问题分类", "知识分类", "问题类型", "所属分类", "分组", "分組", "ジャンル",
      "분류", "범주"}},
};

/* The column of an export that has the row's tenant. */
static const char *const tenant_names[] = {"tenantid", "商家id", "商户id", "租户id", "テナントid"};

/* Dropped wherever they stand: what programs and people put between and around, invisible characters too. */
static const char *const ornaments[] = {
    " ",        "\t",           "\r",           "\n", "_",  "-", "*", ":", "#", "\"", "'", "\xE3\x80\x80",
    "\xC2\xA0", "\xE2\x80\x8B", "\xEF\xBB\xBF", "【", "】", "[", "]", "★", "※"};

static size_t heading_ornament_length(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(ornaments); i++)
        if (strncmp(text, ornaments[i], strlen(ornaments[i])) == 0)
            return strlen(ornaments[i]);
    return 0;
}

/* Without ornaments and without a remark in brackets ("答案（必填）" is 答案), in half width and lower case. */
static void heading_fold(const char *heading, char *folded, size_t size)
{
    size_t used = 0, remark = SIZE_MAX;
    for (const char *at = heading; *at && used + 4 < size;) {
        uint32_t character;
        size_t step = heading_ornament_length(at);
        if (step > 0) {
            at += step;
            continue;
        }
        at += utf8_get(at, &character);
        if (character > 0xFF00 && character < 0xFF5F)
            character -= 0xFEE0;
        if (strchr("*:#-_\"' ", (int)character) && character < 0x80)
            continue;
        if (character == '(' && remark == SIZE_MAX && used > 0)
            remark = used;
        used += utf8_put(folded + used, character < 0x80 ? (uint32_t)tolower((int)character) : character);
    }
    if (remark != SIZE_MAX && folded[used - 1] == ')')
        used = remark;
    folded[used] = '\0';
}

#define FOLDED_SIZE 200 /* bytes; no name is as long */

bool import_heading_find(const char *heading, enum import_column *ret_column, int *ret_rank)
{
    char folded[FOLDED_SIZE];
    heading_fold(heading, folded, sizeof(folded));
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        for (size_t k = 0; k < ARRAY_SIZE(known[i].names) && known[i].names[k]; k++)
            if (strcmp(known[i].names[k], folded) == 0) {
                *ret_column = known[i].column;
                *ret_rank = known[i].rank;
                return true;
            }
    return false;
}

bool import_heading_is_tenant(const char *heading)
{
    char folded[FOLDED_SIZE];
    heading_fold(heading, folded, sizeof(folded));
    for (size_t i = 0; i < ARRAY_SIZE(tenant_names); i++)
        if (strcmp(tenant_names[i], folded) == 0)
            return true;
    return false;
}

/* ---- what looks like a name ---- */

#define LABEL_MAX 16 /* characters */

/* How people begin a question, so that "如何提问" is no name of a column. */
static bool heading_is_question(const char *folded)
{
    static const char *const words[] = {
        "如何", "怎",   "什么", "甚麼", "为什", "為什", "哪",    "谁",   "誰",   "是否", "能",   "可以",
        "有没", "有沒", "多少", "几",   "幾",   "请问", "請問",  "どう", "なぜ", "いつ", "どこ", "어떻",
        "언제", "왜",   "무엇", "how",  "what", "why",  "where", "when", "who",  "can",  "does"};
    static const char *const ends[] = {"吗", "嗎", "呢", "么", "麼", "か", "까", "요"};
    size_t length = strlen(folded);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strncmp(folded, words[i], strlen(words[i])) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (length >= strlen(ends[i]) && strcmp(folded + length - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

static bool heading_has_punctuation(const char *text)
{
    static const char *const marks[] = {"。", "？", "！", "，", "、", "；", "…", "：", "“", "「",
                                        "?",  "!",  ",",  ";",  ":",  "%",  "@", "~",  "～"};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        if (strstr(text, marks[i]))
            return true;
    return false;
}

/* "Free parking behind the shop" is a sentence. */
static bool heading_has_many_words(const char *cell)
{
    size_t words = 0;
    for (const char *at = cell; *(at += strspn(at, " _-")); at += strcspn(at, " _-"))
        words++;
    return words > 3;
}

bool import_heading_is_label(const char *cell)
{
    char folded[FOLDED_SIZE];
    heading_fold(cell, folded, sizeof(folded));
    size_t length = strlen(folded), characters = utf8_count(folded, length);
    bool is_word = characters == length && strspn(folded, "abcdefghijklmnopqrstuvwxyz0123456789/.") == length;
    if (characters == 0 || characters > (is_word ? 2 * LABEL_MAX : LABEL_MAX))
        return false;
    if (strpbrk(folded, "0123456789") || strchr(cell, '\n'))
        return false;
    return !heading_has_punctuation(folded) && !heading_is_question(folded) && !heading_has_many_words(cell);
}

bool import_heading_is_word(const char *cell)
{
    char folded[FOLDED_SIZE];
    heading_fold(cell, folded, sizeof(folded));
    return *folded && strspn(folded, "abcdefghijklmnopqrstuvwxyz0123456789/.") == strlen(folded);
}

/* Words that names of columns are made of: with the first of them one is like a question's or an answer's. */
static const struct {
    int column; /* IMPORT_COLUMNS: of no column that is taken */
    const char *words[24];
} like[] = {
    {IMPORT_QUESTION,
     {"问题", "問題", "提问", "提問", "质问", "質問", "标准问", "相似问", "질문", "question"}},
    {IMPORT_ANSWER, {"答案", "回答", "回复", "回覆", "答复", "答覆", "解答", "답변", "answer", "reply"}},
    {IMPORT_COLUMNS,
     {"编号", "編號", "序号",   "序號",   "标题", "標題", "内容", "內容", "类型", "類型", "分类", "分類",
      "标签", "標籤", "关键词", "關鍵詞", "备注", "備註", "名称", "名稱", "時間", "时间", "번호", "番号"}},
    {IMPORT_COLUMNS, {"id",     "index",   "title",    "content", "prompt", "completion", "input",
                      "output", "keyword", "category", "label",   "status", "name",       "number",
                      "date",   "source",  "text",     "type",    "tag",    "remark",     "note"}},
};

int import_heading_is_like(const char *cell)
{
    char folded[FOLDED_SIZE];
    heading_fold(cell, folded, sizeof(folded));
    for (size_t i = 0; i < ARRAY_SIZE(like) && import_heading_is_label(cell); i++)
        for (size_t k = 0; k < ARRAY_SIZE(like[i].words) && like[i].words[k]; k++) {
            const char *found = strstr(folded, like[i].words[k]);
            bool is_word = (unsigned char)*like[i].words[k] < 0x80 && like[i].column == IMPORT_COLUMNS;
            if (found && (!is_word || strcmp(found, like[i].words[k]) == 0)) /* ends in it: "articleid" */
                return like[i].column;
        }
    return -1;
}
