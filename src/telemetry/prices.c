#include "telemetry/prices.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* Days since 1970 of a date, as a constant. Source: Howard Hinnant, days_from_civil; years > 0. */
#define YEAR(y, m) (INT64_C(y) - ((m) <= 2))
#define CIVIL_DAY(y, m, d)                                                                                   \
    (365 * YEAR(y, m) + YEAR(y, m) / 4 - YEAR(y, m) / 100 + YEAR(y, m) / 400 +                               \
     (153 * ((m) + ((m) > 2 ? -3 : 9)) + 2) / 5 + (d)-719469)
/* A price list holds from midnight in Beijing, whatever the zone of this store. */
#define FROM(y, m, d) (CIVIL_DAY(y, m, d) * DAY_MS - 8 * HOUR_MS)

#define ANY NULL, 0
#define NAME(text) text, sizeof(text) - 1

#define ALL_LENGTHS INT64_MAX
#define K INT64_C(1024)

/* Nano-units of money for a million tokens or units, from units of money and thousandths of it. */
#define PRICE(whole, thousandths) (INT64_C(whole) * 1000000000 + INT64_C(thousandths) * 1000000)
#define FREE INT64_C(0)

enum currency { CNY, USD };

struct price {
    const char *provider; /* api_type */
    const char *model;    /* NULL: any */
    size_t model_length;
    const char *operation;         /* NULL: any */
    int64_t valid_from;            /* ms */
    int64_t tier;                  /* longest input of this tier, in tokens */
    int64_t input, output, cached; /* nano-units of currency for a million */
    enum currency currency;
    int64_t minimum; /* thousandths of a unit billed at least for each call; 0: tokens, none */
};

/* Source: help.aliyun.com/zh/model-studio and pinecone.io/pricing, stored copies seen on 2026-11-22.
 * Prices are Beijing list prices, before promotions, batch discounts and thinking mode (its output is
 * dearer [M], and the usage record does not say which mode it was). [M] marks what is from
 * memory or was left open: to be confirmed against the provider's bill. All dates are [M]: the lists
 * say when a price was seen, not from when on it holds; where a list is the only one known it is
 * taken to hold since the model came out. Cached input costs the input price where the list names
 * no discount. A tier's bound is its K times 1,024 [M]. */
#define CHAT(model, from, tier, input, output, cached)                                                       \
    {                                                                                                        \
        "dashscope", NAME(model), NULL, from, tier, input, output, cached, CNY, 0                            \
    }
#define EMBEDDING(model, from, input)                                                                        \
    {                                                                                                        \
        "dashscope", NAME(model), NULL, from, ALL_LENGTHS, input, FREE, input, CNY, 0                        \
    }
#define UNITS(operation, from, price, minimum)                                                               \
    {                                                                                                        \
        "pinecone", ANY, operation, from, ALL_LENGTHS, price, FREE, price, USD, minimum                      \
    }
static const struct price prices[] = {
    /* 1 */ {"embedded", ANY, NULL, 0, ALL_LENGTHS, FREE, FREE, FREE, CNY, 0},

    /* chat */
    /* 2 */ CHAT("qwen-turbo", FROM(2024, 9, 19), ALL_LENGTHS, PRICE(0, 300), PRICE(0, 600), PRICE(0, 300)),
    /* 3 */ CHAT("qwen-plus", FROM(2024, 9, 19), 128 * K, PRICE(0, 800), PRICE(2, 0), PRICE(0, 800)),
    /* 4 [M] */ CHAT("qwen-plus", FROM(2024, 9, 19), 256 * K, PRICE(2, 400), PRICE(20, 0), PRICE(2, 400)),
    /* 5 [M] */ CHAT("qwen-plus", FROM(2024, 9, 19), 1024 * K, PRICE(4, 800), PRICE(48, 0), PRICE(4, 800)),
    /* 6 */ CHAT("qwen-max", FROM(2024, 9, 19), ALL_LENGTHS, PRICE(20, 0), PRICE(60, 0), PRICE(20, 0)),
    /* 7 */ CHAT("qwen-max", FROM(2025, 1, 29), ALL_LENGTHS, PRICE(2, 400), PRICE(9, 600), PRICE(2, 400)),
    /* 8 */ CHAT("qwen-flash", FROM(2025, 7, 28), 128 * K, PRICE(0, 150), PRICE(1, 500), PRICE(0, 30)),
    /* 9 */ CHAT("qwen-flash", FROM(2025, 7, 28), 256 * K, PRICE(0, 600), PRICE(6, 0), PRICE(0, 120)),
    /* 10 */ CHAT("qwen-flash", FROM(2025, 7, 28), 1024 * K, PRICE(1, 200), PRICE(12, 0), PRICE(0, 240)),
    /* 11 */ CHAT("qwen-long", FROM(2024, 9, 19), ALL_LENGTHS, PRICE(0, 500), PRICE(2, 0), PRICE(0, 500)),
    /* 12 */ CHAT("qwen3-max", FROM(2025, 9, 24), 32 * K, PRICE(2, 500), PRICE(10, 0), PRICE(2, 500)),
    /* 13 */ CHAT("qwen3-max", FROM(2025, 9, 24), 128 * K, PRICE(4, 0), PRICE(16, 0), PRICE(4, 0)),
    /* 14 */ CHAT("qwen3-max", FROM(2025, 9, 24), 256 * K, PRICE(7, 0), PRICE(28, 0), PRICE(7, 0)),
    /* 15 */ CHAT("qwen3.5-plus", FROM(2026, 1, 1), 128 * K, PRICE(0, 800), PRICE(4, 800), PRICE(0, 800)),
    /* 16 */ CHAT("qwen3.5-plus", FROM(2026, 1, 1), 256 * K, PRICE(2, 0), PRICE(12, 0), PRICE(2, 0)),
    /* 17 */
    CHAT("qwen-doc-turbo", FROM(2024, 9, 19), ALL_LENGTHS, PRICE(0, 600), PRICE(1, 0), PRICE(0, 120)),
    /* 18 */ CHAT("qwen-coder-turbo", FROM(2024, 9, 19), ALL_LENGTHS, PRICE(2, 0), PRICE(6, 0), PRICE(2, 0)),

    /* embeddings: only input tokens are billed */
    /* 19 */ EMBEDDING("text-embedding-v4", FROM(2024, 9, 19), PRICE(0, 500)),
    /* 20 */ EMBEDDING("text-embedding-v3", FROM(2024, 9, 19), PRICE(0, 500)),
    /* 21 */ EMBEDDING("text-embedding-v2", FROM(2024, 9, 19), PRICE(0, 700)),
    /* 22 */ EMBEDDING("text-embedding-v1", FROM(2024, 9, 19), PRICE(0, 700)),

    /* Pinecone Standard, AWS us-east-1, on demand: 16 dollars a million read units, 4 write units;
     * storage and the monthly minimum are not calls. */
    /* 23 */ UNITS("query", FROM(2024, 9, 19), PRICE(16, 0), 250),
    /* 24 */ UNITS("fetch", FROM(2024, 9, 19), PRICE(16, 0), 1000),
    /* 25 */ UNITS("list", FROM(2024, 9, 19), PRICE(16, 0), 1000),
    /* 26 [M] */ UNITS("upsert", FROM(2024, 9, 19), PRICE(4, 0), 5000),
    /* 27 [M] */ UNITS("update", FROM(2024, 9, 19), PRICE(4, 0), 5000),
    /* 28 [M] */ UNITS("delete", FROM(2024, 9, 19), PRICE(4, 0), 5000),
};

