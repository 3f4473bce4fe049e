#include "include/ck_function.h"
#include "include/ck_activation.h"
#include "ck_math.h"
#include <math.h>

#define LOOP(expression)                                                                       \
    CK_ELEMENTWISE                                                                             \
    for (ptrdiff_t i = 0; i < count; i++) expression;                                          \
    break;

CK_INLINE float sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }

/* Giles, Approximating the erfinv function (2011), then two steps of Newton's method in double. */
static float inverse_error_function(float x) {
    if (!(x > -1.0f && x < 1.0f)) return x == 1.0f ? INFINITY : x == -1.0f ? -INFINITY : NAN;
    double w = -log((1.0 - x) * (1.0 + x)), p;
    if (w < 5.0) {
        w -= 2.5;
        p = 2.81022636e-08;
        p = 3.43273939e-07 + p * w;
        p = -3.5233877e-06 + p * w;
        p = -4.39150654e-06 + p * w;
        p = 0.00021858087 + p * w;
        p = -0.00125372503 + p * w;
        p = -0.00417768164 + p * w;
        p = 0.246640727 + p * w;
        p = 1.50140941 + p * w;
    } else {
        w = sqrt(w) - 3.0;
        p = -0.000200214257;
        p = 0.000100950558 + p * w;
        p = 0.00134934322 + p * w;
        p = -0.00367342844 + p * w;
        p = 0.00573950773 + p * w;
        p = -0.0076224613 + p * w;
        p = 0.00943887047 + p * w;
        p = 1.00167406 + p * w;
        p = 2.83297682 + p * w;
    }
    double y = p * x;
    for (int step = 0; step < 2; step++) y -= (erf(y) - x) / (1.1283791670955126 * exp(-y * y));
    return (float)y;
}

/* By the recurrence up to 10, then the asymptotic series; reflected below 0. */
static double digamma(double x) {
    if (x <= 0 && x == floor(x)) return NAN;
    if (x < 0) return digamma(1 - x) - 3.141592653589793 / tan(3.141592653589793 * x);
    double sum = 0;
    while (x < 10) sum -= 1 / x++;
    double r = 1 / (x * x);
    double tail = r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r * (5.0 / 660)))));
    return sum + log(x) - 0.5 / x - tail;
}

static double trigamma(double x) {
    if (x <= 0 && x == floor(x)) return NAN;
    if (x < 0) {
        double s = sin(3.141592653589793 * x);
        return 9.869604401089358 / (s * s) - trigamma(1 - x);
    }
    double sum = 0;
    for (; x < 10; x++) sum += 1 / (x * x);
    double r = 1 / (x * x);
    return sum + 1 / x + r / 2 + r / x * (1.0 / 6 - r * (1.0 / 30 - r * (1.0 / 42 - r * (1.0 / 30))));
}

/* The modified Bessel function of the first kind, of order 0 or 1: its power series, or the asymptotic one. */
static double bessel(double x, int order) {
    double a = fabs(x), result;
    if (a < 20) {
        double q = a * a / 4, term = order == 0 ? 1 : a / 2;
        result = term;
        for (int k = 1; k < 80 && term > result * 1e-17; k++) {
            term *= q / ((double)k * (k + order));
            result += term;
        }
    } else {
        double mu = 4.0 * order * order, term = 1;
        result = 1;
        for (int k = 1; k < 12; k++) {
            double odd = 2 * k - 1;
            term *= -(mu - odd * odd) / (k * 8.0 * a);
            result += term;
        }
        result *= exp(a) / sqrt(6.283185307179586 * a);
    }
    return order == 1 && x < 0 ? -result : result;
}

static float sinc(float x) {
    double t = 3.141592653589793 * x;
    return x == 0.0f ? 1.0f : (float)(sin(t) / t);
}

static double sinc_derivative(double x) {
    double t = 3.141592653589793 * x;
    if (fabs(t) < 1e-4) return -3.141592653589793 * t / 3;
    return (t * cos(t) - sin(t)) / (t * x);
}

