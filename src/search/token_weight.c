#include "search/token_weight.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <unistr.h>

/* The tables are searched as text: an entry is found where it stands between two spaces. UTF-8
 * needs no more, and they can be read. They are short on purpose: a word missing here costs a
 * little rank, a word of content put here by mistake can hardly be found any more. */

/* Characters that make every bigram they stand in grammar: particles, pronouns, demonstratives and
 * the two verbs "to be" and "to have". Not here, since they also build words of a shop's trade:
 * 会 (会员), 能 (功能), 可 (许可), 和 (和服), 请 (申请), 要 (重要), 都 (京都), 上, 下, 多. */
static const char function_characters[] =
    " 吗 呢 吧 啊 呀 嘛 么 的 了 我 你 您 他 她 们 是 这 那 哪 怎 什 很 也 就 有 没 在 想 "
    " 嗎 麼 們 這 沒 ";

/* Whole bigrams: frequent words of asking and politeness in Chinese, the polite endings of Korean.
 * No Japanese: its grammar is in Hiragana, which is dealt with below. */
static const char function_bigrams[] =
    " 请问 可以 如何 多少 是否 能否 能不 不能 需要 一下 知道 告诉 几个 为何 或者 以及 如果 因为 "
    " 所以 請問 為何 或是 "
    " 습니 니다 니까 나요 까요 세요 어요 해요 에서 있나 있어 하나 인가 ";

/* English. The pieces at the end are what the tokenizer leaves of don't, I'm, we've, you'll. */
static const char function_words[] =
    " a an the this that these those there here "
    " i me my mine you your yours he him his she her it its we us our they them their "
    " am is are was were be been being do does did doing have has had having "
    " can could will would shall should may might must "
    " and or but if so as of at by for from in into on onto to with about "
    " what which who whom whose where when why how any some please "
    " don doesn didn isn aren wasn won wouldn s t m d re ve ll ";

static bool stands_in(const char *table, const char *token, size_t length)
{
    char entry[TOKEN_BYTES_MAX + 3] = " ";
    memcpy(entry + 1, token, length);
    memcpy(entry + 1 + length, " ", 2);
    return strstr(table, entry) != NULL;
}

static bool is_hiragana(ucs4_t c)
{
    return c >= 0x3041 && c <= 0x309F;
}

static bool is_katakana(ucs4_t c)
{
    return c >= 0x30A1 && c <= 0x30FF;
}

static enum token_class classify_bigram(const char *token, size_t length)
{
    ucs4_t first, second;
    int cut = u8_mbtouc(&first, (const uint8_t *)token, length);
    u8_mbtouc(&second, (const uint8_t *)token + cut, length - (size_t)cut);
    /* Japanese writes its particles, endings and auxiliaries in Hiragana and its nouns seldom. A
     * question that is all Hiragana is found none the less: all its tokens weigh alike. */
    if (is_hiragana(first) || is_hiragana(second))
        return TOKEN_HIRAGANA;
    /* Katakana is for foreign words, which stand apart from their neighbours: no accidents. */
    if (is_katakana(first) && is_katakana(second))
        return TOKEN_CONTENT;
    if (is_katakana(first) || is_katakana(second))
        return TOKEN_FUNCTION; /* the seam of two words, as in レンタル|料金 */
    if (stands_in(function_bigrams, token, length) || stands_in(function_characters, token, (size_t)cut) ||
        stands_in(function_characters, token + cut, length - (size_t)cut))
        return TOKEN_FUNCTION;
    return TOKEN_CROSSING;
}

enum token_class token_classify(const char *token, size_t length, enum token_kind kind)
{
    if (kind == TOKEN_BIGRAM)
        return classify_bigram(token, length);
    if (kind == TOKEN_WORD && stands_in(function_words, token, length))
        return TOKEN_FUNCTION_WORD;
    if (kind == TOKEN_SINGLE && stands_in(function_characters, token, length))
        return TOKEN_FUNCTION;
    return TOKEN_CONTENT;
}
