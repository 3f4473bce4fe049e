#include "include/ck_softmax.h"
#include "ck_math.h"

#define LANES 16

CK_INLINE float larger(float a, float b) { return a < b || b != b ? b : a; }

CK_INLINE float fold_sum(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

CK_INLINE float fold_largest(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] = larger(lanes[l], lanes[l + width]);
    return lanes[0];
}

/* A row shorter than the lanes, in one go. */
CK_INLINE void short_row(const float *x, float *y, int columns) {
    float lanes[LANES], other[LANES];
    for (int l = 0; l < LANES; l++) lanes[l] = -__builtin_inff();
    for (int l = 0; l < columns; l++) lanes[l] = x[l];
    for (int l = 0; l < LANES; l++) other[l] = lanes[l];
    float top = fold_largest(other);
    for (int l = 0; l < LANES; l++) lanes[l] = ck_exp1(lanes[l] - top);
    /* Behind the end: exp(-infinity) = 0, unless the largest is itself infinite. */
    for (int l = 0; l < LANES; l++) other[l] = l < columns ? lanes[l] : 0.0f;
    float inverse = 1.0f / fold_sum(other);
    for (int l = 0; l < columns; l++) y[l] = lanes[l] * inverse;
}

CK_CLONES void ck_softmax_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, y += columns) {
        if (columns < LANES) {
            short_row(x, y, (int)columns);
            continue;
        }
        float lanes[LANES];
        ptrdiff_t i = 0;
        for (int l = 0; l < LANES; l++) lanes[l] = x[l];
        for (; i + LANES <= columns; i += LANES)
            for (int l = 0; l < LANES; l++) lanes[l] = larger(lanes[l], x[i + l]);
        for (int l = 0; i + l < columns; l++) lanes[l] = larger(lanes[l], x[i + l]);
        float top = fold_largest(lanes);
        CK_ELEMENTWISE
        for (ptrdiff_t j = 0; j < columns; j++) y[j] = ck_exp1(x[j] - top);
        for (int l = 0; l < LANES; l++) lanes[l] = 0;
        for (i = 0; i + LANES <= columns; i += LANES)
            for (int l = 0; l < LANES; l++) lanes[l] += y[i + l];
        for (int l = 0; i + l < columns; l++) lanes[l] += y[i + l];
        float inverse = 1.0f / fold_sum(lanes);
        CK_ELEMENTWISE
        for (ptrdiff_t j = 0; j < columns; j++) y[j] *= inverse;
    }
}

CK_CLONES void ck_softmax_rows_gradient(
    const float *y, const float *dy, float *dx, ptrdiff_t rows, ptrdiff_t columns, bool add) {
    for (ptrdiff_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
        float sums[LANES] = {0};
        ptrdiff_t first = 0;
        for (; first + LANES <= columns; first += LANES)
            for (int l = 0; l < LANES; l++) sums[l] += y[first + l] * dy[first + l];
        for (int l = 0; first + l < columns; l++) sums[l] += y[first + l] * dy[first + l];
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
