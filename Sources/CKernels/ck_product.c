#include "include/ck_product.h"

#include <stdbool.h>
#include <string.h>

#include "ck_target.h"
#include "ck_transpose_block.h"

#if defined(__x86_64__) && defined(__clang__)
#include <immintrin.h>
#define CK_FAMILIES 1

#define CK_WIDTH 16
#define CK_ROWS 8
#define CK_EVEN_ROWS 14
#define CK_WIDEN(half) ((vector_avx512)_mm512_castps256_ps512((__m256)(half)))
#define CK_NAME(name) name##_avx512
typedef __mmask16 part_avx512;
#define CK_PART(count) ((__mmask16)((1u << (count)) - 1))
#define CK_LOAD_PART(p, part) ((vector_avx512)_mm512_maskz_loadu_ps(part, p))
#define CK_STORE_PART(p, part, v) _mm512_mask_storeu_ps(p, part, (__m512)(v))
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#include "ck_product_template.h"
#pragma clang attribute pop
#undef CK_PART
#undef CK_LOAD_PART
#undef CK_STORE_PART
#undef CK_WIDTH
#undef CK_ROWS
#undef CK_EVEN_ROWS
#undef CK_WIDEN
#undef CK_NAME

#define CK_WIDTH 8
#define CK_ROWS 6
#define CK_NAME(name) name##_avx2
typedef __m256i part_avx2;
#define CK_PART(count) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define CK_LOAD_PART(p, part) ((vector_avx2)_mm256_maskload_ps(p, part))
#define CK_STORE_PART(p, part, v) _mm256_maskstore_ps(p, part, (__m256)(v))
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "ck_product_template.h"
#pragma clang attribute pop
#undef CK_PART
#undef CK_LOAD_PART
#undef CK_STORE_PART
#undef CK_WIDTH
#undef CK_ROWS
#undef CK_NAME
#endif

#define CK_WIDTH 4
#if defined(__aarch64__)
#define CK_ROWS 8
#else
#define CK_ROWS 4
#endif
#define CK_NAME(name) name##_baseline
#include "ck_product_template.h"

ck_family ck_family_at_hand(void) {
#if defined(CK_FAMILIES)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq"))
        return CK_FAMILY_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_FAMILY_AVX2;
#endif
    return CK_FAMILY_BASELINE;
}

/* Flags that the last pass alone obeys. */
#define FINISH (CK_PRODUCT_RECTIFY | CK_PRODUCT_SIX)

/* Rows of B that one pass goes through: a panel of them stays in the first-level cache. */
#define CK_DEPTH 512

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

void ck_product(
    ck_product_extents e, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, const float *b, float *c,
    const ptrdiff_t *c_rows, const float *bias, unsigned flags) {
    ck_product_by(ck_family_at_hand(), e, a, a_rows, offsets, b, c, c_rows, bias, flags);
}

void ck_product_by(
    ck_family family, ck_product_extents e, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, const float *b,
    float *c, const ptrdiff_t *c_rows, const float *bias, unsigned flags) {
    /* Parts of the inner sum: so many whole segments, or a part of one. */
    const ptrdiff_t whole = e.length ? CK_DEPTH / e.length : 0;
    const ptrdiff_t group = e.length == 0 || e.segments * e.length <= CK_DEPTH * 3 / 2 ? e.segments : whole ? whole : 1;
    const ptrdiff_t parts = group > 1 || e.length <= CK_DEPTH * 3 / 2 ? 1 : (e.length + CK_DEPTH - 1) / CK_DEPTH;
    const ptrdiff_t part = parts ? (e.length + parts - 1) / parts : 0;
    ptrdiff_t s = 0;
    do {
        const ptrdiff_t segments = least(group, e.segments - s);
        ptrdiff_t start = 0;
        do {
            const ptrdiff_t length = least(part, e.length - start);
            const int last = s + segments == e.segments && start + length == e.length;
            const int first = s == 0 && start == 0;
            const unsigned pass = (first ? flags & CK_PRODUCT_ADD : CK_PRODUCT_ADD) | (last ? flags & FINISH : 0);
            const float *rows = b + (s * e.length + start) * e.b_row;
            const float *shift = last ? bias : 0;
            switch (family) {
#if defined(CK_FAMILIES)
            case CK_FAMILY_AVX512:
                product_avx512(&e, a, a_rows, offsets + s, segments, start, length, rows, c, c_rows, shift, pass);
                break;
            case CK_FAMILY_AVX2:
                product_avx2(&e, a, a_rows, offsets + s, segments, start, length, rows, c, c_rows, shift, pass);
                break;
#endif
            default: product_baseline(&e, a, a_rows, offsets + s, segments, start, length, rows, c, c_rows, shift, pass);
            }
            start += length;
        } while (start < e.length);
        s += segments;
    } while (s < e.segments);
}

