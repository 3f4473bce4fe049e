/* Batch statistics by channel. An array is `rows` rows of `channels` elements, or (channels first) `rows` times
   `channels` runs of `run` elements. */
#ifndef CK_NORMALIZE_H
#define CK_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>

/* The mean of each channel over the block, and the sum of squares about that mean: two sweeps, no cancellation. */
void ck_channel_moments(
    const float *x, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *mean, float *squares);

/* Sums over the block of dy, and of dy (x - mean), by channel. */
void ck_channel_gradient_sums(
    const float *x, const float *dy, const float *mean, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *sum,
    float *product);

/* dx = a[c] dy + b[c] (x - mean[c]) + d[c], or added (`add`). */
void ck_channel_gradient(
    const float *x, const float *dy, const float *mean, const float *a, const float *b, const float *d, ptrdiff_t rows,
    ptrdiff_t channels, ptrdiff_t run, float *dx, int add);

/* y = scale[c] (x - mean[c]) + shift[c]; y may be x. */
void ck_channel_normalize(
    const float *x, const float *mean, const float *scale, const float *shift, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run,
    float *y);

/* y = scale[c] x + shift[c]; y may be x. */
void ck_channel_affine(
    const float *x, const float *scale, const float *shift, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *y);

/* The same for `channels` channels of rows that lie apart, and max(·, 0) of it if `rectify`; NaN stays. */
void ck_channel_affine_part(
    const float *x, ptrdiff_t x_row, const float *scale, const float *shift, bool rectify, ptrdiff_t rows, ptrdiff_t channels,
    float *y, ptrdiff_t y_row);

/* y = scale[c] x, y += scale[c] x. */
void ck_channel_scale(
    const float *x, const float *scale, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *y);
void ck_channel_axpy(
    const float *x, const float *scale, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *y);

#endif
