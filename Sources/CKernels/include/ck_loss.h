/* Losses of rows of float32 and their derivatives: one number a row.

   Forward functions write `rows` losses. Gradient functions write dx, or add to it, with `dy` holding one number a row. Targets
   are used as scale * t + shift, which is how label smoothing is said. */
#ifndef CK_LOSS_H
#define CK_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    float scale, shift;
} ck_smoothing;

/* sum over j of t_j (log(sum exp x) - x_j). `stats` gets the largest x and 1 / sum exp(x - largest) of each row. */
void ck_softmax_cross_entropy(
    const float *x, const float *t, ck_smoothing smoothing, float *loss, float *stats, ptrdiff_t rows, ptrdiff_t columns);
/* softmax(x) - t, as TensorFlow has it: right when a row of t sums to 1. */
void ck_softmax_cross_entropy_gradient(
    const float *x, const float *t, ck_smoothing smoothing, const float *stats, const float *dy, float *dx, ptrdiff_t rows,
    ptrdiff_t columns, bool add);

/* The same with the class's number for t; a number that is no class gives NaN. */
void ck_sparse_softmax_cross_entropy(
    const float *x, const int32_t *labels, float *loss, float *stats, ptrdiff_t rows, ptrdiff_t columns);
void ck_sparse_softmax_cross_entropy_gradient(
    const float *x, const int32_t *labels, const float *stats, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns,
    bool add);

/* -sum of t_j log(clip(x_j / sum x)), clipped to epsilon and 1 - epsilon; the derivative is 0 where it is clipped. */
void ck_cross_entropy(
    const float *x, const float *t, ck_smoothing smoothing, float epsilon, float *loss, ptrdiff_t rows, ptrdiff_t columns);
void ck_cross_entropy_gradient(
    const float *x, const float *t, ck_smoothing smoothing, float epsilon, const float *dy, float *dx, ptrdiff_t rows,
    ptrdiff_t columns, bool add);

/* The softmax cross entropy of log(clip(x)): log(sum clip(x)) - log(clip(x_label)). */
void ck_sparse_cross_entropy(
    const float *x, const int32_t *labels, float epsilon, float *loss, ptrdiff_t rows, ptrdiff_t columns);
void ck_sparse_cross_entropy_gradient(
    const float *x, const int32_t *labels, float epsilon, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns,
    bool add);

enum ck_binary_entropy {
    /* x are logits: max(x, 0) - x t + log(1 + exp(-|x|)). */
    CK_BINARY_LOGITS,
    /* The same of log(p / (1 - p)), p = clip(x): Keras 1 and 2.0 to 2.2. */
    CK_BINARY_LOGIT_OF_PROBABILITY,
    /* -t log(p + epsilon) - (1 - t) log(1 - p + epsilon), p = clip(x): Keras 2.3, tf.keras. */
    CK_BINARY_WITH_EPSILON,
    /* -t log p - (1 - t) log(1 - p), p = clip(x): Keras 3. */
    CK_BINARY_PLAIN,
};

/* The mean over a row. */
void ck_binary_cross_entropy(
    enum ck_binary_entropy kind, const float *x, const float *t, ck_smoothing smoothing, float epsilon, float *loss,
    ptrdiff_t rows, ptrdiff_t columns);
void ck_binary_cross_entropy_gradient(
    enum ck_binary_entropy kind, const float *x, const float *t, ck_smoothing smoothing, float epsilon, const float *dy,
    float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add);

/* The mean over a row of (x - t)^2, or of |x - t|. */
void ck_mean_squared_error(const float *x, const float *t, float *loss, ptrdiff_t rows, ptrdiff_t columns);
void ck_mean_squared_error_gradient(
    const float *x, const float *t, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add);
void ck_mean_absolute_error(const float *x, const float *t, float *loss, ptrdiff_t rows, ptrdiff_t columns);
void ck_mean_absolute_error_gradient(
    const float *x, const float *t, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add);

/* 1 where the largest element of a row of x (the first of equals) is at the largest element of t, or at the label; else 0. */
void ck_categorical_matches(const float *x, const float *t, float *matches, ptrdiff_t rows, ptrdiff_t columns);
void ck_sparse_matches(const float *x, const int32_t *labels, float *matches, ptrdiff_t rows, ptrdiff_t columns);
/* The share of a row where t is x rounded (halves to even), or with `threshold` where t is 1 for x above 1/2 and else 0. */
void ck_binary_matches(
    const float *x, const float *t, bool threshold, float *matches, ptrdiff_t rows, ptrdiff_t columns);

/* l1 times the sum of |x| plus l2 times the sum of squares; and dx = dy (l1 sign(x) + 2 l2 x), or added to dx. */
float ck_penalty(const float *x, ptrdiff_t count, float l1, float l2);
void ck_penalty_gradient(const float *x, float dy, float *dx, ptrdiff_t count, float l1, float l2, bool add);

/* The sum of w[i / repeats] x[i]. */
float ck_weighted_sum(const float *x, const float *w, ptrdiff_t repeats, ptrdiff_t count);

#endif
