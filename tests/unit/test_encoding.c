/* formats/text_encoding and text_decoder: which encoding a text is in, and its rows. */
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "formats/csv.h"
#include "formats/text_encoding.h"

static const char chinese[] =
    "问题,答案,分类\n怎么退货？,“七天内”可以退货。,售后\n快递几天到？,两到三天；偏远地区五天,物流\n";
static const char japanese[] =
    "質問,回答\n返品できますか？,はい、七日以内なら返品できます。\n送料はいくらですか,無料です\n";
static const char half_width[] = "ｼﾂﾓﾝ,ｶｲﾄｳ\nｶﾌﾞｼｷｶﾞｲｼｬ,ﾃｽﾄﾃﾞｰﾀ\n";

/* What `text`, in UTF-8, is in another encoding. */
static void encode(const char *text, enum text_encoding encoding, struct strbuf *out)
{
    iconv_t converter = iconv_open(text_encoding_iconv_name(encoding), "UTF-8");
    char *in = (char *)text, *to = strbuf_reserve(out, 4 * strlen(text) + 16);
    size_t left = strlen(text), room = 4 * strlen(text) + 16, all = room;
    assert_int_equal(iconv(converter, &in, &left, &to, &room), 0);
    iconv(converter, NULL, NULL, &to, &room); /* the last escape */
    out->length += all - room;
    iconv_close(converter);
}

/* ---- a source in memory that gives `step` bytes at a time ---- */

struct memory {
    const char *bytes;
    size_t length, at, step;
};

static ssize_t read_memory(void *context, void *bytes, size_t size)
{
    struct memory *memory = context;
    size_t left = memory->length - memory->at, take = left < memory->step ? left : memory->step;
    take = take < size ? take : size;
    memcpy(bytes, memory->bytes + memory->at, take);
    memory->at += take;
    return (ssize_t)take;
}

static bool decode(const char *bytes, size_t length, size_t step, size_t room, struct strbuf *out,
                   enum text_encoding *ret_encoding, struct error *err)
{
    struct memory memory = {bytes, length, 0, step};
    struct byte_source source = {read_memory, &memory};
    CLEANUP(text_decoder_release) struct text_decoder decoder;
    text_decoder_init(&decoder, &source, *ret_encoding);
    for (;;) {
        size_t got;
        char *to = strbuf_reserve(out, room);
        bool good = text_decoder_read(&decoder, to, room, &got, err);
        *ret_encoding = decoder.encoding;
        if (!good || got == 0)
            return good;
        out->length += got;
        out->bytes[out->length] = '\0';
    }
}

static void expect_decoded(const char *mark, size_t mark_length, const char *text,
                           enum text_encoding encoding)
{
    static const size_t steps[] = {1, 7, 1 << 20}, rooms[] = {16, 64, 1 << 16};
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    strbuf_append(&bytes, mark, mark_length);
    encode(text, encoding, &bytes);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        CLEANUP(strbuf_release) struct strbuf out = {0};
        enum text_encoding found = TEXT_ENCODING_UNKNOWN;
        struct error err;
        error_clear(&err);
        if (!decode(bytes.bytes, bytes.length, steps[i], rooms[i], &out, &found, &err))
            fail_msg("%s: %s", text_encoding_name(encoding), err.detail[LANGUAGE_EN]);
        assert_string_equal(text_encoding_name(found), text_encoding_name(encoding));
        assert_string_equal(strbuf_text(&out), text);
    }
}

static void test_all_encodings(void **state)
{
    (void)state;
    expect_decoded("", 0, chinese, TEXT_ENCODING_UTF8);
    expect_decoded("\xEF\xBB\xBF", 3, chinese, TEXT_ENCODING_UTF8);
    expect_decoded("\xFF\xFE", 2, chinese, TEXT_ENCODING_UTF16LE);
    expect_decoded("\xFE\xFF", 2, chinese, TEXT_ENCODING_UTF16BE);
    expect_decoded("", 0, chinese, TEXT_ENCODING_UTF16LE);
    expect_decoded("", 0, chinese, TEXT_ENCODING_UTF16BE);
    expect_decoded("", 0, "a,b\n1,😀\n", TEXT_ENCODING_UTF16LE);
    expect_decoded("", 0, chinese, TEXT_ENCODING_GB18030);
    expect_decoded("", 0, "编号,文字\n1,生僻字：㐀𠀀\n", TEXT_ENCODING_GB18030);
    expect_decoded("", 0, japanese, TEXT_ENCODING_SHIFT_JIS);
    expect_decoded("", 0, japanese, TEXT_ENCODING_EUC_JP);
    expect_decoded("", 0, "問題,答案\n退貨怎麼辦？,七天內可以退貨。\n", TEXT_ENCODING_BIG5);
    expect_decoded("", 0, "질문,답변\n한복 대여 가격은 얼마인가요?,하루에 3만 원입니다.\n",
                   TEXT_ENCODING_EUC_KR);
    expect_decoded("", 0, half_width, TEXT_ENCODING_SHIFT_JIS);
    expect_decoded("", 0, "質問,回答\n", TEXT_ENCODING_SHIFT_JIS);
    expect_decoded("", 0, "ソ表能\\,①㈱\n", TEXT_ENCODING_SHIFT_JIS);
    expect_decoded("", 0, "é,ü\n", TEXT_ENCODING_UTF8);
}

