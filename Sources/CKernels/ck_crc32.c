#include "ck_crc32.h"

/* CRC-32 as zip has it: polynomial 0x04C11DB7, reflected.

   Sources: V. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction, Intel 2009, whose constants
   these are; M. Kounavis, F. Berry, A Systematic Approach to Building High Performance Software-based CRC Generators (slicing). */

#include <string.h>

static uint32_t tables[8][256];

__attribute__((constructor)) static void make_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
        tables[0][byte] = value;
    }
    for (int table = 1; table < 8; table++) {
        for (int byte = 0; byte < 256; byte++) {
            tables[table][byte] = tables[table - 1][byte] >> 8 ^ tables[0][tables[table - 1][byte] & 0xFF];
        }
    }
}

/* On the inverted remainder. */
static uint32_t plain(uint32_t crc, const uint8_t *bytes, size_t count) {
    while (count >= 8) {
        uint64_t word = 0;
        for (int index = 7; index >= 0; index--) word = word << 8 | bytes[index];
        word ^= crc;
        crc = 0;
        for (int index = 0; index < 8; index++) crc ^= tables[7 - index][word >> (8 * index) & 0xFF];
        bytes += 8;
        count -= 8;
    }
    while (count--) crc = crc >> 8 ^ tables[0][(crc ^ *bytes++) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* At least 64 bytes, a multiple of 16. */
__attribute__((target("pclmul,sse4.1")))
static uint32_t folded(uint32_t crc, const uint8_t *bytes, size_t count) {
    const __m128i far = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4), near = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i *block = (const __m128i *)bytes;
    __m128i a = _mm_xor_si128(_mm_loadu_si128(block), _mm_cvtsi32_si128((int)crc));
    __m128i b = _mm_loadu_si128(block + 1), c = _mm_loadu_si128(block + 2), d = _mm_loadu_si128(block + 3);
    block += 4;
    count -= 64;
#define FOLD(x, k, y) _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11)), y)
    for (; count >= 64; count -= 64, block += 4) {
        a = FOLD(a, far, _mm_loadu_si128(block));
        b = FOLD(b, far, _mm_loadu_si128(block + 1));
        c = FOLD(c, far, _mm_loadu_si128(block + 2));
        d = FOLD(d, far, _mm_loadu_si128(block + 3));
    }
    a = FOLD(a, near, b);
    a = FOLD(a, near, c);
    a = FOLD(a, near, d);
    for (; count >= 16; count -= 16, block++) a = FOLD(a, near, _mm_loadu_si128(block));
#undef FOLD
    /* 128 bits to 64, to 32. */
    const __m128i mask = _mm_setr_epi32(-1, 0, -1, 0);
    a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, near, 0x10));
    a = _mm_xor_si128(_mm_srli_si128(a, 4), _mm_clmulepi64_si128(_mm_and_si128(a, mask), _mm_set_epi64x(0, 0x0163cd6124), 0x00));
    const __m128i polynomial = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    b = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(a, mask), polynomial, 0x10), mask);
    a = _mm_xor_si128(a, _mm_clmulepi64_si128(b, polynomial, 0x00));
    return (uint32_t)_mm_extract_epi32(a, 1);
}

uint32_t ck_crc32(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    crc = ~crc;
    size_t whole = count & ~(size_t)15;
    if (whole >= 64 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        crc = folded(crc, next, whole);
        next += whole;
        count -= whole;
    }
    return ~plain(crc, next, count);
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t ck_crc32(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    crc = ~crc;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __crc32d(crc, word);
    }
    return ~plain(crc, next, count);
}
#else
uint32_t ck_crc32(uint32_t crc, const void *bytes, size_t count) { return ~plain(~crc, bytes, count); }
#endif

/* a · b modulo the polynomial, both reflected. */
static uint32_t product(uint32_t a, uint32_t b) {
    uint32_t result = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        if (a & bit) result ^= b;
        b = b >> 1 ^ (b & 1 ? 0xEDB88320u : 0);
    }
    return result;
}

uint32_t ck_crc32_combine(uint32_t first, uint32_t second, uint64_t second_count) {
    /* x^(8·count), by squaring. */
    uint32_t power = 1u << 31, square = 1u << 23;
    for (; second_count; second_count >>= 1) {
        if (second_count & 1) power = product(square, power);
        square = product(square, square);
    }
    return product(power, first) ^ second;
}
