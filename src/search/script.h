/* In which script a text is written, as far as it tells a language. */
#ifndef KIMONO_SEARCH_SCRIPT_H
#define KIMONO_SEARCH_SCRIPT_H

#include <stddef.h>

enum text_script {
    SCRIPT_OTHER, /* Latin, Hangul, any other, or none */
    SCRIPT_HAN,   /* Han without kana: Chinese, or Japanese in few words */
    SCRIPT_KANA,  /* any kana, whatever else: Japanese */
};

enum text_script text_script(const char *text, size_t length);

#endif
