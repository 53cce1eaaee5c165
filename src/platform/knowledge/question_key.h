/* Rows of before questions had a key (qa_question_key) get theirs. */
#ifndef KIMONO_PLATFORM_KNOWLEDGE_QUESTION_KEY_H
#define KIMONO_PLATFORM_KNOWLEDGE_QUESTION_KEY_H

#include "store/store.h"

/* Once for each store, when it is opened: some thousand rows in each transaction, and what was broken off goes on. */
bool question_keys_complete(struct store *store, struct error *err);

#endif