CK_CLONES void ck_pack_panels(
    const float *b, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *panels, ptrdiff_t panel_stride) {
    for (ptrdiff_t j = 0; j < n; j += CK_PANEL, panels += panel_stride) {
        const ptrdiff_t cols = least(CK_PANEL, n - j);
        for (ptrdiff_t i = 0; i < rows; i++) {
            const float *row = b + i * stride + j;
            float *target = panels + i * CK_PANEL;
            if (cols == CK_PANEL) {
                for (ptrdiff_t k = 0; k < CK_PANEL; k++) target[k] = row[k];
            } else {
                for (ptrdiff_t k = 0; k < cols; k++) target[k] = row[k];
                for (ptrdiff_t k = cols; k < CK_PANEL; k++) target[k] = 0;
            }
        }
    }
}

CK_CLONES void ck_pack_panels_transposed(
    const float *b, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *panels, ptrdiff_t panel_stride) {
    for (ptrdiff_t j = 0; j < n; j += CK_PANEL, panels += panel_stride) {
        const ptrdiff_t cols = least(CK_PANEL, n - j);
        const ptrdiff_t whole_rows = rows / 8 * 8, whole_cols = cols / 8 * 8;
        for (ptrdiff_t i = 0; i < whole_rows; i += 8)
            for (ptrdiff_t k = 0; k < whole_cols; k += 8)
                ck_transpose_8x8(b + (j + k) * stride + i, stride, panels + i * CK_PANEL + k, CK_PANEL);
        for (ptrdiff_t i = 0; i < rows; i++) {
            float *target = panels + i * CK_PANEL;
            for (ptrdiff_t k = i < whole_rows ? whole_cols : 0; k < cols; k++) target[k] = b[(j + k) * stride + i];
            for (ptrdiff_t k = cols; k < CK_PANEL; k++) target[k] = 0;
        }
    }
}

void ck_row_product(const float *x, const float *w, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *y) {
    ck_row_product_by(ck_family_at_hand(), x, w, stride, rows, n, y);
}

void ck_row_product_by(
    ck_family family, const float *x, const float *w, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *y) {
    switch (family) {
#if defined(CK_FAMILIES)
    case CK_FAMILY_AVX512: row_product_avx512(x, w, stride, rows, n, y); break;
    case CK_FAMILY_AVX2: row_product_avx2(x, w, stride, rows, n, y); break;
#endif
    default: row_product_baseline(x, w, stride, rows, n, y);
    }
}

/* Blocks of ck_matrix_product: rows of A, steps of the inner sum, columns of B. */
enum { BLOCK_ROWS = 128, BLOCK_DEPTH = 256, BLOCK_COLUMNS = 128, STACK_DEPTH = 128 };

