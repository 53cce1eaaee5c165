/* search/: the tokenizer, the slot table, the index of questions and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/slot_table.h"
#include "base/utf8.h"
#include "search/fold.h"
#include "search/full_text.h"
#include "search/text_index.h"
#include "search/token_weight.h"
#include "search/tokenizer.h"

/* The same numbers in every run (xorshift64). */
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

/* ---- the tokenizer ---- */

struct tokens {
    char text[4096];
    size_t count, limit;
};

/* Writes words as they are, stems with a `~` before them, bigrams with a `+` and characters with a `1`. */
static bool write_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    static const char *const marks[] = {
        [TOKEN_WORD] = "", [TOKEN_STEM] = "~", [TOKEN_BIGRAM] = "+", [TOKEN_SINGLE] = "1"};
    struct tokens *tokens = context;
    size_t used = strlen(tokens->text);
    assert_int_equal(strlen(token), length);
    snprintf(tokens->text + used, sizeof(tokens->text) - used, "%s%s%s", used ? " " : "", marks[kind], token);
    return ++tokens->count != tokens->limit;
}

static void test_tokenizer_cases(void **state)
{
    static const struct {
        const char *text, *tokens;
    } cases[] = {
        {"", ""},
        {" \t\r\n", ""},
        {"Hello, World!", "hello ~hello world ~world"},
        {"Don't pay 3.500", "don t pay 3 500"},
        {"card_arrival", "card arrival ~arriv"},
        {"A4 B2B 7月", "a4 b2b 7 1月"},
        {"和服", "1和 +和服 1服"},
        {"租和服", "1租 +租和 1和 +和服 1服"},
        {"猫", "1猫"},
        {"猫, 犬", "1猫 1犬"},
        {"租 和　服", "1租 +租和 1和 +和服 1服"},
        {"租和 服", "1租 +租和 1和 1服"},
        {"옷 옷", "1옷 1옷"},
        {"可以带iPhone吗", "1可 +可以 1以 +以带 1带 iphone ~iphon 1吗"},
        {"着物のレンタル", "1着 +着物 1物 +物の 1の +のレ 1レ +レン 1ン +ンタ 1タ +タル 1ル"},
        {"Tシャツ", "t 1シ +シャ 1ャ +ャツ 1ツ"},
        {"コーヒー", "1コ +コー 1ー +ーヒ 1ヒ +ヒー 1ー"},
        {"時々、々", "1時 +時々 1々 1々"},
        {"한국어 옷", "1한 +한국 1국 +국어 1어 1옷"},
        {"ㄅㄆ", "1ㄅ +ㄅㄆ 1ㄆ"},
        {"𠮷野家", "1𠮷 +𠮷野 1野 +野家 1家"},
        /* NFKC and case */
        {"Ｋｉｍｏｎｏ　１２", "kimono ~kimon 12"},
        {"ｷﾓﾉ", "1キ +キモ 1モ +モノ 1ノ"},
        {"ｶﾞｲﾄﾞ ﾊﾟｰﾏ", "1ガ +ガイ 1イ +イド 1ド 1パ +パー 1ー +ーマ 1マ"},
        {"か\xE3\x82\x99っこ", "1が +がっ 1っ +っこ 1こ"},
        {"①㌔", "1 1キ +キロ 1ロ"},
        {"cafe\xCC\x81 CAFÉ", "café café"},
        {"Â\xCC\xA3 ẬẬ", "ậ ậậ"},
        {"ΣΟΦΙΑ Straße ЖЁЛТЫЙ İ", "σοφια ~σοφια straße ~straß жёлтый ~жёлты i"},
        {"\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB\xE1\x84\x80\xE1\x85\xAE\xE1\x86\xA8", "1한 +한국 1국"},
        {"ﬁne Å", "fine å"},
        {"हिन्दी", "हिन्दी ~हिन्द"},
        /* without width: the byte order mark, soft hyphen, variation selectors; ZWSP separates */
        {"\xEF\xBB\xBFki\xC2\xADmono", "kimono ~kimon"},
        {"葛\xF3\xA0\x84\x80城", "1葛 +葛城 1城"},
        {"ab\xE2\x80\x8B"
         "cd",
         "ab cd"},
        {"☂️和服👘体验", "1和 +和服 1服 1体 +体验 1验"},
        /* not UTF-8: a lone continuation, overlong, surrogate, cut off, beyond U+10FFFF */
        {"ab\x80"
         "cd",
         "ab cd"},
        {"\xC0\xAF和\xED\xA0\x80服\xE5\x92", "1和 1服"},
        {"x\xF4\x90\x80\x80y\xFF", "x y"},
        {"\xCC\x81 a", "a"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tokens tokens = {0};
        assert_true(tokenizer_run(cases[i].text, strlen(cases[i].text), write_token, &tokens));
        assert_string_equal(tokens.text, cases[i].tokens);
    }
}

static void test_tokenizer_nul_separates(void **state)
{
    (void)state;
    struct tokens tokens = {0};
    assert_true(tokenizer_run("ab\0cd", 5, write_token, &tokens));
    assert_string_equal(tokens.text, "ab cd");
}

static void test_tokenizer_stops(void **state)
{
    (void)state;
    struct tokens tokens = {.limit = 2};
    assert_false(tokenizer_run("a b c 和服店", 15, write_token, &tokens));
    assert_string_equal(tokens.text, "a b");
    struct tokens last = {.limit = 1};
    assert_false(tokenizer_run("abc", 3, write_token, &last));
}

static void test_tokenizer_cuts_long_words(void **state)
{
    (void)state;
    char text[400] = "", expected[TOKEN_BYTES_MAX + 10];
    memset(text, 'A', 200);
    strcpy(text + 200, " b");
    memset(expected, 'a', TOKEN_BYTES_MAX);
    strcpy(expected + TOKEN_BYTES_MAX, " ~aaaaa b");
    struct tokens tokens = {0};
    tokenizer_run(text, strlen(text), write_token, &tokens);
    assert_string_equal(tokens.text, expected);

    /* 63 ASCII bytes leave no room for é, and nothing after it may slip in. */
    memset(text, 'a', 63);
    strcpy(text + 63, "éa");
    strcpy(expected + 63, " ~aaaaa");
    struct tokens cut = {0};
    tokenizer_run(text, strlen(text), write_token, &cut);
    assert_string_equal(cut.text, expected);
}

static bool check_token(void *context, const char *token, size_t length, enum token_kind kind)
{
    (void)kind;
    ++*(size_t *)context;
    assert_in_range(length, 1, TOKEN_BYTES_MAX);
    assert_true(utf8_valid(token, length));
    assert_int_equal(token[length], 0);
    return true;
}

/* Half of the bytes come from pieces that join, decompose and reorder. */
static void test_tokenizer_takes_any_bytes(void **state)
{
    static const char *const pieces[] = {"a", "é",  "か", "\xE3\x82\x99", "ｶ", "ﾞ",  "和", "\xCC\x81",
                                         "ﷺ", "한", "ᆨ", "\xEF\xB8\x8F", "ĳ", "𠮷", " ",  "\xE5\x92"};
    (void)state;
    random_state = 7;
    for (int round = 0; round < 3000; round++) {
        char text[300];
        size_t length = 0, limit = random_below(250);
        while (length < limit) {
            const char *piece = pieces[random_below(ARRAY_SIZE(pieces))];
            char byte[2] = {(char)random_below(256), 0};
            const char *next = random_below(2) ? piece : byte;
            memcpy(text + length, next, strlen(next));
            length += strlen(next);
        }
        /* An exact copy, so that ASan sees each byte read beyond. */
        char *exact = memcpy(xmalloc(length), text, length);
        size_t count = 0;
        assert_true(tokenizer_run(exact, length, check_token, &count));
        assert_true(count <= 18 * length);
        free(exact);
    }
}

static void test_token_classes(void **state)
{
    static const struct {
        const char *token;
        enum token_kind kind;
        enum token_class class;
    } cases[] = {
        {"kimono", TOKEN_WORD, TOKEN_CONTENT},
        {"kimon", TOKEN_STEM, TOKEN_CONTENT},
        {"what", TOKEN_WORD, TOKEN_GRAMMAR_WORD},
        {"a", TOKEN_WORD, TOKEN_GRAMMAR_WORD},
        {"wha", TOKEN_WORD, TOKEN_CONTENT},
        {"shoul", TOKEN_STEM, TOKEN_GRAMMAR_WORD},
        {"预约", TOKEN_BIGRAM, TOKEN_NEIGHBOURS},
        {"レン", TOKEN_BIGRAM, TOKEN_NEIGHBOURS},
        {"请问", TOKEN_BIGRAM, TOKEN_GRAMMAR_NEIGHBOURS},
        {"です", TOKEN_BIGRAM, TOKEN_GRAMMAR_NEIGHBOURS},
        {"物吗", TOKEN_BIGRAM, TOKEN_GRAMMAR_SEAM},
        {"物を", TOKEN_BIGRAM, TOKEN_GRAMMAR_SEAM},
        {"会员", TOKEN_BIGRAM, TOKEN_GRAMMAR_SEAM},
        {"기모", TOKEN_BIGRAM, TOKEN_NEIGHBOURS},
        {"吗", TOKEN_SINGLE, TOKEN_GRAMMAR_CHARACTER},
        {"の", TOKEN_SINGLE, TOKEN_GRAMMAR_CHARACTER},
        {"猫", TOKEN_SINGLE, TOKEN_CONTENT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(token_classify(cases[i].token, strlen(cases[i].token), cases[i].kind),
                         cases[i].class);
}

/* ---- folding ---- */

static bool same_identity(const char *a, const char *b)
{
    return text_identity(a, strlen(a)) == text_identity(b, strlen(b));
}

static void test_identity_of_texts(void **state)
{
    static const char *const same[][2] = {
        {"价格？", "价格?"},
        {"Kimono", "ＫＩＭＯＮＯ"},
        {"ﾚﾝﾀﾙ", "レンタル"},
        {"café", "cafe\xCC\x81"},
        {"ガイド", "カ\xE3\x82\x99イド"},
        {"Straße", "STRASSE"},
        {"ΣΟΦΟΣ", "σοφος"},
        {"价格", "\xC2\xA0价格\xE3\x80\x80"},
        {"价格", "\xEF\xBB\xBF价格\xE2\x80\x8B "},
        {"价格", "价\xE2\x80\x8D格"},
        {"ℌ", "h"},
    };
    static const char *const others[][2] = {{"价格", "價格"}, {"cafe", "café"}, {"か", "が"},
                                            {"a b", "ab"},    {"", "a"},        {"价格", "价格?"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        if (!same_identity(same[i][0], same[i][1]))
            fail_msg("“%s” and “%s” are two", same[i][0], same[i][1]);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (same_identity(others[i][0], others[i][1]))
            fail_msg("“%s” and “%s” are one", others[i][0], others[i][1]);
}

static bool contains(const char *text, const char *keyword)
{
    CLEANUP(arena_release) struct arena arena = {0};
    return full_text_contains(text, full_text_fold(&arena, keyword));
}

static void test_keyword_in_text(void **state)
{
    static const struct {
        const char *text, *keyword;
        bool holds;
    } cases[] = {
        {"Kimono rental", "mono", true}, {"Kimono rental", "o r", true},
        {"Café de Paris", "cafe", true}, {"Café de Paris", "é", true},
        {"Café de Paris", "É", true},    {"Cafe de Paris", "é", false},
        {"Straße", "ss", true},          {"Strasse", "ß", true},
        {"ガイド", "カ", false},         {"ｶﾞｲﾄﾞ", "ガイ", true},
        {"İstanbul", "istanbul", true},  {"和服", "服", true},
        {"한국어", "국", true},          {"naïve", "naive", true},
        {"Đà Nẵng", "nang", true},       {"任意", "", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (contains(cases[i].text, cases[i].keyword) != cases[i].holds)
            fail_msg("“%s” in “%s”", cases[i].keyword, cases[i].text);
}

struct wanted {
    struct full_text_piece piece;
    bool found;
};

static bool meets(void *context, const char *token, size_t length)
{
    struct wanted *wanted = context;
    const struct full_text_piece *piece = &wanted->piece;
    wanted->found |= length >= piece->length && (!piece->whole || length == piece->length) &&
                     memcmp(token, piece->bytes, piece->length) == 0;
    return true;
}

/* Is each piece in the text's tokens? */
static bool index_finds(const char *text, const struct full_text_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        struct wanted wanted = {.piece = query->pieces[i]};
        full_text_tokens(text, strlen(text), false, meets, &wanted);
        if (!wanted.found)
            return false;
    }
    return true;
}

/* Whatever part of a text is asked for, the index finds the text; and what it calls exact is in it. */
static void test_index_finds_any_part(void **state)
{
    static const char *const pieces[] = {"a",  "b", "mono", "é", "e\xCC\x81", "ß",  "和", "服", "ｶﾞ",   "イ",
                                         "한", "3", "🎋",    " ", "?",         "１", "の", "İ",  "和服", "ki"};
    (void)state;
    random_state = 9;
    for (int round = 0; round < 20000; round++) {
        char text[200] = "", keyword[64] = "";
        for (uint32_t count = 1 + random_below(8); count > 0; count--)
            strcat(text, pieces[random_below(ARRAY_SIZE(pieces))]);
        for (uint32_t count = 1 + random_below(3); count > 0; count--)
            strcat(keyword, pieces[random_below(ARRAY_SIZE(pieces))]);
        CLEANUP(arena_release) struct arena query_arena = {0};
        struct full_text_query query = full_text_query(keyword, &query_arena);
        if (query.count == 0)
            continue;
        bool holds = contains(text, keyword), found = index_finds(text, &query);
        if ((holds && !found) || (found && query.exact && !holds))
            fail_msg("“%s” in “%s” by %zu pieces: %d, found %d", keyword, text, query.count, holds, found);
    }
}

/* ---- the slot table ---- */

static bool table_has(const struct slot_table *table, uint64_t hash, uint32_t slot)
{
    struct slot_cursor cursor = slot_table_lookup(table, hash);
    for (uint32_t found; (found = slot_table_next(table, &cursor)) != SLOT_NONE;)
        if (found == slot)
            return true;
    return false;
}

/* Few different hashes, also around the end of the table, so that clusters are long and wrap. */
static void test_slot_table_random(void **state)
{
    enum { SLOTS = 60 };
    static const uint64_t hashes[] = {0, 1, 15, 31, 63, 127, 0xFFFFFFFFu, 16, 32, 1};
    bool present[SLOTS] = {false};
    size_t count = 0;
    struct slot_table table = {0};
    (void)state;
    random_state = 11;
    for (int round = 0; round < 20000; round++) {
        uint32_t slot = random_below(SLOTS);
        uint64_t hash = hashes[slot % ARRAY_SIZE(hashes)];
        assert_int_equal(table_has(&table, hash, slot), present[slot]);
        if (present[slot])
            slot_table_remove(&table, hash, slot);
        else
            slot_table_add(&table, hash, slot);
        present[slot] = !present[slot];
        count += present[slot] ? 1 : (size_t)-1;
        assert_int_equal(table.count, count);
        for (uint32_t i = 0; i < SLOTS && round % 100 == 0; i++)
            assert_int_equal(table_has(&table, hashes[i % ARRAY_SIZE(hashes)], i), present[i]);
    }
    slot_table_remove(&table, 99, SLOTS); /* not there */
    assert_int_equal(table.count, count);
    slot_table_release(&table);
    assert_int_equal(slot_table_bytes(&table), 0);
}

/* ---- the index: what is found ---- */

/* clang-format off: several to a line */
static const char *const pairs[][2] = {
    {"和服租借价格是多少？", "普通和服每套 300 元起，振袖 800 元起，包含着装服务。"},
    {"如何预约？", "可以在官网、微信或电话预约，请提前三天。"},
    {"和服体验需要多长时间？", "着装大约 40 分钟，建议预留两个小时。"},
    {"你们的营业时间是几点到几点？", "每天上午九点到下午六点，周二休息。"},
    {"店铺地址在哪里？", "京都市东山区清水寺附近，地铁五条站步行十分钟，没有停车场。"},
    {"可以取消预约吗？怎么退款？", "提前 48 小时取消全额退款，24 小时内收取 50% 手续费。"},
    {"租和服可以第二天归还吗？", "可以，次日归还加收 100 元。"},
    {"和服弄脏了怎么办？", "轻微污渍免费清洗，严重损坏按价赔偿。"},
    {"提供化妆和发型设计吗？", "提供，发型 150 元，化妆 200 元。"},
    {"有男士和服吗？", "有，尺码从 S 到 3XL。"},
    {"儿童和服有哪些尺码？", "身高 90 到 150 厘米均可。"},
    {"可以带宠物一起拍照吗？", "室外可以，店内只接受小型犬。"},
    {"支持哪些付款方式？", "支持支付宝、微信、信用卡和现金。"},
    {"下雨天和服体验还进行吗？", "照常进行，免费提供雨伞，也可以改期。"},
    {"和服怎么穿？", "先穿长襦袢，左襟压右襟，再系腰带。"},
    {"振袖和访问着有什么区别？", "振袖是未婚女性的礼服，袖子更长。"},
    {"浴衣和和服有什么不同？", "浴衣是夏季的棉质便装，不穿长襦袢。"},
    {"可以寄存行李吗？", "免费寄存行李，贵重物品请随身携带。"},
    {"有摄影师跟拍服务吗？", "一小时跟拍 600 元，精修二十张。"},
    {"可以开发票吗？", "可以开具电子发票。"},
    {"会员有什么优惠？", "会员九折，生日当月八折。"},
    {"和服洗涤和保养方法", "丝质和服请送专业店干洗，避免阳光直射。"},
    {"和服可以购买吗？寄到国外吗？", "可以购买，EMS 国际快递约一周。"},
    {"团体预订有折扣吗？", "十人以上八五折。"},
    {"七五三和成人式套餐", "包含着装、发型、摄影，2000 元起。"},
    {"着物のレンタル料金はいくらですか？", "一日プランは3,300円からです。"},
    {"予約のキャンセルはできますか？", "前日まで無料でキャンセルできます。"},
    {"営業時間を教えてください", "9時から18時まで、火曜定休です。"},
    {"男性用の着物はありますか？", "はい、Sから3Lまでございます。"},
    {"ヘアセットは料金に含まれますか？", "含まれておりません。追加1,500円です。"},
    {"浴衣の着付けだけお願いできますか？", "持ち込みの着付けは2,500円です。"},
    {"駐車場はありますか？", "専用駐車場はございません。"},
    {"How much does it cost to rent a kimono?", "From 3,300 yen per day, dressing included."},
    {"What are your opening hours?", "9 am to 6 pm, closed on Tuesdays."},
    {"Can I cancel my reservation?", "Free cancellation up to the day before."},
    {"Do you ship kimono overseas?", "Yes, by EMS, it takes about a week."},
    {"Is there a deposit and what happens if the kimono is damaged?", "No deposit. Small stains are free."},
    {"Where is the shop and how do I get there?", "Ten minutes on foot from Gojo station."},
};

/* `pair` counts from 1; 0: all pairs must stay below the default threshold. */
static const struct {
    const char *query;
    int pair;
} questions[] = {
    {"和服租借价格是多少？", 1},
    {"价格", 1},
    {"租一套和服的价格大概多少钱", 1},
    {"我想预约明天下午", 2},
    {"怎么预约啊", 2},
    {"预约", 2},
    {"请问能带宠物去吗", 12},
    {"宠物", 12},
    {"我可以带着狗狗宠物吗", 12},
    {"体验一次要多长时间", 3},
    {"你们几点营业", 4},
    {"營業時間", 28},
    {"营业时间", 4},
    {"地址发我一下", 5},
    {"店在哪里？", 5},
    {"我要取消明天的预约", 6},
    {"退款要多久到账", 6},
    {"能不能退款", 6},
    {"refund 退款 how long", 6}, /* two languages in one question: the unknown words say the same again */
    {"kids 儿童尺码 available?", 11},
    {"第二天再归还行不行", 7},
    {"不小心弄脏了", 8},
    {"有没有化妆服务", 9},
    {"男士的有吗", 10},
    {"儿童尺码", 11},
    {"可以用支付宝付款吗", 13},
    {"支付宝", 13},
    {"下雨了怎么办", 14},
    {"自己怎么穿和服", 15},
    {"振袖是什么", 16},
    {"明日の午後に予約したいです", 27},
    {"着物を借りる料金はいくら", 26},
    {"今日は何時まで営業していますか", 28},
    {"着物の料金", 26},
    {"浴衣", 17},
    {"行李可以放店里吗", 18},
    {"寄存行李", 18},
    {"想找摄影师", 19},
    {"开发票", 20},
    {"会员优惠", 21},
    {"会员", 21},
    {"丝绸和服怎么洗涤", 22},
    {"能寄到国外吗", 23},
    {"团体折扣", 24},
    {"成人式", 25},
    {"停车场", 5},
    {"有停车场吗", 5},
    {"着物レンタルの料金を知りたい", 26},
    {"レンタル料金", 26},
    {"ﾚﾝﾀﾙ料金", 26},
    {"キャンセルしたいのですが", 27},
    {"営業時間は何時から何時までですか", 28},
    {"男性の着物", 29},
    {"ヘアセットもお願いしたい", 30},
    {"着付けだけ頼めますか", 31},
    {"駐車場はどこですか", 32},
    {"kimono rent cost", 33},
    {"how much is kimono rental", 33},
    {"how much to rent a kimono for a day", 33},
    {"opening hours", 34},
    {"what time do you open? opening hours?", 34},
    {"ＯＰＥＮＩＮＧ　ＨＯＵＲＳ", 34},
    {"cancel reservation", 35},
    {"I want to cancel my resevation", 35},
    {"do you ship overseas", 36},
    {"ship to Germany?", 36},
    {"deposit?", 37},
    {"where is your shop", 38},
    {"kimono レンタル 料金", 26},
    {"キャンセル fee?", 27},
    {"EMS", 36},
    {"Gojo station", 38},
    {"hair set ヘアセット いくら", 30},
    {"你们卖比特币吗", 0},
    {"火星上有和服店吗", 0},
    {"what is the capital of france", 0},
    {"今天天气怎么样", 0},
    {"请推荐一部电影", 0},
    {"股票怎么买", 0},
    {"ビットコインは買えますか", 0},
    {"明日の天気を教えてください", 0},
    {"do you sell bitcoin", 0},
    {"who is the president of the united states", 0},
    {"你好", 0},
    {"谢谢", 0},
    {"帮我写一首诗", 0},
    {"how do I fix my car", 0},
    {"what is the meaning of life", 0},
    {"你是谁", 0},
    {"你叫什么名字", 0},
    {"can you help me", 0},
    {"对不起我不知道", 0},
    {"火星移民计划什么时候开始", 0},
    {"苹果手机多少钱", 0},
    {"日本の首都はどこですか", 0},
    {"is there life on mars", 0},
    {"how are you", 0},
    {"what's your name?", 0},
    {"雨の日はどうなりますか", 0},
    {"おすすめの映画を教えてください", 0},
    {"株を買いたいです", 0},
    {"これは何ですか", 0},
    {"can I bring my dog", 0},
    {"犬を連れて行けますか", 0},
};
/* clang-format on */

static struct text_index *new_shop(void)
{
    struct text_index *index = text_index_new();
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        assert_true(text_index_put(index, (int64_t)i + 1, pairs[i][0], pairs[i][1]));
    return index;
}

/* Two are answered and should not be: of 明日の天気を教えてください and おすすめの映画を教えてください a pair has all
 * but what is asked for. */
#define ANSWERED_ALL_THE_SAME 2

static void test_index_answers_a_shop(void **state)
{
    struct text_index *index = new_shop();
    size_t answered_all_the_same = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        struct text_match match = {0};
        if (!text_index_search(index, questions[i].query, 1, TEXT_INDEX_MIN_SCORE_DEFAULT, &match))
            match.id = 0;
        answered_all_the_same += questions[i].pair == 0 && match.id != 0;
        if (questions[i].pair != 0 && match.id != questions[i].pair)
            fail_msg("%s: found %d (%.2f), not %d", questions[i].query, (int)match.id, match.score,
                     questions[i].pair);
    }
    assert_true(answered_all_the_same <= ANSWERED_ALL_THE_SAME);
    text_index_free(index);
}

/* A tenant's first pair must be found as well as one of many. */
static void test_index_answers_a_shop_with_one_pair(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        if (questions[i].pair == 0)
            continue;
        struct text_index *index = text_index_new();
        const char *const *pair = pairs[questions[i].pair - 1];
        text_index_put(index, 1, pair[0], pair[1]);
        struct text_match match;
        if (!text_index_search(index, questions[i].query, 1, 0.3, &match))
            fail_msg("%s does not find %s", questions[i].query, pair[0]);
        text_index_free(index);
    }
}

static void test_index_two_character_words(void **state)
{
    static const char *const cases[][2] = {{"宠物可以进店吗", "请问能带宠物去吗"},
                                           {"租借价格是多少？", "价格"},
                                           {"如何预约", "我想预约明天下午"}};
    struct text_index *all = text_index_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        text_index_put(all, (int64_t)i, cases[i][0], "");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text_match match = {.id = -1};
        assert_int_equal(text_index_search(all, cases[i][1], 5, 0.3, &match), 1);
        assert_int_equal(match.id, i);
    }
    text_index_free(all);
}

static void test_index_common_word_is_no_match(void **state)
{
    static const char *const shop[] = {"和服租借价格是多少？", "和服怎么预约",    "和服可以寄到国外吗",
                                       "和服怎么穿",           "有男士和服吗",    "儿童和服尺码",
                                       "和服体验要多久",       "和服弄脏了怎么办"};
    static const char *const unknown[] = {"火星上有和服店吗", "你们卖比特币吗",
                                          "what is the capital of france"};
    struct text_index *index = text_index_new();
    struct text_match match;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(shop); i++)
        text_index_put(index, (int64_t)i, shop[i], "");
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_int_equal(text_index_search(index, unknown[i], 1, 0.3, &match), 0);
    text_index_free(index);
}

static void test_index_exact_repeat_scores_one(void **state)
{
    struct text_index *index = new_shop();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct text_match match = {0};
        assert_int_equal(text_index_search(index, pairs[i][0], 1, 1.0, &match), 1);
        assert_int_equal(match.id, i + 1);
        assert_true(match.score == 1.0);
    }
    text_index_free(index);
}

/* ---- the index: the arithmetic ---- */

enum { REFERENCE_PAIRS = 200, REFERENCE_WORDS = 12, VOCABULARY = 40 };

static double reference_weight(bool texts[][VOCABULARY], int word)
{
    double with = 0;
    for (int i = 0; i < REFERENCE_PAIRS; i++)
        with += texts[i][word];
    return log(1 + (REFERENCE_PAIRS + 16 - with + 0.5) / (with + 0.5));
}

static double reference_score(bool texts[][VOCABULARY], const bool *pair, const bool *query)
{
    double common = 0, asked = 0, held = 0;
    for (int word = 0; word < VOCABULARY; word++) {
        double weight = reference_weight(texts, word);
        common += pair[word] && query[word] ? weight : 0;
        asked += query[word] ? weight : 0;
        held += pair[word] ? weight : 0;
    }
    double raw = common / pow(0.6 * sqrt(asked) + 0.4 * sqrt(held), 2);
    return fmin(pow(raw, 1 + log(REFERENCE_PAIRS / 100.0) / 8), 0.99);
}

static void random_text(char *ret_text, bool *ret_words)
{
    int count = 1 + (int)random_below(REFERENCE_WORDS);
    memset(ret_words, 0, VOCABULARY * sizeof(*ret_words));
    for (*ret_text = '\0'; count > 0; count--) {
        int word = (int)(random_below(VOCABULARY) * random_below(VOCABULARY)) / VOCABULARY;
        ret_words[word] = true;
        sprintf(ret_text + strlen(ret_text), "w%d ", word);
    }
}

static void test_index_scores_as_documented(void **state)
{
    static bool texts[REFERENCE_PAIRS][VOCABULARY];
    char text[REFERENCE_WORDS * 5 + 1];
    bool query[VOCABULARY];
    struct text_index *index = text_index_new();
    (void)state;
    random_state = 3;
    for (int i = 0; i < REFERENCE_PAIRS; i++) {
        random_text(text, texts[i]);
        text_index_put(index, i, text, NULL);
    }
    for (int round = 0; round < 50; round++) {
        struct text_match matches[TEXT_INDEX_TOP_K_MAX];
        random_text(text, query);
        size_t count = text_index_search(index, text, 20, 0, matches);
        double before = 1;
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            double expected = reference_score(texts, texts[matches[i].id], query);
            assert_true(matches[i].score == 1 || fabs(matches[i].score - expected) < 1e-3);
            assert_true(matches[i].score <= before);
            before = matches[i].score;
        }
    }
    text_index_free(index);
}

