#include "include/ck_depthwise.h"

#include "ck_target.h"
#include "include/ck_product.h"

typedef float lanes __attribute__((vector_size(64)));
typedef int mask __attribute__((vector_size(64)));
typedef float lanes_in_memory __attribute__((vector_size(64), aligned(4), may_alias));
enum { LANES = 16, CELLS = 4, TAPS = 4 };

#define LOAD(p) (*(const lanes_in_memory *)(p))
#define STORE(p, v) (*(lanes_in_memory *)(p) = (v))

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
            if (flags & CK_PRODUCT_RECTIFY) {
                const mask negative = value < (lanes){0};
                value = (lanes)((mask)value & ~negative);
            }
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
