/* A small repeatable random generator: SplitMix64.
 * Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014. */
#ifndef KIMONO_CLI_DEMO_RANDOM_H
#define KIMONO_CLI_DEMO_RANDOM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

struct demo_random {
    uint64_t state;
};

static inline uint64_t demo_random_next(struct demo_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* A stream of its own for each pair of numbers. */
static inline struct demo_random demo_random_for(uint64_t seed, uint64_t what)
{
    struct demo_random random = {seed * UINT64_C(0xD1342543DE82EF95) + what};
    demo_random_next(&random);
    return random;
}

static inline double demo_random_unit(struct demo_random *random) /* 0 <= u < 1 */
{
    return (double)(demo_random_next(random) >> 11) * 0x1.0p-53;
}

static inline size_t demo_random_below(struct demo_random *random, size_t limit)
{
    return (size_t)(demo_random_unit(random) * (double)limit);
}

/* A latency: log-normal around a median. Box and Muller, 1958. */
static inline int64_t demo_random_latency(struct demo_random *random, double median_ms, double spread)
{
    double u = 1 - demo_random_unit(random), v = demo_random_unit(random);
    double normal = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
    return (int64_t)(median_ms * exp(spread * normal)) + 1;
}

#endif
