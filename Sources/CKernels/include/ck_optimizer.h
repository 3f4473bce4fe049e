/* Steps of optimizers on float32: weights, gradients and slots are read and written once, element by element.

   Every gradient is first multiplied by `scale` and then limited to -limit … limit (clipping; 1 and infinity do nothing). g^2 is its
   square, or, where `squares` isn't null, scale^2 squares: a gradient that is a sum, and the sum of the squares of its terms. Adamax has
   magnitudes there. */
#ifndef CK_OPTIMIZER_H
#define CK_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    float scale, limit;
    const float *squares;
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

/* a = rho a + rest g^2; with `mean`, mean = rho mean + rest g and s = a - mean^2, else s = a; u = rate g / (sqrt(s) + epsilon), or with
   `inside` rate g / sqrt(s + epsilon); w -= u, or with `velocity` velocity = momentum velocity + u and w -= velocity. */
void ck_rmsprop_more(
    float *w, const float *g, float *a, float *mean, float *velocity, ck_clipping clipping, float rate, float rho, float rest,
    float momentum, float epsilon, bool inside, ptrdiff_t count);

/* a += g^2; w -= rate g / (sqrt(a) + epsilon), or with `inside` rate g / sqrt(a + epsilon). */
void ck_adagrad(
    float *w, const float *g, float *a, ck_clipping clipping, float rate, float epsilon, bool inside, ptrdiff_t count);

/* a = rho a + rest g^2; u = g sqrt(d + epsilon) / sqrt(a + epsilon); d = rho d + rest u^2; w -= rate u. */
void ck_adadelta(
    float *w, const float *g, float *a, float *d, ck_clipping clipping, float rate, float rho, float rest, float epsilon,
    ptrdiff_t count);

/* m = beta_1 m + rest_1 g, u = max(beta_2 u, |g|); w -= rate m / (u + epsilon). */
void ck_adamax(
    float *w, const float *g, float *m, float *u, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float epsilon, ptrdiff_t count);

/* m = beta_1 m + rest_1 g, v = beta_2 v + rest_2 g^2; w -= rate (first m + second g) / (sqrt(v / correction) + epsilon). */
void ck_nadam(
    float *w, const float *g, float *m, float *v, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float rest_2, float first, float second, float correction, float epsilon, ptrdiff_t count);

/* b = a + g^2; z += g + 2 shrinkage w - (b^power - a^power) / rate w; w = (clip(z, -l1, l1) - z) / (b^power / rate + 2 l2); a = b. */
void ck_ftrl(
    float *w, const float *g, float *a, float *z, ck_clipping clipping, float rate, float power, float l1, float l2,
    float shrinkage, ptrdiff_t count);

/* w -= rate sign(beta_1 m + rest_1 g); m = beta_2 m + rest_2 g. */
void ck_lion(
    float *w, const float *g, float *m, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2, float rest_2,
    ptrdiff_t count);

/* v = beta_2 v + rest_2 g^2; z -= rate g / (sqrt(v / correction) + epsilon); x = (w - rest_1 z) / beta_1;
   w = rest_1 z + beta_1 ((1 - share) x + share z). */
void ck_schedule_free(
    float *w, const float *g, float *z, float *v, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float rest_2, float correction, float share, float epsilon, ptrdiff_t count);

/* m = beta_1 m + rest_1 g, v = beta_2 v + rest_2 g^2; u = m / correction_1 / (sqrt(v / correction_2) + epsilon);
   w -= rate |w| / |u| u, where a norm is zero rate u. A whole weight at once. */
void ck_lamb(
    float *w, const float *g, float *m, float *v, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float rest_2, float correction_1, float correction_2, float epsilon, ptrdiff_t count);

/* Adafactor of a whole weight of `groups` matrices, rows x columns each: the rows of squares are followed by r, their columns by c,
   v = r / mean(r) c. A vector (r is null) is followed by v itself. `rest` is 1 - decay; u = g / sqrt(v);
   w -= max(epsilon_2, rms(w)) rate u / max(1, rms(u) / threshold). */
void ck_adafactor(
    float *w, const float *g, float *r, float *c, float *v, ck_clipping clipping, float rate, float decay, float rest,
    float epsilon_1, float epsilon_2, float threshold, ptrdiff_t groups, ptrdiff_t rows, ptrdiff_t columns);

/* m = momentum m + g; out = g + momentum m, or without `nesterov` m. */
void ck_muon_momentum(
    float *out, const float *g, float *m, ck_clipping clipping, float momentum, bool nesterov, ptrdiff_t count);

/* w -= w decay rate. */
void ck_weight_decay(float *w, float decay, float rate, ptrdiff_t count);

/* average = momentum average + rest w; with `overwrite` w = average. */
void ck_average(float *w, float *average, float momentum, float rest, bool overwrite, ptrdiff_t count);

/* sum += g; with `steps` above 0, sum = (g + sum) / steps. */
void ck_accumulate(float *sum, const float *g, float steps, ptrdiff_t count);

/* Whether no number is infinite or NaN. */
bool ck_is_finite(const float *x, ptrdiff_t count);

/* The sum of squares of numbers limited to -limit … limit. */
float ck_sum_of_squares(const float *x, float limit, ptrdiff_t count);

#endif
