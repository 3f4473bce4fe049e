#include "include/ck_elementwise.h"
#include "ck_math.h"
#include <math.h>

#define LOOP(expression)                                                                       \
    CK_ELEMENTWISE                                                                             \
    for (ptrdiff_t i = 0; i < count; i++) expression;

CK_CLONES void ck_add(const float *x, const float *y, float *z, ptrdiff_t count) { LOOP(z[i] = x[i] + y[i]) }
CK_CLONES void ck_scale(float a, const float *x, float *y, ptrdiff_t count) { LOOP(y[i] = a * x[i]) }
CK_CLONES void ck_axpy(float a, const float *x, float *y, ptrdiff_t count) { LOOP(y[i] += a * x[i]) }
CK_CLONES void ck_multiply(const float *x, const float *y, float *z, ptrdiff_t count) { LOOP(z[i] = x[i] * y[i]) }
CK_CLONES void ck_multiply_add(const float *x, const float *y, float *z, ptrdiff_t count) { LOOP(z[i] += x[i] * y[i]) }
CK_CLONES void ck_affine(const float *x, float scale, float shift, float *y, ptrdiff_t count) {
    LOOP(y[i] = scale * x[i] + shift)
}

CK_CLONES void ck_affine_rows(
    const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        const float *from = x + r * columns;
        float *to = y + r * columns;
        CK_ELEMENTWISE
        for (ptrdiff_t c = 0; c < columns; c++) to[c] = scale[c] * from[c] + shift[c];
    }
}

/* The four ways to read two operands along a row, each a loop of its own so that it is vectorised. */
#define ROW(x_step, y_step, store)                                                             \
    CK_ELEMENTWISE                                                                             \
    for (ptrdiff_t i = 0; i < columns; i++) {                                                  \
        float a = x[i * x_step], b = y[i * y_step];                                            \
        store;                                                                                 \
    }

#define ROWS(store)                                                                            \
    for (ptrdiff_t r = 0; r < rows; r++, x += left.row, y += right.row, z += row) {            \
        if (left.step && right.step) { ROW(1, 1, store) }                                      \
        else if (left.step) { ROW(1, 0, store) }                                               \
        else if (right.step) { ROW(0, 1, store) }                                              \
        else { ROW(0, 0, store) }                                                              \
    }                                                                                          \
    break;

CK_INLINE float larger(float a, float b) { return a < b || b != b ? b : a; }
CK_INLINE float smaller(float a, float b) { return a > b || b != b ? b : a; }

CK_INLINE float remainder_of(float a, float b) {
    float r = fmodf(a, b);
    return r != 0.0f && (r < 0.0f) != (b < 0.0f) ? r + b : r;
}

CK_INLINE float logaddexp(float a, float b) {
    float distance = a - b;
    return distance != distance ? a + b : larger(a, b) + log1pf(expf(-ck_abs(distance)));
}

CK_CLONES void ck_binary(
    enum ck_operator op, struct ck_operand left, struct ck_operand right, float *z, ptrdiff_t row, ptrdiff_t rows,
    ptrdiff_t columns) {
    const float *x = left.start, *y = right.start;
    switch (op) {
        case CK_ADD: ROWS(z[i] = a + b)
        case CK_SUBTRACT: ROWS(z[i] = a - b)
        case CK_MULTIPLY: ROWS(z[i] = a * b)
        case CK_DIVIDE: ROWS(z[i] = a / b)
        case CK_MAXIMUM: ROWS(z[i] = larger(a, b))
        case CK_MINIMUM: ROWS(z[i] = smaller(a, b))
        case CK_FLOOR_DIVIDE: ROWS(z[i] = __builtin_floorf(a / b))
        case CK_MOD: ROWS(z[i] = remainder_of(a, b))
        case CK_FMOD: ROWS(z[i] = fmodf(a, b))
        case CK_DIVIDE_NO_NAN: ROWS(z[i] = b == 0.0f ? 0.0f : a / b)
        case CK_POWER: ROWS(z[i] = powf(a, b))
        case CK_ATAN2: ROWS(z[i] = atan2f(a, b))
        case CK_HYPOT: ROWS(z[i] = hypotf(a, b))
        case CK_LOGADDEXP: ROWS(z[i] = logaddexp(a, b))
        case CK_SQUARED_DIFFERENCE: ROWS(z[i] = (a - b) * (a - b))
    }
}

/* The derivative by one operand, times what arrives. */
CK_INLINE float chain(enum ck_operator op, bool second, float g, float a, float b) {
    switch (op) {
        case CK_ADD: return g;
        case CK_SUBTRACT: return second ? -g : g;
        case CK_MULTIPLY: return second ? g * a : g * b;
        case CK_DIVIDE: return second ? -g * a / (b * b) : g / b;
        case CK_MAXIMUM: return (a >= b) != second ? g : 0.0f;
        case CK_MINIMUM: return (a <= b) != second ? g : 0.0f;
        case CK_FLOOR_DIVIDE: return 0.0f;
        case CK_MOD: return second ? -g * __builtin_floorf(a / b) : g;
        case CK_FMOD: return second ? -g * __builtin_truncf(a / b) : g;
        case CK_DIVIDE_NO_NAN: return b == 0.0f ? 0.0f : second ? -g * a / (b * b) : g / b;
        case CK_POWER:
            return second ? (a > 0.0f ? g * powf(a, b) * logf(a) : 0.0f) : g * b * powf(a, b - 1.0f);
        case CK_ATAN2: return (second ? -a : b) * g / (a * a + b * b);
        case CK_HYPOT: {
            float length = hypotf(a, b);
            return length == 0.0f ? 0.0f : g * (second ? b : a) / length;
        }
        case CK_LOGADDEXP: return g * ck_sigmoid1(second ? b - a : a - b);
        case CK_SQUARED_DIFFERENCE: return (second ? -2.0f : 2.0f) * g * (a - b);
    }
    return 0.0f;
}

