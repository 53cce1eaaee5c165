/* Who the demonstration's shops are: what each one offers, where, at what prices and hours, and what becomes of it.
 * The corpus (demo_corpus.h) has the words of a chain in yen; a shop says them with its own figures, leaves out what it
 * does not offer and what is about other places, and has answers of its own about itself. */
#ifndef KIMONO_CLI_DEMO_WORLD_H
#define KIMONO_CLI_DEMO_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/demo_corpus.h"

/* What happens to a shop in the demonstration's days; demo_story.c says when. */
enum demo_fate {
    DEMO_STEADY,
    DEMO_GROWS,        /* several times as many questions as at the beginning */
    DEMO_FALLS_SILENT, /* nobody has asked for some days */
    DEMO_NEW,          /* since three weeks */
    DEMO_WORSENS,      /* since an import that replaced good answers */
    DEMO_IMPORT_FAILS, /* its newest file could not be read */
    DEMO_SYNC_FAILS,   /* the index has not taken its changes since yesterday */
    DEMO_SUSPENDED,
};

struct demo_profile {
    const char *name;
    bool is_hanfu;    /* a hanfu studio in China: its answers are demo_hanfu_pairs, in yuan */
    unsigned regions; /* DEMO_REGION_…: whose places its answers may name */
    const char *city, *address, *station, *sights, *season;
    const char *contact;
    const char *opens, *closes, *returns; /* "9:30" */
    int price_percent;                    /* of the chain's prices */
    int share_percent;                    /* of what the corpus has for such a shop */
    double weight;                        /* of customers, in comparison with other shops */
    const char *model;
    enum demo_fate fate;
    const char *fate_reason; /* of a suspension */
};

enum { DEMO_REGION_TOKYO = 1, DEMO_REGION_KYOTO = 2, DEMO_REGION_KANAZAWA = 4, DEMO_REGION_KAMAKURA = 8 };

/* The shop's profile; behind the written ones they are composed, the same for the same index and seed. Texts that are
 * composed are in `buffer`. */
struct demo_composed {
    char name[96], address[128], station[64], contact[64];
};
struct demo_profile demo_profile_of(size_t index, uint64_t seed, struct demo_composed *buffer);

/* What a shop can answer: places 0 to demo_items_count(profile) - 1, first about itself, then the corpus of its kind. */
struct demo_item {
    const char *category, *question, *answer; /* as the corpus has them */
    const char *const *asked;                 /* NULL-terminated */
    bool is_shared;                           /* words of the head office, which every shop says alike */
};
size_t demo_items_count(const struct demo_profile *profile);
size_t demo_items_own(void); /* how many of them are about itself */
struct demo_item demo_item_at(const struct demo_profile *profile, size_t place);
/* Whether it may be in the shop's knowledge at all: it names no places but the shop's own. */
bool demo_item_fits(const struct demo_profile *profile, size_t place);
/* Questions of the corpus that are common templates: said alike by all. By place in demo_pairs. */
bool demo_is_template(size_t corpus_place);

/* The text as the shop says it: its prices, its hours, its places for {city}, {address}, {station}, {sights},
 * {season}, {opens}, {closes}, {returns}, {name}. Cut at `size`, not within a character. */
void demo_say(const struct demo_profile *profile, const char *text, char *out, size_t size);

/* What customers ask and no shop has written down yet, with what is right: learned from such corrections. */
struct demo_gap {
    const char *question, *correction;
};
extern const struct demo_gap demo_gaps[];
extern const size_t demo_gap_count;

/* Of the hanfu studios. */
extern const struct demo_pair demo_hanfu_pairs[];
extern const size_t demo_hanfu_pair_count;

#endif
