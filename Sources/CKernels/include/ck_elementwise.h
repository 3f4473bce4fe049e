/* Elementwise arithmetic and sums on float32. Every result array equals an operand or is disjoint from it. */
#ifndef CK_ELEMENTWISE_H
#define CK_ELEMENTWISE_H

#include <stdbool.h>
#include <stddef.h>

/* Not called ck_binary: clang 21 crashes on a cloned function that shares its name with a tag. */
enum ck_operator {
    CK_ADD, CK_SUBTRACT, CK_MULTIPLY, CK_DIVIDE, CK_MAXIMUM, CK_MINIMUM,
    /* Division rounded down, its remainder (of y's sign), the remainder of x's sign, and x / y that is 0 where y is. */
    CK_FLOOR_DIVIDE, CK_MOD, CK_FMOD, CK_DIVIDE_NO_NAN,
    CK_POWER, CK_ATAN2, CK_HYPOT, CK_LOGADDEXP, CK_SQUARED_DIFFERENCE
};

/* An operand that is read along a block of rows: `row` elements from one row to the next, `step` 1 or 0 within a row. */
struct ck_operand {
    const float *start;
    ptrdiff_t row, step;
};

/* z = x op y over a block of rows; z's rows are z_row apart. Maximum and minimum give NaN where either is NaN. */
void ck_binary(
    enum ck_operator op, struct ck_operand x, struct ck_operand y, float *z, ptrdiff_t z_row, ptrdiff_t rows,
    ptrdiff_t columns);

/* dz = g times the derivative of op by its first operand (or, where `second`, by its second one), or added to dz. At a tie,
   maximum and minimum give the gradient to the first operand; a power's exponent gets none where the base is not above 0. g's and dz's rows are `row` apart. */
void ck_binary_gradient(
    enum ck_operator op, bool second, const float *g, struct ck_operand x, struct ck_operand y, float *dz, ptrdiff_t row,
    ptrdiff_t rows, ptrdiff_t columns, bool add);

void ck_add(const float *x, const float *y, float *z, ptrdiff_t count);
/* y = a x, y += a x. */
void ck_scale(float a, const float *x, float *y, ptrdiff_t count);
void ck_axpy(float a, const float *x, float *y, ptrdiff_t count);
/* z = x y, z += x y. */
void ck_multiply(const float *x, const float *y, float *z, ptrdiff_t count);
void ck_multiply_add(const float *x, const float *y, float *z, ptrdiff_t count);
/* y[r, c] = scale[c] x[r, c] + shift[c]. */
void ck_affine_rows(
    const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t columns);
/* y = scale x + shift with one pair. */
void ck_affine(const float *x, float scale, float shift, float *y, ptrdiff_t count);

/* Sums keep 16 partial sums in a fixed order. */
float ck_sum(const float *x, ptrdiff_t count);
float ck_dot(const float *x, const float *y, ptrdiff_t count);
/* out[r] = alpha (sum of row r), or added; rows follow one another. */
void ck_sum_rows(const float *x, ptrdiff_t rows, ptrdiff_t columns, float alpha, float *out, bool add);
/* out[c] = alpha (sum over rows of x[r, c]), or added; rows are x_row apart. */
void ck_sum_columns(
    const float *x, ptrdiff_t x_row, ptrdiff_t rows, ptrdiff_t columns, float alpha, float *out, bool add);

#endif
