#include "include/ck_elementwise.h"
#include "ck_math.h"

#define ZIP(name, expression)                                                                  \
    CK_CLONES void name(const float *x, const float *y, float *z, ptrdiff_t count) {           \
        CK_ELEMENTWISE                                                                         \
        for (ptrdiff_t i = 0; i < count; i++) { float a = x[i], b = y[i]; z[i] = expression; } \
    }

#define ZIP_SCALAR(name, expression)                                                           \
    CK_CLONES void name(const float *x, float b, float *z, ptrdiff_t count) {                  \
        CK_ELEMENTWISE                                                                         \
        for (ptrdiff_t i = 0; i < count; i++) { float a = x[i]; z[i] = expression; }           \
    }

#define SCALAR_ZIP(name, expression)                                                           \
    CK_CLONES void name(float a, const float *y, float *z, ptrdiff_t count) {                  \
        CK_ELEMENTWISE                                                                         \
        for (ptrdiff_t i = 0; i < count; i++) { float b = y[i]; z[i] = expression; }           \
    }

/* A NaN a fails the first test and is taken; a NaN b is taken by the second. */
CK_INLINE float larger(float a, float b) { return a < b || b != b ? b : a; }
CK_INLINE float smaller(float a, float b) { return a > b || b != b ? b : a; }

ZIP(ck_add, a + b)
ZIP(ck_subtract, a - b)
ZIP(ck_multiply, a * b)
ZIP(ck_divide, a / b)
ZIP(ck_maximum, larger(a, b))
ZIP(ck_minimum, smaller(a, b))

ZIP_SCALAR(ck_add_scalar, a + b)
ZIP_SCALAR(ck_subtract_scalar, a - b)
ZIP_SCALAR(ck_multiply_scalar, a * b)
ZIP_SCALAR(ck_divide_scalar, a / b)
ZIP_SCALAR(ck_maximum_scalar, larger(a, b))
ZIP_SCALAR(ck_minimum_scalar, smaller(a, b))

SCALAR_ZIP(ck_scalar_subtract, a - b)
SCALAR_ZIP(ck_scalar_divide, a / b)

CK_CLONES void ck_axpy(float a, const float *x, float *y, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) y[i] += a * x[i];
}

CK_CLONES void ck_multiply_add(const float *x1, const float *x2, float *y, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) y[i] += x1[i] * x2[i];
}

CK_CLONES void ck_affine_rows(
    const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t channels) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        const float *from = x + r * channels;
        float *to = y + r * channels;
        CK_ELEMENTWISE
        for (ptrdiff_t c = 0; c < channels; c++) to[c] = scale[c] * from[c] + shift[c];
    }
}

CK_CLONES void ck_affine(const float *x, float scale, float shift, float *y, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) y[i] = scale * x[i] + shift;
}

#define LANES 16

/* Adds the lanes up, halves onto halves. */
CK_INLINE float fold(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

CK_CLONES float ck_sum(const float *x, ptrdiff_t count) {
    float lanes[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[i + l];
    for (int l = 0; i + l < count; l++) lanes[l] += x[i + l];
    return fold(lanes);
}

CK_CLONES float ck_dot(const float *x, const float *y, ptrdiff_t count) {
    float lanes[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[i + l] * y[i + l];
    for (int l = 0; i + l < count; l++) lanes[l] += x[i + l] * y[i + l];
    return fold(lanes);
}

CK_CLONES float ck_largest(const float *x, ptrdiff_t count) {
    float lanes[LANES];
    for (int l = 0; l < LANES; l++) lanes[l] = -__builtin_inff();
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] = larger(lanes[l], x[i + l]);
    for (int l = 0; i + l < count; l++) lanes[l] = larger(lanes[l], x[i + l]);
    for (int l = 1; l < LANES; l++) lanes[0] = larger(lanes[0], lanes[l]);
    return lanes[0];
}
