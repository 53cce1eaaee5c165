/* Values in PostgreSQL's binary form: parameters on their way there, columns on their way back. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "store/postgresql_private.h"

/* Fixed by the catalog of every version: src/include/catalog/pg_type.dat. */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_OID = 26,
    TYPE_JSON = 114,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_NUMERIC = 1700,
    TYPE_VOID = 2278,
    TYPE_JSONB = 3802,
};

/* ---- parameters ---- */

Oid postgresql_type_of(const struct db_value *value)
{
    switch (value->type) {
    case DB_INT: return TYPE_INT8;
    case DB_REAL: return TYPE_FLOAT8;
    case DB_TEXT: return TYPE_TEXT;
    case DB_BYTES: return TYPE_BYTEA;
    default: return 0;
    }
}

bool postgresql_value_check(const struct db_value *value, struct error *err)
{
    if (value->type != DB_TEXT)
        return true;
    if (memchr(value->bytes, '\0', value->length))
        return error_set(err, ERROR_INVALID, "A text with a NUL character cannot be stored.",
                         "无法保存含有 NUL 字符的文本。");
    return utf8_valid(value->bytes, value->length) ||
           error_set(err, ERROR_INVALID, "A text that is not UTF-8 cannot be stored.",
                     "无法保存非 UTF-8 编码的文本。");
}

void postgresql_parameters_fill(struct postgresql_parameters *ret, const struct db_value *args, int count)
{
    size_t n = (size_t)count;
    char *memory = xmalloc(n * (sizeof(char *) + sizeof(uint64_t) + 2 * sizeof(int)) + 1);
    ret->values = (const char **)(void *)memory;
    ret->numbers = (uint64_t *)(ret->values + n);
    ret->lengths = (int *)(ret->numbers + n);
    ret->formats = ret->lengths + n;
    for (int i = 0; i < count; i++) {
        ret->formats[i] = 1;
        ret->lengths[i] = sizeof(uint64_t);
        ret->values[i] = (const char *)&ret->numbers[i];
        uint64_t bits;
        switch (args[i].type) {
        case DB_INT: ret->numbers[i] = htobe64((uint64_t)args[i].integer); break;
        case DB_REAL:
            memcpy(&bits, &args[i].real, sizeof(bits));
            ret->numbers[i] = htobe64(bits);
            break;
        case DB_NULL: ret->values[i] = NULL; break;
        default: ret->values[i] = args[i].bytes; ret->lengths[i] = (int)args[i].length;
        }
    }
}

void postgresql_parameters_release(struct postgresql_parameters *parameters)
{
    free((void *)parameters->values);
}

/* ---- columns ---- */

bool postgresql_type_known(Oid type)
{
    switch (type) {
    case TYPE_BOOL:
    case TYPE_BYTEA:
    case TYPE_NAME:
    case TYPE_INT8:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_TEXT:
    case TYPE_OID:
    case TYPE_JSON:
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
    case TYPE_BPCHAR:
    case TYPE_VARCHAR:
    case TYPE_NUMERIC:
    case TYPE_VOID:
    case TYPE_JSONB: return true;
    default: return false;
    }
}

static uint16_t get16(const char *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof(value));
    return be16toh(value);
}

static uint32_t get32(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return be32toh(value);
}

static uint64_t get64(const char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return be64toh(value);
}

struct number {
    bool whole; /* `integer` holds it, else `real` */
    int64_t integer;
    double real;
};

static struct number number_whole(int64_t integer)
{
    return (struct number){.whole = true, .integer = integer, .real = (double)integer};
}

static struct number number_real(double value)
{
    return (struct number){.real = value};
}

/* numeric: how many digits, the weight of the first, a sign, how many decimals are shown; then digits to the base of
 * 10000 (src/backend/utils/adt/numeric.c, numeric_send). A sum of bigint is one. */
