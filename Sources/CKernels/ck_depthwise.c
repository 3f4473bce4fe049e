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

CK_CLONES static void windows_by_cells(
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

#if defined(__x86_64__) && defined(__clang__)
#define CK_SLIDES 1
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

/* A row of outputs for one vector of channels, stride 1: goes once along the columns of the input and adds each vector to all outputs that
   see it, so that it is read once for each row of the window. Output c sees columns c - before … c - before + size - 1. Each
   row of the window has sums of its own (each two of them, for 5 × 5), that no addition waits for the one before. */
#define CK_SLIDE(size, sets, name)                                                                                     \
    static inline __attribute__((always_inline)) void name(                                                            \
        const int low, const int high, ptrdiff_t before, ptrdiff_t columns, ptrdiff_t out_columns, ptrdiff_t channels, \
        ptrdiff_t line, const float *x, const float *kernel, float *y, const float *bias, unsigned flags) {            \
        lanes factor[size][size], sum[sets][size];                                                                     \
        _Pragma("unroll") for (int r = low; r < high; r++)                                                             \
            _Pragma("unroll") for (int k = 0; k < size; k++) factor[r][k] = LOAD(kernel + (r * size + k) * channels);  \
        _Pragma("unroll") for (int s = 0; s < sets; s++)                                                               \
            _Pragma("unroll") for (int k = 0; k < size; k++) sum[s][k] = (lanes){0};                                   \
        const lanes shift = bias ? LOAD(bias) : (lanes){0};                                                            \
        /* sum[·][k] belongs to the output whose column is c + before - (size - 1) + k. */                             \
        ptrdiff_t out = before - (size - 1);                                                                           \
        y += out * channels;                                                                                           \
        for (ptrdiff_t c = 0; out < out_columns; c++, out++, y += channels) {                                          \
            if (c < columns) {                                                                                         \
                _Pragma("unroll") for (int r = low; r < high; r++) {                                                   \
                    const lanes value = LOAD(x + r * line + c * channels);                                             \
                    _Pragma("unroll") for (int k = 0; k < size; k++)                                                   \
                        sum[r % sets][k] += value * factor[r][size - 1 - k];                                           \
                }                                                                                                      \
            }                                                                                                          \
            if (out >= 0) {                                                                                            \
                lanes value = shift;                                                                                   \
                _Pragma("unroll") for (int s = 0; s < sets; s++) value += sum[s][0];                                   \
                if (flags & CK_PRODUCT_RECTIFY) value = RECTIFIED(value, flags);                                       \
                STORE(y, value);                                                                                       \
            }                                                                                                          \
            _Pragma("unroll") for (int s = 0; s < sets; s++) {                                                         \
                _Pragma("unroll") for (int k = 0; k + 1 < size; k++) sum[s][k] = sum[s][k + 1];                        \
                sum[s][size - 1] = (lanes){0};                                                                         \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The same for any stride: each output reads its own columns. */
#define CK_STRIDE(size, name)                                                                                          \
    static inline __attribute__((always_inline)) void name(                                                            \
        const int low, const int high, const ptrdiff_t stride, ptrdiff_t before, ptrdiff_t columns,                    \
        ptrdiff_t out_columns, ptrdiff_t channels, ptrdiff_t line, const float *x, const float *kernel, float *y,      \
        const float *bias, unsigned flags) {                                                                           \
        lanes factor[size][size];                                                                                      \
        _Pragma("unroll") for (int r = low; r < high; r++)                                                             \
            _Pragma("unroll") for (int k = 0; k < size; k++) factor[r][k] = LOAD(kernel + (r * size + k) * channels);  \
        const lanes shift = bias ? LOAD(bias) : (lanes){0};                                                            \
        for (ptrdiff_t out = 0; out < out_columns; out++, y += channels) {                                             \
            const ptrdiff_t first = out * stride - before;                                                             \
            const float *from = x + first * channels;                                                                  \
            lanes sum[size];                                                                                           \
            _Pragma("unroll") for (int r = 0; r < size; r++) sum[r] = (lanes){0};                                      \
            if (first >= 0 && first + size <= columns) {                                                               \
                _Pragma("unroll") for (int k = 0; k < size; k++)                                                       \
                    _Pragma("unroll") for (int r = low; r < high; r++)                                                 \
                        sum[r] += LOAD(from + r * line + k * channels) * factor[r][k];                                 \
            } else {                                                                                                   \
                _Pragma("unroll") for (int k = 0; k < size; k++) {                                                     \
                    if (first + k < 0 || first + k >= columns) continue;                                               \
                    _Pragma("unroll") for (int r = low; r < high; r++)                                                 \
                        sum[r] += LOAD(from + r * line + k * channels) * factor[r][k];                                 \
                }                                                                                                      \
            }                                                                                                          \
            lanes value = shift;                                                                                       \
            _Pragma("unroll") for (int r = low; r < high; r++) value += sum[r];                                        \
            if (flags & CK_PRODUCT_RECTIFY) value = RECTIFIED(value, flags);                                           \
            STORE(y, value);                                                                                           \
        }                                                                                                              \
    }
#pragma clang fp contract(fast)
CK_SLIDE(3, 3, slide_3)
CK_SLIDE(5, 2, slide_5)
CK_STRIDE(3, stride_3)
CK_STRIDE(5, stride_5)

/* All rows of outputs; which rows of the window are within the image is told at compile time where it is usual. */
#define CK_ROWS_OF(size, stride, name, row_of_outputs)                                                                 \
    static void name(                                                                                                  \
        const ck_depthwise_plane *p, const float *x, const float *kernel, ptrdiff_t start, ptrdiff_t end, float *y,    \
        const float *bias, unsigned flags) {                                                                           \
        const ptrdiff_t line = p->columns * p->channels;                                                               \
        for (ptrdiff_t row = start; row < end; row++, y += p->out_columns * p->channels) {                             \
            const ptrdiff_t first = row * stride - p->begin_y;                                                         \
            const int low = first < 0 ? (int)-first : 0;                                                               \
            const int high = p->rows - first < size ? (int)(p->rows - first) : size;                                   \
            if (high - low < size - 2) {                                                                               \
                windows_by_cells(p, x, kernel, row, row + 1, y, bias, flags);                                          \
                continue;                                                                                              \
            }                                                                                                          \
            /* The last vector overlaps the one before, so that there is no rest. */                                   \
            for (ptrdiff_t next = 0; next < p->channels; next += LANES) {                                              \
                const ptrdiff_t n = next + LANES <= p->channels ? next : p->channels - LANES;                          \
                if (low == 0 && high == size) row_of_outputs(0, size);                                                 \
                else if (low == 1 && high == size) row_of_outputs(1, size);                                            \
                else if (low == 2 && high == size) row_of_outputs(2, size);                                            \
                else if (low == 0 && high == size - 1) row_of_outputs(0, size - 1);                                    \
                else if (low == 0 && high == size - 2) row_of_outputs(0, size - 2);                                    \
                else row_of_outputs(1, size - 1);                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
#define CK_PLACE                                                                                                       \
    p->begin_x, p->columns, p->out_columns, p->channels, line, x + first * line + n, kernel + n, y + n, bias ? bias + n : 0, flags
#define SLIDE_3(low, high) slide_3(low, high, CK_PLACE)
#define SLIDE_5(low, high) slide_5(low, high, CK_PLACE)
#define STRIDE_3(low, high) stride_3(low, high, 2, CK_PLACE)
#define STRIDE_5(low, high) stride_5(low, high, 2, CK_PLACE)
CK_ROWS_OF(3, 1, rows_3_1, SLIDE_3)
CK_ROWS_OF(5, 1, rows_5_1, SLIDE_5)
CK_ROWS_OF(3, 2, rows_3_2, STRIDE_3)
CK_ROWS_OF(5, 2, rows_5_2, STRIDE_5)
#pragma clang attribute pop
#endif

void ck_depthwise_windows(
    const ck_depthwise_plane *plane, const float *x, const float *kernel, ptrdiff_t start, ptrdiff_t end, float *y,
    const float *bias, unsigned flags) {
#if defined(CK_SLIDES)
    const ptrdiff_t size = plane->size, stride = plane->stride;
    if (plane->begin_x < size && ck_family_at_hand() == CK_FAMILY_AVX512) {
        if (size == 3 && stride == 1) return rows_3_1(plane, x, kernel, start, end, y, bias, flags);
        if (size == 5 && stride == 1) return rows_5_1(plane, x, kernel, start, end, y, bias, flags);
        if (size == 3 && stride == 2) return rows_3_2(plane, x, kernel, start, end, y, bias, flags);
        if (size == 5 && stride == 2) return rows_5_2(plane, x, kernel, start, end, y, bias, flags);
    }
#endif
    windows_by_cells(plane, x, kernel, start, end, y, bias, flags);
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
