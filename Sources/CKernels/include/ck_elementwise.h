/* Elementwise arithmetic on float32. Every result array equals an operand or is disjoint from it. */
#ifndef CK_ELEMENTWISE_H
#define CK_ELEMENTWISE_H

#include <stdbool.h>
#include <stddef.h>

/* z = x + y and so on. */
void ck_add(const float *x, const float *y, float *z, ptrdiff_t count);
void ck_subtract(const float *x, const float *y, float *z, ptrdiff_t count);
void ck_multiply(const float *x, const float *y, float *z, ptrdiff_t count);
void ck_divide(const float *x, const float *y, float *z, ptrdiff_t count);
/* NaN in either gives NaN. */
void ck_maximum(const float *x, const float *y, float *z, ptrdiff_t count);
void ck_minimum(const float *x, const float *y, float *z, ptrdiff_t count);

/* z = x + a and so on, with one number a. */
void ck_add_scalar(const float *x, float a, float *z, ptrdiff_t count);
void ck_subtract_scalar(const float *x, float a, float *z, ptrdiff_t count);
void ck_multiply_scalar(const float *x, float a, float *z, ptrdiff_t count);
void ck_divide_scalar(const float *x, float a, float *z, ptrdiff_t count);
void ck_maximum_scalar(const float *x, float a, float *z, ptrdiff_t count);
void ck_minimum_scalar(const float *x, float a, float *z, ptrdiff_t count);
/* z = a - x, a / x. */
void ck_scalar_subtract(float a, const float *x, float *z, ptrdiff_t count);
void ck_scalar_divide(float a, const float *x, float *z, ptrdiff_t count);

/* y += a x. */
void ck_axpy(float a, const float *x, float *y, ptrdiff_t count);
/* y += x1 x2. */
void ck_multiply_add(const float *x1, const float *x2, float *y, ptrdiff_t count);
/* y = scale[c] x + shift[c] over rows of `channels` elements. */
void ck_affine_rows(
    const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t channels);
/* y = scale x + shift with one pair. */
void ck_affine(const float *x, float scale, float shift, float *y, ptrdiff_t count);

/* Sums with 16 partial sums in a fixed order: the same bits on every processor of one family, and for every thread count. */
float ck_sum(const float *x, ptrdiff_t count);
float ck_dot(const float *x, const float *y, ptrdiff_t count);
/* The largest element, -infinity if there is none; NaN if there is one. */
float ck_largest(const float *x, ptrdiff_t count);

#endif