static struct number number_decode_numeric(const char *bytes)
{
    enum { BASE = 10000, NEGATIVE = 0x4000, NOT_A_NUMBER = 0xC000, INFINITE = 0xD000, DIGITS_READ = 20 };
    int digits = get16(bytes), weight = (int16_t)get16(bytes + 2), sign = get16(bytes + 4);
    if (sign >= NOT_A_NUMBER)
        return number_real(sign == NOT_A_NUMBER ? NAN : sign == INFINITE ? INFINITY : -INFINITY);
    bool fits = digits <= weight + 1;
    int64_t integer = 0; /* counted downwards: there is one more negative number */
    for (int i = 0; fits && i <= weight; i++) {
        int digit = i < digits ? get16(bytes + 8 + 2 * i) : 0;
        fits = !__builtin_mul_overflow(integer, BASE, &integer) &&
               !__builtin_sub_overflow(integer, digit, &integer);
    }
    if (fits && (sign == NEGATIVE || integer != INT64_MIN))
        return number_whole(sign == NEGATIVE ? integer : -integer);
    char text[4 * DIGITS_READ + 16]; /* in decimal, so that strtod finds the nearest double */
    size_t length = 0;
    if (digits > DIGITS_READ)
        digits = DIGITS_READ;
    for (int i = 0; i < digits; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%04d", get16(bytes + 8 + 2 * i));
    snprintf(text + length, sizeof(text) - length, "e%d", 4 * (weight - digits + 1));
    double value = strtod(text, NULL);
    return number_real(sign == NEGATIVE ? -value : value);
}

/* As SQLite reads a text where a number is wanted: what it begins with. */
static struct number number_parse(const char *text)
{
    char *end;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    if (errno == 0 && *end != '.' && *end != 'e' && *end != 'E')
        return number_whole(integer);
    return number_real(strtod(text, NULL));
}

static struct number number_decode(const struct postgresql_cell *cell, Oid type)
{
    switch (type) {
    case TYPE_BOOL: return number_whole(cell->bytes[0] != 0);
    case TYPE_INT2: return number_whole((int16_t)get16(cell->bytes));
    case TYPE_INT4: return number_whole((int32_t)get32(cell->bytes));
    case TYPE_OID: return number_whole(get32(cell->bytes));
    case TYPE_INT8: return number_whole((int64_t)get64(cell->bytes));
    case TYPE_NUMERIC: return number_decode_numeric(cell->bytes);
    case TYPE_FLOAT4: {
        uint32_t bits = get32(cell->bytes);
        float value;
        memcpy(&value, &bits, sizeof(value));
        return number_real(value);
    }
    case TYPE_FLOAT8: {
        uint64_t bits = get64(cell->bytes);
        double value;
        memcpy(&value, &bits, sizeof(value));
        return number_real(value);
    }
    default: return number_parse(cell->bytes); /* libpq ends each value with a NUL */
    }
}

int64_t postgresql_decode_int(const struct postgresql_cell *cell, Oid type)
{
    struct number number = number_decode(cell, type);
    if (number.whole)
        return number.integer;
    if (number.real >= 9223372036854775808.0)
        return INT64_MAX;
    return number.real > -9223372036854775808.0 ? (int64_t)number.real : INT64_MIN;
}

enum db_type postgresql_column_type(struct db_statement *base, int column)
{
    struct postgresql_statement *statement = postgresql_statement_of(base);
    const struct postgresql_cell *cell = &statement->cells[column];
    if (!cell->bytes)
        return DB_NULL;
    switch (statement->columns.types[column]) {
    case TYPE_BOOL:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_OID:
    case TYPE_INT8: return DB_INT;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8: return DB_REAL;
    case TYPE_NUMERIC: return number_decode(cell, TYPE_NUMERIC).whole ? DB_INT : DB_REAL;
    case TYPE_BYTEA: return DB_BYTES;
    default: return DB_TEXT;
    }
}

bool postgresql_column_null(struct db_statement *base, int column)
{
    return !postgresql_statement_of(base)->cells[column].bytes;
}

int64_t postgresql_column_int(struct db_statement *base, int column)
{
    struct postgresql_statement *statement = postgresql_statement_of(base);
    return postgresql_decode_int(&statement->cells[column], statement->columns.types[column]);
}

double postgresql_column_real(struct db_statement *base, int column)
{
    struct postgresql_statement *statement = postgresql_statement_of(base);
    return number_decode(&statement->cells[column], statement->columns.types[column]).real;
}

/* The shortest text that is this number again, and says that it is no integer. */
static void number_put_real(struct strbuf *text, double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        strbuf_reset(text);
        strbuf_printf(text, "%.*g", digits, value);
        if (strtod(strbuf_text(text), NULL) == value)
            break;
    }
    if (isfinite(value) && !strpbrk(strbuf_text(text), ".e"))
        strbuf_puts(text, ".0");
}

const void *postgresql_column_bytes(struct db_statement *base, int column, size_t *ret_length)
{
    struct postgresql_statement *statement = postgresql_statement_of(base);
    const struct postgresql_cell *cell = &statement->cells[column];
    Oid type = statement->columns.types[column];
    switch (type) {
    case TYPE_BYTEA:
    case TYPE_NAME:
    case TYPE_TEXT:
    case TYPE_JSON:
    case TYPE_BPCHAR:
    case TYPE_VARCHAR:
    case TYPE_VOID: *ret_length = (size_t)cell->length; return cell->bytes;
    case TYPE_JSONB: /* a version, then the text */
        *ret_length = (size_t)cell->length - 1;
        return cell->bytes + 1;
    default: break;
    }
    struct strbuf *text = &statement->texts[column];
    struct number number = number_decode(cell, type);
    strbuf_reset(text);
    if (number.whole)
        strbuf_printf(text, "%" PRId64, number.integer);
    else
        number_put_real(text, number.real);
    *ret_length = text->length;
    return strbuf_text(text);
}

const char *postgresql_column_text(struct db_statement *base, int column)
{
    size_t length;
    return postgresql_column_bytes(base, column, &length);
}