/* ---- the index: an equal question ---- */

/* clang-format off: several to a line */
static const char *const parts[] = {
    "和服",      "租赁", "价格",   "怎么样", "啊",     "吗", "天气",     "味道",   "多少钱",  "？",
    " ",         "　",   "可以",   "的",     "着物",   "の", "レンタル", "ﾚﾝﾀﾙ",   "は",      "いくら",
    "ですか",    "rent", "rental", "Kimono", "KIMONO", "a",  "how much", "Straße", "strasse", "é",
    "e\xCC\x81", "3",    "３",     "人",     "한국",   "어", "👘",        "!",
};
/* clang-format on */

static void random_question(char *ret_text)
{
    uint32_t count = 1 + random_below(5);
    *ret_text = '\0';
    while (count-- > 0)
        strcat(ret_text, parts[random_below(ARRAY_SIZE(parts))]);
}

/* Whatever else is stored: a question that is asked word for word is answered by its own pair, with 1, and only
 * questions that are equal to a reader score 1. */
static void test_index_equal_question_first(void **state)
{
    enum { QUESTIONS = 1500 };
    static char texts[QUESTIONS][256];
    struct text_index *index = text_index_new();
    (void)state;
    random_state = 5;
    for (int i = 0; i < QUESTIONS; i++) {
        do
            random_question(texts[i]);
        while (text_identity(texts[i], strlen(texts[i])) == text_identity("", 0));
        text_index_put(index, i, texts[i], texts[random_below((uint32_t)i + 1)]);
    }
    for (int i = 0; i < QUESTIONS; i++) {
        struct text_match matches[TEXT_INDEX_TOP_K_MAX];
        uint64_t identity = text_identity(texts[i], strlen(texts[i]));
        size_t count = text_index_search(index, texts[i], TEXT_INDEX_TOP_K_MAX, 0, matches);
        assert_true(count > 0 && matches[0].score == 1);
        for (size_t k = 0; k < count; k++) {
            const char *found = texts[matches[k].id];
            bool is_equal = text_identity(found, strlen(found)) == identity;
            if ((matches[k].score == 1) != is_equal)
                fail_msg("asked “%s”, found “%s” with %.3f", texts[i], found, matches[k].score);
        }
    }
    text_index_free(index);
}

