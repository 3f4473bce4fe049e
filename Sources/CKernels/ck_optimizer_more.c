#include "ck_gradient.h"
#include <math.h>

/* Steps of the optimizers beside SGD, RMSprop and Adam. Loops that read neighbours' places only are vectorised. */

CK_CLONES void ck_rmsprop_more(
    float *w, const float *g, float *a, float *mean, float *velocity, ck_clipping clipping, float rate, float rho, float rest,
    float momentum, float epsilon, bool inside, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float square = rho * a[i] + rest * squared(gradient, clipping, i);
        a[i] = square;
        if (mean) {
            mean[i] = rho * mean[i] + rest * gradient;
            square -= mean[i] * mean[i];
        }
        float step = rate * gradient / (inside ? ROOT(square + epsilon) : ROOT(square) + epsilon);
        if (velocity) {
            velocity[i] = momentum * velocity[i] + step;
            step = velocity[i];
        }
        w[i] -= step;
    }
}

CK_CLONES void ck_adagrad(
    float *w, const float *g, float *a, ck_clipping clipping, float rate, float epsilon, bool inside, ptrdiff_t count) {
    float within = inside ? epsilon : 0, beside = inside ? 0 : epsilon;
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float sum = a[i] + squared(gradient, clipping, i);
        a[i] = sum;
        w[i] -= rate * gradient / (ROOT(sum + within) + beside);
    }
}

CK_CLONES void ck_adadelta(
    float *w, const float *g, float *a, float *d, ck_clipping clipping, float rate, float rho, float rest, float epsilon,
    ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float mean = rho * a[i] + rest * squared(gradient, clipping, i);
        a[i] = mean;
        float root = ROOT(d[i] + epsilon), divisor = ROOT(mean + epsilon);
        float step = gradient * root / divisor;
        float ratio = root / divisor;
        float square = clipping.squares ? ratio * ratio * squared(gradient, clipping, i) : step * step;
        d[i] = rho * d[i] + rest * square;
        w[i] -= rate * step;
    }
}

CK_CLONES void ck_adamax(
    float *w, const float *g, float *m, float *u, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float epsilon, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float first = beta_1 * m[i] + rest_1 * gradient;
        float size = clipping.squares ? clipping.scale * clipping.squares[i] : ck_abs(gradient);
        float norm = ck_at_least(size, beta_2 * u[i]);
        m[i] = first;
        u[i] = norm;
        w[i] -= rate * first / (norm + epsilon);
    }
}

CK_CLONES void ck_nadam(
    float *w, const float *g, float *m, float *v, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float rest_2, float first, float second, float correction, float epsilon, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float moment = beta_1 * m[i] + rest_1 * gradient;
        float square = beta_2 * v[i] + rest_2 * squared(gradient, clipping, i);
        m[i] = moment;
        v[i] = square;
        w[i] -= rate * (first * moment + second * gradient) / (ROOT(square / correction) + epsilon);
    }
}

CK_INLINE float to_power(float x, float power) { return power == 0.5f ? ROOT(x) : powf(x, power); }

void ck_ftrl(
    float *w, const float *g, float *a, float *z, ck_clipping clipping, float rate, float power, float l1, float l2,
    float shrinkage, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float sum = a[i] + squared(gradient, clipping, i);
        float root = to_power(sum, power);
        float linear = z[i] + (gradient + 2 * shrinkage * w[i] - (root - to_power(a[i], power)) / rate * w[i]);
        w[i] = (ck_at_most(ck_at_least(linear, -l1), l1) - linear) / (root / rate + 2 * l2);
        z[i] = linear;
        a[i] = sum;
    }
}

CK_CLONES void ck_lion(
    float *w, const float *g, float *m, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2, float rest_2,
    ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float mixed = m[i] * beta_1 + gradient * rest_1;
        w[i] -= rate * (mixed > 0 ? 1.0f : mixed < 0 ? -1.0f : mixed);
        m[i] = m[i] * beta_2 + gradient * rest_2;
    }
}

CK_CLONES void ck_schedule_free(
    float *w, const float *g, float *z, float *v, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float rest_2, float correction, float share, float epsilon, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float square = beta_2 * v[i] + rest_2 * squared(gradient, clipping, i);
        v[i] = square;
        float moved = z[i] - rate * gradient / (ROOT(square / correction) + epsilon);
        z[i] = moved;
        float x = (w[i] - rest_1 * moved) / beta_1;
        w[i] = rest_1 * moved + beta_1 * ((1 - share) * x + share * moved);
    }
}

