#include "search/text_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

int64_t text_hash(const char *question, size_t question_length, const char *answer, size_t answer_length)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, question, question_length);
    XXH3_64bits_update(&state, "", 1);
    XXH3_64bits_update(&state, answer, answer_length);
    return (int64_t)XXH3_64bits_digest(&state);
}
