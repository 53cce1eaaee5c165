#include "platform/identity/signing_key.h"

#include <string.h>

#include "base/clock.h"
#include "base/identifier.h"
#include "base/memory.h"
#include "platform/platform.h"

static const char SQL_KEY[] = "SELECT bytes FROM signing_keys WHERE id = 1";
static const char SQL_MAKE[] = "INSERT INTO signing_keys(id, bytes, created_at) VALUES (1, $1, $2)"
                               " ON CONFLICT (id) DO NOTHING";

static bool signing_key_read(struct db *db, unsigned char ret_key[static SIGNING_KEY_SIZE], bool *ret_found,
                             struct error *err)
{
    CLEANUP(db_rows_release) struct db_rows rows = {0};
    size_t length = 0;
    *ret_found = false;
    if (!db_query(db, SQL_KEY, DB_NO_ARGS, &rows, err))
        return false;
    bool found = db_next(&rows);
    if (found) {
        const void *bytes = db_column_bytes(&rows, 0, &length);
        if (length == SIGNING_KEY_SIZE)
            memcpy(ret_key, bytes, length);
    }
    if (!db_done(&rows, err))
        return false;
    if (found && length != SIGNING_KEY_SIZE)
        return error_set(err, ERROR_INTERNAL,
                         "The store's signing key is no key: delete the row of signing_keys, and everybody "
                         "has to log in again.",
                         "数据库中的签名密钥无效：请删除 signing_keys 中的记录，所有人须重新登录。");
    *ret_found = found;
    return true;
}

/* Another process may have made it meanwhile: its key is the one. */
static bool signing_key_make(struct db *db, void *context, struct error *err)
{
    unsigned char key[SIGNING_KEY_SIZE];
    bool found;
    random_bytes(key, sizeof(key));
    bool made =
        db_execute(db, SQL_MAKE, DB_ARGS(db_bytes(key, sizeof(key)), db_int(clock_now_ms())), NULL, err);
    explicit_bzero(key, sizeof(key));
    return made && signing_key_read(db, context, &found, err);
}

static bool signing_key_look(struct store *store, unsigned char ret_key[static SIGNING_KEY_SIZE],
                             bool *ret_found, struct error *err)
{
    CLEANUP(store_reader_release) struct db *db = NULL;
    return store_reader(store, READ_LIMIT_MS, &db, err) && signing_key_read(db, ret_key, ret_found, err);
}

bool signing_key_load(struct store *store, const char *path, unsigned char ret_key[static SIGNING_KEY_SIZE],
                      struct error *err)
{
    bool found = false;
    if (path)
        return token_key_load(path, ret_key, err);
    if (!signing_key_look(store, ret_key, &found, err))
        return false;
    return found || store_write(store, signing_key_make, ret_key, err);
}
