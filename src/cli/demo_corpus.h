/*
 * demo_corpus.h - the written corpus behind "kimono demo" and "kimono demo --live"
 *
 * NAME
 *     demo_pairs, demo_shop_names, demo_shop_name_heads, demo_shop_name_tails,
 *     demo_unknown_questions, demo_staff_names, demo_greetings,
 *     demo_log_messages - constant tables of demonstration data
 *
 * DESCRIPTION
 *     Everything here is constant data: there is no code, nothing is allocated, and
 *     every table may be read by any number of threads.  Every string is UTF-8 and is
 *     terminated by NUL; none is NULL and none is empty.  Texts are written for
 *     Chinese-speaking customers of kimono-rental shops in Japan and of hanfu studios
 *     in China.  Shops, prices, people and events are invented.
 *
 *     Each table comes with a count.  Use the count, not a sentinel: the only table
 *     that ends in NULL is demo_pair.asked.
 *
 *     The tables are append-friendly but not stable: a generator that must give the
 *     same result for the same seed may rely on the order within one build only.
 */
#ifndef KIMONO_CLI_DEMO_CORPUS_H
#define KIMONO_CLI_DEMO_CORPUS_H

#include <stddef.h>

/*
 * One knowledge item of a shop, and the ways in which customers ask for it.
 *
 * category   one of the names in demo_categories[]; the same bytes, not the same pointer.
 * question   the short title question of the knowledge item; unique within demo_pairs[].
 * answer     one to three sentences with concrete figures.
 * asked      3 to 6 wordings as customers type them, ended by NULL: short forms, wrong
 *            characters of the same sound, Japanese and English words, no punctuation.
 *            Most share a two-character Chinese word, or a Latin or Japanese word, with
 *            the question; a few deliberately share nothing and are hard to retrieve.
 */
struct demo_pair {
    const char *category;
    const char *question;
    const char *answer;
    const char *const *asked;
};

/*
 * One template of an operational log line.
 *
 * level      "DEBUG", "INFO", "WARN" or "ERROR".
 * source     "http", "chat", "vector", "llm", "scheduler", "security" or "store".
 * message    plain text without any '%'.  The generator replaces these placeholders,
 *            of which a message may carry several or none:
 *                {tenant}  identifier or name of a shop
 *                {ms}      a duration in milliseconds
 *                {n}       a small non-negative count
 *                {id}      an identifier of a session, document, request or job
 */
struct demo_log_line {
    const char *level;
    const char *source;
    const char *message;
};

/* The knowledge items; grouped by category, in the order of demo_categories[]. */
extern const struct demo_pair demo_pairs[];
extern const size_t demo_pair_count;

/* Names of the categories that occur in demo_pairs[], each once. */
extern const char *const demo_categories[];
extern const size_t demo_category_count;

/* Exactly 25 hand-written shop names; the first is "Kimono One 浅草本店". */
extern const char *const demo_shop_names[];
extern const size_t demo_shop_count;

/*
 * Parts of further shop names.  A name is a head directly followed by a tail, with no
 * separator: heads[i] tails[j].  Any head goes with any tail, and heads and tails are
 * each unique, so that head_count * tail_count names can be composed; add a number or a
 * "二号店" when more are needed.  No composed name equals one of demo_shop_names[].
 */
extern const char *const demo_shop_name_heads[];
extern const size_t demo_shop_name_head_count;
extern const char *const demo_shop_name_tails[];
extern const size_t demo_shop_name_tail_count;

/* Questions, as typed, that nothing in demo_pairs[] answers: out of domain or too special. */
extern const char *const demo_unknown_questions[];
extern const size_t demo_unknown_question_count;

/* Login names for users of a shop: lower-case ASCII letters, digits, '.' and '_'; unique. */
extern const char *const demo_staff_names[];
extern const size_t demo_staff_name_count;

/* Openers that customers send before, or instead of, a question. */
extern const char *const demo_greetings[];
extern const size_t demo_greeting_count;

/* Templates of log lines; every level and every source occurs. */
extern const struct demo_log_line demo_log_messages[];
extern const size_t demo_log_message_count;

#endif /* KIMONO_CLI_DEMO_CORPUS_H */
