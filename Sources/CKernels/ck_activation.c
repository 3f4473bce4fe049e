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

/* The functions below have up to two settings, a and b; derivatives are told by x.
   Against exact results: within 1e-6 times max(1, |x|), see ActivationAccuracyTests. */
#define FUNCTION(name)                                                                                       \
    CK_CLONES void ck_##name(const float *x, float *y, ptrdiff_t count, float a, float b) {                  \
        CK_ELEMENTWISE                                                                                       \
        for (ptrdiff_t i = 0; i < count; i++) y[i] = name##_value(x[i], a, b);                               \
    }                                                                                                        \
    CK_CLONES void ck_##name##_gradient(                                                                     \
        const float *x, const float *dy, float *dx, ptrdiff_t count, float a, float b, bool add) {           \
        DIFFERENTIATE(name##_slope(x[i], a, b))                                                              \
    }
#define VALUE(name) CK_INLINE float name##_value(float x, float a, float b)
#define SLOPE(name) CK_INLINE float name##_slope(float x, float a, float b)
#define UNUSED (void)a, (void)b;

VALUE(celu) {
    (void)b;
    float below = a * ck_expm1_negative(ck_at_most(x, 0.0f) / a);
    return x > 0 ? x : below;
}
SLOPE(celu) {
    (void)b;
    return x > 0 ? 1.0f : ck_exp1(ck_at_most(x, 0.0f) / a);
}
FUNCTION(celu)

VALUE(gelu) {
    UNUSED
    return 0.5f * x * (1.0f + ck_erf1(x * 0.70710678118654752f));
}
SLOPE(gelu) {
    UNUSED
    float density = 0.39894228040143268f * ck_exp1(-0.5f * x * x);
    return 0.5f * (1.0f + ck_erf1(x * 0.70710678118654752f)) + x * density;
}
FUNCTION(gelu)

/* sqrt(2 / pi) (x + 0.044715 x^3). */
CK_INLINE float gelu_argument(float x) { return 0.79788456080286536f * (x + 0.044715f * x * x * x); }

VALUE(gelu_tanh) {
    UNUSED
    return 0.5f * x * (1.0f + ck_tanh1(gelu_argument(x)));
}
SLOPE(gelu_tanh) {
    UNUSED
    float t = ck_tanh1(gelu_argument(x));
    float inner = 0.79788456080286536f * (1.0f + 0.134145f * x * x);
    /* Where tanh is 1 to the last digit the product with a large x is 0, not infinity times 0. */
    float steep = 1.0f - t * t;
    return 0.5f * (1.0f + t) + (steep == 0.0f ? 0.0f : 0.5f * x * steep * inner);
}
FUNCTION(gelu_tanh)

VALUE(hard_shrink) {
    (void)b;
    return ck_abs(x) <= a ? 0.0f : x;
}
SLOPE(hard_shrink) {
    (void)b;
    return ck_abs(x) <= a ? 0.0f : 1.0f;
}
FUNCTION(hard_shrink)

VALUE(hard_silu) {
    UNUSED
    return x * (ck_at_most(ck_at_least(x + 3.0f, 0.0f), 6.0f) * (1.0f / 6.0f));
}
SLOPE(hard_silu) {
    UNUSED
    float middle = (2.0f * x + 3.0f) * (1.0f / 6.0f);
    return x >= 3.0f ? 1.0f : x <= -3.0f ? 0.0f : middle;
}
FUNCTION(hard_silu)

VALUE(hard_tanh) {
    UNUSED
    return ck_at_most(ck_at_least(x, -1.0f), 1.0f);
}
SLOPE(hard_tanh) {
    UNUSED
    return ck_abs(x) > 1.0f ? 0.0f : 1.0f;
}
FUNCTION(hard_tanh)

VALUE(log_sigmoid) {
    UNUSED
    return -ck_softplus1(-x);
}
SLOPE(log_sigmoid) {
    UNUSED
    return ck_sigmoid1(-x);
}
FUNCTION(log_sigmoid)

VALUE(mish) {
    UNUSED
    return x * ck_tanh1(ck_softplus1(x));
}
SLOPE(mish) {
    UNUSED
    float t = ck_tanh1(ck_softplus1(x));
    float steep = 1.0f - t * t;
    return t + (steep == 0.0f ? 0.0f : x * steep * ck_sigmoid1(x));
}
FUNCTION(mish)

VALUE(silu) {
    UNUSED
    return x * ck_sigmoid1(x);
}
SLOPE(silu) {
    UNUSED
    float s = ck_sigmoid1(x);
    return s + (s == 1.0f || s == 0.0f ? 0.0f : x * s * (1.0f - s));
}
FUNCTION(silu)

VALUE(soft_shrink) {
    (void)b;
    return x > a ? x - a : x < -a ? x + a : x != x ? x : 0.0f;
}
SLOPE(soft_shrink) {
    (void)b;
    return ck_abs(x) > a ? 1.0f : 0.0f;
}
FUNCTION(soft_shrink)

VALUE(sparse_plus) {
    UNUSED
    float half = 0.5f * (x + 1.0f);
    return x <= -1.0f ? 0.0f : x < 1.0f ? half * half : x;
}
SLOPE(sparse_plus) {
    UNUSED
    return ck_at_most(ck_at_least(0.5f * (x + 1.0f), 0.0f), 1.0f);
}
FUNCTION(sparse_plus)

VALUE(sparse_sigmoid) {
    UNUSED
    return ck_at_most(ck_at_least(0.5f * (x + 1.0f), 0.0f), 1.0f);
}
SLOPE(sparse_sigmoid) {
    UNUSED
    return ck_abs(x) >= 1.0f ? 0.0f : 0.5f;
}
FUNCTION(sparse_sigmoid)

VALUE(squareplus) {
    (void)b;
    return 0.5f * (x + __builtin_elementwise_sqrt(x * x + a));
}
SLOPE(squareplus) {
    (void)b;
    return 0.5f * (1.0f + x / __builtin_elementwise_sqrt(x * x + a));
}
FUNCTION(squareplus)

VALUE(tanh_shrink) {
    UNUSED
    return x - ck_tanh1(x);
}
SLOPE(tanh_shrink) {
    UNUSED
    float t = ck_tanh1(x);
    return t * t;
}
FUNCTION(tanh_shrink)

VALUE(threshold) { return x > a ? x : b; }
SLOPE(threshold) {
    (void)b;
    return x > a ? 1.0f : 0.0f;
}
FUNCTION(threshold)
