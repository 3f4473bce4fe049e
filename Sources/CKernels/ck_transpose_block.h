/* Transposes 8 × 8 floats in registers. Not visible outside this target. */
#ifndef CK_TRANSPOSE_BLOCK_H
#define CK_TRANSPOSE_BLOCK_H

#include <stddef.h>

#include "ck_target.h"

typedef float ck_eight __attribute__((vector_size(32)));
typedef float ck_eight_unaligned __attribute__((vector_size(32), aligned(4), may_alias));

/* y[j * y_stride + i] = x[i * x_stride + j]. */
CK_INLINE void ck_transpose_8x8(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride) {
    ck_eight r[8], s[8];
#pragma unroll
    for (int i = 0; i < 8; i++) r[i] = *(const ck_eight_unaligned *)(x + i * x_stride);
#pragma unroll
    for (int i = 0; i < 8; i += 2) {
        s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
            r[i + j] = __builtin_shufflevector(s[i + j], s[i + 2 + j], 0, 1, 8, 9, 4, 5, 12, 13);
            r[i + 2 + j] = __builtin_shufflevector(s[i + j], s[i + 2 + j], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        *(ck_eight_unaligned *)(y + i * y_stride) = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(ck_eight_unaligned *)(y + (i + 4) * y_stride) = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

#endif
