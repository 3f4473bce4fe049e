#include "include/ck_loss.h"
#include "ck_math.h"

#define LANES 16

/* Sums go to sixteen partial sums, element i to number i mod 16, and from there in a fixed order. */
CK_INLINE float fold(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

/* Runs a statement for i = 0 … columns - 1, with l = i mod 16. */
#define EACH(statement)                                                                        \
    {                                                                                          \
        ptrdiff_t i = 0, whole = columns / LANES * LANES;                                      \
        for (; i < whole; i += LANES) {                                                        \
            _Pragma("clang loop vectorize(assume_safety)")                                     \
            for (int l = 0; l < LANES; l++) statement(i + l, l)                                \
        }                                                                                      \
        for (int l = 0; i < columns; i++, l++) statement(i, l)                                 \
    }

#define STORE(place, value) dx[place] = add ? dx[place] + (value) : (value);

CK_INLINE float largest_of(const float *x, ptrdiff_t columns) {
    float top[LANES];
    for (int l = 0; l < LANES; l++) top[l] = -__builtin_inff();
#define LARGEST(i, l) top[l] = top[l] < x[i] || x[i] != x[i] ? x[i] : top[l];
    EACH(LARGEST)
    float result = top[0];
    for (int l = 1; l < LANES; l++) result = result < top[l] || top[l] != top[l] ? top[l] : result;
    return result;
}

CK_INLINE float sum_of_exp(const float *x, float top, ptrdiff_t columns) {
    float sums[LANES] = {0};
#define SUM_EXP(i, l) sums[l] += ck_exp1(x[i] - top);
    EACH(SUM_EXP)
    return fold(sums);
}

CK_INLINE float sum_of(const float *x, ptrdiff_t columns) {
    float sums[LANES] = {0};
#define SUM(i, l) sums[l] += x[i];
    EACH(SUM)
    return fold(sums);
}

CK_INLINE float clip(float x, float low) { return ck_at_most(ck_at_least(x, low), 1.0f - low); }
CK_INLINE float is_inside(float x, float low) { return x >= low && x <= 1.0f - low ? 1.0f : 0.0f; }
CK_INLINE float smoothed(float t, ck_smoothing smoothing) { return t * smoothing.scale + smoothing.shift; }

/* Softmax cross entropy. */

CK_CLONES void ck_softmax_cross_entropy(
    const float *x, const float *t, ck_smoothing smoothing, float *loss, float *stats, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns, stats += 2) {
        float top = largest_of(x, columns);
        float sum = sum_of_exp(x, top, columns);
        float level = ck_log1(sum);
        float sums[LANES] = {0};
#define TERM(i, l) sums[l] += smoothed(t[i], smoothing) * (level - (x[i] - top));
        EACH(TERM)
        loss[r] = fold(sums);
        stats[0] = top;
        stats[1] = 1.0f / sum;
    }
}

CK_CLONES void ck_softmax_cross_entropy_gradient(
    const float *x, const float *t, ck_smoothing smoothing, const float *stats, const float *dy, float *dx, ptrdiff_t rows,
    ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns, dx += columns, stats += 2) {
        float top = stats[0], inverse = stats[1], g = dy[r];
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++)
            STORE(i, g * (ck_exp1(x[i] - top) * inverse - smoothed(t[i], smoothing)))
    }
}

CK_CLONES void ck_sparse_softmax_cross_entropy(
    const float *x, const int32_t *labels, float *loss, float *stats, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, stats += 2) {
        float top = largest_of(x, columns);
        float sum = sum_of_exp(x, top, columns);
        bool known = labels[r] >= 0 && labels[r] < columns;
        loss[r] = known ? ck_log1(sum) - (x[labels[r]] - top) : __builtin_nanf("");
        stats[0] = top;
        stats[1] = known ? 1.0f / sum : __builtin_nanf("");
    }
}

CK_CLONES void ck_sparse_softmax_cross_entropy_gradient(
    const float *x, const int32_t *labels, const float *stats, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns,
    bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, dx += columns, stats += 2) {
        float top = stats[0], inverse = stats[1], g = dy[r];
        int32_t label = labels[r];
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++)
            STORE(i, g * (ck_exp1(x[i] - top) * inverse - (i == label ? 1.0f : 0.0f)))
    }
}

/* Cross entropy of probabilities. */

