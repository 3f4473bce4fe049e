#include "include/ck_rows.h"
#include "ck_math.h"

#define LANES 16
/* So many floats are added in one go; beyond, sums go on in double. */
#define BLOCK 4096

CK_INLINE float fold(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

/* The sum of an expression of i over [0, count), in a fixed order. */
#define SUM(total, count, expression)                                                \
    for (ptrdiff_t start = 0; start < (count); start += BLOCK) {                     \
        ptrdiff_t end = (count) - start < BLOCK ? (count) : start + BLOCK, at = start; \
        float lanes[LANES] = {0};                                                    \
        for (; at + LANES <= end; at += LANES)                                       \
            for (int l = 0; l < LANES; l++) {                                        \
                ptrdiff_t i = at + l;                                                \
                lanes[l] += (expression);                                            \
            }                                                                        \
        for (int l = 0; at + l < end; l++) {                                         \
            ptrdiff_t i = at + l;                                                    \
            lanes[l] += (expression);                                                \
        }                                                                            \
        total += fold(lanes);                                                        \
    }

/* Rows of one kind; `kind` is constant where this is inlined. */
CK_INLINE void normalize(
    ck_norm kind, const float *x, float *y, float *means, float *factors, ptrdiff_t rows, ptrdiff_t columns,
    float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, y += columns) {
        float mean = 0;
        if (kind == CK_NORM_LAYER || kind == CK_NORM_VARIANCE) {
            double total = 0;
            SUM(total, columns, x[i])
            mean = (float)(total / (double)columns);
        }
        double squares = 0;
        SUM(squares, columns, (x[i] - mean) * (x[i] - mean))
        float factor;
        if (kind == CK_NORM_UNIT) {
            float largest = 1.0f / epsilon;
            factor = (float)(1.0 / __builtin_sqrt(squares));
            factor = factor > largest ? largest : factor;
        } else {
            factor = (float)(1.0 / __builtin_sqrt(squares / (double)columns + (double)epsilon));
        }
        means[r] = mean;
        factors[r] = factor;
        float taken = kind == CK_NORM_LAYER ? mean : 0.0f;
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) y[i] = (x[i] - taken) * factor;
    }
}

CK_CLONES void ck_normalize_rows(
    ck_norm kind, const float *x, float *y, float *mean, float *factor, ptrdiff_t rows, ptrdiff_t columns, float epsilon) {
    switch (kind) {
    case CK_NORM_LAYER: normalize(CK_NORM_LAYER, x, y, mean, factor, rows, columns, epsilon); break;
    case CK_NORM_VARIANCE: normalize(CK_NORM_VARIANCE, x, y, mean, factor, rows, columns, epsilon); break;
    case CK_NORM_RMS: normalize(CK_NORM_RMS, x, y, mean, factor, rows, columns, epsilon); break;
    case CK_NORM_UNIT: normalize(CK_NORM_UNIT, x, y, mean, factor, rows, columns, epsilon); break;
    }
}

/* All kinds: dx = factor (dy - plain - (x - mean) slope). */
CK_CLONES void ck_normalize_rows_gradient(
    ck_norm kind, const float *x, const float *dy, const float *mean, const float *factor, float *dx, ptrdiff_t rows,
    ptrdiff_t columns, float epsilon, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, dy += columns, dx += columns) {
        float m = mean[r], f = factor[r];
        float taken = kind == CK_NORM_LAYER ? m : 0.0f;
        double total = 0, product = 0;
        if (kind == CK_NORM_LAYER) { SUM(total, columns, dy[i]) }
        SUM(product, columns, dy[i] * (x[i] - taken))
        double n = (double)columns;
        float plain = (float)(total / n);
        float slope = (float)((double)f * (double)f * product / (kind == CK_NORM_UNIT ? 1.0 : n));
        if (kind == CK_NORM_UNIT && f >= 1.0f / epsilon) slope = 0;
        if (add) {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) dx[i] += f * (dy[i] - plain - (x[i] - m) * slope);
        } else {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) dx[i] = f * (dy[i] - plain - (x[i] - m) * slope);
        }
    }
}

CK_INLINE float larger(float a, float b) { return a < b || b != b ? b : a; }

