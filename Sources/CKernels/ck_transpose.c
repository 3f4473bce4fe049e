#include "include/ck_transpose.h"

#include <stdint.h>

#include "ck_target.h"
#include "ck_transpose_block.h"

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

CK_CLONES void ck_transpose_4(
    const void *from, ptrdiff_t x_stride, void *to, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns) {
    const float *x = from;
    float *y = to;
    const ptrdiff_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
    /* Strips of 32 rows of x: each line of y is written in pieces of two cache lines. */
    for (ptrdiff_t strip = 0; strip < whole_rows; strip += 32)
        for (ptrdiff_t j = 0; j < whole_columns; j += 8)
            for (ptrdiff_t i = strip; i < least(strip + 32, whole_rows); i += 8)
                ck_transpose_8x8(x + i * x_stride + j, x_stride, y + j * y_stride + i, y_stride);
    /* Integers, since a copied NaN keeps its bits. */
    const uint32_t *bits = from;
    uint32_t *copy = to;
    for (ptrdiff_t j = 0; j < columns; j++)
        for (ptrdiff_t i = j < whole_columns ? whole_rows : 0; i < rows; i++) copy[j * y_stride + i] = bits[i * x_stride + j];
}

#define TRANSPOSE(name, type)                                                                                          \
    void name(const void *from, ptrdiff_t x_stride, void *to, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns) { \
        const type *x = from;                                                                                          \
        type *y = to;                                                                                                  \
        for (ptrdiff_t i0 = 0; i0 < rows; i0 += 16)                                                                    \
            for (ptrdiff_t j0 = 0; j0 < columns; j0 += 16)                                                             \
                for (ptrdiff_t j = j0; j < least(j0 + 16, columns); j++)                                               \
                    for (ptrdiff_t i = i0; i < least(i0 + 16, rows); i++) y[j * y_stride + i] = x[i * x_stride + j];   \
    }

TRANSPOSE(ck_transpose_1, uint8_t)
TRANSPOSE(ck_transpose_2, uint16_t)
TRANSPOSE(ck_transpose_8, uint64_t)

CK_CLONES void ck_transpose_add(
    const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns) {
    float block[16 * 16];
    for (ptrdiff_t i0 = 0; i0 < rows; i0 += 16) {
        for (ptrdiff_t j0 = 0; j0 < columns; j0 += 16) {
            const ptrdiff_t r = least(16, rows - i0), c = least(16, columns - j0);
            if (r == 16 && c == 16) {
                for (int i = 0; i < 16; i += 8)
                    for (int j = 0; j < 16; j += 8)
                        ck_transpose_8x8(x + (i0 + i) * x_stride + j0 + j, x_stride, block + j * 16 + i, 16);
            } else {
                for (ptrdiff_t j = 0; j < c; j++)
                    for (ptrdiff_t i = 0; i < r; i++) block[j * 16 + i] = x[(i0 + i) * x_stride + j0 + j];
            }
            for (ptrdiff_t j = 0; j < c; j++)
                for (ptrdiff_t i = 0; i < r; i++) y[(j0 + j) * y_stride + i0 + i] += block[j * 16 + i];
        }
    }
}
