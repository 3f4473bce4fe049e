/* Maxima and means over windows of channels-last images, float32. */
#ifndef CK_POOL_H
#define CK_POOL_H

#include <stdbool.h>
#include <stddef.h>

/* Output o sees the inputs o * stride - begin and the kernel - 1 after it, as far as they are there. */
typedef struct {
    ptrdiff_t input, kernel, stride, begin, output;
} ck_pool_axis;

/* Outputs `start` to `end` along the first of three axes, of one image; x and y are the whole image. NaN wins.
   With `counts_padding` inputs that aren't there count as zeros. */
void ck_max_pool(
    const ck_pool_axis *axes, ptrdiff_t channels, bool counts_padding, const float *x, float *y, ptrdiff_t start, ptrdiff_t end);
/* The mean over the inputs that are there. */
void ck_average_pool(
    const ck_pool_axis *axes, ptrdiff_t channels, const float *x, float *y, ptrdiff_t start, ptrdiff_t end);

/* Adds each output's gradient to the first of the largest inputs, in row-major order of the window. With `write`, for windows
   that don't overlap, overwrites the gradient of all inputs seen. */
void ck_max_pool_gradient(
    const ck_pool_axis *axes, ptrdiff_t channels, const float *x, const float *dy, float *dx, ptrdiff_t start, ptrdiff_t end,
    bool write);
/* Adds to each input seen its part of each output's gradient, or writes it. */
void ck_average_pool_gradient(
    const ck_pool_axis *axes, ptrdiff_t channels, const float *dy, float *dx, ptrdiff_t start, ptrdiff_t end, bool write);

#endif
