/* Functions of whole rows of float32, contiguous, `columns` elements each. Input and output are equal or disjoint. */
#ifndef CK_ROWS_H
#define CK_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a row is divided by, and whether its mean is taken off. */
typedef enum {
    CK_NORM_LAYER,    /* (x - mean) / sqrt(variance + epsilon) */
    CK_NORM_VARIANCE, /* x / sqrt(variance + epsilon) */
    CK_NORM_RMS,      /* x / sqrt(mean of squares + epsilon) */
    CK_NORM_UNIT      /* x / max(sqrt(sum of squares), epsilon) */
} ck_norm;

/* Leaves each row's mean (0 where it has no part) and the factor that it was multiplied by. */
void ck_normalize_rows(
    ck_norm kind, const float *x, float *y, float *mean, float *factor, ptrdiff_t rows, ptrdiff_t columns, float epsilon);
/* dx from x, dy and what forward left. dx may be dy. */
void ck_normalize_rows_gradient(
    ck_norm kind, const float *x, const float *dy, const float *mean, const float *factor, float *dx, ptrdiff_t rows,
    ptrdiff_t columns, float epsilon, bool add);

/* y = x - log(sum of exp(x)); dx = dy - exp(y) times the sum of dy. */
void ck_log_softmax_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns);
void ck_log_softmax_rows_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add);

/* max(x - t, 0), as Keras 3 computes it: with x sorted downwards, c its running sums and k the elements for which
   x - (c - 1) / rank > 0, t = (sum of c of those - 1) / k. (Martins and Astudillo 2016 have the last of these c for their sum,
   which is the same where k is 1.) `order` is scratch for a row's indices. dx may not be dy. */
void ck_sparsemax_rows(const float *x, float *y, int32_t *order, ptrdiff_t rows, ptrdiff_t columns);
void ck_sparsemax_rows_gradient(
    const float *x, const float *dy, float *dx, int32_t *order, ptrdiff_t rows, ptrdiff_t columns, bool add);

/* y = a sigmoid(b), where a row of x is a followed by b; `columns` is the length of one of them. */
void ck_glu_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns);
void ck_glu_rows_gradient(const float *x, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add);

#endif
