/* The kernels of ck_winograd for one vector length. Included once for each processor family, with CK_WIDTH (floats of a vector) and
   CK_NAME (puts the family behind a name) defined. */

typedef float CK_NAME(vector) __attribute__((vector_size(CK_WIDTH * 4)));
typedef int CK_NAME(mask) __attribute__((vector_size(CK_WIDTH * 4)));
typedef float CK_NAME(unaligned) __attribute__((vector_size(CK_WIDTH * 4), aligned(4), may_alias));

#define VECTOR CK_NAME(vector)
#define LOAD(p) (*(const CK_NAME(unaligned) *)(p))
#define STORE(p, v) (*(CK_NAME(unaligned) *)(p) = (v))
/* `v` where the gate is open (positive, or NaN), else zero. */
#define GATED(v, gate) ((VECTOR)((CK_NAME(mask))(v) & ~((gate) <= (VECTOR){0})))

/* max(·, 0), and min(·, 6) by the flags; NaN stays. */
CK_INLINE VECTOR CK_NAME(rectified)(VECTOR value, unsigned flags) {
    value = (VECTOR)((CK_NAME(mask))value & ~(value < (VECTOR){0}));
    if (flags & CK_PRODUCT_SIX) {
        const VECTOR six = (VECTOR){0} + 6;
        const CK_NAME(mask) above = value > six;
        value = (VECTOR)(((CK_NAME(mask))six & above) | ((CK_NAME(mask))value & ~above));
    }
    return value;
}

/* Of the functions below, those that make tiles take `cells`, the outputs of a tile along one axis: 4 or 2, known when they are compiled.
   There are two points more than cells. */

/* B' of six or four values, in place. */
CK_INLINE void CK_NAME(to_points)(const int cells, VECTOR *v, const ptrdiff_t step) {
#pragma clang fp contract(fast)
    if (cells == 2) {
        const VECTOR d1 = v[step], d2 = v[2 * step];
        v[0] -= d2;
        v[step] = d1 + d2;
        v[2 * step] = d2 - d1;
        v[3 * step] -= d1;
        return;
    }
    const VECTOR d0 = v[0], d1 = v[step], d2 = v[2 * step], d3 = v[3 * step], d4 = v[4 * step], d5 = v[5 * step];
    const VECTOR even_a = d4 - BB * d2, odd_a = d3 - BB * d1;
    const VECTOR even_b = d4 - AA * d2, odd_b = d3 - AA * d1;
    v[0] = AA * BB * d0 + (d4 - (AA + BB) * d2);
    v[step] = even_a + A * odd_a;
    v[2 * step] = even_a - A * odd_a;
    v[3 * step] = even_b + B * odd_b;
    v[4 * step] = even_b - B * odd_b;
    v[5 * step] = AA * BB * d1 + (d5 - (AA + BB) * d3);
}

/* A' of six values: four; or of four: two. */
CK_INLINE void CK_NAME(from_points)(
    const int cells, const VECTOR *v, const ptrdiff_t step, VECTOR *y, const ptrdiff_t y_step) {
#pragma clang fp contract(fast)
    if (cells == 2) {
        y[0] = v[0] + (v[step] + v[2 * step]);
        y[y_step] = v[3 * step] + (v[step] - v[2 * step]);
        return;
    }
    const VECTOR sum_a = v[step] + v[2 * step], difference_a = v[step] - v[2 * step];
    const VECTOR sum_b = v[3 * step] + v[4 * step], difference_b = v[3 * step] - v[4 * step];
    y[0] = v[0] + sum_a + sum_b;
    y[y_step] = A * difference_a + B * difference_b;
    y[2 * y_step] = AA * sum_a + BB * sum_b;
    y[3 * y_step] = A * AA * difference_a + (B * BB * difference_b + v[5 * step]);
}

/* A of four values: six. */
CK_INLINE void CK_NAME(gradient_to_points)(const VECTOR *y, const ptrdiff_t y_step, VECTOR *v, const ptrdiff_t step) {
#pragma clang fp contract(fast)
    const VECTOR y0 = y[0], y1 = y[y_step], y2 = y[2 * y_step], y3 = y[3 * y_step];
    const VECTOR even_a = y0 + AA * y2, odd_a = y1 + AA * y3;
    const VECTOR even_b = y0 + BB * y2, odd_b = y1 + BB * y3;
    v[0] = y0;
    v[step] = even_a + A * odd_a;
    v[2 * step] = even_a - A * odd_a;
    v[3 * step] = even_b + B * odd_b;
    v[4 * step] = even_b - B * odd_b;
    v[5 * step] = y3;
}

