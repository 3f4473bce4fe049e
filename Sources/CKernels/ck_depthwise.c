#include "include/ck_depthwise.h"

#include "ck_target.h"
#include "include/ck_product.h"

typedef float lanes __attribute__((vector_size(64)));
typedef int mask __attribute__((vector_size(64)));
typedef float lanes_in_memory __attribute__((vector_size(64), aligned(4), may_alias));
enum { LANES = 16, CELLS = 4, TAPS = 4 };

#define LOAD(p) (*(const lanes_in_memory *)(p))
#define STORE(p, v) (*(lanes_in_memory *)(p) = (v))

#define CHOOSE(m, yes, no) ((lanes)(((m) & (mask)(yes)) | (~(m) & (mask)(no))))
#define SIX ((lanes){0} + 6)

/* max(·, 0), and min(·, 6) by the flags; NaN stays. A macro, since vectors as arguments depend on the target. */
#define RECTIFIED(v, flags)                                                                                            \
    ((flags) & CK_PRODUCT_SIX ? CHOOSE((v) < (lanes){0}, (lanes){0}, CHOOSE((v) > SIX, SIX, v))                        \
                              : CHOOSE((v) < (lanes){0}, (lanes){0}, v))

CK_INLINE void cells(
    const int count, const ck_depthwise_extents *e, const float *a, const ptrdiff_t *offsets, const float *kernel, float *c,
    const float *bias, unsigned flags) {
#pragma clang fp contract(fast)
    ptrdiff_t n = 0;
    for (; n + LANES <= e->channels; n += LANES) {
        lanes sum[CELLS];
#pragma unroll
        for (int i = 0; i < count; i++) sum[i] = (lanes){0};
        for (ptrdiff_t tap = 0; tap < e->taps; tap++) {
            const lanes factor = LOAD(kernel + tap * e->channels + n);
            const float *from = a + offsets[tap] + n;
#pragma unroll
            for (int i = 0; i < count; i++) sum[i] += LOAD(from + i * e->a_column) * factor;
        }
#pragma unroll
        for (int i = 0; i < count; i++) {
            float *target = c + i * e->c_column + n;
            lanes value = sum[i];
            if (flags & CK_PRODUCT_ADD) value += LOAD(target);
            if (bias) value += LOAD(bias + n);
            if (flags & CK_PRODUCT_RECTIFY) value = RECTIFIED(value, flags);
            STORE(target, value);
        }
    }
    for (; n < e->channels; n++) {
        for (int i = 0; i < count; i++) {
            float value = 0;
            for (ptrdiff_t tap = 0; tap < e->taps; tap++)
                value += a[i * e->a_column + offsets[tap] + n] * kernel[tap * e->channels + n];
            float *target = c + i * e->c_column + n;
            if (flags & CK_PRODUCT_ADD) value += *target;
            if (bias) value += bias[n];
            if (flags & CK_PRODUCT_RECTIFY) value = value < 0 ? 0 : value;
            if (flags & CK_PRODUCT_SIX) value = value > 6 ? 6 : value;
            *target = value;
        }
    }
}

CK_CLONES void ck_depthwise(
    ck_depthwise_extents e, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, const float *kernel, float *c,
    const ptrdiff_t *c_rows, const float *bias, unsigned flags) {
    for (ptrdiff_t row = 0; row < e.rows; row++) {
        const float *from = a + a_rows[row];
        float *to = c + c_rows[row];
        ptrdiff_t column = 0;
        for (; column + CELLS <= e.columns; column += CELLS)
            cells(CELLS, &e, from + column * e.a_column, offsets, kernel, to + column * e.c_column, bias, flags);
        for (; column < e.columns; column++)
            cells(1, &e, from + column * e.a_column, offsets, kernel, to + column * e.c_column, bias, flags);
    }
}

/* `count` neighbouring cells of a row for one vector of channels: taps kernel_low … kernel_high of the rows and columns of the
   window; `x` is where the first cell's window begins. */
CK_INLINE void window(
    const int count, const int rows_low, const int rows_high, const int columns_low, const int columns_high,
    const ptrdiff_t taps, const ptrdiff_t stride, ptrdiff_t channels, ptrdiff_t line, const float *x, const float *kernel,
    float *y, const float *bias, unsigned flags) {
#pragma clang fp contract(fast)
    lanes sum[CELLS];
#pragma unroll
    for (int i = 0; i < count; i++) sum[i] = (lanes){0};
    for (int row = rows_low; row < rows_high; row++) {
        for (int column = columns_low; column < columns_high; column++) {
            const lanes factor = LOAD(kernel + (row * taps + column) * channels);
#pragma unroll
            for (int i = 0; i < count; i++) sum[i] += LOAD(x + row * line + (column + i * stride) * channels) * factor;
        }
    }
    const lanes shift = bias ? LOAD(bias) : (lanes){0};
#pragma unroll
    for (int i = 0; i < count; i++) {
        lanes value = sum[i] + shift;
        if (flags & CK_PRODUCT_RECTIFY) value = RECTIFIED(value, flags);
        STORE(y + i * channels, value);
    }
}

