/* Elementwise functions of float32 and int32 that are no activations, with their derivatives, and arithmetic on whole numbers,
   comparisons and logic on masks. Every result array equals an operand or is disjoint from it. */
#ifndef CK_FUNCTION_H
#define CK_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ck_function {
    CK_NEGATE, CK_ABSOLUTE, CK_SIGN, CK_SQUARE, CK_SQRT, CK_RSQRT, CK_RECIPROCAL, CK_CBRT,
    CK_EXP, CK_EXP2, CK_EXPM1, CK_LOG, CK_LOG1P, CK_LOG2, CK_LOG10,
    CK_SIN, CK_COS, CK_TAN, CK_ASIN, CK_ACOS, CK_ATAN, CK_SINH, CK_COSH, CK_TANH, CK_ASINH, CK_ACOSH, CK_ATANH,
    CK_ERF, CK_ERFC, CK_ERFINV, CK_LGAMMA, CK_DIGAMMA, CK_SINC, CK_I0,
    CK_FLOOR, CK_CEIL, CK_ROUND, CK_TRUNC
};

/* y = f(x). Rounding takes halves to even. */
void ck_function_of(enum ck_function f, const float *x, float *y, ptrdiff_t count);
/* Whether the derivative is computed from f(x) instead of x. */
bool ck_gradient_reads_output(enum ck_function f);
/* dx = dy f'(v) (or added), v being x, or f(x) where ck_gradient_reads_output; dx may be dy. */
void ck_function_gradient(enum ck_function f, const float *v, const float *dy, float *dx, ptrdiff_t count, bool add);
/* The same for whole numbers: CK_NEGATE, CK_ABSOLUTE, CK_SIGN and CK_SQUARE, with wrapping. */
void ck_integer_function(enum ck_function f, const int32_t *x, int32_t *y, ptrdiff_t count);

enum ck_predicate { CK_IS_NAN, CK_IS_INFINITE, CK_IS_FINITE, CK_IS_POSITIVE_INFINITY, CK_IS_NEGATIVE_INFINITY, CK_IS_NEGATIVE };
/* 1 where the predicate holds (the sign bit, for CK_IS_NEGATIVE), else 0. */
void ck_holds(enum ck_predicate p, const float *x, uint8_t *y, ptrdiff_t count);
/* 1 where x is 0, else 0. */
void ck_mask_not(const uint8_t *x, uint8_t *y, ptrdiff_t count);

/* An operand of any type along a row: `step` is 1 or 0. */
enum ck_integer_operator {
    CK_INTEGER_ADD, CK_INTEGER_SUBTRACT, CK_INTEGER_MULTIPLY, CK_INTEGER_MAXIMUM, CK_INTEGER_MINIMUM,
    CK_INTEGER_FLOOR_DIVIDE, CK_INTEGER_MOD, CK_INTEGER_POWER, CK_INTEGER_AND, CK_INTEGER_OR, CK_INTEGER_XOR,
    CK_INTEGER_SHIFT_LEFT, CK_INTEGER_SHIFT_RIGHT, CK_INTEGER_GCD
};
/* z = x op y with wrapping. Division rounds down, and gives 0 where y is 0; a negative power is 0 (1, -1 for those bases). CK_INTEGER_GCD is the
   greatest common divisor of magnitudes. */
void ck_integer_row(
    enum ck_integer_operator op, const int32_t *x, ptrdiff_t x_step, const int32_t *y, ptrdiff_t y_step, int32_t *z,
    ptrdiff_t count);

enum ck_comparison { CK_EQUAL, CK_NOT_EQUAL, CK_LESS, CK_LESS_EQUAL, CK_GREATER, CK_GREATER_EQUAL };
void ck_compare_row(
    enum ck_comparison op, const float *x, ptrdiff_t x_step, const float *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count);
void ck_compare_integer_row(
    enum ck_comparison op, const int32_t *x, ptrdiff_t x_step, const int32_t *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count);

enum ck_logic { CK_LOGIC_AND, CK_LOGIC_OR, CK_LOGIC_XOR };
/* Masks of 0 and 1. */
void ck_logic_row(
    enum ck_logic op, const uint8_t *x, ptrdiff_t x_step, const uint8_t *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count);

/* z = c ? x : y along a row of elements of 1 or 4 bytes. */
void ck_select_1(
    const uint8_t *c, ptrdiff_t c_step, const uint8_t *x, ptrdiff_t x_step, const uint8_t *y, ptrdiff_t y_step, uint8_t *z,
    ptrdiff_t count);
void ck_select_4(
    const uint8_t *c, ptrdiff_t c_step, const uint32_t *x, ptrdiff_t x_step, const uint32_t *y, ptrdiff_t y_step, uint32_t *z,
    ptrdiff_t count);

#endif