/* G of three values: six or four. */
CK_INLINE void CK_NAME(taps_to_points)(
    const int cells, const VECTOR *g, const ptrdiff_t g_step, VECTOR *v, const ptrdiff_t step) {
#pragma clang fp contract(fast)
    const VECTOR g0 = g[0], g1 = g[g_step], g2 = g[2 * g_step];
    if (cells == 2) {
        const VECTOR even = 0.5f * (g0 + g2), odd = 0.5f * g1;
        v[0] = g0;
        v[step] = even + odd;
        v[2 * step] = even - odd;
        v[3 * step] = g2;
        return;
    }
    const VECTOR even_a = SHARE_A * (g0 + AA * g2), odd_a = A * SHARE_A * g1;
    const VECTOR even_b = SHARE_B * (g0 + BB * g2), odd_b = B * SHARE_B * g1;
    v[0] = SHARE_0 * g0;
    v[step] = even_a + odd_a;
    v[2 * step] = even_a - odd_a;
    v[3 * step] = even_b + odd_b;
    v[4 * step] = even_b - odd_b;
    v[5 * step] = g2;
}

/* G' of six values: three. */
CK_INLINE void CK_NAME(points_to_taps)(const VECTOR *v, const ptrdiff_t step, VECTOR *g, const ptrdiff_t g_step) {
#pragma clang fp contract(fast)
    const VECTOR sum_a = SHARE_A * (v[step] + v[2 * step]), difference_a = SHARE_A * (v[step] - v[2 * step]);
    const VECTOR sum_b = SHARE_B * (v[3 * step] + v[4 * step]), difference_b = SHARE_B * (v[3 * step] - v[4 * step]);
    g[0] = SHARE_0 * v[0] + sum_a + sum_b;
    g[g_step] = A * difference_a + B * difference_b;
    g[2 * g_step] = AA * sum_a + (BB * sum_b + v[5 * step]);
}

/* Puts up to CK_WIDTH floats somewhere or takes them: rests of rows only. */
CK_INLINE VECTOR CK_NAME(part)(const float *p, ptrdiff_t count) {
    VECTOR v = {0};
    memcpy(&v, p, count * sizeof(float));
    return v;
}

/* Asks for what the tile after the next one will be the first to touch, which may come from memory: a square of cells is `size` wide,
   whose first one is at `from`. */
CK_INLINE void CK_NAME(fetch)(
    const int cells, const int size, const ck_winograd_images *m, const float *from, const int writes) {
    const float *ahead = from + (size + cells) * m->channels;
#pragma unroll
    for (int i = 0; i < size; i++, ahead += m->columns * m->channels) {
#pragma unroll
        for (int j = 0; j < cells; j++) {
            if (writes)
                __builtin_prefetch(ahead + j * m->channels, 1, 3);
            else
                __builtin_prefetch(ahead + j * m->channels, 0, 3);
        }
    }
}

/* The part of a square of cells that is there: rows and columns from low to high. */
typedef struct {
    int row_low, row_high, column_low, column_high;
} CK_NAME(extent);

CK_INLINE CK_NAME(extent) CK_NAME(visible)(const int size, const ck_winograd_images *m, ptrdiff_t y0, ptrdiff_t x0) {
    return (CK_NAME(extent)){
        y0 < 0 ? (int)-y0 : 0, m->rows - y0 < size ? (int)(m->rows - y0) : size,
        x0 < 0 ? (int)-x0 : 0, m->columns - x0 < size ? (int)(m->columns - x0) : size,
    };
}

/* A square of cells into v[size][size], zeros where none are. `lanes` channels of each. */
CK_INLINE void CK_NAME(read_part)(
    const int size, const ck_winograd_images *m, const float *x, const float *gate, CK_NAME(extent) e, ptrdiff_t lanes,
    VECTOR *v) {
    const ptrdiff_t line = m->columns * m->channels;
#pragma unroll
    for (int i = 0; i < size * size; i++) v[i] = (VECTOR){0};
    for (int i = e.row_low; i < e.row_high; i++) {
        for (int j = e.column_low; j < e.column_high; j++) {
            const ptrdiff_t at = i * line + j * m->channels;
            VECTOR value;
            if (lanes == CK_WIDTH) {
                value = gate ? GATED(LOAD(x + at), LOAD(gate + at)) : LOAD(x + at);
            } else {
                value = CK_NAME(part)(x + at, lanes);
                if (gate) value = GATED(value, CK_NAME(part)(gate + at, lanes));
            }
            v[i * size + j] = value;
        }
    }
}

