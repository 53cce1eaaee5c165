/* A stream of bytes in whatever encoding, as a stream of UTF-8.
 *
 * As long as nothing but ASCII has come the encoding may stay open: it is guessed when the first other
 * byte comes, from the up to TEXT_DECODER_SAMPLE bytes that begin there. So a file whose first Chinese
 * character stands in its last row is read right, too. */
#ifndef KIMONO_FORMATS_TEXT_DECODER_H
#define KIMONO_FORMATS_TEXT_DECODER_H

#include <iconv.h>
#include <sys/types.h>

#include "base/error.h"
#include "formats/text_encoding.h"

#define TEXT_DECODER_SAMPLE ((size_t)256 << 10)

/* Where bytes come from: as read(2), 0 at the end, -1 and errno on failure. */
struct byte_source {
    ssize_t (*read)(void *context, void *bytes, size_t size);
    void *context;
};

struct text_decoder {
    const struct byte_source *source;
    enum text_encoding encoding;      /* UNKNOWN: only ASCII so far */
    struct text_encoding_guess guess; /* where it was guessed */
    iconv_t converter;                /* for what is not UTF-8 */
    bool converting, begun, at_end;
    char *raw;         /* TEXT_DECODER_SAMPLE bytes */
    size_t start, end; /* what of them is to be decoded */
};

/* `source` must outlive the decoder. `encoding` UNKNOWN: found out. */
void text_decoder_init(struct text_decoder *decoder, const struct byte_source *source,
                       enum text_encoding encoding);
void text_decoder_release(struct text_decoder *decoder);

/* Puts up to `room` bytes (at least 16) to `out`, without a byte order mark; 0 only at the end. UTF-8
 * comes as it is, unchecked. ERROR_INVALID, at exactly this place: bytes that mean nothing in the
 * encoding, or an encoding that cannot be determined. ERROR_INTERNAL: they cannot be read. */
bool text_decoder_read(struct text_decoder *decoder, char *out, size_t room, size_t *ret_length,
                       struct error *err);

#endif
