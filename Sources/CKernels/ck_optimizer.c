#include "ck_gradient.h"

CK_CLONES void ck_sgd(float *w, const float *g, ck_clipping clipping, float rate, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) w[i] -= rate * clipped(g[i], clipping);
}

CK_CLONES void ck_sgd_momentum(
    float *w, const float *g, float *m, ck_clipping clipping, float rate, float momentum, bool nesterov, ptrdiff_t count) {
    if (nesterov) {
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            float step = rate * clipped(g[i], clipping);
            float velocity = momentum * m[i] - step;
            m[i] = velocity;
            w[i] = w[i] + momentum * velocity - step;
        }
    } else {
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            float velocity = momentum * m[i] - rate * clipped(g[i], clipping);
            m[i] = velocity;
            w[i] += velocity;
        }
    }
}

/* Bodies with constant choices: a loop for each. */

CK_INLINE void rmsprop(
    float *w, const float *g, float *a, ck_clipping clipping, float rate, float rho, float rest, float epsilon, bool inside,
    ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float mean = rho * a[i] + rest * squared(gradient, clipping, i);
        a[i] = mean;
        w[i] -= rate * gradient / (inside ? ROOT(mean + epsilon) : ROOT(mean) + epsilon);
    }
}

CK_CLONES void ck_rmsprop(
    float *w, const float *g, float *a, ck_clipping clipping, float rate, float rho, float rest, float epsilon, bool inside,
    ptrdiff_t count) {
    ck_clipping plain = {clipping.scale, clipping.limit, NULL};
    if (clipping.squares) rmsprop(w, g, a, clipping, rate, rho, rest, epsilon, inside, count);
    else if (inside) rmsprop(w, g, a, plain, rate, rho, rest, epsilon, true, count);
    else rmsprop(w, g, a, plain, rate, rho, rest, epsilon, false, count);
}

CK_INLINE void adam(
    float *w, const float *g, float *m, float *v, float *top, ck_clipping clipping, float rate, float beta_1, float rest_1,
    float beta_2, float rest_2, float epsilon, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float first = beta_1 * m[i] + rest_1 * gradient;
        float second = beta_2 * v[i] + rest_2 * squared(gradient, clipping, i);
        m[i] = first;
        v[i] = second;
        if (top) {
            second = top[i] < second || second != second ? second : top[i];
            top[i] = second;
        }
        w[i] -= rate * first / (ROOT(second) + epsilon);
    }
}

CK_CLONES void ck_adam(
    float *w, const float *g, float *m, float *v, float *top, ck_clipping clipping, float rate, float beta_1, float rest_1,
    float beta_2, float rest_2, float epsilon, ptrdiff_t count) {
    ck_clipping plain = {clipping.scale, clipping.limit, NULL};
    if (clipping.squares) adam(w, g, m, v, top, clipping, rate, beta_1, rest_1, beta_2, rest_2, epsilon, count);
    else if (top) adam(w, g, m, v, top, plain, rate, beta_1, rest_1, beta_2, rest_2, epsilon, count);
    else adam(w, g, m, v, NULL, plain, rate, beta_1, rest_1, beta_2, rest_2, epsilon, count);
}

CK_CLONES float ck_sum_of_squares(const float *x, float limit, ptrdiff_t count) {
#define SQUARE(value) (limited(value, limit) * limited(value, limit))
    enum { LANES = 16 };
    float sums[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) sums[l] += SQUARE(x[i + l]);
    for (int l = 0; i < count; i++, l++) sums[l] += SQUARE(x[i]);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) sums[l] += sums[l + width];
    return sums[0];
}