CK_CLONES void ck_function_of(enum ck_function f, const float *x, float *y, ptrdiff_t count) {
    switch (f) {
        case CK_NEGATE: LOOP(y[i] = -x[i])
        case CK_ABSOLUTE: LOOP(y[i] = ck_abs(x[i]))
        case CK_SIGN: LOOP(y[i] = sign(x[i]))
        case CK_SQUARE: LOOP(y[i] = x[i] * x[i])
        case CK_SQRT: LOOP(y[i] = __builtin_sqrtf(x[i]))
        case CK_RSQRT: LOOP(y[i] = 1.0f / __builtin_sqrtf(x[i]))
        case CK_RECIPROCAL: LOOP(y[i] = 1.0f / x[i])
        case CK_CBRT: LOOP(y[i] = cbrtf(x[i]))
        case CK_EXP: ck_exp(x, y, count); break;
        case CK_EXP2: LOOP(y[i] = exp2f(x[i]))
        case CK_EXPM1: LOOP(y[i] = expm1f(x[i]))
        case CK_LOG: ck_log(x, y, count); break;
        case CK_LOG1P: LOOP(y[i] = log1pf(x[i]))
        case CK_LOG2: LOOP(y[i] = log2f(x[i]))
        case CK_LOG10: LOOP(y[i] = log10f(x[i]))
        case CK_SIN: LOOP(y[i] = sinf(x[i]))
        case CK_COS: LOOP(y[i] = cosf(x[i]))
        case CK_TAN: LOOP(y[i] = tanf(x[i]))
        case CK_ASIN: LOOP(y[i] = asinf(x[i]))
        case CK_ACOS: LOOP(y[i] = acosf(x[i]))
        case CK_ATAN: LOOP(y[i] = atanf(x[i]))
        case CK_SINH: LOOP(y[i] = sinhf(x[i]))
        case CK_COSH: LOOP(y[i] = coshf(x[i]))
        case CK_TANH: ck_tanh(x, y, count); break;
        case CK_ASINH: LOOP(y[i] = asinhf(x[i]))
        case CK_ACOSH: LOOP(y[i] = acoshf(x[i]))
        case CK_ATANH: LOOP(y[i] = atanhf(x[i]))
        case CK_ERF: LOOP(y[i] = erff(x[i]))
        case CK_ERFC: LOOP(y[i] = erfcf(x[i]))
        case CK_ERFINV: LOOP(y[i] = inverse_error_function(x[i]))
        case CK_LGAMMA: LOOP(y[i] = lgammaf(x[i]))
        case CK_DIGAMMA: LOOP(y[i] = (float)digamma(x[i]))
        case CK_SINC: LOOP(y[i] = sinc(x[i]))
        case CK_I0: LOOP(y[i] = (float)bessel(x[i], 0))
        case CK_FLOOR: LOOP(y[i] = __builtin_floorf(x[i]))
        case CK_CEIL: LOOP(y[i] = __builtin_ceilf(x[i]))
        case CK_ROUND: LOOP(y[i] = __builtin_rintf(x[i]))
        case CK_TRUNC: LOOP(y[i] = __builtin_truncf(x[i]))
    }
}

bool ck_gradient_reads_output(enum ck_function f) {
    switch (f) {
        case CK_SQRT: case CK_RSQRT: case CK_RECIPROCAL: case CK_CBRT: case CK_EXP: case CK_EXP2: case CK_TANH:
        case CK_ASINH: case CK_ACOSH: case CK_ERFINV: return true;
        default: return false;
    }
}

/* f' from v, which is x or f(x). */
CK_INLINE float slope(enum ck_function f, float v) {
    switch (f) {
        case CK_NEGATE: return -1.0f;
        case CK_ABSOLUTE: return sign(v);
        case CK_SQUARE: return 2.0f * v;
        case CK_SQRT: return 0.5f / v;
        case CK_RSQRT: return -0.5f * v * v * v;
        case CK_RECIPROCAL: return -v * v;
        case CK_CBRT: return 1.0f / (3.0f * v * v);
        case CK_EXP: return v;
        case CK_EXP2: return v * 0.6931471805599453f;
        case CK_EXPM1: return expf(v);
        case CK_LOG: return 1.0f / v;
        case CK_LOG1P: return 1.0f / (1.0f + v);
        case CK_LOG2: return 1.4426950408889634f / v;
        case CK_LOG10: return 0.4342944819032518f / v;
        case CK_SIN: return cosf(v);
        case CK_COS: return -sinf(v);
        case CK_TAN: { float c = cosf(v); return 1.0f / (c * c); }
        case CK_ASIN: return 1.0f / __builtin_sqrtf(1.0f - v * v);
        case CK_ACOS: return -1.0f / __builtin_sqrtf(1.0f - v * v);
        case CK_ATAN: return 1.0f / (1.0f + v * v);
        case CK_SINH: return coshf(v);
        case CK_COSH: return sinhf(v);
        case CK_TANH: return 1.0f - v * v;
        case CK_ASINH: return 1.0f / coshf(v);
        case CK_ACOSH: return 1.0f / sinhf(v);
        case CK_ATANH: return 1.0f / (1.0f - v * v);
        case CK_ERF: return 1.1283791670955126f * expf(-v * v);
        case CK_ERFC: return -1.1283791670955126f * expf(-v * v);
        case CK_ERFINV: return 0.886226925452758f * expf(v * v);
        case CK_LGAMMA: return (float)digamma(v);
        case CK_DIGAMMA: return (float)trigamma(v);
        case CK_SINC: return (float)sinc_derivative(v);
        case CK_I0: return (float)bessel(v, 1);
        case CK_SIGN: case CK_FLOOR: case CK_CEIL: case CK_ROUND: case CK_TRUNC: return 0.0f;
    }
    return 0.0f;
}