/* The first channel of the vector that comes `next`: the last vector overlaps the one before where it can, so that there is no rest. */
CK_INLINE ptrdiff_t CK_NAME(first)(ptrdiff_t next, ptrdiff_t channels) {
    return channels < CK_WIDTH || next + CK_WIDTH <= channels ? next : channels - CK_WIDTH;
}

/* Where a tile is: its image's first element, and its first output. */
#define PLACE_OF_TILE(cells, m, tile)                                                                                  \
    const ptrdiff_t tile_x = (tile) % (m)->tiles_x, tile_y = (tile) / (m)->tiles_x % (m)->tiles_y;                     \
    const ptrdiff_t image = (tile) / ((m)->tiles_x * (m)->tiles_y) * (m)->rows * (m)->columns * (m)->channels;         \
    const ptrdiff_t y0 = tile_y * (cells) - (m)->begin_y, x0 = tile_x * (cells) - (m)->begin_x;

CK_INLINE void CK_NAME(input_tiles)(
    const int cells, const ck_winograd_images *m, const float *x, const float *gate, ptrdiff_t tile, ptrdiff_t count,
    float *points, ck_winograd_points strides) {
    const int side = cells + 2;
    const ptrdiff_t line = m->columns * m->channels;
    const ptrdiff_t lanes = m->channels < CK_WIDTH ? m->channels : CK_WIDTH;
    for (ptrdiff_t t = 0; t < count; t++) {
        PLACE_OF_TILE(cells, m, tile + t)
        const CK_NAME(extent) e = CK_NAME(visible)(side, m, y0, x0);
        const bool is_whole =
            e.row_high - e.row_low == side && e.column_high - e.column_low == side && lanes == CK_WIDTH;
        const ptrdiff_t start = image + y0 * line + x0 * m->channels;
        float *row = points + t * strides.row_stride;
        for (ptrdiff_t next = 0; next < m->channels; next += CK_WIDTH) {
            const ptrdiff_t n = CK_NAME(first)(next, m->channels);
            const float *from = x + start + n;
            CK_NAME(fetch)(cells, side, m, from, 0);
            if (gate) CK_NAME(fetch)(cells, side, m, gate + start + n, 0);
            VECTOR v[36];
            if (is_whole) {
#pragma unroll
                for (int j = 0; j < side; j++) {
#pragma unroll
                    for (int i = 0; i < side; i++) {
                        const ptrdiff_t at = i * line + j * m->channels;
                        v[side * i + j] = gate ? GATED(LOAD(from + at), LOAD(gate + start + n + at)) : LOAD(from + at);
                    }
                    CK_NAME(to_points)(cells, v + j, side);
                }
            } else {
                CK_NAME(read_part)(side, m, from, gate ? gate + start + n : 0, e, lanes, v);
#pragma unroll
                for (int j = 0; j < side; j++) CK_NAME(to_points)(cells, v + j, side);
            }
#pragma unroll
            for (int i = 0; i < side; i++) {
                CK_NAME(to_points)(cells, v + side * i, 1);
#pragma unroll
                for (int j = 0; j < side; j++) STORE(row + n + (side * i + j) * strides.point_stride, v[side * i + j]);
            }
        }
    }
}

static void CK_NAME(input)(
    const ck_winograd_images *m, const float *x, const float *gate, ptrdiff_t tile, ptrdiff_t count, float *points,
    ck_winograd_points strides) {
    if (m->cells == 2)
        CK_NAME(input_tiles)(2, m, x, gate, tile, count, points, strides);
    else if (gate)
        CK_NAME(input_tiles)(4, m, x, gate, tile, count, points, strides);
    else
        CK_NAME(input_tiles)(4, m, x, 0, tile, count, points, strides);
}