static void test_index_shorter_pair_does_not_win(void **state)
{
    static const char *const shop[] = {"和服租赁价格", "和服租赁怎么样啊？", "天气怎么样啊？",
                                       "味道怎么样啊？"};
    struct text_index *index = text_index_new();
    struct text_match matches[4];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(shop); i++)
        text_index_put(index, (int64_t)i, shop[i], "");
    assert_true(text_index_search(index, shop[1], 4, 0, matches) > 1);
    assert_int_equal(matches[0].id, 1);
    assert_true(matches[0].score == 1 && matches[1].score < 1);
    text_index_free(index);
}

/* One character, characters with spaces between them, a known word beside an unknown character. */
static void test_index_short_and_spaced_questions(void **state)
{
    static const char *const shop[] = {"下雨天有伞吗", "退款多久到账", "租和服多少钱", "3人可以打折吗",
                                       "有XL号的男装吗"};
    static const struct {
        const char *question;
        int pair;
    } asked[] = {{"伞", 0},         {"退", 1},  {"租 和 服 多 少 钱", 2},
                 {"租　和　服", 2}, {"3人", 3}, {"３ 人", 3},
                 {"XL号", 4},       {"xl", 4},  {"帅XL", 4},
                 {"XL码", 4}};
    struct text_index *index = text_index_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(shop); i++)
        text_index_put(index, (int64_t)i, shop[i], "");
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        struct text_match match = {.id = -1};
        if (!text_index_search(index, asked[i].question, 1, TEXT_INDEX_MIN_SCORE_DEFAULT, &match))
            match.id = -1;
        if (match.id != asked[i].pair)
            fail_msg("%s: found %d, not %d", asked[i].question, (int)match.id, asked[i].pair);
    }
    text_index_free(index);
}