CK_CLONES void ck_cross_entropy(
    const float *x, const float *t, ck_smoothing smoothing, float epsilon, float *loss, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns) {
        float total = sum_of(x, columns);
        float sums[LANES] = {0};
#define LOG_TERM(i, l) sums[l] += smoothed(t[i], smoothing) * ck_log1(clip(x[i] / total, epsilon));
        EACH(LOG_TERM)
        loss[r] = -fold(sums);
    }
}

CK_CLONES void ck_cross_entropy_gradient(
    const float *x, const float *t, ck_smoothing smoothing, float epsilon, const float *dy, float *dx, ptrdiff_t rows,
    ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns, dx += columns) {
        float total = sum_of(x, columns), inverse = 1.0f / total, g = -dy[r];
        /* With q = x / total: dq = g t / q where q isn't clipped, and dx = (dq - sum of dq q) / total. */
        float sums[LANES] = {0};
#define SHARE(i) (is_inside(x[i] / total, epsilon) * smoothed(t[i], smoothing))
#define CROSS(i, l) sums[l] += SHARE(i);
        EACH(CROSS)
        float common = fold(sums);
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) {
            float slope = SHARE(i) / clip(x[i] / total, epsilon) - common;
            STORE(i, g * slope * inverse)
        }
    }
}

CK_CLONES void ck_sparse_cross_entropy(
    const float *x, const int32_t *labels, float epsilon, float *loss, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns) {
        float sums[LANES] = {0};
#define CLIPPED(i, l) sums[l] += clip(x[i], epsilon);
        EACH(CLIPPED)
        float total = fold(sums);
        bool known = labels[r] >= 0 && labels[r] < columns;
        loss[r] = known ? ck_log1(total) - ck_log1(clip(x[labels[r]], epsilon)) : __builtin_nanf("");
    }
}

CK_CLONES void ck_sparse_cross_entropy_gradient(
    const float *x, const int32_t *labels, float epsilon, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns,
    bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, dx += columns) {
        float sums[LANES] = {0};
        EACH(CLIPPED)
        int32_t label = labels[r];
        bool known = label >= 0 && label < columns;
        float inverse = known ? 1.0f / fold(sums) : __builtin_nanf(""), g = dy[r];
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) {
            float slope = is_inside(x[i], epsilon) * (inverse - (i == label ? 1.0f : 0.0f) / clip(x[i], epsilon));
            STORE(i, g * slope)
        }
    }
}

/* Binary cross entropy. */

CK_INLINE float entropy_of_logit(float x, float t) {
    return ck_at_least(x, 0.0f) - x * t + ck_log1p_unit(ck_exp1(-ck_abs(x)));
}

CK_INLINE float logit(float p) { return ck_log1(p / (1.0f - p)); }

CK_CLONES void ck_binary_cross_entropy(
    enum ck_binary_entropy kind, const float *x, const float *t, ck_smoothing smoothing, float epsilon, float *loss,
    ptrdiff_t rows, ptrdiff_t columns) {
#define TARGET(i) float y = smoothed(t[i], smoothing);
#define OF_LOGITS(i, l) { TARGET(i) sums[l] += entropy_of_logit(x[i], y); }
#define OF_PROBABILITY(i, l) { TARGET(i) sums[l] += entropy_of_logit(logit(clip(x[i], epsilon)), y); }
#define OF_CLIPPED(i, l)                                                                       \
    {                                                                                          \
        TARGET(i)                                                                              \
        float p = clip(x[i], epsilon);                                                         \
        sums[l] -= y * ck_log1(p + added) + (1.0f - y) * ck_log1(1.0f - p + added);            \
    }
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns) {
        float sums[LANES] = {0};
        if (kind == CK_BINARY_LOGITS) {
            EACH(OF_LOGITS)
        } else if (kind == CK_BINARY_LOGIT_OF_PROBABILITY) {
            EACH(OF_PROBABILITY)
        } else {
            float added = kind == CK_BINARY_WITH_EPSILON ? epsilon : 0.0f;
            EACH(OF_CLIPPED)
        }
        loss[r] = fold(sums) / (float)columns;
    }
}

