/* The characters that most of a language's writing consists of, the most frequent first, in UTF-8. Counted in
 * manuals, dictionaries of words by frequency, and what shops and their customers say. */
#ifndef KIMONO_FORMATS_COMMON_CHARACTERS_H
#define KIMONO_FORMATS_COMMON_CHARACTERS_H

extern const char common_characters_simplified_chinese[];
extern const char common_characters_traditional_chinese[];
extern const char common_characters_japanese[];
extern const char common_characters_korean[];
extern const char common_characters_half_width[]; /* Japanese, in katakana of half width */
extern const char common_characters_western[];    /* beyond ASCII */
extern const char common_characters_cyrillic[];

#endif
