#include "include/ck_activation.h"
#include "ck_math.h"

#define MAP(name, expression)                                                   \
    CK_CLONES void name(const float *x, float *y, ptrdiff_t count) {            \
        CK_ELEMENTWISE                                                          \
        for (ptrdiff_t i = 0; i < count; i++) y[i] = expression;                \
    }

MAP(ck_exp, ck_exp1(x[i]))
MAP(ck_log, ck_log1(x[i]))
MAP(ck_tanh, ck_tanh1(x[i]))
MAP(ck_sigmoid, ck_sigmoid1(x[i]))
MAP(ck_softplus, ck_softplus1(x[i]))
MAP(ck_rectify, ck_at_least(x[i], 0.0f))

/* Infinity over infinity is NaN, as it is in TensorFlow. */
MAP(ck_softsign, x[i] / (1.0f + ck_abs(x[i])))

CK_CLONES void ck_relu(const float *x, float *y, ptrdiff_t count, float slope, float high, float threshold) {
    if (slope == 0) {
        /* Apart, since 0 times an infinity would be NaN. */
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            float v = x[i];
            y[i] = ck_at_most(v <= threshold ? 0.0f : v, high);
        }
    } else {
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            float v = x[i];
            y[i] = ck_at_most(v <= threshold ? slope * (v - threshold) : v, high);
        }
    }
}

CK_CLONES void ck_elu(const float *x, float *y, ptrdiff_t count, float alpha, float scale) {
    float below = alpha * scale;
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float v = x[i];
        float negative = below * ck_expm1_negative(ck_at_most(v, 0.0f));
        y[i] = v > 0 ? scale * v : negative;
    }
}

CK_CLONES void ck_hard_sigmoid(const float *x, float *y, ptrdiff_t count, float slope) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) y[i] = ck_at_most(ck_at_least(slope * x[i] + 0.5f, 0.0f), 1.0f);
}

/* One loop that stores and one that adds. */
#define DIFFERENTIATE(derivative)                                               \
    if (add) {                                                                  \
        CK_ELEMENTWISE                                                          \
        for (ptrdiff_t i = 0; i < count; i++) dx[i] += dy[i] * (derivative);    \
    } else {                                                                    \
        CK_ELEMENTWISE                                                          \
        for (ptrdiff_t i = 0; i < count; i++) dx[i] = dy[i] * (derivative);     \
    }

CK_CLONES void ck_exp_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, bool add) {
    DIFFERENTIATE(y[i])
}

CK_CLONES void ck_tanh_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, bool add) {
    DIFFERENTIATE(1.0f - y[i] * y[i])
}

CK_CLONES void ck_sigmoid_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, bool add) {
    DIFFERENTIATE(y[i] * (1.0f - y[i]))
}

CK_CLONES void ck_softplus_gradient(const float *x, const float *dy, float *dx, ptrdiff_t count, bool add) {
    DIFFERENTIATE(ck_sigmoid1(x[i]))
}

CK_INLINE float ck_softsign_slope(float x) {
    float d = 1.0f / (1.0f + ck_abs(x));
    return d * d;
}

CK_CLONES void ck_softsign_gradient(const float *x, const float *dy, float *dx, ptrdiff_t count, bool add) {
    DIFFERENTIATE(ck_softsign_slope(x[i]))
}

CK_CLONES void ck_relu_gradient(
    const float *v, const float *dy, float *dx, ptrdiff_t count, float slope, float high, float low, bool add) {
    DIFFERENTIATE((v[i] <= low ? slope : 1.0f) * (v[i] >= high ? 0.0f : 1.0f))
}

CK_CLONES void ck_elu_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t count, float alpha, float scale, bool add) {
    float below = alpha * scale;
    DIFFERENTIATE(y[i] > 0 ? scale : y[i] + below)
}

CK_CLONES void ck_elu_gradient_from_input(
    const float *x, const float *dy, float *dx, ptrdiff_t count, float alpha, float scale, bool add) {
    float below = alpha * scale;
    DIFFERENTIATE(x[i] > 0 ? scale : below * ck_exp1(ck_at_most(x[i], 0.0f)))
}

CK_CLONES void ck_hard_sigmoid_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t count, float slope, bool add) {
    DIFFERENTIATE(y[i] > 0 && y[i] < 1 ? slope : 0.0f)
}
