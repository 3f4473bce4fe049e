/* Steps of optimizers on float32: weights, gradients and slots are read and written once, element by element.

   Every gradient is first multiplied by `scale` and then limited to -limit … limit (clipping; 1 and infinity do nothing). */
#ifndef CK_OPTIMIZER_H
#define CK_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    float scale, limit;
} ck_clipping;

/* w -= rate g. */
void ck_sgd(float *w, const float *g, ck_clipping clipping, float rate, ptrdiff_t count);

/* m = momentum m - rate g; w += m, or with `nesterov` w += momentum m - rate g. */
void ck_sgd_momentum(
    float *w, const float *g, float *m, ck_clipping clipping, float rate, float momentum, bool nesterov, ptrdiff_t count);

/* a = rho a + rest g^2; w -= rate g / (sqrt(a) + epsilon), or with `inside` rate g / sqrt(a + epsilon). */
void ck_rmsprop(
    float *w, const float *g, float *a, ck_clipping clipping, float rate, float rho, float rest, float epsilon, bool inside,
    ptrdiff_t count);

/* m = beta_1 m + rest_1 g, v = beta_2 v + rest_2 g^2; w -= rate m / (sqrt(v) + epsilon). With `top`, AMSGrad's largest v so far, that
   instead of v. */
void ck_adam(
    float *w, const float *g, float *m, float *v, float *top, ck_clipping clipping, float rate, float beta_1, float rest_1,
    float beta_2, float rest_2, float epsilon, ptrdiff_t count);

/* The sum of squares of numbers limited to -limit … limit. */
float ck_sum_of_squares(const float *x, float limit, ptrdiff_t count);

#endif