/* Each function a loop of its own. */
#define SLOPE(f)                                                                               \
    case f:                                                                                    \
        if (add) {                                                                             \
            for (ptrdiff_t i = 0; i < count; i++) dx[i] += dy[i] * slope(f, v[i]);             \
        } else {                                                                               \
            for (ptrdiff_t i = 0; i < count; i++) dx[i] = dy[i] * slope(f, v[i]);              \
        }                                                                                      \
        break;

CK_CLONES void ck_function_gradient(
    enum ck_function f, const float *v, const float *dy, float *dx, ptrdiff_t count, bool add) {
    switch (f) {
        SLOPE(CK_NEGATE) SLOPE(CK_ABSOLUTE) SLOPE(CK_SQUARE) SLOPE(CK_SQRT) SLOPE(CK_RSQRT) SLOPE(CK_RECIPROCAL)
        SLOPE(CK_CBRT) SLOPE(CK_EXP) SLOPE(CK_EXP2) SLOPE(CK_EXPM1) SLOPE(CK_LOG) SLOPE(CK_LOG1P) SLOPE(CK_LOG2)
        SLOPE(CK_LOG10) SLOPE(CK_SIN) SLOPE(CK_COS) SLOPE(CK_TAN) SLOPE(CK_ASIN) SLOPE(CK_ACOS) SLOPE(CK_ATAN)
        SLOPE(CK_SINH) SLOPE(CK_COSH) SLOPE(CK_TANH) SLOPE(CK_ASINH) SLOPE(CK_ACOSH) SLOPE(CK_ATANH) SLOPE(CK_ERF)
        SLOPE(CK_ERFC) SLOPE(CK_ERFINV) SLOPE(CK_LGAMMA) SLOPE(CK_DIGAMMA) SLOPE(CK_SINC) SLOPE(CK_I0) SLOPE(CK_SIGN)
        SLOPE(CK_FLOOR) SLOPE(CK_CEIL) SLOPE(CK_ROUND) SLOPE(CK_TRUNC)
    }
}

void ck_integer_function(enum ck_function f, const int32_t *x, int32_t *y, ptrdiff_t count) {
    switch (f) {
        case CK_NEGATE: LOOP(y[i] = (int32_t)(0u - (uint32_t)x[i]))
        case CK_ABSOLUTE: LOOP(y[i] = x[i] < 0 ? (int32_t)(0u - (uint32_t)x[i]) : x[i])
        case CK_SIGN: LOOP(y[i] = (x[i] > 0) - (x[i] < 0))
        case CK_SQUARE: LOOP(y[i] = (int32_t)((uint32_t)x[i] * (uint32_t)x[i]))
        default: LOOP(y[i] = x[i])
    }
}

void ck_holds(enum ck_predicate p, const float *x, uint8_t *y, ptrdiff_t count) {
    switch (p) {
        case CK_IS_NAN: LOOP(y[i] = x[i] != x[i])
        case CK_IS_INFINITE: LOOP(y[i] = ck_abs(x[i]) == INFINITY)
        case CK_IS_FINITE: LOOP(y[i] = ck_abs(x[i]) < INFINITY)
        case CK_IS_POSITIVE_INFINITY: LOOP(y[i] = x[i] == INFINITY)
        case CK_IS_NEGATIVE_INFINITY: LOOP(y[i] = x[i] == -INFINITY)
        case CK_IS_NEGATIVE: LOOP(y[i] = (uint8_t)(ck_to_bits(x[i]) >> 31))
    }
}

void ck_mask_not(const uint8_t *x, uint8_t *y, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) y[i] = x[i] == 0;
}

CK_INLINE int32_t floor_divide(int32_t a, int32_t b) {
    if (b == 0) return 0;
    int64_t q = (int64_t)a / b;
    if ((int64_t)a % b != 0 && (a < 0) != (b < 0)) q--;
    return (int32_t)(uint32_t)(uint64_t)q;
}

