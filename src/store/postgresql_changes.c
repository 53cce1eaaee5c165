/* Who writes the change feed in PostgreSQL: triggers, one call for each statement, which see all rows that it has
 * changed; so whoever changes a pair, a person at a prompt too, is followed. Works are serial over all processes, so
 * the next number is the highest and one; two who are not serial (that person) meet at the key, and the later one
 * fails. A row for each row that was changed would be found by a simpler trigger, at many times the price for a
 * statement that changes many. */
#include "store/postgresql_private.h"

/* The ids of a statement lie together more often than not; else they are cut where one is missing. Of more than
 * 20,000 ranges one is made that holds them all: readers skip what is equal. */
#define CHANGED_RANGES                                                                                       \
    " SELECT COUNT(*), MIN(id), MAX(id) INTO amount, lowest, highest FROM changed;"                          \
    " IF amount = 0 THEN RETURN NULL; END IF;"                                                               \
    " IF amount < highest - lowest + 1 THEN"                                                                 \
    "  SELECT COUNT(*), STRING_AGG(CASE WHEN first = last THEN CAST(first AS TEXT)"                          \
    "   ELSE first || '-' || last END, ' ' ORDER BY first) INTO amount, told"                                \
    "   FROM (SELECT MIN(id) AS first, MAX(id) AS last FROM"                                                 \
    "    (SELECT id, id - ROW_NUMBER() OVER (ORDER BY id) AS run FROM changed) AS numbered GROUP BY run)"    \
    "   AS ranges;"                                                                                          \
    " END IF;"                                                                                               \
    " IF told IS NULL AND lowest = highest THEN told := lowest;"                                             \
    " ELSIF told IS NULL OR amount > 20000 THEN told := lowest || '-' || highest; END IF;"

/* Who has not looked for 20,000 statements reads all pairs anew. A server looks every second. */
#define RECORD_RANGES                                                                                        \
    " SELECT COALESCE(MAX(sequence), 0) + 1 INTO next FROM qa_pairs_changes;"                                \
    " INSERT INTO qa_pairs_changes(sequence, stamp, pairs)"                                                  \
    "  VALUES (next, CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT), told);"                \
    " IF next % 1000 = 0 THEN DELETE FROM qa_pairs_changes WHERE sequence <= next - 20000; END IF;"

#define RECORD_FUNCTION(name, more)                                                                          \
    "CREATE FUNCTION " name "() RETURNS trigger LANGUAGE plpgsql AS $$"                                      \
    " DECLARE amount BIGINT; lowest BIGINT; highest BIGINT; told TEXT; next BIGINT;"                         \
    " BEGIN" CHANGED_RANGES RECORD_RANGES more " RETURN NULL; END $$;"

/* New pairs are those that the full text does not have yet (postgresql_full_text.c). */
const char POSTGRESQL_CHANGE_FEED[] = RECORD_FUNCTION(
    "qa_pairs_tell_new",
    " INSERT INTO qa_pairs_text_new(first, last) VALUES (lowest, highest)"
    " ON CONFLICT (first) DO UPDATE SET last = GREATEST(qa_pairs_text_new.last, excluded.last);")
    RECORD_FUNCTION(
        "qa_pairs_tell_changed",
        "") "CREATE TRIGGER qa_pairs_insert AFTER INSERT ON qa_pairs REFERENCING NEW TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION qa_pairs_tell_new();"
            "CREATE TRIGGER qa_pairs_update AFTER UPDATE ON qa_pairs REFERENCING NEW TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION qa_pairs_tell_changed();"
            "CREATE TRIGGER qa_pairs_delete AFTER DELETE ON qa_pairs REFERENCING OLD TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION qa_pairs_tell_changed();";
