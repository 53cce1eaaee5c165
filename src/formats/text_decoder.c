#include "formats/text_decoder.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

void text_decoder_init(struct text_decoder *decoder, const struct byte_source *source,
                       enum text_encoding encoding)
{
    *decoder =
        (struct text_decoder){.source = source, .encoding = encoding, .raw = xmalloc(TEXT_DECODER_SAMPLE)};
}

void text_decoder_release(struct text_decoder *decoder)
{
    if (decoder->converting)
        iconv_close(decoder->converter);
    decoder->converting = false;
    free(decoder->raw);
    decoder->raw = NULL;
}

/* As many bytes as there is room for. */
static bool decoder_fill(struct text_decoder *decoder, struct error *err)
{
    memmove(decoder->raw, decoder->raw + decoder->start, decoder->end - decoder->start);
    decoder->end -= decoder->start;
    decoder->start = 0;
    while (!decoder->at_end && decoder->end < TEXT_DECODER_SAMPLE) {
        ssize_t got = decoder->source->read(decoder->source->context, decoder->raw + decoder->end,
                                            TEXT_DECODER_SAMPLE - decoder->end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, ERROR_INTERNAL, "it cannot be read: %s", "无法读取：%s", strerror(errno));
        decoder->end += (size_t)got;
        decoder->at_end = got == 0;
    }
    return true;
}

static bool decoder_begin_converting(struct text_decoder *decoder, struct error *err)
{
    if (decoder->encoding == TEXT_ENCODING_UNKNOWN || decoder->encoding == TEXT_ENCODING_UTF8)
        return true;
    iconv_t converter = iconv_open("UTF-8", text_encoding_iconv_name(decoder->encoding));
    if (converter == (iconv_t)-1)
        return error_set(err, ERROR_INTERNAL,
                         "%s cannot be converted: this machine's C library has no tables for it",
                         "无法转换 %s：本机 C 库缺少该编码的转换表", text_encoding_name(decoder->encoding));
    decoder->converter = converter;
    decoder->converting = true;
    return true;
}

/* The byte order mark, and UTF-16. */
static bool decoder_begin(struct text_decoder *decoder, struct error *err)
{
    if (!decoder_fill(decoder, err))
        return false;
    decoder->begun = true;
    size_t mark_length;
    enum text_encoding marked = text_encoding_of_mark(decoder->raw, decoder->end, &mark_length);
    if (marked != TEXT_ENCODING_UNKNOWN &&
        (decoder->encoding == TEXT_ENCODING_UNKNOWN || decoder->encoding == marked)) {
        decoder->encoding = marked;
        decoder->start = mark_length;
    }
    if (decoder->encoding == TEXT_ENCODING_UNKNOWN)
        decoder->encoding = text_encoding_of_zeros(decoder->raw, decoder->end);
    return decoder_begin_converting(decoder, err);
}

static size_t decoder_take(struct text_decoder *decoder, char *out, size_t length)
{
    memcpy(out, decoder->raw + decoder->start, length);
    decoder->start += length;
    return length;
}

#define ESCAPE '\x1B' /* may be the first sign of ISO-2022-JP */

static size_t decoder_ascii_length(const struct text_decoder *decoder, size_t most)
{
    const char *from = decoder->raw + decoder->start;
    size_t length = 0;
    while (length < most && ((unsigned char)from[length] & 0x80) == 0 && from[length] != ESCAPE)
        length++;
    return length;
}

/* At the first byte that is no ASCII. An escape that means nothing stays for whoever minds control
 * characters: one byte of it is passed on. */
static bool decoder_guess_encoding(struct text_decoder *decoder, bool *ret_pass, struct error *err)
{
    if (!decoder_fill(decoder, err))
        return false;
    const char *bytes = decoder->raw + decoder->start;
    size_t length = decoder->end - decoder->start;
    *ret_pass = false;
    if (*bytes == ESCAPE && !text_encoding_is_escape(bytes, length)) {
        *ret_pass = true;
        return true;
    }
    if (*bytes == ESCAPE)
        decoder->guess.encoding = TEXT_ENCODING_ISO_2022_JP;
    else
        decoder->guess = text_encoding_guess(bytes, length, decoder->at_end);
    decoder->encoding = decoder->guess.encoding;
    if (decoder->encoding == TEXT_ENCODING_UNKNOWN)
        return error_set(
            err, ERROR_INVALID,
            "from here on this is in no encoding that is known (UTF-8, UTF-16, GB18030, Big5, Shift_JIS, "
            "EUC-JP, ISO-2022-JP, EUC-KR). Save the file as “CSV UTF-8”.",
            "从此处起不是任何已知的编码（UTF-8、UTF-16、GB18030、Big5、Shift_JIS、EUC-JP、"
            "ISO-2022-JP、EUC-KR）。请另存为“CSV UTF-8”。");
    return decoder_begin_converting(decoder, err);
}

/* Room enough and bytes enough for at least one character, or wrong bytes. */
static bool decoder_convert(struct text_decoder *decoder, char *out, size_t room, size_t *ret_length,
                            struct error *err)
{
    for (;;) {
        char *in = decoder->raw + decoder->start, *to = out;
        size_t left = decoder->end - decoder->start, rest = room;
        size_t done = iconv(decoder->converter, &in, &left, &to, &rest);
        int failure = done == (size_t)-1 ? errno : 0;
        decoder->start = decoder->end - left;
        *ret_length = room - rest;
        if (*ret_length > 0 || failure == 0)
            return true;
        if (failure != EINVAL || decoder->at_end)
            return error_set(
                err, ERROR_INVALID,
                "the byte 0x%02X here means nothing in %s, which the text before it is in. Save the file "
                "as “CSV UTF-8”.",
                "此处的字节 0x%02X 在前文所用的 %s 编码中无意义。请另存为“CSV UTF-8”。",
                (unsigned char)decoder->raw[decoder->start], text_encoding_name(decoder->encoding));
        if (!decoder_fill(decoder, err))
            return false;
    }
}

bool text_decoder_read(struct text_decoder *decoder, char *out, size_t room, size_t *ret_length,
                       struct error *err)
{
    *ret_length = 0;
    if (!decoder->begun && !decoder_begin(decoder, err))
        return false;
    if (decoder->start == decoder->end && !decoder_fill(decoder, err))
        return false;
    size_t left = decoder->end - decoder->start;
    if (left ==
        0) { /* a character that the converter still holds, as another might have been joined with it */
        size_t rest = room;
        if (decoder->converting)
            iconv(decoder->converter, NULL, NULL, &out, &rest);
        *ret_length = room - rest;
        return true;
    }
    if (left > room)
        left = room;
    if (decoder->encoding == TEXT_ENCODING_UNKNOWN) {
        *ret_length = decoder_take(decoder, out, decoder_ascii_length(decoder, left));
        if (*ret_length > 0)
            return true;
        bool pass;
        if (!decoder_guess_encoding(decoder, &pass, err))
            return false;
        if (pass) {
            *ret_length = decoder_take(decoder, out, 1);
            return true;
        }
    }
    if (decoder->converting)
        return decoder_convert(decoder, out, room, ret_length, err);
    *ret_length = decoder_take(decoder, out, left);
    return true;
}