/* The largest product below is 2^63 tokens * 1,000 * 16e9 * 1e6 / 1e4, under 2^127. */
__extension__ typedef unsigned __int128 wide;

static bool price_applies(const struct price *price, const struct usage_record *record, size_t model_length)
{
    if (price->model && (!record->model || price->model_length != model_length ||
                         memcmp(price->model, record->model, model_length) != 0))
        return false;
    return (!price->operation || (record->operation && strcmp(price->operation, record->operation) == 0)) &&
           record->api_type && strcmp(price->provider, record->api_type) == 0;
}

/* Newer beats older; of one date the smallest tier that holds the input, else the largest there is. */
static bool price_fits_better(const struct price *price, const struct price *best, int64_t input)
{
    if (!best || price->valid_from != best->valid_from)
        return !best || price->valid_from > best->valid_from;
    if (price->tier >= input)
        return best->tier < input || price->tier < best->tier;
    return best->tier < input && price->tier > best->tier;
}

static const struct price *price_find(const struct usage_record *record, int64_t timestamp)
{
    const struct price *best = NULL;
    size_t model_length = record->model ? strlen(record->model) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(prices); i++)
        if (price_applies(&prices[i], record, model_length) && prices[i].valid_from <= timestamp &&
            price_fits_better(&prices[i], best, record->tokens_input))
            best = &prices[i];
    return best;
}

static uint64_t not_negative(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

static int64_t divide_half_up(wide value, uint64_t by)
{
    wide quotient = (value + by / 2) / by;
    return quotient > INT64_MAX ? INT64_MAX : (int64_t)quotient;
}

static int64_t price_cost_of_tokens(const struct price *price, const struct usage_record *record)
{
    uint64_t input = not_negative(record->tokens_input), cached = not_negative(record->tokens_cached);
    if (cached > input)
        cached = input;
    wide sum = (wide)(input - cached) * (uint64_t)price->input + (wide)cached * (uint64_t)price->cached +
               (wide)not_negative(record->tokens_output) * (uint64_t)price->output;
    return divide_half_up(sum, 1000000);
}

static int64_t price_cost_of_units(const struct price *price, const struct usage_record *record,
                                   uint64_t usd_cny_rate)
{
    wide thousandths = (wide)not_negative(record->read_units) + not_negative(record->write_units);
    if (thousandths == 0)
        thousandths = (wide)not_negative(record->tokens_input) * 1000;
    if (thousandths < (uint64_t)price->minimum)
        thousandths = (uint64_t)price->minimum;
    wide product = thousandths * (uint64_t)price->input;
    if (price->currency == CNY)
        return divide_half_up(product, UINT64_C(1000) * 1000000);
    return divide_half_up(product * usd_cny_rate, UINT64_C(1000) * 1000000 * 10000);
}

struct price_quote price_at(const struct usage_record *record, int64_t timestamp, int64_t usd_cny_rate)
{
    const struct price *price = price_find(record, timestamp);
    if (!price)
        return (struct price_quote){0};
    struct price_quote quote = {.priced = true, .version = (int32_t)(price - prices) + 1};
    bool counted = record->tokens_input > 0 || record->tokens_output > 0 || record->tokens_cached > 0 ||
                   record->read_units > 0 || record->write_units > 0;
    if (record->outcome != USAGE_OK && !counted)
        return quote;
    if (usd_cny_rate > USD_CNY_RATE_MAX)
        usd_cny_rate = USD_CNY_RATE_MAX;
    quote.cost_nano_cny = price->minimum ? price_cost_of_units(price, record, not_negative(usd_cny_rate))
                                         : price_cost_of_tokens(price, record);
    return quote;
}

struct price_quote price_of(const struct usage_record *record, int64_t usd_cny_rate)
{
    return price_at(record, record->timestamp ? record->timestamp : clock_now_ms(), usd_cny_rate);
}
