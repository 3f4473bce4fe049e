/* Elementwise activation functions and their derivatives on float32. Input and output are equal or disjoint. */
#ifndef CK_ACTIVATION_H
#define CK_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

void ck_exp(const float *x, float *y, ptrdiff_t count);
void ck_log(const float *x, float *y, ptrdiff_t count);
void ck_tanh(const float *x, float *y, ptrdiff_t count);
void ck_sigmoid(const float *x, float *y, ptrdiff_t count);
void ck_softplus(const float *x, float *y, ptrdiff_t count);
void ck_softsign(const float *x, float *y, ptrdiff_t count);
/* max(x, 0); NaN stays NaN. */
void ck_rectify(const float *x, float *y, ptrdiff_t count);
/* x above threshold, slope (x - threshold) below, at most high. */
void ck_relu(const float *x, float *y, ptrdiff_t count, float slope, float high, float threshold);
/* scale x above 0, scale alpha (exp(x) - 1) below: elu, and selu with its two constants. */
void ck_elu(const float *x, float *y, ptrdiff_t count, float alpha, float scale);
/* clip(slope x + 1/2, 0, 1): slope 1/6 is Keras 3's hard sigmoid, 1/5 that of Keras 1 and 2. */
void ck_hard_sigmoid(const float *x, float *y, ptrdiff_t count, float slope);

/* dx = dy f'(x), or added to dx. y is f(x); where the derivative wants x, the argument is called x.
   dx may be dy. */
void ck_exp_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, bool add);
void ck_tanh_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, bool add);
void ck_sigmoid_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, bool add);
void ck_softplus_gradient(const float *x, const float *dy, float *dx, ptrdiff_t count, bool add);
void ck_softsign_gradient(const float *x, const float *dy, float *dx, ptrdiff_t count, bool add);
/* 1 where `low` < v < high, slope where v <= low, 0 above; v is x or y, whichever tells. */
void ck_relu_gradient(
    const float *v, const float *dy, float *dx, ptrdiff_t count, float slope, float high, float low, bool add);
void ck_elu_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, float alpha, float scale, bool add);
/* The same from the input, for alpha below 0, where the output doesn't tell the branch. */
void ck_elu_gradient_from_input(
    const float *x, const float *dy, float *dx, ptrdiff_t count, float alpha, float scale, bool add);
void ck_hard_sigmoid_gradient(const float *y, const float *dy, float *dx, ptrdiff_t count, float slope, bool add);

/* Functions of x with settings a and b, of which some use none; their derivatives are told by x. */
#define CK_ACTIVATION(name)                                                             \
    void ck_##name(const float *x, float *y, ptrdiff_t count, float a, float b);        \
    void ck_##name##_gradient(                                                          \
        const float *x, const float *dy, float *dx, ptrdiff_t count, float a, float b, bool add);
/* x above 0, a (exp(x / a) - 1) below; a above 0. */
CK_ACTIVATION(celu)
/* x times the normal distribution function of x. */
CK_ACTIVATION(gelu)
/* The same by tanh(sqrt(2 / pi) (x + 0.044715 x^3)). */
CK_ACTIVATION(gelu_tanh)
/* 0 within [-a, a], x outside. */
CK_ACTIVATION(hard_shrink)
/* x times clip((x + 3) / 6, 0, 1). */
CK_ACTIVATION(hard_silu)
/* clip(x, -1, 1). */
CK_ACTIVATION(hard_tanh)
/* -log(1 + exp(-x)). */
CK_ACTIVATION(log_sigmoid)
/* x tanh(log(1 + exp(x))). */
CK_ACTIVATION(mish)
/* x / (1 + exp(-x)). */
CK_ACTIVATION(silu)
/* x moved towards 0 by a. */
CK_ACTIVATION(soft_shrink)
/* 0 up to -1, (x + 1)^2 / 4 up to 1, x above. */
CK_ACTIVATION(sparse_plus)
/* clip((x + 1) / 2, 0, 1). */
CK_ACTIVATION(sparse_sigmoid)
/* (x + sqrt(x^2 + a)) / 2. */
CK_ACTIVATION(squareplus)
/* x - tanh(x). */
CK_ACTIVATION(tanh_shrink)
/* x above a, else b. */
CK_ACTIVATION(threshold)
#undef CK_ACTIVATION

#endif
