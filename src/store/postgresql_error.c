/* PostgreSQL's conditions (SQLSTATE) as errors that say what to do, with the same codes as sqlite_error.c. Adding one:
 * a row in a table. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/postgresql_private.h"

/* `state` of two characters is a whole class (postgresql.org/docs/15/errcodes-appendix.html); the first row that fits
 * is taken. The texts take the server's message. */
static const struct {
    const char *state;
    enum error_code code;
    enum db_trouble trouble;
    const char *en, *zh;
} failures[] = {
    {"57014", ERROR_TIMEOUT, DB_TROUBLE_NONE, "Reading the store took too long. Ask for less at once.%.0s",
     "读取数据超时，请缩小查询范围。%.0s"},
    {"55P03", ERROR_UNAVAILABLE, DB_TROUBLE_NONE,
     "The store is being written by another process. Try again in a moment.%.0s",
     "数据正被其他进程写入，请稍后重试。%.0s"},
    {"40", ERROR_UNAVAILABLE, DB_TROUBLE_AGAIN,
     "Other changes were in the way of this one. Try again in a moment.%.0s",
     "与其他更改冲突，请稍后重试。%.0s"},
    {"25P03", ERROR_UNAVAILABLE, DB_TROUBLE_LOST,
     "A change took too long and was taken back. Try again in a moment.%.0s",
     "更改耗时过长，已撤销，请稍后重试。%.0s"},
    {"08", ERROR_UNAVAILABLE, DB_TROUBLE_LOST,
     "The connection to the database was lost. Try again in a moment.%.0s",
     "与数据库的连接已断开，请稍后重试。%.0s"},
    {"57P", ERROR_UNAVAILABLE, DB_TROUBLE_LOST,
     "The database is being stopped or started. Try again in a moment.%.0s",
     "数据库正在停止或启动，请稍后重试。%.0s"},
    {"53100", ERROR_STORE, DB_TROUBLE_NONE,
     "The disk of the database is full (%s). Free some space there: reading goes on meanwhile, and writing "
     "does as "
     "soon as there is room.",
     "数据库所在磁盘已满（%s）。请释放空间：期间仍可读取，有空间后即可恢复写入。"},
    {"53400", ERROR_STORE, DB_TROUBLE_NONE, "A limit of the database was reached (%s). Raise it there.",
     "已达到数据库的配置上限（%s），请调高。"},
    {"53", ERROR_UNAVAILABLE, DB_TROUBLE_NONE,
     "The database lacks memory or connections for this. Try again in a moment.%.0s",
     "数据库内存或连接数不足，请稍后重试。%.0s"},
    {"25006", ERROR_STORE, DB_TROUBLE_NONE, "The database is readonly here (%s).",
     "数据库在此处为只读（%s）。"},
    {"42501", ERROR_STORE, DB_TROUBLE_NONE,
     "The database does not permit this (%s). Grant the product's user its schema.",
     "数据库未授予权限（%s）。请为本产品的用户授予其 schema 的权限。"},
    {"58", ERROR_STORE, DB_TROUBLE_NONE,
     "The database could not read or write its files (%s). Look at its disk and its log.",
     "数据库无法读写其文件（%s）。请检查其磁盘和日志。"},
    {"XX001", ERROR_DAMAGED, DB_TROUBLE_NONE,
     "The database is damaged (%s). Stop the program, keep a copy of the database's files, and restore a "
     "backup.",
     "数据库已损坏（%s）。请停止程序，保留数据库文件的副本，然后恢复备份。"},
    {"XX002", ERROR_DAMAGED, DB_TROUBLE_NONE,
     "An index of the database is damaged (%s). Keep a copy of the database's files, then REINDEX or restore "
     "a backup.",
     "数据库索引已损坏（%s）。请保留数据库文件的副本，然后执行 REINDEX 或恢复备份。"},
    {"54", ERROR_TOO_LARGE, DB_TROUBLE_NONE, "A value is too large for the database (%s).",
     "数据过大，数据库无法保存（%s）。"},
    {"P0001", ERROR_CONFLICT, DB_TROUBLE_NONE, "The store refuses this: %s.", "数据库拒绝此操作：%s。"},
};

/* "Key (tenant_id, name)=(a, b) already exists.": the columns. The values may be personal, and are not shown. */
static void postgresql_error_columns(const PGresult *result, char columns[static 128])
{
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    const char *open = detail ? strchr(detail, '(') : NULL, *close = open ? strstr(open, ")=(") : NULL;
    if (column)
        snprintf(columns, 128, "%s", column);
    else if (close)
        snprintf(columns, 128, "%.*s", (int)(close - open - 1), open + 1);
    else
        columns[0] = '\0';
}

static bool postgresql_constraint_error(const PGresult *result, const char *state, struct error *err)
{
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    char columns[128], named[256];
    postgresql_error_columns(result, columns);
    snprintf(named, sizeof(named), "%s.%s", table ? table : "?",
             *columns     ? columns
             : constraint ? constraint
                          : "?");
    if (strcmp(state, "23505") == 0)
        return error_set(err, ERROR_CONFLICT, "Another row has the same %s already.", "已存在相同的 %s。",
                         named);
    if (strcmp(state, "23503") == 0)
        return error_set(err, ERROR_CONFLICT,
                         "It refers to something that is not there, or something still refers to it (%s).",
                         "所引用的数据不存在，或仍被其他数据引用（%s）。", named);
    return error_set(err, ERROR_INTERNAL, "The store's rules forbid this (%s).", "违反数据库约束（%s）。",
                     named);
}

static bool postgresql_state_error(struct postgresql_db *db, const char *state, const char *message,
                                   struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        if (strncmp(state, failures[i].state, strlen(failures[i].state)) != 0)
            continue;
        enum error_code code = failures[i].code;
        db->base.trouble = failures[i].trouble;
        db->dying |= failures[i].trouble == DB_TROUBLE_LOST;
        error_set(err, code, failures[i].en, failures[i].zh, message);
        if (err)
            err->retry_after_seconds = error_is_of_store(code)     ? STORE_RETRY_SECONDS
                                       : code == ERROR_UNAVAILABLE ? 1
                                                                   : 0;
        if (code == ERROR_DAMAGED && db->base.damaged && !atomic_exchange(db->base.damaged, true))
            log_error("store", "the database is damaged: %s", message);
        return false;
    }
    return error_set(err, ERROR_INTERNAL, "The database failed (%s, %s).", "数据库出错（%s，%s）。", message,
                     state);
}

bool postgresql_error(struct postgresql_db *db, const PGresult *result, struct error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state) /* libpq's own: the connection broke */
        return postgresql_state_error(db, "08006", "", err);
    if (strncmp(state, "23", 2) == 0)
        return postgresql_constraint_error(result, state, err);
    return postgresql_state_error(db, state, message ? message : "", err);
}
