/* The address of a PostgreSQL database: libpq's own, with `schema=` beside its parameters, and a form of it that
 * may be shown. libpq's messages about an address that it can't read repeat it, password and all: they are not used. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "store/postgresql_private.h"

#define SCHEMA_DEFAULT "kimono"
#define SCHEMA_PARAMETER "schema="

static bool address_unreadable_error(struct error *err)
{
    return error_set(
        err, ERROR_INVALID,
        "The address of the database cannot be read. It has the form "
        "postgresql://USER@HOST:PORT/DATABASE?schema=NAME with libpq's parameters; @ / : ? in a name "
        "are written %%40 %%2F %%3A %%3F. Give the password by PGPASSWORD, a passfile or a service file.",
        "无法解析数据库地址。格式为 postgresql://用户@主机:端口/数据库?schema=名称，可带 libpq "
        "参数；名称中的 "
        "@ / : ? 请写作 %%40 %%2F %%3A %%3F。密码请通过 PGPASSWORD、passfile 或 service 文件提供。");
}

/* A name that needs no quotes anywhere, and is not PostgreSQL's own. */
static bool address_take_schema(const char *name, size_t length, char schema[static POSTGRESQL_NAME_SIZE],
                                struct error *err)
{
    bool good = length > 0 && length < POSTGRESQL_NAME_SIZE && !isdigit((unsigned char)name[0]);
    for (size_t i = 0; good && i < length; i++)
        good = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) || name[i] == '_';
    if (good) {
        memcpy(schema, name, length);
        schema[length] = '\0';
    }
    if (!good || strncmp(schema, "pg_", 3) == 0 || strcmp(schema, "information_schema") == 0)
        return error_set(
            err, ERROR_INVALID,
            "The schema in the address of the database must be a name of at most 63 small letters, "
            "digits and '_' that begins with no digit and not with 'pg_'.",
            "数据库地址中的 schema 须为不超过 63 个小写字母、数字和下划线的名称，不能以数字或 pg_ 开头。");
    return true;
}

/* Copies the address without `schema=`, which libpq would refuse. */
static bool address_split_schema(const char *path, struct strbuf *out,
                                 char schema[static POSTGRESQL_NAME_SIZE], struct error *err)
{
    const char *query = strchr(path, '?');
    bool found = false;
    strbuf_append(out, path, query ? (size_t)(query - path) : strlen(path));
    memcpy(schema, SCHEMA_DEFAULT, sizeof(SCHEMA_DEFAULT));
    char separator = '?';
    for (const char *at = query; at;) {
        at++;
        size_t length = strcspn(at, "&");
        if (strncmp(at, SCHEMA_PARAMETER, strlen(SCHEMA_PARAMETER)) == 0) {
            size_t skip = strlen(SCHEMA_PARAMETER);
            if (found)
                return address_unreadable_error(err);
            if (!address_take_schema(at + skip, length - skip, schema, err))
                return false;
            found = true;
        } else if (length > 0) {
            strbuf_putc(out, separator);
            strbuf_append(out, at, length);
            separator = '&';
        }
        at = at[length] == '&' ? at + length : NULL;
    }
    return true;
}

static void address_put_encoded(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~,/", c))
            strbuf_putc(out, *text);
        else
            strbuf_printf(out, "%%%02X", c);
    }
}

static const char *address_option(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    return NULL;
}

/* From what libpq has understood, so that no way of writing a password gets into it. */
static char *address_make_shown(const PQconninfoOption *options, const char *schema)
{
    struct strbuf out = {0};
    const char *user = address_option(options, "user"), *host = address_option(options, "host");
    const char *port = address_option(options, "port"), *database = address_option(options, "dbname");
    const char *service = address_option(options, "service");
    strbuf_puts(&out, "postgresql://");
    if (user) {
        address_put_encoded(&out, user);
        strbuf_putc(&out, '@');
    }
    bool plain = host && !strpbrk(host, ",/"); /* several hosts, and the folder of a socket, are parameters */
    if (plain && strchr(host, ':')) {
        strbuf_printf(&out, "[%s]", host);
    } else if (plain) {
        address_put_encoded(&out, host);
    }
    if (plain && port)
        strbuf_printf(&out, ":%s", port);
    strbuf_putc(&out, '/');
    if (database)
        address_put_encoded(&out, database);
    strbuf_printf(&out, "?schema=%s", schema);
    if (host && !plain) {
        strbuf_puts(&out, "&host=");
        address_put_encoded(&out, host);
    }
    if (!plain && port)
        strbuf_printf(&out, "&port=%s", port);
    if (service) {
        strbuf_puts(&out, "&service=");
        address_put_encoded(&out, service);
    }
    return strbuf_detach(&out, NULL);
}

/* A password with an '@' or '/' that is not encoded ends up in one of these. */
static bool address_is_ambiguous(const PQconninfoOption *options)
{
    static const char *const keywords[] = {"host", "port", "dbname"};
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
        const char *value = address_option(options, keywords[i]);
        if (value && strchr(value, '@'))
            return true;
    }
    const char *port = address_option(options, "port");
    return port && strspn(port, "0123456789,") != strlen(port);
}

bool postgresql_address_parse(const char *path, struct postgresql_address *ret_address, struct error *err)
{
    struct postgresql_address address = {0};
    struct strbuf libpq = {0};
    if (!address_split_schema(path, &libpq, address.schema, err)) {
        strbuf_release(&libpq);
        return false;
    }
    address.libpq = strbuf_detach(&libpq, NULL);
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(address.libpq, &message);
    PQfreemem(message);
    if (!options || address_is_ambiguous(options)) {
        PQconninfoFree(options);
        free(address.libpq);
        return address_unreadable_error(err);
    }
    address.shown = address_make_shown(options, address.schema);
    PQconninfoFree(options);
    XXH64_hash_t hash = XXH3_64bits(address.schema, strlen(address.schema));
    memcpy(&address.lock_key, &hash, sizeof(address.lock_key));
    *ret_address = address;
    return true;
}

void postgresql_address_release(struct postgresql_address *address)
{
    free(address->libpq);
    free(address->shown);
    *address = (struct postgresql_address){0};
}

char *postgresql_display_path(const char *path)
{
    struct postgresql_address address = {0};
    if (!postgresql_address_parse(path, &address, NULL))
        return xstrdup("postgresql://");
    char *shown = address.shown;
    free(address.libpq);
    return shown;
}

char *store_address_beside(const char *address, const char *suffix)
{
    struct strbuf beside = {0};
    const char *query = strchr(address, '?'), *schema = query;
    while (schema && strncmp(schema + 1, SCHEMA_PARAMETER, strlen(SCHEMA_PARAMETER)) != 0)
        schema = strchr(schema + 1, '&');
    if (schema) {
        const char *end = schema + 1 + strcspn(schema + 1, "&");
        strbuf_append(&beside, address, (size_t)(end - address));
        strbuf_printf(&beside, "%s%s", suffix, end);
    } else {
        strbuf_printf(&beside, "%s%c" SCHEMA_PARAMETER SCHEMA_DEFAULT "%s", address, query ? '&' : '?',
                      suffix);
    }
    return strbuf_detach(&beside, NULL);
}
