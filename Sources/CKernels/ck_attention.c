#include "include/ck_attention.h"

#include "ck_math.h"
#include "ck_target.h"

#if defined(__x86_64__) && defined(__clang__)
#include <immintrin.h>
#define CK_FAMILIES 1

#define CK_WIDTH 16
#define CK_NAME(name) name##_avx512
#define CK_LARGER(a, b) _mm512_max_ps((__m512)(a), (__m512)(b))
#define CK_FOLD_LARGEST(v) _mm512_reduce_max_ps((__m512)(v))
#define CK_FOLD_SUM(v) _mm512_reduce_add_ps((__m512)(v))
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#include "ck_attention_template.h"
#pragma clang attribute pop
#undef CK_WIDTH
#undef CK_NAME
#undef CK_LARGER
#undef CK_FOLD_LARGEST
#undef CK_FOLD_SUM

#define CK_WIDTH 8
#define CK_NAME(name) name##_avx2
#define CK_LARGER(a, b) _mm256_max_ps((__m256)(a), (__m256)(b))
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "ck_attention_template.h"
#pragma clang attribute pop
#undef CK_WIDTH
#undef CK_NAME
#undef CK_LARGER
#endif

#define CK_WIDTH 4
#define CK_NAME(name) name##_baseline
#include "ck_attention_template.h"

void ck_attention_weights(float *scores, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float factor, float *inverse) {
    ck_attention_weights_by(ck_family_at_hand(), scores, rows, columns, stride, factor, inverse);
}

void ck_attention_weights_by(
    ck_family family, float *scores, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float factor, float *inverse) {
    switch (family) {
#if defined(CK_FAMILIES)
    case CK_FAMILY_AVX512: attention_weights_avx512(scores, rows, columns, stride, factor, inverse); break;
    case CK_FAMILY_AVX2: attention_weights_avx2(scores, rows, columns, stride, factor, inverse); break;
#endif
    default: attention_weights_baseline(scores, rows, columns, stride, factor, inverse);
    }
}

void ck_normalize_rows_affine(
    ck_norm kind, const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t columns,
    float epsilon) {
    ck_normalize_rows_affine_by(ck_family_at_hand(), kind, x, scale, shift, y, rows, columns, epsilon);
}

void ck_normalize_rows_affine_by(
    ck_family family, ck_norm kind, const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows,
    ptrdiff_t columns, float epsilon) {
    switch (family) {
#if defined(CK_FAMILIES)
    case CK_FAMILY_AVX512: normalize_rows_affine_avx512(kind, x, scale, shift, y, rows, columns, epsilon); break;
    case CK_FAMILY_AVX2: normalize_rows_affine_avx2(kind, x, scale, shift, y, rows, columns, epsilon); break;
#endif
    default: normalize_rows_affine_baseline(kind, x, scale, shift, y, rows, columns, epsilon);
    }
}

CK_CLONES void ck_attention_mask(
    float *scores, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const uint8_t *mask, ptrdiff_t mask_row,
    ptrdiff_t mask_column, float value) {
    for (ptrdiff_t r = 0; r < rows; r++, scores += stride, mask += mask_row) {
        if (mask_column == 0) {
            if (*mask) continue;
            for (ptrdiff_t j = 0; j < columns; j++) scores[j] = value;
        } else {
            CK_ELEMENTWISE
            for (ptrdiff_t j = 0; j < columns; j++) scores[j] = mask[j] ? scores[j] : value;
        }
    }
}

CK_CLONES void ck_scale_rows(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const float *factor) {
    for (ptrdiff_t r = 0; r < rows; r++, x += stride) {
        const float by = factor[r];
        CK_ELEMENTWISE
        for (ptrdiff_t j = 0; j < columns; j++) x[j] *= by;
    }
}
