#include "search/token_weight.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <unistr.h>

/* How many pairs of everyday text are taken as read before the tenant's, and which part of them has a token of the
 * class. Of content few are, and none has it: only so that where all pairs have a word it still says something.
 * Found by trial together with the factors: banking77, questions of a Chinese forum, and messages of programs
 * that were translated twice, into Chinese and Japanese (tests/bench/bench_retrieval.c tells what is measured). */
#define EVERYDAY_PAIRS 500
#define EVERYDAY_PAIRS_OF_CONTENT 16

static const struct {
    float factor, everyday_share;
} classes[TOKEN_CLASS_COUNT] = {
    [TOKEN_CONTENT] = {1, 0},
    [TOKEN_NEIGHBOURS] = {0.3f, 0},
    [TOKEN_GRAMMAR_WORD] = {1, 0.7f},
    [TOKEN_GRAMMAR_CHARACTER] = {1, 0.9f},
    [TOKEN_GRAMMAR_SEAM] = {0.3f, 0.3f},
    [TOKEN_GRAMMAR_NEIGHBOURS] = {0.3f, 0.7f},
};

/* The tables are searched as text: an entry is found where it stands between two spaces. UTF-8
 * needs no more, and they can be read. */

/* Particles, pronouns, demonstratives, auxiliaries, simplified and traditional. Some build words of a shop's
 * trade as well (会员, 申请): these still weigh something, and the character beside them all. */
static const char grammar_characters[] =
    " 吗 呢 吧 啊 呀 嘛 么 的 了 我 你 您 他 她 们 是 这 那 哪 怎 什 很 也 就 有 没 在 想 "
    " 能 个 可 以 不 请 要 会 问 嗎 麼 們 這 沒 個 請 會 問 何 如 谁 誰 ";

/* English. The pieces at the end are what the tokenizer leaves of don't, I'm, we've, you'll. */
static const char grammar_words[] =
    " a an the this that these those there here "
    " i me my mine you your yours he him his she her it its we us our they them their "
    " am is are was were be been being do does did doing have has had having "
    " can could will would shall should may might must "
    " and or but if so as of at by for from in into on onto to with about "
    " what which who whom whose where when why how any some please "
    " don doesn didn isn aren wasn won wouldn s t m d re ve ll ";

/* Does an entry of the table begin with the token (`whole`: is it the token)? */
static bool table_has_token(const char *table, const char *token, size_t length, bool whole)
{
    char entry[TOKEN_BYTES_MAX + 3] = " ";
    memcpy(entry + 1, token, length);
    entry[1 + length] = whole ? ' ' : '\0';
    return strstr(table, entry) != NULL;
}

/* Japanese writes its particles, endings and auxiliaries in Hiragana and its nouns seldom. A question that is
 * all Hiragana is found none the less: all its tokens weigh alike. */
static bool is_grammar_character(const char *character, size_t length)
{
    ucs4_t c;
    u8_mbtouc(&c, (const uint8_t *)character, length);
    return (c >= 0x3041 && c <= 0x309F) || table_has_token(grammar_characters, character, length, true);
}

static enum token_class classify_bigram(const char *token, size_t length)
{
    static const enum token_class by_grammar[] = {TOKEN_NEIGHBOURS, TOKEN_GRAMMAR_SEAM,
                                                  TOKEN_GRAMMAR_NEIGHBOURS};
    size_t first = (size_t)u8_mblen((const uint8_t *)token, length);
    return by_grammar[is_grammar_character(token, first) +
                      is_grammar_character(token + first, length - first)];
}

enum token_class token_classify(const char *token, size_t length, enum token_kind kind)
{
    switch (kind) {
    case TOKEN_BIGRAM: return classify_bigram(token, length);
    case TOKEN_SINGLE: return is_grammar_character(token, length) ? TOKEN_GRAMMAR_CHARACTER : TOKEN_CONTENT;
    case TOKEN_WORD:
    case TOKEN_STEM: break;
    }
    return table_has_token(grammar_words, token, length, kind == TOKEN_WORD) ? TOKEN_GRAMMAR_WORD
                                                                             : TOKEN_CONTENT;
}

/* The idf as Lucene has it, ln(1 + (N - n + 0.5) / (n + 0.5)), never negative. */
uint32_t token_weight(enum token_class class, size_t with, size_t pairs)
{
    float share = classes[class].everyday_share;
    float everyday = share > 0 ? EVERYDAY_PAIRS : EVERYDAY_PAIRS_OF_CONTENT;
    float all = (float)pairs + everyday, having = (float)with + everyday * share;
    return (uint32_t)(classes[class].factor * logf((all + 1) / (having + 0.5f)) * TOKEN_WEIGHT_UNIT);
}