CK_CLONES void ck_lamb(
    float *w, const float *g, float *m, float *v, ck_clipping clipping, float rate, float beta_1, float rest_1, float beta_2,
    float rest_2, float correction_1, float correction_2, float epsilon, ptrdiff_t count) {
#define UPDATE(i) (m[i] / correction_1 / (ROOT(v[i] / correction_2) + epsilon))
    double weights = 0, updates = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        m[i] = beta_1 * m[i] + rest_1 * gradient;
        v[i] = beta_2 * v[i] + rest_2 * squared(gradient, clipping, i);
        float update = UPDATE(i);
        weights += (double)w[i] * w[i];
        updates += (double)update * update;
    }
    float scale = rate;
    if (weights > 0 && updates > 0) scale = (float)sqrt(weights) / (float)sqrt(updates) * rate;
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) w[i] -= scale * UPDATE(i);
}

CK_CLONES void ck_adafactor(
    float *w, const float *g, float *r, float *c, float *v, ck_clipping clipping, float rate, float decay, float rest,
    float epsilon_1, float epsilon_2, float threshold, ptrdiff_t groups, ptrdiff_t rows, ptrdiff_t columns) {
#define SQUARE(i) (squared(clipped(g[i], clipping), clipping, i) + epsilon_1)
    ptrdiff_t count = groups * rows * columns;
    double weights = 0, updates = 0;
    if (count == 0) return;
    if (r) {
        for (ptrdiff_t group = 0; group < groups; group++) {
            double total = 0;
            const ptrdiff_t start = group * rows * columns;
            float *own_c = c + group * columns, *own_r = r + group * rows;
            for (ptrdiff_t column = 0; column < columns; column++) {
                double sum = 0;
                for (ptrdiff_t row = 0; row < rows; row++) sum += SQUARE(start + row * columns + column);
                own_c[column] = decay * own_c[column] + rest * (float)(sum / rows);
            }
            for (ptrdiff_t row = 0; row < rows; row++) {
                double sum = 0;
                for (ptrdiff_t column = 0; column < columns; column++) sum += SQUARE(start + row * columns + column);
                own_r[row] = decay * own_r[row] + rest * (float)(sum / columns);
                total += own_r[row];
            }
            float mean = (float)(total / rows);
            for (ptrdiff_t row = 0; row < rows; row++)
                for (ptrdiff_t column = 0; column < columns; column++)
                    v[start + row * columns + column] = own_r[row] / mean * own_c[column];
        }
    } else {
        for (ptrdiff_t i = 0; i < count; i++) v[i] = decay * v[i] + rest * SQUARE(i);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        weights += (double)w[i] * w[i];
        updates += (double)(squared(clipped(g[i], clipping), clipping, i) / v[i]);
    }
    float scale = ck_at_least((float)sqrt(weights / count), epsilon_2) * rate;
    float divisor = ck_at_least((float)sqrt(updates / count) / threshold, 1);
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) w[i] -= scale * (clipped(g[i], clipping) / ROOT(v[i]) / divisor);
}

CK_CLONES void ck_muon_momentum(
    float *out, const float *g, float *m, ck_clipping clipping, float momentum, bool nesterov, ptrdiff_t count) {
    float share = nesterov ? 1 : 0, rest = nesterov ? momentum : 1;
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) {
        float gradient = clipped(g[i], clipping);
        float moved = momentum * m[i] + gradient;
        m[i] = moved;
        out[i] = share * gradient + rest * moved;
    }
}

CK_CLONES void ck_weight_decay(float *w, float decay, float rate, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) w[i] -= w[i] * decay * rate;
}

CK_CLONES void ck_average(float *w, float *average, float momentum, float rest, bool overwrite, ptrdiff_t count) {
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) average[i] = momentum * average[i] + rest * w[i];
    if (overwrite)
        for (ptrdiff_t i = 0; i < count; i++) w[i] = average[i];
}

CK_CLONES void ck_accumulate(float *sum, const float *g, float steps, ptrdiff_t count) {
    float divisor = steps > 0 ? steps : 1;
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) sum[i] = (g[i] + sum[i]) / divisor;
}

CK_CLONES bool ck_is_finite(const float *x, ptrdiff_t count) {
    uint32_t found = 0;
    for (ptrdiff_t i = 0; i < count; i++) found |= (ck_to_bits(x[i]) & 0x7f800000u) == 0x7f800000u;
    return found == 0;
}
