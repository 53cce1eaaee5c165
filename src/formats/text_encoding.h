/* The encodings in which tables of text arrive, and which of them a text is in.
 *
 * A byte order mark settles it. Without one, zeros in every other byte are UTF-16; what is well-formed
 * UTF-8 is UTF-8, since no other encoding is so by accident for long. GB18030 and Shift_JIS are told
 * apart by validity, and where a text is valid in both by how frequent its characters are: both standards
 * put the few thousand characters that nearly all writing consists of (kana, kanji of level 1, hanzi of
 * level 1, punctuation) in rows of their own, and a text read in the wrong one falls outside them.
 * A text in another encoding (Latin-1, Big5) mostly falls outside in both and is refused. */
#ifndef KIMONO_FORMATS_TEXT_ENCODING_H
#define KIMONO_FORMATS_TEXT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

enum text_encoding {
    TEXT_ENCODING_UNKNOWN,
    TEXT_ENCODING_UTF8,
    TEXT_ENCODING_UTF16LE,
    TEXT_ENCODING_UTF16BE,
    TEXT_ENCODING_GB18030,
    TEXT_ENCODING_SHIFT_JIS, /* with Microsoft's additions, as CP932 */
    TEXT_ENCODING_COUNT
};

/* "UTF-8", "UTF-16LE", "UTF-16BE", "GB18030", "Shift_JIS"; "" for unknown. */
const char *text_encoding_name(enum text_encoding encoding);
/* The other way round, in any case. */
bool text_encoding_parse(const char *name, enum text_encoding *ret_encoding);
/* What iconv_open(3) calls it. */
const char *text_encoding_iconv_name(enum text_encoding encoding);

/* The encoding that the byte order mark at the beginning tells, and the mark's length; UNKNOWN and 0
 * without one. */
enum text_encoding text_encoding_of_mark(const char *bytes, size_t length, size_t *ret_mark_length);

/* UTF-16 without a mark, told by where the zeros are; else UNKNOWN. `bytes` are the text's first. */
enum text_encoding text_encoding_of_zeros(const char *bytes, size_t length);

/* UTF-8, GB18030 or Shift_JIS, whichever the sample is in; UNKNOWN: none of them. A sample that is in one
 * of them but for a few bytes is in that one: whoever decodes it finds the place. `whole`: nothing comes behind, so that
 * half a character at the end counts as wrong. */
enum text_encoding text_encoding_guess(const char *bytes, size_t length, bool whole);

#endif
