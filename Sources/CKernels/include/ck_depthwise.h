/* Convolutions in which each channel has its own kernel, float32, channels last. Rows and offsets as in ck_product.h. */
#ifndef CK_DEPTHWISE_H
#define CK_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    /* Cells: `rows` times `columns`, at a_rows[r] + c * a_column in A and c_rows[r] + c * c_column in C. */
    ptrdiff_t rows, columns, a_column, c_column;
    ptrdiff_t taps, channels;
} ck_depthwise_extents;

/* C[cell][n] = bias[n] + sum over taps of A[cell + offset[tap]][n] * kernel[tap][n]; `flags` and `bias` as for ck_product. */
void ck_depthwise(
    ck_depthwise_extents extents, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, const float *kernel,
    float *c, const ptrdiff_t *c_rows, const float *bias, unsigned flags);

/* gradient[tap][n] = sum over cells of A[cell + offset[tap]][n] * dc[cell][n], or added. The cells of dc are contiguous;
   c_column and c_rows don't matter. */
void ck_depthwise_gradient(
    ck_depthwise_extents extents, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, const float *dc,
    float *gradient, bool add);

/* An image, and square windows of size × size taps over it; what a window sees beyond the image counts as zero. At least 16 channels. */
typedef struct {
    ptrdiff_t rows, columns, channels, begin_y, begin_x, size, stride, out_columns;
} ck_depthwise_plane;

/* Rows `start` … `end` of the outputs of one image `x`, from `y` on: y = x ∗ kernel + bias, channel by channel, without a copy of the
   image that has its padding. The kernel is (size, size, channels); flags as in ck_product, but for CK_PRODUCT_ADD. */
void ck_depthwise_windows(
    const ck_depthwise_plane *plane, const float *x, const float *kernel, ptrdiff_t start, ptrdiff_t end, float *y,
    const float *bias, unsigned flags);

#endif
