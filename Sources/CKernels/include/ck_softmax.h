/* Softmax and its derivative on float32: the largest element is taken off first, so nothing overflows. */
#ifndef CK_SOFTMAX_H
#define CK_SOFTMAX_H

#include <stdbool.h>
#include <stddef.h>

/* Along each of `rows` contiguous rows; y may be x. */
void ck_softmax_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns);
/* dx = y (dy - sum of dy y), or added. */
void ck_softmax_rows_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add);

/* Along an axis whose elements are `stride` apart, for `columns` neighbouring columns at once; y may be x. */
void ck_softmax_columns(const float *x, float *y, ptrdiff_t extent, ptrdiff_t stride, ptrdiff_t columns);
void ck_softmax_columns_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t extent, ptrdiff_t stride, ptrdiff_t columns, bool add);

#endif