static void test_index_answer_helps_and_never_dilutes(void **state)
{
    struct text_index *index = text_index_new();
    struct text_match matches[3];
    (void)state;
    text_index_put(index, 1, "店铺地址在哪里", "清水寺附近，没有停车场。");
    text_index_put(index, 2, "停车场收费", "");
    text_index_put(index, 3, "几点开门", "");
    assert_int_equal(text_index_search(index, "停车场", 3, 0.3, matches), 2);
    assert_int_equal(matches[0].id, 2); /* the question counts for more */
    assert_int_equal(matches[1].id, 1);
    double before = matches[0].score;
    text_index_put(index, 2, "停车场收费", "每小时三百日元，请把车停在大门左侧并向店员领取代金券。");
    text_index_search(index, "停车场", 1, 0.3, matches);
    assert_true(matches[0].score >= before);
    text_index_free(index);
}

static void test_index_order_limits_and_threshold(void **state)
{
    struct text_index *index = text_index_new();
    struct text_match matches[TEXT_INDEX_TOP_K_MAX + 1];
    (void)state;
    for (int64_t id = 100; id > 0; id--) /* the same text: ties, in every slot order */
        text_index_put(index, id * 7 % 101 - 50, "kimono rental", "");
    text_index_put(index, 1000, "kimono", "");
    assert_int_equal(text_index_search(index, "kimono rental", 0, 0, matches), 0);
    assert_int_equal(text_index_search(index, "kimono rental", 3, 0, matches), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(matches[i].id, (int64_t)i - 49);
    matches[TEXT_INDEX_TOP_K_MAX].id = 4711;
    assert_int_equal(text_index_search(index, "kimono rental", 1000, 0, matches), TEXT_INDEX_TOP_K_MAX);
    assert_int_equal(matches[TEXT_INDEX_TOP_K_MAX].id, 4711);
    assert_int_equal(text_index_search(index, "kimono", 1, 0, matches), 1);
    assert_int_equal(matches[0].id, 1000);
    assert_int_equal(text_index_search(index, "kimono rental", 5, 1.01, matches), 0);
    assert_int_equal(text_index_search(index, "unheard of", 5, 0, matches), 0);
    assert_int_equal(text_index_search(index, "", 5, 0, matches), 0);
    assert_int_equal(text_index_search(index, "?!", 5, -1, matches), 0);
    text_index_free(index);
}

/* ---- the index: changing it ---- */

static void test_index_empty_and_odd_input(void **state)
{
    struct text_index *index = text_index_new();
    struct text_match match;
    (void)state;
    text_index_free(NULL);
    text_index_remove(index, 5);
    assert_int_equal(text_index_search(index, "a", 1, 0, &match), 0);
    assert_true(text_index_put(index, INT64_MIN, NULL, NULL));
    assert_true(text_index_put(index, INT64_MAX, "", "\xFF\xFE"));
    assert_int_equal(text_index_search(index, "a", 1, 0, &match), 0);
    assert_true(text_index_put(index, INT64_MIN, "和服", NULL));
    assert_int_equal(text_index_count(index), 2);
    assert_int_equal(text_index_search(index, "和服", 1, 0.3, &match), 1);
    assert_true(match.id == INT64_MIN);
    text_index_remove(index, INT64_MIN);
    text_index_remove(index, INT64_MAX);
    assert_int_equal(text_index_count(index), 0);
    assert_int_equal(text_index_search(index, "和服", 1, 0, &match), 0);
    text_index_free(index);
}

/* A text of 200,000 different words: what is beyond the ceiling is left out, all can be removed. */
/* Four letters, too short for a stem, and a space. */
static int write_short_word(char *at, int number)
{
    return sprintf(at, "%c%c%c%c ", 'a' + number / 17576 % 26, 'a' + number / 676 % 26,
                   'a' + number / 26 % 26, 'a' + number % 26);
}

static void test_index_very_long_texts(void **state)
{
    enum { WORDS = 200000 };
    char *text = xmalloc(WORDS * 9 + 1), *end = text, last[8], beyond[8];
    struct text_index *index = text_index_new();
    struct text_match match;
    (void)state;
    for (int i = 0; i < WORDS; i++)
        end += write_short_word(end, i);
    assert_true(text_index_put(index, 1, text, text));
    write_short_word(last, 65534);
    write_short_word(beyond, 65535);
    assert_int_equal(text_index_search(index, last, 1, 0, &match), 1);
    assert_int_equal(text_index_search(index, beyond, 1, 0, &match), 0);
    assert_int_equal(text_index_search(index, text, 1, 1, &match), 1); /* word for word */
    *strrchr(text, 'a') = 'z';
    assert_int_equal(text_index_search(index, text, 1, 0, &match), 1); /* the first 512 tokens */
    assert_true(text_index_put(index, 1, "short", text));
    assert_int_equal(text_index_search(index, "short", 1, 0.9, &match), 1);
    text_index_remove(index, 1);
    assert_int_equal(text_index_search(index, last, 1, 0, &match), 0);
    text_index_free(index);
    free(text);
}

enum { CHURN_IDS = 300, CHURN_TEXT = 100 };

static void random_mixed_text(char *ret_text)
{
    static const char *const words[] = {"和服", "预约",     "价格", "的", "吗", "kimono ", "rent ", "the ",
                                        "着物", "レンタル", "は",   "，", "店", "清洗",    "w",     "7"};
    *ret_text = '\0';
    for (uint32_t count = random_below(9); count > 0; count--)
        strcat(ret_text, words[random_below(ARRAY_SIZE(words))]);
    if (random_below(3) == 0)
        sprintf(ret_text + strlen(ret_text), " r%u", random_below(1000));
}

static void assert_same_answers(const struct text_index *a, const struct text_index *b)
{
    for (int round = 0; round < 20; round++) {
        struct text_match from_a[TEXT_INDEX_TOP_K_MAX], from_b[TEXT_INDEX_TOP_K_MAX];
        char query[CHURN_TEXT];
        random_mixed_text(query);
        size_t count = text_index_search(a, query, TEXT_INDEX_TOP_K_MAX, 0.1, from_a);
        assert_int_equal(text_index_search(b, query, TEXT_INDEX_TOP_K_MAX, 0.1, from_b), count);
        for (size_t i = 0; i < count; i++) {
            assert_true(from_a[i].id == from_b[i].id);
            assert_true(from_a[i].score == from_b[i].score);
        }
    }
}

/* After any puts, replacements and removals: exactly what an index built afresh answers. */
static void test_index_churn_equals_rebuild(void **state)
{
    static char texts[CHURN_IDS][2][CHURN_TEXT];
    static bool present[CHURN_IDS];
    struct text_index *index = text_index_new();
    (void)state;
    random_state = 5;
    for (int step = 1; step <= 20000; step++) {
        uint32_t id = random_below(CHURN_IDS);
        present[id] = random_below(5) < (step / 2500 % 2 ? 1 : 4); /* fills and empties in turns */
        random_mixed_text(texts[id][0]);
        random_mixed_text(texts[id][1]);
        if (present[id])
            assert_true(text_index_put(index, id, texts[id][0], texts[id][1]));
        else
            text_index_remove(index, id);
        if (step % 500 != 0)
            continue;
        struct text_index *fresh = text_index_new();
        for (uint32_t i = CHURN_IDS; i-- > 0;)
            if (present[i])
                text_index_put(fresh, i, texts[i][0], texts[i][1]);
        assert_int_equal(text_index_count(index), text_index_count(fresh));
        assert_same_answers(index, fresh);
        text_index_free(fresh);
    }
    text_index_free(index);
}

/* Years of replacing must not make it grow. Also slots in more than one block of the search. */
static void test_index_memory_stays_bounded(void **state)
{
    enum { PAIRS = 6000, ROUNDS = 6 };
    struct text_index *index = text_index_new();
    size_t first = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PAIRS; i++) {
            char text[64];
            sprintf(text, "kimono rental number %d of round%d", i, round * PAIRS + i);
            text_index_put(index, i, text, "和服");
        }
        struct text_match match;
        assert_int_equal(text_index_search(index, "number 5999", 1, 0.3, &match), 1);
        assert_int_equal(match.id, 5999);
        if (round == 0)
            first = text_index_bytes(index);
    }
    assert_true(text_index_bytes(index) < first + first / 5);
    assert_true(text_index_bytes(index) / PAIRS < 250);
    for (int i = 0; i < PAIRS; i++)
        text_index_remove(index, i);
    assert_int_equal(text_index_count(index), 0);
    text_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenizer_cases),
        cmocka_unit_test(test_tokenizer_nul_separates),
        cmocka_unit_test(test_tokenizer_stops),
        cmocka_unit_test(test_tokenizer_cuts_long_words),
        cmocka_unit_test(test_tokenizer_takes_any_bytes),
        cmocka_unit_test(test_token_classes),
        cmocka_unit_test(test_identity_of_texts),
        cmocka_unit_test(test_keyword_in_text),
        cmocka_unit_test(test_index_finds_any_part),
        cmocka_unit_test(test_slot_table_random),
        cmocka_unit_test(test_index_answers_a_shop),
        cmocka_unit_test(test_index_answers_a_shop_with_one_pair),
        cmocka_unit_test(test_index_two_character_words),
        cmocka_unit_test(test_index_common_word_is_no_match),
        cmocka_unit_test(test_index_exact_repeat_scores_one),
        cmocka_unit_test(test_index_scores_as_documented),
        cmocka_unit_test(test_index_equal_question_first),
        cmocka_unit_test(test_index_shorter_pair_does_not_win),
        cmocka_unit_test(test_index_short_and_spaced_questions),
        cmocka_unit_test(test_index_answer_helps_and_never_dilutes),
        cmocka_unit_test(test_index_order_limits_and_threshold),
        cmocka_unit_test(test_index_empty_and_odd_input),
        cmocka_unit_test(test_index_very_long_texts),
        cmocka_unit_test(test_index_churn_equals_rebuild),
        cmocka_unit_test(test_index_memory_stays_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