/* The first character beyond ASCII far behind the first sample; many of them across its edges. */
static void test_late_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum text_encoding encoding;
    } cases[] = {
        {chinese, TEXT_ENCODING_GB18030}, {japanese, TEXT_ENCODING_SHIFT_JIS}, {chinese, TEXT_ENCODING_UTF8}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        for (int row = 0; row < 60000; row++)
            strbuf_printf(&text, "%d,plain\n", row);
        for (int row = 0; row < 6000; row++) {
            strbuf_puts(&text, row % 3 ? "" : "x");
            strbuf_puts(&text, cases[i].text);
        }
        CLEANUP(strbuf_release) struct strbuf bytes = {0};
        CLEANUP(strbuf_release) struct strbuf out = {0};
        encode(text.bytes, cases[i].encoding, &bytes);
        enum text_encoding found = TEXT_ENCODING_UNKNOWN;
        struct error err;
        assert_true(decode(bytes.bytes, bytes.length, 4099, 9999, &out, &found, &err));
        assert_int_equal(found, cases[i].encoding);
        assert_string_equal(out.bytes, text.bytes);
    }
}

/* ---- through the CSV reader: rows, and where it is wrong ---- */

static bool keep_last(void *context, const struct table_row *row, struct error *err)
{
    (void)err;
    struct strbuf *out = context;
    strbuf_reset(out);
    for (size_t i = 0; i < row->count; i++)
        strbuf_printf(out, "%s%s", i ? "|" : "", row->fields[i]);
    return true;
}

static bool read_rows(const char *bytes, size_t length, struct csv_form *form, struct strbuf *out,
                      struct error *err)
{
    struct memory memory = {bytes, length, 0, 5};
    struct byte_source source = {read_memory, &memory};
    error_clear(err);
    return csv_read_form(&source, form, keep_last, out, err);
}

static void test_rows(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct error err;
    struct csv_form form = {0};
    encode("问题;答案\n怎么退货？;“一；二”\n", TEXT_ENCODING_GB18030, &bytes);
    assert_true(read_rows(bytes.bytes, bytes.length, &form, &out, &err));
    assert_string_equal(strbuf_text(&out), "怎么退货？|“一；二”");
    assert_int_equal(form.encoding, TEXT_ENCODING_GB18030);
    assert_int_equal(form.delimiter, ';');
    assert_true(read_rows(bytes.bytes, bytes.length, &form, &out, &err)); /* what is known is not guessed */
    assert_string_equal(strbuf_text(&out), "怎么退货？|“一；二”");

    form = (struct csv_form){.encoding = TEXT_ENCODING_SHIFT_JIS};
    assert_true(read_rows("a\n\xB1\xB2\n", 5, &form, &out, &err));
    assert_string_equal(strbuf_text(&out), "ｱｲ");
    form = (struct csv_form){0};
    assert_true(read_rows("a,b\n1,2\n", 8, &form, &out, &err));
    assert_int_equal(form.encoding, TEXT_ENCODING_UTF8);
}