/* All cells of one row of outputs, for one vector of channels. `size` × `size` taps; without padding it is told at compile time. */
CK_INLINE void window_row(
    const int size, const ptrdiff_t stride, const ck_depthwise_plane *p, int low, int high, const float *x,
    const float *kernel, float *y, const float *bias, unsigned flags) {
    const ptrdiff_t channels = p->channels, line = p->columns * channels;
    ptrdiff_t column = 0;
    while (column < p->out_columns) {
        const ptrdiff_t start = column * stride - p->begin_x;
        const float *from = x + start * channels;
        float *to = y + column * channels;
        const ptrdiff_t end = start + (CELLS - 1) * stride + size;
        if (start >= 0 && end <= p->columns && column + CELLS <= p->out_columns) {
            if (low == 0 && high == size)
                window(CELLS, 0, size, 0, size, size, stride, channels, line, from, kernel, to, bias, flags);
            else
                window(CELLS, low, high, 0, size, size, stride, channels, line, from, kernel, to, bias, flags);
            column += CELLS;
        } else {
            const int left = start < 0 ? (int)-start : 0;
            const int right = p->columns - start < size ? (int)(p->columns - start) : size;
            window(1, low, high, left, right, size, stride, channels, line, from, kernel, to, bias, flags);
            column++;
        }
    }
}

CK_INLINE void window_rows(
    const int size, const ptrdiff_t stride, const ck_depthwise_plane *p, ptrdiff_t start, ptrdiff_t end, const float *x,
    const float *kernel, float *y, const float *bias, unsigned flags) {
    const ptrdiff_t line = p->columns * p->channels;
    for (ptrdiff_t row = start; row < end; row++, y += p->out_columns * p->channels) {
        const ptrdiff_t first = row * stride - p->begin_y;
        const int low = first < 0 ? (int)-first : 0, high = p->rows - first < size ? (int)(p->rows - first) : size;
        /* The last vector overlaps the one before, so that there is no rest. */
        for (ptrdiff_t next = 0; next < p->channels; next += LANES) {
            const ptrdiff_t n = next + LANES <= p->channels ? next : p->channels - LANES;
            window_row(
                size, stride, p, low, high, x + first * line + n, kernel + n, y + n, bias ? bias + n : 0, flags);
        }
    }
}

CK_CLONES void ck_depthwise_windows(
    const ck_depthwise_plane *plane, const float *x, const float *kernel, ptrdiff_t start, ptrdiff_t end, float *y,
    const float *bias, unsigned flags) {
    const ptrdiff_t size = plane->size, stride = plane->stride;
    if (size == 3 && stride == 1)
        window_rows(3, 1, plane, start, end, x, kernel, y, bias, flags);
    else if (size == 3 && stride == 2)
        window_rows(3, 2, plane, start, end, x, kernel, y, bias, flags);
    else if (size == 5 && stride == 1)
        window_rows(5, 1, plane, start, end, x, kernel, y, bias, flags);
    else if (size == 5 && stride == 2)
        window_rows(5, 2, plane, start, end, x, kernel, y, bias, flags);
    else
        window_rows((int)size, stride, plane, start, end, x, kernel, y, bias, flags);
}

CK_INLINE void taps(
    const int count, const ck_depthwise_extents *e, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets,
    const float *dc, float *gradient, bool add) {
#pragma clang fp contract(fast)
    ptrdiff_t n = 0;
    for (; n + LANES <= e->channels; n += LANES) {
        lanes sum[TAPS];
#pragma unroll
        for (int t = 0; t < count; t++) sum[t] = (lanes){0};
        const float *cell = dc + n;
        for (ptrdiff_t row = 0; row < e->rows; row++) {
            const float *from = a + a_rows[row] + n;
            for (ptrdiff_t column = 0; column < e->columns; column++) {
                const lanes factor = LOAD(cell);
#pragma unroll
                for (int t = 0; t < count; t++) sum[t] += LOAD(from + offsets[t]) * factor;
                cell += e->channels;
                from += e->a_column;
            }
        }
#pragma unroll
        for (int t = 0; t < count; t++) {
            float *target = gradient + t * e->channels + n;
            STORE(target, add ? LOAD(target) + sum[t] : sum[t]);
        }
    }
    for (; n < e->channels; n++) {
        for (int t = 0; t < count; t++) {
            float sum = 0;
            const float *cell = dc + n;
            for (ptrdiff_t row = 0; row < e->rows; row++)
                for (ptrdiff_t column = 0; column < e->columns; column++, cell += e->channels)
                    sum += a[a_rows[row] + column * e->a_column + offsets[t] + n] * *cell;
            float *target = gradient + t * e->channels + n;
            *target = add ? *target + sum : sum;
        }
    }
}

CK_CLONES void ck_depthwise_gradient(
    ck_depthwise_extents e, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, const float *dc,
    float *gradient, bool add) {
    ptrdiff_t tap = 0;
    for (; tap + TAPS <= e.taps; tap += TAPS)
        taps(TAPS, &e, a, a_rows, offsets + tap, dc, gradient + tap * e.channels, add);
    for (; tap < e.taps; tap++) taps(1, &e, a, a_rows, offsets + tap, dc, gradient + tap * e.channels, add);
}