CK_CLONES void ck_binary_cross_entropy_gradient(
    enum ck_binary_entropy kind, const float *x, const float *t, ck_smoothing smoothing, float epsilon, const float *dy,
    float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns, dx += columns) {
        float g = dy[r] / (float)columns;
        if (kind == CK_BINARY_LOGITS) {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) { TARGET(i) STORE(i, g * (ck_sigmoid1(x[i]) - y)) }
        } else if (kind == CK_BINARY_LOGIT_OF_PROBABILITY) {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) {
                TARGET(i)
                float p = clip(x[i], epsilon);
                STORE(i, g * is_inside(x[i], epsilon) * (p - y) / (p * (1.0f - p)))
            }
        } else {
            float added = kind == CK_BINARY_WITH_EPSILON ? epsilon : 0.0f;
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) {
                TARGET(i)
                float p = clip(x[i], epsilon);
                STORE(i, g * is_inside(x[i], epsilon) * ((1.0f - y) / (1.0f - p + added) - y / (p + added)))
            }
        }
    }
}

/* Errors of numbers. */

CK_CLONES void ck_mean_squared_error(const float *x, const float *t, float *loss, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns) {
        float sums[LANES] = {0};
#define SQUARE(i, l) sums[l] += (x[i] - t[i]) * (x[i] - t[i]);
        EACH(SQUARE)
        loss[r] = fold(sums) / (float)columns;
    }
}

CK_CLONES void ck_mean_squared_error_gradient(
    const float *x, const float *t, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns, dx += columns) {
        float g = 2.0f * (dy[r] / (float)columns);
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) STORE(i, g * (x[i] - t[i]))
    }
}

CK_CLONES void ck_mean_absolute_error(const float *x, const float *t, float *loss, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns) {
        float sums[LANES] = {0};
#define DISTANCE(i, l) sums[l] += ck_abs(x[i] - t[i]);
        EACH(DISTANCE)
        loss[r] = fold(sums) / (float)columns;
    }
}

CK_INLINE float sign(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : x; }

CK_CLONES void ck_mean_absolute_error_gradient(
    const float *x, const float *t, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns, dx += columns) {
        float g = dy[r] / (float)columns;
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) STORE(i, g * sign(x[i] - t[i]))
    }
}

/* Matches. */

CK_INLINE ptrdiff_t place_of_largest(const float *x, ptrdiff_t columns) {
    ptrdiff_t place = 0;
    float top = -__builtin_inff();
    for (ptrdiff_t i = 0; i < columns; i++)
        if (x[i] > top) {
            top = x[i];
            place = i;
        }
    return place;
}

void ck_categorical_matches(const float *x, const float *t, float *matches, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns)
        matches[r] = place_of_largest(x, columns) == place_of_largest(t, columns) ? 1.0f : 0.0f;
}

void ck_sparse_matches(const float *x, const int32_t *labels, float *matches, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns)
        matches[r] = place_of_largest(x, columns) == labels[r] ? 1.0f : 0.0f;
}

void ck_binary_matches(
    const float *x, const float *t, bool threshold, float *matches, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, t += columns) {
        ptrdiff_t count = 0;
        for (ptrdiff_t i = 0; i < columns; i++)
            count += (threshold ? (x[i] > 0.5f ? 1.0f : 0.0f) : __builtin_rintf(x[i])) == t[i];
        matches[r] = (float)count / (float)columns;
    }
}

/* Penalties and sums. */

CK_CLONES float ck_penalty(const float *x, ptrdiff_t count, float l1, float l2) {
    ptrdiff_t columns = count;
    float distances[LANES] = {0}, squares[LANES] = {0};
#define PENALTY(i, l) { distances[l] += ck_abs(x[i]); squares[l] += x[i] * x[i]; }
    EACH(PENALTY)
    float penalty = 0.0f;
    if (l1 != 0.0f) penalty += l1 * fold(distances);
    if (l2 != 0.0f) penalty += l2 * fold(squares);
    return penalty;
}

CK_CLONES void ck_penalty_gradient(
    const float *x, float dy, float *dx, ptrdiff_t count, float l1, float l2, bool add) {
    float first = dy * l1, second = 2.0f * dy * l2;
    CK_ELEMENTWISE
    for (ptrdiff_t i = 0; i < count; i++) STORE(i, first * sign(x[i]) + second * x[i])
}

CK_CLONES float ck_weighted_sum(const float *x, const float *w, ptrdiff_t repeats, ptrdiff_t count) {
    if (repeats == 1) {
        ptrdiff_t columns = count;
        float sums[LANES] = {0};
#define PRODUCT(i, l) sums[l] += x[i] * w[i];
        EACH(PRODUCT)
        return fold(sums);
    }
    float total = 0.0f;
    for (ptrdiff_t r = 0; r < count / repeats; r++) total += w[r] * sum_of(x + r * repeats, repeats);
    return total;
}
