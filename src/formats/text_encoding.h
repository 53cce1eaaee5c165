/* The encodings in which tables of text arrive, and which of them a text is in.
 *
 * A byte order mark settles it, and so do the escapes of ISO-2022-JP. Without one, zeros in every other byte
 * are UTF-16. Else the text is read in every encoding in question, and what is likeliest as writing of the
 * languages that are written in it (writing.h) is what it says: all these encodings put other characters at
 * the same bytes, and a text read in the wrong one consists of rare ones. Where no reading is much likelier
 * than all others, or none is likely at all, nobody can tell, and a person must be asked: half a dozen
 * characters are mostly enough. */
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
    TEXT_ENCODING_BIG5,      /* with Microsoft's additions, as CP950 */
    TEXT_ENCODING_SHIFT_JIS, /* with Microsoft's additions, as CP932 */
    TEXT_ENCODING_EUC_JP,
    TEXT_ENCODING_ISO_2022_JP, /* of seven bits, with escapes */
    TEXT_ENCODING_EUC_KR,      /* with all syllables, as CP949 */
    TEXT_ENCODING_WINDOWS_1252,
    TEXT_ENCODING_WINDOWS_1251,
    TEXT_ENCODING_KOI8_R,
    TEXT_ENCODING_COUNT
};

/* "UTF-8", "UTF-16LE", "UTF-16BE", "GB18030", "Big5", "Shift_JIS", "EUC-JP", "ISO-2022-JP", "EUC-KR",
 * "Windows-1252", "Windows-1251", "KOI8-R"; "" for unknown. */
const char *text_encoding_name(enum text_encoding encoding);
/* All that are known, NULL-terminated. */
extern const char *const text_encoding_names[];
/* The other way round, in any case. */
bool text_encoding_parse(const char *name, enum text_encoding *ret_encoding);
/* What iconv_open(3) calls it. */
const char *text_encoding_iconv_name(enum text_encoding encoding);

/* The encoding of the byte order mark at the beginning, and the mark's length; UNKNOWN and 0
 * without one. */
enum text_encoding text_encoding_of_mark(const char *bytes, size_t length, size_t *ret_mark_length);

/* UTF-16 without a mark, by where the zeros are; else UNKNOWN. `bytes` are the text's first. */
enum text_encoding text_encoding_of_zeros(const char *bytes, size_t length);

/* Whether an escape of ISO-2022-JP begins here. */
bool text_encoding_is_escape(const char *bytes, size_t length);

#define TEXT_ENCODING_ASKED 5 /* encodings that a person is offered at most */

struct text_encoding_guess {
    enum text_encoding encoding; /* the likeliest; UNKNOWN: it makes no sense in any */
    enum { TEXT_ENCODING_SURE, TEXT_ENCODING_LIKELY, TEXT_ENCODING_DOUBTFUL } certainty;
    enum text_encoding candidates[TEXT_ENCODING_ASKED]; /* what it may be in, the likeliest first */
    size_t count;
};

/* `bytes` begin at the first one beyond ASCII. `whole`: nothing comes behind, so that half a character at
 * the end counts as wrong. A text that is in an encoding but for a few bytes is in that one: whoever decodes
 * it finds the place. LIKELY: Windows-1252, which reads whatever is there. The Cyrillic ones are always asked about. */
struct text_encoding_guess text_encoding_guess(const char *bytes, size_t length, bool whole);

/* "GB18030, EUC-JP", into `text`. */
#define TEXT_ENCODING_LIST_SIZE 128
void text_encoding_list(const struct text_encoding_guess *guess, char text[static TEXT_ENCODING_LIST_SIZE]);

#endif
