#include "include/ck_softmax.h"
#include "ck_math.h"

#define LANES 16

CK_INLINE float larger(float a, float b) { return a < b || b != b ? b : a; }

/* Sixteen elements, `fill` behind the end. */
CK_INLINE void load(const float *x, ptrdiff_t left, float fill, float *lanes) {
    if (left >= LANES) {
        for (int l = 0; l < LANES; l++) lanes[l] = x[l];
    } else {
        for (int l = 0; l < LANES; l++) lanes[l] = fill;
        for (int l = 0; l < left; l++) lanes[l] = x[l];
    }
}

CK_INLINE void store(const float *lanes, ptrdiff_t left, float *y) {
    if (left >= LANES) {
        for (int l = 0; l < LANES; l++) y[l] = lanes[l];
    } else {
        for (int l = 0; l < left; l++) y[l] = lanes[l];
    }
}

CK_INLINE float fold_sum(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

CK_CLONES void ck_softmax_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, y += columns) {
        float top[LANES], lanes[LANES], sums[LANES] = {0};
        for (int l = 0; l < LANES; l++) top[l] = -__builtin_inff();
        for (ptrdiff_t i = 0; i < columns; i += LANES) {
            load(x + i, columns - i, -__builtin_inff(), lanes);
            for (int l = 0; l < LANES; l++) top[l] = larger(top[l], lanes[l]);
        }
        for (int width = LANES / 2; width > 0; width /= 2)
            for (int l = 0; l < width; l++) top[l] = larger(top[l], top[l + width]);
        for (ptrdiff_t i = 0; i < columns; i += LANES) {
            load(x + i, columns - i, -__builtin_inff(), lanes);
            for (int l = 0; l < LANES; l++) lanes[l] = ck_exp1(lanes[l] - top[0]);
            /* Behind the end: exp(-infinity) = 0, unless the largest is itself infinite. */
            for (int l = 0; l < LANES; l++) sums[l] += i + l < columns ? lanes[l] : 0.0f;
            store(lanes, columns - i, y + i);
        }
        float inverse = 1.0f / fold_sum(sums);
        CK_ELEMENTWISE
        for (ptrdiff_t i = 0; i < columns; i++) y[i] *= inverse;
    }
}

CK_CLONES void ck_softmax_rows_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
        float a[LANES], b[LANES], sums[LANES] = {0};
        for (ptrdiff_t i = 0; i < columns; i += LANES) {
            load(y + i, columns - i, 0.0f, a);
            load(dy + i, columns - i, 0.0f, b);
            for (int l = 0; l < LANES; l++) sums[l] += a[l] * b[l];
        }
        float sum = fold_sum(sums);
        if (add) {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) dx[i] += y[i] * (dy[i] - sum);
        } else {
            CK_ELEMENTWISE
            for (ptrdiff_t i = 0; i < columns; i++) dx[i] = y[i] * (dy[i] - sum);
        }
    }
}

enum { WIDTH = 64 };

CK_CLONES void ck_softmax_columns(const float *x, float *y, ptrdiff_t extent, ptrdiff_t stride, ptrdiff_t columns) {
    for (ptrdiff_t first = 0; first < columns; first += WIDTH, x += WIDTH, y += WIDTH) {
        int width = columns - first < WIDTH ? (int)(columns - first) : WIDTH;
        float top[WIDTH], sums[WIDTH];
        for (int c = 0; c < WIDTH; c++) top[c] = -__builtin_inff(), sums[c] = 0;
        for (ptrdiff_t e = 0; e < extent; e++)
            for (int c = 0; c < width; c++) top[c] = larger(top[c], x[e * stride + c]);
        for (ptrdiff_t e = 0; e < extent; e++) {
            CK_ELEMENTWISE
            for (int c = 0; c < width; c++) {
                float value = ck_exp1(x[e * stride + c] - top[c]);
                y[e * stride + c] = value;
                sums[c] += value;
            }
        }
        for (int c = 0; c < width; c++) sums[c] = 1.0f / sums[c];
        for (ptrdiff_t e = 0; e < extent; e++)
            for (int c = 0; c < width; c++) y[e * stride + c] *= sums[c];
    }
}

CK_CLONES void ck_softmax_columns_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t extent, ptrdiff_t stride, ptrdiff_t columns, bool add) {
    for (ptrdiff_t first = 0; first < columns; first += WIDTH, y += WIDTH, dy += WIDTH, dx += WIDTH) {
        int width = columns - first < WIDTH ? (int)(columns - first) : WIDTH;
        float sums[WIDTH] = {0};
        for (ptrdiff_t e = 0; e < extent; e++)
            for (int c = 0; c < width; c++) sums[c] += y[e * stride + c] * dy[e * stride + c];
        for (ptrdiff_t e = 0; e < extent; e++) {
            CK_ELEMENTWISE
            for (int c = 0; c < width; c++) {
                float value = y[e * stride + c] * (dy[e * stride + c] - sums[c]);
                dx[e * stride + c] = add ? dx[e * stride + c] + value : value;
            }
        }
    }
}
