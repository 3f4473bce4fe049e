#include "include/ck_random.h"
#include "ck_math.h"

enum { BLOCKS = 16, WORDS = 4 * BLOCKS };

/* Sixteen counters at once, one in each lane: words are w[word][lane]. */
CK_INLINE void rounds(uint32_t w[4][BLOCKS], uint32_t k0, uint32_t k1) {
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < BLOCKS; l++) {
            uint64_t p0 = (uint64_t)w[0][l] * 0xD2511F53u, p1 = (uint64_t)w[2][l] * 0xCD9E8D57u;
            uint32_t c1 = w[1][l], c3 = w[3][l];
            w[0][l] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
            w[1][l] = (uint32_t)p1;
            w[2][l] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            w[3][l] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

CK_CLONES void ck_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t w[4][BLOCKS];
    for (int word = 0; word < 4; word++)
        for (int l = 0; l < BLOCKS; l++) w[word][l] = counter[word];
    rounds(w, key[0], key[1]);
    for (int word = 0; word < 4; word++) out[word] = w[word][0];
}

/* The words of BLOCKS counters from `block` on, element by element. */
CK_INLINE void words_of(uint64_t key, uint64_t block, uint32_t out[WORDS]) {
    uint32_t w[4][BLOCKS];
    for (int l = 0; l < BLOCKS; l++) {
        w[0][l] = (uint32_t)(block + (uint64_t)l);
        w[1][l] = (uint32_t)((block + (uint64_t)l) >> 32);
        w[2][l] = 0;
        w[3][l] = 0;
    }
    rounds(w, (uint32_t)key, (uint32_t)(key >> 32));
    for (int word = 0; word < 4; word++)
        for (int l = 0; l < BLOCKS; l++) out[4 * l + word] = w[word][l];
}

CK_CLONES void ck_random_uniform(uint64_t key, uint64_t first, float low, float width, float *y, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += WORDS) {
        uint32_t w[WORDS];
        words_of(key, (first + (uint64_t)i) / 4, w);
        ptrdiff_t left = count - i < WORDS ? count - i : WORDS;
        for (ptrdiff_t l = 0; l < left; l++) y[i + l] = low + width * ((float)(int32_t)(w[l] >> 8) * 0x1p-24f);
    }
}

/* Box and Muller 1958: pairs of words 0 and 1, 2 and 3 of a counter. */
CK_CLONES void ck_random_normal(uint64_t key, uint64_t first, float mean, float stddev, float *y, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += WORDS) {
        uint32_t w[WORDS];
        float pairs[WORDS];
        words_of(key, (first + (uint64_t)i) / 4, w);
        for (int p = 0; p < WORDS / 2; p++) {
            /* In (0, 1], so that the logarithm is finite. */
            float u = (float)(int32_t)((w[2 * p] >> 8) + 1) * 0x1p-24f;
            float radius = stddev * __builtin_elementwise_sqrt(-2.0f * ck_log1(u));
            /* A turn in 2^24 parts: the eighth nearest, and what is left of it. */
            int32_t turn = (int32_t)(w[2 * p + 1] >> 8);
            int32_t quarter = (turn + (1 << 21)) >> 22;
            float angle = (float)(turn - (quarter << 22)) * (0x1p-24f * 6.28318530717958648f);
            float z = angle * angle;
            float sine = angle + angle * z * (-1.6666654611e-1f + z * (8.3321608736e-3f - z * 1.9515295891e-4f));
            float cosine = 1.0f - 0.5f * z
                + z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
            float s = quarter & 1 ? cosine : sine, c = quarter & 1 ? sine : cosine;
            s = quarter & 2 ? -s : s;
            c = (quarter + 1) & 2 ? -c : c;
            pairs[2 * p] = mean + radius * c;
            pairs[2 * p + 1] = mean + radius * s;
        }
        ptrdiff_t left = count - i < WORDS ? count - i : WORDS;
        for (ptrdiff_t l = 0; l < left; l++) y[i + l] = pairs[l];
    }
}

/* WORDS multipliers from block `block` on. */
CK_INLINE void multipliers(uint64_t key, uint64_t block, float rate, float scale, float out[WORDS]) {
    uint32_t w[4][BLOCKS];
    for (int l = 0; l < BLOCKS; l++) {
        w[0][l] = (uint32_t)(block + (uint64_t)l);
        w[1][l] = (uint32_t)((block + (uint64_t)l) >> 32);
        w[2][l] = 0;
        w[3][l] = 0;
    }
    rounds(w, (uint32_t)key, (uint32_t)(key >> 32));
    for (int word = 0; word < 4; word++)
        for (int l = 0; l < BLOCKS; l++) {
            float uniform = (float)(int32_t)(w[word][l] >> 8) * 0x1p-24f;
            out[4 * l + word] = uniform >= rate ? scale : 0.0f;
        }
}

CK_CLONES void ck_dropout_mask(
    uint64_t key, uint64_t first, float rate, float scale, float *mask, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += WORDS) {
        float m[WORDS];
        multipliers(key, (first + (uint64_t)i) / 4, rate, scale, m);
        ptrdiff_t left = count - i < WORDS ? count - i : WORDS;
        for (ptrdiff_t l = 0; l < left; l++) mask[i + l] = m[l];
    }
}

CK_CLONES void ck_dropout(
    uint64_t key, uint64_t first, float rate, float scale, const float *x, float *y, ptrdiff_t count, bool add) {
    for (ptrdiff_t i = 0; i < count; i += WORDS) {
        float m[WORDS], v[WORDS];
        multipliers(key, (first + (uint64_t)i) / 4, rate, scale, m);
        ptrdiff_t left = count - i < WORDS ? count - i : WORDS;
        for (ptrdiff_t l = 0; l < left; l++) v[l] = x[i + l];
        for (ptrdiff_t l = 0; l < left; l++) v[l] = m[l] == 0.0f ? 0.0f : v[l] * m[l];
        if (add)
            for (ptrdiff_t l = 0; l < left; l++) y[i + l] += v[l];
        else
            for (ptrdiff_t l = 0; l < left; l++) y[i + l] = v[l];
    }
}
