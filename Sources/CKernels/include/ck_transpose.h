/* Moving elements about: nothing is computed. */
#ifndef CK_TRANSPOSE_H
#define CK_TRANSPOSE_H

#include <stddef.h>

/* y[j * y_stride + i] = x[i * x_stride + j], i < rows, j < columns; elements of 4 bytes, strides in elements. */
void ck_transpose_4(
    const void *x, ptrdiff_t x_stride, void *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns);
/* The same for elements of 1, 2, 8 bytes. */
void ck_transpose_1(
    const void *x, ptrdiff_t x_stride, void *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns);
void ck_transpose_2(
    const void *x, ptrdiff_t x_stride, void *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns);
void ck_transpose_8(
    const void *x, ptrdiff_t x_stride, void *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns);
/* Adds the transpose of float32 elements to y. */
void ck_transpose_add(
    const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns);

#endif