CK_INLINE void CK_NAME(output_tiles)(
    const int cells, const ck_winograd_images *m, const float *points, ck_winograd_points strides, ptrdiff_t channel,
    ptrdiff_t channels, const float *bias, const float *residual, unsigned flags, ptrdiff_t tile, ptrdiff_t count, float *y) {
    const int side = cells + 2;
    const ptrdiff_t line = m->columns * m->channels;
    const bool may_overlap = channels >= CK_WIDTH && !residual && !(flags & CK_PRODUCT_ADD);
    for (ptrdiff_t t = 0; t < count; t++) {
        PLACE_OF_TILE(cells, m, tile + t)
        const float *row = points + t * strides.row_stride;
        const ptrdiff_t height = m->rows - y0 < cells ? m->rows - y0 : cells;
        const ptrdiff_t width = m->columns - x0 < cells ? m->columns - x0 : cells;
        for (ptrdiff_t next = 0; next < channels; next += CK_WIDTH) {
            /* Nothing may be added twice. */
            const bool is_rest = channels - next < CK_WIDTH, overlaps = is_rest && may_overlap;
            const ptrdiff_t n = overlaps ? channels - CK_WIDTH : next;
            const ptrdiff_t lanes = is_rest && !overlaps ? channels - next : CK_WIDTH;
            VECTOR v[6], half[24];
#pragma unroll
            for (int j = 0; j < side; j++) {
#pragma unroll
                for (int i = 0; i < side; i++) v[i] = LOAD(row + n + (side * i + j) * strides.point_stride);
                CK_NAME(from_points)(cells, v, 1, half + j, side);
            }
            const ptrdiff_t start = image + y0 * line + x0 * m->channels + channel + n;
            CK_NAME(fetch)(cells, cells, m, y + start, 1);
            VECTOR shift = {0};
            if (bias) shift = lanes == CK_WIDTH ? LOAD(bias + channel + n) : CK_NAME(part)(bias + channel + n, lanes);
            if (lanes == CK_WIDTH && height == cells && width == cells) {
#pragma unroll
                for (int i = 0; i < cells; i++) {
                    VECTOR value_of[4];
                    CK_NAME(from_points)(cells, half + side * i, 1, value_of, 1);
#pragma unroll
                    for (int j = 0; j < cells; j++) {
                        const ptrdiff_t at = start + i * line + j * m->channels;
                        VECTOR value = value_of[j] + shift;
                        if (residual) value += LOAD(residual + at);
                        if (flags & CK_PRODUCT_ADD) value += LOAD(y + at);
                        if (flags & CK_PRODUCT_RECTIFY) value = CK_NAME(rectified)(value, flags);
                        STORE(y + at, value);
                    }
                }
                continue;
            }
            for (ptrdiff_t i = 0; i < height; i++) {
                CK_NAME(from_points)(cells, half + side * i, 1, v, 1);
                for (ptrdiff_t j = 0; j < width; j++) {
                    const ptrdiff_t at = start + i * line + j * m->channels;
                    VECTOR value = v[j] + shift;
                    if (residual)
                        value += lanes == CK_WIDTH ? LOAD(residual + at) : CK_NAME(part)(residual + at, lanes);
                    if (flags & CK_PRODUCT_ADD) value += lanes == CK_WIDTH ? LOAD(y + at) : CK_NAME(part)(y + at, lanes);
                    if (flags & CK_PRODUCT_RECTIFY) value = CK_NAME(rectified)(value, flags);
                    if (lanes == CK_WIDTH)
                        STORE(y + at, value);
                    else
                        memcpy(y + at, &value, lanes * sizeof(float));
                }
            }
        }
    }
}

static void CK_NAME(output)(
    const ck_winograd_images *m, const float *points, ck_winograd_points strides, ptrdiff_t channel, ptrdiff_t channels,
    const float *bias, const float *residual, unsigned flags, ptrdiff_t tile, ptrdiff_t count, float *y) {
    if (m->cells == 2)
        CK_NAME(output_tiles)(2, m, points, strides, channel, channels, bias, residual, flags, tile, count, y);
    else
        CK_NAME(output_tiles)(4, m, points, strides, channel, channels, bias, residual, flags, tile, count, y);
}

static void CK_NAME(output_gradient)(
    const ck_winograd_images *m, const float *dy, const float *gate, ptrdiff_t tile, ptrdiff_t count, float *points,
    ck_winograd_points strides, float *sums) {
    const ptrdiff_t line = m->columns * m->channels;
    const ptrdiff_t lanes = m->channels < CK_WIDTH ? m->channels : CK_WIDTH;
    for (ptrdiff_t t = 0; t < count; t++) {
        PLACE_OF_TILE(4, m, tile + t)
        const CK_NAME(extent) e = CK_NAME(visible)(4, m, y0, x0);
        const bool is_whole =
            e.row_high - e.row_low == 4 && e.column_high - e.column_low == 4 && lanes == CK_WIDTH;
        const ptrdiff_t start = image + y0 * line + x0 * m->channels;
        float *row = points + t * strides.row_stride;
        for (ptrdiff_t next = 0; next < m->channels; next += CK_WIDTH) {
            const ptrdiff_t n = CK_NAME(first)(next, m->channels);
            VECTOR v[16], half[24], all[6];
            const float *from = dy + start + n;
            CK_NAME(fetch)(4, 4, m, from, 0);
            if (gate) CK_NAME(fetch)(4, 4, m, gate + start + n, 0);
            if (is_whole) {
#pragma unroll
                for (int i = 0; i < 16; i++) {
                    const ptrdiff_t at = i / 4 * line + i % 4 * m->channels;
                    v[i] = gate ? GATED(LOAD(from + at), LOAD(gate + start + n + at)) : LOAD(from + at);
                }
            } else {
                CK_NAME(read_part)(4, m, from, gate ? gate + start + n : 0, e, lanes, v);
            }
            if (sums) {
                VECTOR sum = (v[0] + v[1]) + (v[2] + v[3]);
#pragma unroll
                for (int i = 4; i < 16; i += 4) sum += (v[i] + v[i + 1]) + (v[i + 2] + v[i + 3]);
                if (lanes == CK_WIDTH && n == next)
                    STORE(sums + n, LOAD(sums + n) + sum);
                else
                    for (ptrdiff_t lane = next - n; lane < lanes; lane++) sums[n + lane] += sum[lane];
            }
#pragma unroll
            for (int j = 0; j < 4; j++) CK_NAME(gradient_to_points)(v + j, 4, half + j, 4);
#pragma unroll
            for (int i = 0; i < 6; i++) {
                CK_NAME(gradient_to_points)(half + 4 * i, 1, all, 1);
#pragma unroll
                for (int j = 0; j < 6; j++) STORE(row + n + (6 * i + j) * strides.point_stride, all[j]);
            }
        }
    }
}

