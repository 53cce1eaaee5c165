#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/utf8.h"
#include "ops/knowledge/internal.h"
#include "security/redaction.h"

#define CURSOR_TEXT_MAX 600 /* bytes of a question that a cursor holds */

const char *const knowledge_sorts[] = {"id",         "-id",         "created_at",    "-created_at",
                                       "updated_at", "-updated_at", "quality_score", "-quality_score",
                                       "hit_count",  "-hit_count",  "question",      "-question",
                                       "category",   "-category",   "tenant_name",   "-tenant_name",
                                       NULL};

/* In the order of enum list_sort. */
static const char *const sort_names[] = {
    "id", "created_at", "updated_at", "quality_score", "hit_count", "question", "category", "tenant_name",
};

bool order_of(const char *sort, struct list_order *ret_order)
{
    bool descending = sort[0] == '-';
    for (size_t i = 0; i < ARRAY_SIZE(sort_names); i++)
        if (strcmp(sort + descending, sort_names[i]) == 0) {
            *ret_order = (struct list_order){(enum list_sort)i, descending};
            return true;
        }
    return false;
}

/* The highest of all texts: no text that is kept begins with U+10FFFF, which is no character. */
#define TEXT_HIGHEST "\xF4\x8F\xBF\xBF"

struct list_place place_before_all(struct list_order order)
{
    bool high = order.descending;
    return (struct list_place){
        .outer = high ? TEXT_HIGHEST : "",
        .outer_id = high ? TEXT_HIGHEST : "",
        .integer = high ? INT64_MAX : INT64_MIN,
        .real = high ? 1e9 : 0,
        .text = high ? TEXT_HIGHEST : "",
        .id = high ? INT64_MAX : INT64_MIN,
    };
}

/* ---- cursors: base64url of a head, the value that is sorted by, and the outer value. They hold no secret,
 * no personal data, and grant nothing; the check only rejects what is no cursor of this list. ---- */

struct cursor_head {
    uint64_t check; /* of what follows and of filter and order */
    int64_t id, integer;
    double real;
    uint16_t text_length, outer_length, outer_id_length, text_is_cut;
};

static void cursor_hash_text(XXH3_state_t *state, const char *text)
{
    XXH3_64bits_update(state, text ? "+" : "-", 1);
    if (text)
        XXH3_64bits_update(state, text, strlen(text) + 1);
}

/* What a cursor belongs to. */
static uint64_t cursor_hash(const struct qa_filter *filter, struct list_order order, const void *rest,
                            size_t rest_length)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    char numbers[128];
    int length = snprintf(numbers, sizeof(numbers), "kimono %d %d %d %a %a", (int)order.sort,
                          order.descending, (int)filter->is_synced, filter->quality_min, filter->quality_max);
    XXH3_64bits_update(&state, numbers, (size_t)length);
    cursor_hash_text(&state, filter->tenant_id);
    cursor_hash_text(&state, filter->category);
    cursor_hash_text(&state, filter->source);
    cursor_hash_text(&state, filter->tenant_status);
    cursor_hash_text(&state, filter->keyword && *filter->keyword ? filter->keyword : NULL);
    XXH3_64bits_update(&state, rest, rest_length);
    return XXH3_64bits_digest(&state);
}

const char *cursor_make(const struct qa_filter *filter, struct list_order order,
                        const struct list_place *place, struct arena *arena)
{
    CLEANUP(strbuf_release) struct strbuf bytes = {0};
    size_t whole = strlen(place->text), plain = redact_plain_length(place->text);
    size_t text_length = utf8_cut(place->text, plain, CURSOR_TEXT_MAX);
    struct cursor_head head = {
        .id = place->id,
        .integer = place->integer,
        .real = place->real,
        .text_length = (uint16_t)text_length,
        .outer_length = (uint16_t)strlen(place->outer),
        .outer_id_length = (uint16_t)strlen(place->outer_id),
        .text_is_cut = text_length < whole,
    };
    strbuf_append(&bytes, &head, sizeof(head));
    strbuf_append(&bytes, place->text, text_length);
    strbuf_puts(&bytes, place->outer);
    strbuf_puts(&bytes, place->outer_id);
    size_t skip = sizeof(head.check);
    head.check = cursor_hash(filter, order, bytes.bytes + skip, bytes.length - skip);
    memcpy(bytes.bytes, &head.check, skip);
    size_t room = sodium_base64_encoded_len(bytes.length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return sodium_bin2base64(arena_alloc(arena, room), room, (const unsigned char *)bytes.bytes, bytes.length,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* A question that is long, or holds personal data, is not whole in the cursor: if the pair still has it, it is
 * read again; else the list goes on behind all that begin like it. */
static bool cursor_complete_text(struct db *db, struct arena *arena, struct list_place *place,
                                 struct error *err)
{
    const char *question;
    if (!question_read(db, place->id, arena, &question, err))
        return false;
    bool same = strncmp(question, place->text, strlen(place->text)) == 0;
    place->text = same ? question : arena_printf(arena, "%s" TEXT_HIGHEST, place->text);
    return true;
}

/* The bytes of a cursor into a place. False: they are none of ours. */
static bool cursor_unpack(const unsigned char *bytes, size_t length, const struct qa_filter *filter,
                          struct list_order order, struct arena *arena, struct list_place *place,
                          bool *ret_is_cut)
{
    struct cursor_head head;
    if (length < sizeof(head))
        return false;
    memcpy(&head, bytes, sizeof(head));
    size_t skip = sizeof(head.check);
    if (head.check != cursor_hash(filter, order, bytes + skip, length - skip) ||
        length != sizeof(head) + head.text_length + head.outer_length + head.outer_id_length)
        return false;
    const char *at = (const char *)bytes + sizeof(head);
    *place = (struct list_place){
        .text = arena_strndup(arena, at, head.text_length),
        .outer = arena_strndup(arena, at + head.text_length, head.outer_length),
        .outer_id = arena_strndup(arena, at + head.text_length + head.outer_length, head.outer_id_length),
        .integer = head.integer,
        .real = head.real,
        .id = head.id,
    };
    *ret_is_cut = head.text_is_cut;
    return true;
}

bool cursor_read(struct db *db, const char *cursor, const struct qa_filter *filter, struct list_order order,
                 struct arena *arena, struct list_place *ret_place, struct error *err)
{
    size_t length = strlen(cursor), got = 0;
    unsigned char *bytes = arena_alloc(arena, length + 1);
    bool is_cut = false;
    if (sodium_base642bin(bytes, length, cursor, length, NULL, &got, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        !cursor_unpack(bytes, got, filter, order, arena, ret_place, &is_cut))
        return error_add_field(err, "cursor",
                               "is not a next_cursor of this list under this filter and sort; begin again "
                               "without it",
                               "不是此列表在当前筛选和排序下给出的 next_cursor，请去掉它重新开始");
    return !is_cut || cursor_complete_text(db, arena, ret_place, err);
}
