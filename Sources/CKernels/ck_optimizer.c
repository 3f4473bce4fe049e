#include "include/ck_optimizer.h"
#include "ck_math.h"

/* An instruction, not a call that may set errno: the loop stays vectorised. */
#define ROOT(x) __builtin_elementwise_sqrt(x)

CK_INLINE float limited(float g, float limit) { return ck_at_most(ck_at_least(g, -limit), limit); }

CK_INLINE float clipped(float g, ck_clipping clipping) { return limited(g * clipping.scale, clipping.limit); }

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

CK_CLONES void ck_rmsprop(
    float *w, const float *g, float *a, ck_clipping clipping, float rate, float rho, float rest, float epsilon, bool inside,
    ptrdiff_t count) {
    if (inside) {
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            float gradient = clipped(g[i], clipping);
            float mean = rho * a[i] + rest * (gradient * gradient);
            a[i] = mean;
            w[i] -= rate * gradient / ROOT(mean + epsilon);
        }
    } else {
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            float gradient = clipped(g[i], clipping);
            float mean = rho * a[i] + rest * (gradient * gradient);
            a[i] = mean;
            w[i] -= rate * gradient / (ROOT(mean) + epsilon);
        }
    }
}

CK_CLONES void ck_adam(
    float *w, const float *g, float *m, float *v, float *top, ck_clipping clipping, float rate, float beta_1, float rest_1,
    float beta_2, float rest_2, float epsilon, ptrdiff_t count) {
#define MOMENTS                                                                                \
    float gradient = clipped(g[i], clipping);                                                  \
    float first = beta_1 * m[i] + rest_1 * gradient;                                           \
    float second = beta_2 * v[i] + rest_2 * (gradient * gradient);                             \
    m[i] = first;                                                                              \
    v[i] = second;
    if (top) {
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            MOMENTS
            float largest = top[i] < second || second != second ? second : top[i];
            top[i] = largest;
            w[i] -= rate * first / (ROOT(largest) + epsilon);
        }
    } else {
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < count; i++) {
            MOMENTS
            w[i] -= rate * first / (ROOT(second) + epsilon);
        }
    }
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