void ck_matrix_product(
    int transpose_a, int transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t lda, const float *b,
    ptrdiff_t ldb, float *c, ptrdiff_t ldc, const float *bias, unsigned flags, float *workspace) {
    const ptrdiff_t zero = 0;
    float panel[STACK_DEPTH * CK_PANEL] __attribute__((aligned(64)));
    const ptrdiff_t depth = workspace ? BLOCK_DEPTH : STACK_DEPTH, width = workspace ? BLOCK_COLUMNS : CK_PANEL;
    float *packed_b = workspace ? workspace + BLOCK_ROWS * BLOCK_DEPTH : panel;
    /* Rows far apart fall into the same few sets of the caches; that costs more than a copy when they are read often. */
    const int copies_a = workspace && n > 2 * CK_PANEL && (transpose_a || lda >= 512);
    /* B is read once, or is a panel as it stands. */
    const int direct_b = !transpose_b && n % 16 == 0 && (m <= 8 || (n <= CK_PANEL && ldb == n));
    for (ptrdiff_t i = 0; i < m; i += BLOCK_ROWS) {
        const ptrdiff_t rows = least(BLOCK_ROWS, m - i);
        ptrdiff_t start = 0;
        do {
            const ptrdiff_t length = least(depth, k - start);
            const int last = start + length >= k;
            const unsigned pass =
                (start == 0 ? flags & CK_PRODUCT_ADD : CK_PRODUCT_ADD) | (last ? flags & FINISH : 0);
            const float *shift = last ? bias : 0;
            const float *block = transpose_a ? a + start * lda + i : a + i * lda + start;
            ck_product_extents e = {
                .rows = 1, .columns = rows, .a_column = transpose_a ? 1 : lda, .c_column = ldc,
                .segments = 1, .length = length, .step = transpose_a ? lda : 1,
            };
            if (copies_a) {
                const ptrdiff_t lines = transpose_a ? length : rows, run = transpose_a ? rows : length;
                for (ptrdiff_t line = 0; line < lines; line++)
                    memcpy(workspace + line * run, block + line * lda, run * sizeof(float));
                block = workspace;
                if (transpose_a) e.step = run; else e.a_column = run;
            }
            if (direct_b) {
                e.n = n;
                e.b_row = ldb;
                e.b_panel = CK_PANEL;
                ck_product(e, block, &zero, &zero, b + start * ldb, c + i * ldc, &zero, shift, pass);
            } else {
                e.b_row = CK_PANEL;
                e.b_panel = length * CK_PANEL;
                for (ptrdiff_t j = 0; j < n; j += width) {
                    e.n = least(width, n - j);
                    if (transpose_b)
                        ck_pack_panels_transposed(b + j * ldb + start, ldb, length, e.n, packed_b, e.b_panel);
                    else
                        ck_pack_panels(b + start * ldb + j, ldb, length, e.n, packed_b, e.b_panel);
                    ck_product(e, block, &zero, &zero, packed_b, c + i * ldc + j, &zero, shift ? shift + j : 0, pass);
                }
            }
            start += length;
        } while (start < k);
    }
}

void ck_packed_product(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t b_panel, float *c,
    ptrdiff_t ldc, const float *bias, unsigned flags, float *workspace) {
    const ptrdiff_t zero = 0;
    /* As above. */
    const int copies_a = workspace && n > 2 * CK_PANEL && m > 8 && lda >= 512;
    for (ptrdiff_t i = 0; i < m; i += BLOCK_ROWS) {
        const ptrdiff_t rows = least(BLOCK_ROWS, m - i), depth = copies_a ? BLOCK_DEPTH : k;
        ptrdiff_t start = 0;
        do {
            const ptrdiff_t length = least(depth, k - start);
            const int last = start + length >= k;
            const float *block = a + i * lda + start;
            ck_product_extents e = {
                .rows = 1, .columns = rows, .a_column = lda, .c_column = ldc, .segments = 1, .length = length, .step = 1,
                .n = n, .b_panel = b_panel, .b_row = CK_PANEL,
            };
            if (copies_a) {
                for (ptrdiff_t row = 0; row < rows; row++)
                    memcpy(workspace + row * length, block + row * lda, length * sizeof(float));
                block = workspace;
                e.a_column = length;
            }
            ck_product(
                e, block, &zero, &zero, b + start * CK_PANEL, c + i * ldc, &zero, last ? bias : 0,
                (start == 0 ? flags & CK_PRODUCT_ADD : CK_PRODUCT_ADD) | (last ? flags & FINISH : 0));
            start += length;
        } while (start < k);
    }
}