CK_INLINE int32_t power(int32_t base, int32_t exponent) {
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    uint32_t result = 1, factor = (uint32_t)base;
    for (uint32_t e = (uint32_t)exponent; e; e >>= 1, factor *= factor) {
        if (e & 1) result *= factor;
    }
    return (int32_t)result;
}

CK_INLINE uint32_t common_divisor(int32_t a, int32_t b) {
    uint32_t x = a < 0 ? 0u - (uint32_t)a : (uint32_t)a, y = b < 0 ? 0u - (uint32_t)b : (uint32_t)b;
    while (y) {
        uint32_t rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}

#define ROW(expression)                                                                        \
    for (ptrdiff_t i = 0; i < count; i++) {                                                    \
        int32_t a = x[i * x_step], b = y[i * y_step];                                          \
        z[i] = (int32_t)(expression);                                                          \
    }                                                                                          \
    break;

void ck_integer_row(
    enum ck_integer_operator op, const int32_t *x, ptrdiff_t x_step, const int32_t *y, ptrdiff_t y_step, int32_t *z,
    ptrdiff_t count) {
    switch (op) {
        case CK_INTEGER_ADD: ROW((uint32_t)a + (uint32_t)b)
        case CK_INTEGER_SUBTRACT: ROW((uint32_t)a - (uint32_t)b)
        case CK_INTEGER_MULTIPLY: ROW((uint32_t)a * (uint32_t)b)
        case CK_INTEGER_MAXIMUM: ROW(a > b ? a : b)
        case CK_INTEGER_MINIMUM: ROW(a < b ? a : b)
        case CK_INTEGER_FLOOR_DIVIDE: ROW(floor_divide(a, b))
        case CK_INTEGER_MOD: ROW(b == 0 ? 0u : (uint32_t)a - (uint32_t)floor_divide(a, b) * (uint32_t)b)
        case CK_INTEGER_POWER: ROW(power(a, b))
        case CK_INTEGER_AND: ROW(a & b)
        case CK_INTEGER_OR: ROW(a | b)
        case CK_INTEGER_XOR: ROW(a ^ b)
        case CK_INTEGER_SHIFT_LEFT: ROW(b < 0 || b > 31 ? 0u : (uint32_t)a << b)
        case CK_INTEGER_GCD: ROW(common_divisor(a, b))
        case CK_INTEGER_SHIFT_RIGHT: ROW(a >> (b < 0 || b > 31 ? 31 : b))
    }
}
#undef ROW

#define ROW(expression)                                                                        \
    for (ptrdiff_t i = 0; i < count; i++) {                                                    \
        TYPE a = x[i * x_step], b = y[i * y_step];                                             \
        z[i] = (expression);                                                                   \
    }                                                                                          \
    break;
#define COMPARISONS                                                                            \
    switch (op) {                                                                              \
        case CK_EQUAL: ROW(a == b)                                                             \
        case CK_NOT_EQUAL: ROW(a != b)                                                         \
        case CK_LESS: ROW(a < b)                                                               \
        case CK_LESS_EQUAL: ROW(a <= b)                                                        \
        case CK_GREATER: ROW(a > b)                                                            \
        case CK_GREATER_EQUAL: ROW(a >= b)                                                     \
    }

#define TYPE float
void ck_compare_row(
    enum ck_comparison op, const float *x, ptrdiff_t x_step, const float *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count) {
    COMPARISONS
}
#undef TYPE
#define TYPE int32_t
void ck_compare_integer_row(
    enum ck_comparison op, const int32_t *x, ptrdiff_t x_step, const int32_t *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count) {
    COMPARISONS
}
#undef TYPE
#define TYPE uint8_t
void ck_logic_row(
    enum ck_logic op, const uint8_t *x, ptrdiff_t x_step, const uint8_t *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count) {
    switch (op) {
        case CK_LOGIC_AND: ROW(a & b)
        case CK_LOGIC_OR: ROW(a | b)
        case CK_LOGIC_XOR: ROW(a ^ b)
    }
}

void ck_select_1(
    const uint8_t *c, ptrdiff_t c_step, const uint8_t *x, ptrdiff_t x_step, const uint8_t *y, ptrdiff_t y_step, uint8_t *z,
    ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) z[i] = c[i * c_step] ? x[i * x_step] : y[i * y_step];
}

void ck_select_4(
    const uint8_t *c, ptrdiff_t c_step, const uint32_t *x, ptrdiff_t x_step, const uint32_t *y, ptrdiff_t y_step, uint32_t *z,
    ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) z[i] = c[i * c_step] ? x[i * x_step] : y[i * y_step];
}