static void expect_wrong(const struct strbuf *bytes, struct csv_form form, const char *part)
{
    CLEANUP(strbuf_release) struct strbuf out = {0};
    struct error err;
    assert_false(read_rows(bytes->bytes, bytes->length, &form, &out, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    if (!strstr(err.detail[LANGUAGE_EN], part))
        fail_msg("'%s' is not in '%s'", part, err.detail[LANGUAGE_EN]);
}

static void test_wrong_bytes(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    for (int i = 0; i < 5000; i++) /* longer than the sample: the mistake is not in it */
        encode("怎么退货？,七天内可以退货。那么运费由谁来承担呢\n", TEXT_ENCODING_GB18030, &bytes);
    encode("怎么,", TEXT_ENCODING_GB18030, &bytes);
    strbuf_append(&bytes, "\xFF\n", 2);
    expect_wrong(&bytes, (struct csv_form){0},
                 "line 5001, column 4: the byte 0xFF here means nothing in GB18030");

    strbuf_reset(&bytes);
    encode(chinese, TEXT_ENCODING_GB18030, &bytes);
    bytes.length -= 2; /* half a character at the end */
    expect_wrong(&bytes, (struct csv_form){.encoding = TEXT_ENCODING_GB18030},
                 "line 3, column 21: the byte 0xC1");

    strbuf_reset(&bytes);
    strbuf_append(&bytes,
                  "\xFF\xFE"
                  "a\0,\0b\0\n\0\0\xDC",
                  12);
    expect_wrong(&bytes, (struct csv_form){0},
                 "line 2, column 1: the byte 0x00 here means nothing in UTF-16LE");

    strbuf_reset(&bytes);
    strbuf_append(&bytes,
                  "\xFF\xFE"
                  "a\0,\0b\0\n\0\0\0",
                  12);
    expect_wrong(&bytes, (struct csv_form){0}, "line 2, column 1: a NUL byte");
}

/* ---- which encoding it is ---- */

static struct text_encoding_guess guess_of(const char *text, enum text_encoding encoding)
{
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    encode(text, encoding, &bytes);
    return text_encoding_guess(bytes.bytes, bytes.length, true);
}

/* Texts that the lists of characters were not made from. A single cell of a few characters is enough. */
static void test_is_told_from_little(void **state)
{
    (void)state;
    static const struct {
        enum text_encoding encoding;
        const char *texts[8];
    } cases[] = {
        {TEXT_ENCODING_GB18030,
         {"退货流程", "租金多少", "营业到几点？", "可以带宠物吗", "押金全额退还，当天到账。", "周一闭馆"}},
        {TEXT_ENCODING_BIG5,
         {"退貨流程", "租金多少錢", "營業到幾點？", "可以帶寵物嗎", "押金全額退還，當天入帳。", "週一休館"}},
        {TEXT_ENCODING_SHIFT_JIS,
         {"返品方法", "営業時間は？", "ペットも入れますか", "当日キャンセルは全額いただきます。", "月曜定休",
          "雨の日の貸出", half_width}},
        {TEXT_ENCODING_EUC_JP,
         {"営業時間は何時までですか", "ペットも一緒に入れますか", "当日キャンセルは全額いただきます。",
          "支払方法を教えてください"}},
        {TEXT_ENCODING_EUC_KR,
         {"반품절차", "영업시간은?", "애완견도 되나요", "보증금은 당일 전액 환불됩니다.", "월요일 휴관",
          "똠방각하 펲시콜라"}},
        {TEXT_ENCODING_UTF8, {"退货", "退貨流程", "返品方法", "반품", "café", "Straße", "вопрос", "😀"}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t k = 0; k < ARRAY_SIZE(cases[i].texts) && cases[i].texts[k]; k++) {
            struct text_encoding_guess guess = guess_of(cases[i].texts[k], cases[i].encoding);
            if (guess.encoding != cases[i].encoding || guess.certainty != TEXT_ENCODING_SURE)
                fail_msg("%s in %s is taken for %s (%d)", cases[i].texts[k],
                         text_encoding_name(cases[i].encoding), text_encoding_name(guess.encoding),
                         (int)guess.certainty);
        }
}

/* One or two characters say little: then it may ask, but it is never sure of what is wrong. */
static void test_is_never_sure_of_rubbish(void **state)
{
    (void)state;
    static const enum text_encoding kinds[] = {TEXT_ENCODING_GB18030, TEXT_ENCODING_BIG5,
                                               TEXT_ENCODING_SHIFT_JIS, TEXT_ENCODING_EUC_JP,
                                               TEXT_ENCODING_EUC_KR};
    static const char *const texts[ARRAY_SIZE(kinds)][6] = {
        {"一", "联通", "押金", "客服", "好评", "包邮"},     {"一", "租", "客服", "價格", "訂單", "運費"},
        {"税込", "無料", "要予約", "返却", "送料", "円"},   {"税込", "無料", "要予約", "返却", "送料", "円"},
        {"예", "가격", "무료", "환불", "예약금", "배송비"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        for (size_t k = 0; k < ARRAY_SIZE(texts[i]); k++) {
            struct text_encoding_guess guess = guess_of(texts[i][k], kinds[i]);
            bool is_offered = false;
            for (size_t at = 0; at < guess.count; at++)
                is_offered |= guess.candidates[at] == kinds[i];
            if (guess.certainty == TEXT_ENCODING_DOUBTFUL && !is_offered)
                fail_msg("%s in %s is not offered", texts[i][k], text_encoding_name(kinds[i]));
            if (guess.certainty != TEXT_ENCODING_DOUBTFUL && guess.encoding != kinds[i])
                fail_msg("%s in %s is surely taken for %s", texts[i][k], text_encoding_name(kinds[i]),
                         text_encoding_name(guess.encoding));
        }
}

/* What has a byte for each letter is never called sure: its neighbours differ in a few letters. */
static void test_letters(void **state)
{
    (void)state;
    static const struct {
        enum text_encoding encoding;
        const char *text;
    } cases[] = {
        {TEXT_ENCODING_WINDOWS_1252,
         "name,place\nJosé,España\nFrançois,Genève\nMüller,Straße\nfaçade,déjà vu\n"},
        {TEXT_ENCODING_WINDOWS_1251, "вопрос,ответ\nСколько стоит прокат кимоно?,Три тысячи иен в день\n"},
        {TEXT_ENCODING_KOI8_R, "вопрос,ответ\nСколько стоит прокат кимоно?,Три тысячи иен в день\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text_encoding_guess guess = guess_of(cases[i].text, cases[i].encoding);
        assert_string_equal(text_encoding_name(guess.encoding), text_encoding_name(cases[i].encoding));
        assert_int_equal(guess.certainty, i == 0 ? TEXT_ENCODING_LIKELY : TEXT_ENCODING_DOUBTFUL);
    }
}

static void test_others_are_doubted(void **state)
{
    (void)state;
    static const struct {
        const char *encoding, *text;
    } cases[] = {
        {"TIS-620", "ราคาเท่าไหร่,สามร้อยบาท\n"},
        {"CP1253", "Πόσο κοστίζει;,Τρία ευρώ\n"},
        {"CP1255", "כמה זה עולה,שלוש מאות\n"},
        {"CP1256", "كم السعر,ثلاثمائة\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char bytes[256], *in = (char *)cases[i].text, *out = bytes;
        size_t left = strlen(in), room = sizeof(bytes);
        iconv_t converter = iconv_open(cases[i].encoding, "UTF-8");
        assert_int_equal(iconv(converter, &in, &left, &out, &room), 0);
        iconv_close(converter);
        struct text_encoding_guess guess = text_encoding_guess(bytes, (size_t)(out - bytes), true);
        if (guess.encoding != TEXT_ENCODING_UNKNOWN && guess.certainty != TEXT_ENCODING_DOUBTFUL)
            fail_msg("%s is taken for %s", cases[i].encoding, text_encoding_name(guess.encoding));
    }
}

static void test_escapes(void **state)
{
    (void)state;
    expect_decoded("", 0, japanese, TEXT_ENCODING_ISO_2022_JP);
    expect_decoded("", 0, "q,a\n送料は？,無料か", TEXT_ENCODING_ISO_2022_JP);
    CLEANUP(strbuf_release) struct strbuf out = {0};
    enum text_encoding found = TEXT_ENCODING_UNKNOWN;
    struct error err;
    assert_true(decode("a\x1B[0m,b\n", 9, 3, 64, &out, &found, &err)); /* colours of a terminal */
    assert_string_equal(strbuf_text(&out), "a\x1B[0m,b\n");
}

static void test_names(void **state)
{
    (void)state;
    enum text_encoding encoding;
    for (int i = TEXT_ENCODING_UTF8; i < TEXT_ENCODING_COUNT; i++) {
        assert_true(text_encoding_parse(text_encoding_name((enum text_encoding)i), &encoding));
        assert_int_equal(encoding, i);
    }
    assert_true(text_encoding_parse("gb18030", &encoding));
    assert_false(text_encoding_parse("EBCDIC", &encoding));
    assert_false(text_encoding_parse("", &encoding));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_encodings), cmocka_unit_test(test_late_characters),
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_wrong_bytes),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_is_told_from_little),
        cmocka_unit_test(test_letters),       cmocka_unit_test(test_is_never_sure_of_rubbish),
        cmocka_unit_test(test_escapes),       cmocka_unit_test(test_others_are_doubted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