CK_INLINE void gradient_rows(
    enum ck_operator op, bool second, const float *g, struct ck_operand left, struct ck_operand right, float *z,
    ptrdiff_t row, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    const float *x = left.start, *y = right.start;
    for (ptrdiff_t r = 0; r < rows; r++, x += left.row, y += right.row, z += row, g += row) {
        if (left.step && right.step) {
            if (add) { ROW(1, 1, z[i] += chain(op, second, g[i], a, b)) } else { ROW(1, 1, z[i] = chain(op, second, g[i], a, b)) }
        } else if (left.step) {
            if (add) { ROW(1, 0, z[i] += chain(op, second, g[i], a, b)) } else { ROW(1, 0, z[i] = chain(op, second, g[i], a, b)) }
        } else if (right.step) {
            if (add) { ROW(0, 1, z[i] += chain(op, second, g[i], a, b)) } else { ROW(0, 1, z[i] = chain(op, second, g[i], a, b)) }
        } else {
            if (add) { ROW(0, 0, z[i] += chain(op, second, g[i], a, b)) } else { ROW(0, 0, z[i] = chain(op, second, g[i], a, b)) }
        }
    }
}

#define EITHER(op)                                                                             \
    if (second) gradient_rows(op, true, g, x, y, dz, row, rows, columns, add);                 \
    else gradient_rows(op, false, g, x, y, dz, row, rows, columns, add);                       \
    break;

CK_CLONES void ck_binary_gradient(
    enum ck_operator op, bool second, const float *g, struct ck_operand x, struct ck_operand y, float *dz, ptrdiff_t row,
    ptrdiff_t rows, ptrdiff_t columns, bool add) {
    switch (op) {
        case CK_ADD: EITHER(CK_ADD)
        case CK_SUBTRACT: EITHER(CK_SUBTRACT)
        case CK_MULTIPLY: EITHER(CK_MULTIPLY)
        case CK_DIVIDE: EITHER(CK_DIVIDE)
        case CK_MAXIMUM: EITHER(CK_MAXIMUM)
        case CK_MINIMUM: EITHER(CK_MINIMUM)
        case CK_FLOOR_DIVIDE: EITHER(CK_FLOOR_DIVIDE)
        case CK_MOD: EITHER(CK_MOD)
        case CK_FMOD: EITHER(CK_FMOD)
        case CK_DIVIDE_NO_NAN: EITHER(CK_DIVIDE_NO_NAN)
        case CK_POWER: EITHER(CK_POWER)
        case CK_ATAN2: EITHER(CK_ATAN2)
        case CK_HYPOT: EITHER(CK_HYPOT)
        case CK_LOGADDEXP: EITHER(CK_LOGADDEXP)
        case CK_SQUARED_DIFFERENCE: EITHER(CK_SQUARED_DIFFERENCE)
    }
}

#define LANES 16

/* Adds the lanes up, halves onto halves. */
CK_INLINE float fold(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

CK_INLINE float sum_of(const float *x, ptrdiff_t count) {
    float lanes[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[i + l];
    for (int l = 0; i + l < count; l++) lanes[l] += x[i + l];
    return fold(lanes);
}

CK_CLONES float ck_sum(const float *x, ptrdiff_t count) { return sum_of(x, count); }

CK_CLONES float ck_dot(const float *x, const float *y, ptrdiff_t count) {
    float lanes[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[i + l] * y[i + l];
    for (int l = 0; i + l < count; l++) lanes[l] += x[i + l] * y[i + l];
    return fold(lanes);
}

CK_CLONES void ck_sum_rows(const float *x, ptrdiff_t rows, ptrdiff_t columns, float alpha, float *out, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        float sum = alpha * sum_of(x + r * columns, columns);
        out[r] = add ? out[r] + sum : sum;
    }
}

CK_CLONES void ck_sum_columns(
    const float *x, ptrdiff_t x_row, ptrdiff_t rows, ptrdiff_t columns, float alpha, float *out, bool add) {
    enum { WIDTH = 64 };
    for (ptrdiff_t first = 0; first < columns; first += WIDTH) {
        float sums[WIDTH] = {0};
        const float *from = x + first;
        if (columns - first >= WIDTH) {
            for (ptrdiff_t r = 0; r < rows; r++, from += x_row)
                for (int c = 0; c < WIDTH; c++) sums[c] += from[c];
        } else {
            int width = (int)(columns - first);
            for (ptrdiff_t r = 0; r < rows; r++, from += x_row)
                for (int c = 0; c < width; c++) sums[c] += from[c];
        }
        for (int c = 0; c < WIDTH && first + c < columns; c++) {
            float sum = alpha * sums[c];
            out[first + c] = add ? out[first + c] + sum : sum;
        }
    }
}
