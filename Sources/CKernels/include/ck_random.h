/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3;
   2011). A number is a pure function of its counter and key, so any part of a stream can be made by anybody. */
#ifndef CK_RANDOM_H
#define CK_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Four words from a counter of four words and a key of two. */
void ck_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The multipliers of inverted dropout for elements first ..< first + count of a stream: 0 with probability `rate`, else
   scale. Element i takes word i mod 4 of counter (i / 4, 0, 0): its highest 24 bits as a number in [0, 1), kept when not
   below rate. `first` is a multiple of 4. */
void ck_dropout_mask(
    uint64_t key, uint64_t first, float rate, float scale, float *mask, ptrdiff_t count);

/* y = x times those multipliers (0 where x is dropped, whatever x is), or added to y; y may be x. */
void ck_dropout(
    uint64_t key, uint64_t first, float rate, float scale, const float *x, float *y, ptrdiff_t count, bool add);

/* Numbers first ..< first + count of a stream: low + width u with u uniform in [0, 1) from the highest 24 bits of a word, and
   normal ones, made in pairs. `first` is a multiple of 4. */
void ck_random_uniform(uint64_t key, uint64_t first, float low, float width, float *y, ptrdiff_t count);
void ck_random_normal(uint64_t key, uint64_t first, float mean, float stddev, float *y, ptrdiff_t count);

#endif
