/* What stands between the two products of attention, and rows normalized with scale and shift: passes over float32 rows that are
   in the first-level cache. */
#ifndef CK_ATTENTION_H
#define CK_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "ck_product.h"
#include "ck_rows.h"

/* Scores become weights, in place: exp(factor (score - the row's largest)), `factor` above 0; inverse[row] = 1 / their sum. None is
   below about 1e-38. A weight divided by its row's sum is within 1e-7 (4 + |factor (score - largest)|) of its own size. A row with a NaN, or of
   -infinity alone, becomes NaN. Rows are `stride` apart. */
void ck_attention_weights(float *scores, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float factor, float *inverse);
void ck_attention_weights_by(
    ck_family family, float *scores, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float factor, float *inverse);

/* Scores where `mask` (elements `mask_row` and `mask_column` apart; 0 or 1 column step) is 0 become `value`. */
void ck_attention_mask(
    float *scores, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const uint8_t *mask, ptrdiff_t mask_row,
    ptrdiff_t mask_column, float value);

/* Row r times factor[r]. */
void ck_scale_rows(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, const float *factor);

/* As ck_normalize_rows, then times scale[column] and plus shift[column], either of which may be NULL; leaves nothing. y may be x. */
void ck_normalize_rows_affine(
    ck_norm kind, const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t columns,
    float epsilon);
void ck_normalize_rows_affine_by(
    ck_family family, ck_norm kind, const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows,
    ptrdiff_t columns, float epsilon);

#endif