CK_CLONES void ck_log_softmax_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, y += columns) {
        float top = -__builtin_inff();
        for (ptrdiff_t i = 0; i < columns; i++) top = larger(top, x[i]);
        double total = 0;
        SUM(total, columns, ck_exp1(x[i] - top))
        float shift = top + ck_log1((float)total);
        /* Near the largest element the digits of the logarithm count, not those of the sum with it. */
        float log_total = shift - top;
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) y[i] = (x[i] - top) - log_total;
    }
}

CK_CLONES void ck_log_softmax_rows_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
        double total = 0;
        SUM(total, columns, dy[i])
        float sum = (float)total;
        if (add) {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) dx[i] += dy[i] - ck_exp1(y[i]) * sum;
        } else {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) dx[i] = dy[i] - ck_exp1(y[i]) * sum;
        }
    }
}

/* Indices of a row's elements from the largest to the smallest; of equals the first comes first. */
static void sort_row(const float *x, int32_t *order, ptrdiff_t columns) {
    /* Whether a comes behind b. NaN comes first. */
#define BEHIND(a, b) \
    (x[a] < x[b] || (x[b] != x[b] && x[a] == x[a]) || (!(x[a] > x[b]) && !(x[a] != x[a] && x[b] == x[b]) && (a) > (b)))
    for (ptrdiff_t i = 0; i < columns; i++) order[i] = (int32_t)i;
    for (ptrdiff_t end = columns, start = columns / 2; end > 1;) {
        if (start > 0)
            start--;
        else {
            end--;
            int32_t top = order[end];
            order[end] = order[0];
            order[0] = top;
        }
        ptrdiff_t root = start;
        for (ptrdiff_t child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && BEHIND(order[child + 1], order[child])) child++;
            if (!BEHIND(order[child], order[root])) break;
            int32_t moved = order[root];
            order[root] = order[child];
            order[child] = moved;
        }
    }
#undef BEHIND
}

/* How many of the largest elements count, and the threshold that Keras takes off: the mean of their running sums less 1 / k,
   where the paper has the last of these sums. */
static ptrdiff_t sparsemax_support(const float *x, const int32_t *order, ptrdiff_t columns, float *threshold) {
    float running = 0, total = 0;
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < columns; i++) {
        float value = x[order[i]];
        running += value;
        if (value - (running - 1.0f) / (float)(i + 1) > 0) {
            total += running;
            count++;
        }
    }
    *threshold = (total - 1.0f) / (float)count;
    return count;
}

void ck_sparsemax_rows(const float *x, float *y, int32_t *order, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, y += columns) {
        float threshold;
        sort_row(x, order, columns);
        sparsemax_support(x, order, columns, &threshold);
        for (ptrdiff_t i = 0; i < columns; i++) y[i] = ck_at_least(x[i] - threshold, 0.0f);
    }
}

void ck_sparsemax_rows_gradient(
    const float *x, const float *dy, float *dx, int32_t *order, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, dy += columns, dx += columns) {
        float threshold;
        sort_row(x, order, columns);
        ptrdiff_t count = sparsemax_support(x, order, columns, &threshold);
        double total = 0;
        SUM(total, columns, x[i] > threshold ? dy[i] : 0.0f)
        for (ptrdiff_t i = 0; i < columns; i++) {
            float value = x[i] > threshold ? dy[i] : 0.0f;
            dx[i] = add ? dx[i] + value : value;
        }
        /* Element i of the sorted row is part of the running sums from i on. */
        for (ptrdiff_t i = 0; i < count; i++)
            dx[order[i]] -= (float)(total * (double)(count - i) / (double)count);
    }
}

CK_CLONES void ck_glu_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += 2 * columns, y += columns) {
        const float *b = x + columns;
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) y[i] = x[i] * ck_sigmoid1(b[i]);
    }
}

CK_CLONES void ck_glu_rows_gradient(
    const float *x, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, x += 2 * columns, dx += 2 * columns, dy += columns) {
        const float *b = x + columns;
        float *db = dx + columns;
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) {
            float s = ck_sigmoid1(b[i]);
            float first = dy[i] * s, second = dy[i] * x[i] * (s * (1.0f - s));
            dx[i] = add ? dx[i] + first : first;
            db[i] = add ? db[i] + second : second;
        }
    }
}
