#include "store/maintenance.h"

#include "base/memory.h"
#include "store/driver.h"

static bool store_own_tools_error(struct error *err)
{
    return error_set(err, ERROR_INVALID, "Use the database's own tools for this (pg_dump, pg_restore).",
                     "请使用数据库自带的工具（pg_dump、pg_restore）。");
}

bool store_backup(struct store *store, const char *file, struct error *err)
{
    /* A connection of its own: it takes long, and holds one moment of the store until it is done. */
    struct db_open_options options = {.path = store_path(store), .role = DB_READER};
    CLEANUP(db_release) struct db *db = NULL;
    const struct db_driver *driver = db_driver_for(options.path);
    bool done = driver->backup ? db_open(&options, &db, err) && driver->backup(db, file, err)
                               : store_own_tools_error(err);
    return done || error_prefix(err, "backup to %s", "备份到 %s", file);
}

bool store_restore(const char *from, const struct store_options *to, struct error *err)
{
    const struct db_driver *driver = db_driver_for(to->path);
    bool done = driver->restore ? driver->restore(from, to, err) : store_own_tools_error(err);
    return done || error_prefix(err, "restore of %s", "恢复 %s", from);
}

void store_sweep(const char *file)
{
    const struct db_driver *driver = db_driver_for(file);
    if (driver->sweep)
        driver->sweep(file);
}

bool store_integrity(struct db *db, struct strbuf *ret_findings, struct error *err)
{
    return !db->driver->integrity || db->driver->integrity(db, ret_findings, err);
}
