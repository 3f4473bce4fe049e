/* Conversions between float32, int32 and masks (bytes 0 or 1). */
#ifndef CK_MASK_H
#define CK_MASK_H

#include <stddef.h>
#include <stdint.h>

/* Towards zero; NaN gives 0, what is out of range the nearest end of it. */
void ck_float_to_int(const float *x, int32_t *y, ptrdiff_t count);
void ck_int_to_float(const int32_t *x, float *y, ptrdiff_t count);
/* 1 where x is not value; NaN is not anything. */
void ck_not_equal(const float *x, float value, uint8_t *y, ptrdiff_t count);
void ck_int_not_zero(const int32_t *x, uint8_t *y, ptrdiff_t count);
void ck_mask_to_float(const uint8_t *x, float *y, ptrdiff_t count);
void ck_mask_to_int(const uint8_t *x, int32_t *y, ptrdiff_t count);
/* y[c] is whether all (or any) of the `extent` bytes x[e * columns + c] are 1. */
void ck_mask_all(const uint8_t *x, uint8_t *y, ptrdiff_t extent, ptrdiff_t columns);
void ck_mask_any(const uint8_t *x, uint8_t *y, ptrdiff_t extent, ptrdiff_t columns);
/* z = x and y along a row; a step is 0 or 1. */
void ck_mask_and(const uint8_t *x, ptrdiff_t x_step, const uint8_t *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count);

#endif