CK_INLINE void CK_NAME(kernel_points)(
    const int cells, const float *taps, ptrdiff_t tap_stride, ptrdiff_t count, float *points, ptrdiff_t point_stride) {
    const int side = cells + 2;
    const ptrdiff_t lanes = count < CK_WIDTH ? count : CK_WIDTH;
    for (ptrdiff_t next = 0; next < count; next += CK_WIDTH) {
        const ptrdiff_t n = CK_NAME(first)(next, count);
        VECTOR g[9], half[18], all[6];
#pragma unroll
        for (int i = 0; i < 9; i++)
            g[i] = lanes == CK_WIDTH ? LOAD(taps + i * tap_stride + n) : CK_NAME(part)(taps + i * tap_stride + n, lanes);
#pragma unroll
        for (int j = 0; j < 3; j++) CK_NAME(taps_to_points)(cells, g + j, 3, half + j, 3);
#pragma unroll
        for (int i = 0; i < side; i++) {
            CK_NAME(taps_to_points)(cells, half + 3 * i, 1, all, 1);
            for (int j = 0; j < side; j++) {
                float *target = points + n + (side * i + j) * point_stride;
                if (lanes == CK_WIDTH)
                    STORE(target, all[j]);
                else
                    memcpy(target, &all[j], lanes * sizeof(float));
            }
        }
    }
}

static void CK_NAME(kernel)(
    const int cells, const float *taps, ptrdiff_t tap_stride, ptrdiff_t count, float *points, ptrdiff_t point_stride) {
    if (cells == 2)
        CK_NAME(kernel_points)(2, taps, tap_stride, count, points, point_stride);
    else
        CK_NAME(kernel_points)(4, taps, tap_stride, count, points, point_stride);
}

static void CK_NAME(kernel_gradient)(
    const float *points, ptrdiff_t point_stride, ptrdiff_t count, float *taps, ptrdiff_t tap_stride, bool accumulate) {
    for (ptrdiff_t n = 0; n < count; n += CK_WIDTH) {
        /* What is added to can't be done twice, so nothing overlaps. */
        const ptrdiff_t lanes = count - n < CK_WIDTH ? count - n : CK_WIDTH;
        VECTOR v[6], half[18], g[3];
#pragma unroll
        for (int j = 0; j < 6; j++) {
#pragma unroll
            for (int i = 0; i < 6; i++) {
                const float *from = points + n + (6 * i + j) * point_stride;
                v[i] = lanes == CK_WIDTH ? LOAD(from) : CK_NAME(part)(from, lanes);
            }
            CK_NAME(points_to_taps)(v, 1, half + j, 6);
        }
#pragma unroll
        for (int i = 0; i < 3; i++) {
            CK_NAME(points_to_taps)(half + 6 * i, 1, g, 1);
            for (int j = 0; j < 3; j++) {
                float *target = taps + n + (3 * i + j) * tap_stride;
                VECTOR value = g[j];
                if (accumulate) value += lanes == CK_WIDTH ? LOAD(target) : CK_NAME(part)(target, lanes);
                if (lanes == CK_WIDTH)
                    STORE(target, value);
                else
                    memcpy(target, &value, lanes * sizeof(float));
            }
        }
    }
}

#undef VECTOR
#undef LOAD
#undef STORE
#undef GATED
#undef PLACE_OF_TILE
