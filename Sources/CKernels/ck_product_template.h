/* The kernels of ck_product for one vector length. Included once for each processor family, with CK_WIDTH (floats of a vector),
   CK_ROWS (rows of a block of C) and CK_NAME (puts the family behind a name)
   defined. A block is CK_ROWS × 2 vectors, or CK_EVEN_ROWS × 2, where that is defined (CK_WIDEN(half vector) then, too) and rows are equally
   far apart. CK_PART(count),
   where there is one, is the mask of a vector's first lanes, for CK_LOAD_PART(p, mask) and CK_STORE_PART(p, mask, v). */

typedef float CK_NAME(vector) __attribute__((vector_size(CK_WIDTH * 4)));
typedef int CK_NAME(mask) __attribute__((vector_size(CK_WIDTH * 4)));
typedef float CK_NAME(unaligned) __attribute__((vector_size(CK_WIDTH * 4), aligned(4), may_alias));
typedef float CK_NAME(half) __attribute__((vector_size(CK_WIDTH * 2)));
typedef float CK_NAME(unaligned_half) __attribute__((vector_size(CK_WIDTH * 2), aligned(4), may_alias));

#if defined(CK_EVEN_ROWS)
#define CK_MOST_ROWS CK_EVEN_ROWS
#else
#define CK_MOST_ROWS CK_ROWS
#endif

typedef void CK_NAME(kernel)(
    const float *const *a, const ptrdiff_t *offsets, ptrdiff_t segments, ptrdiff_t start, ptrdiff_t length, ptrdiff_t step,
    const float *b, ptrdiff_t b_row, float *const *c, ptrdiff_t cols, const float *bias, unsigned flags, const float *ahead,
    ptrdiff_t ahead_step);

/* max(·, 0), and min(·, 6) by the flags; NaN stays. */
CK_INLINE CK_NAME(vector) CK_NAME(rectified)(CK_NAME(vector) value, unsigned flags) {
    value = (CK_NAME(vector))((CK_NAME(mask))value & ~(value < (CK_NAME(vector)){0}));
    if (flags & CK_PRODUCT_SIX) {
        const CK_NAME(vector) six = (CK_NAME(vector)){0} + 6;
        const CK_NAME(mask) above = value > six;
        value = (CK_NAME(vector))(((CK_NAME(mask))six & above) | ((CK_NAME(mask))value & ~above));
    }
    return value;
}

/* What is done with the sums of a block on their way to memory. */
CK_INLINE void CK_NAME(finish)(
    const int mr, const int nv, const CK_NAME(vector) *sum, float *const *c, ptrdiff_t cols, const float *bias,
    unsigned flags) {
    if (cols == nv * CK_WIDTH) {
        CK_NAME(vector) shift[2];
#pragma unroll
        for (int v = 0; v < nv; v++)
            shift[v] = bias ? *(const CK_NAME(unaligned) *)(bias + v * CK_WIDTH) : (CK_NAME(vector)){0};
#pragma unroll
        for (int i = 0; i < mr; i++) {
#pragma unroll
            for (int v = 0; v < nv; v++) {
                CK_NAME(unaligned) *target = (CK_NAME(unaligned) *)(c[i] + v * CK_WIDTH);
                CK_NAME(vector) value = sum[2 * i + v];
                if (flags & CK_PRODUCT_ADD) value += *target;
                if (bias) value += shift[v];
                if (flags & CK_PRODUCT_RECTIFY) value = CK_NAME(rectified)(value, flags);
                *target = value;
            }
        }
    } else {
#if defined(CK_PART)
#pragma unroll
        for (int v = 0; v < nv; v++) {
            const ptrdiff_t rest = cols - v * CK_WIDTH;
            const CK_NAME(part) part = CK_PART(rest < CK_WIDTH ? rest : CK_WIDTH);
            CK_NAME(vector) shift = {0};
            if (bias) shift = CK_LOAD_PART(bias + v * CK_WIDTH, part);
#pragma unroll
            for (int i = 0; i < mr; i++) {
                float *target = c[i] + v * CK_WIDTH;
                CK_NAME(vector) value = sum[2 * i + v];
                if (flags & CK_PRODUCT_ADD) value += CK_LOAD_PART(target, part);
                if (bias) value += shift;
                if (flags & CK_PRODUCT_RECTIFY) value = CK_NAME(rectified)(value, flags);
                CK_STORE_PART(target, part, value);
            }
        }
#else
        float values[CK_MOST_ROWS][2 * CK_WIDTH];
#pragma unroll
        for (int i = 0; i < mr; i++) {
#pragma unroll
            for (int v = 0; v < nv; v++) *(CK_NAME(unaligned) *)(values[i] + v * CK_WIDTH) = sum[2 * i + v];
        }
        for (int i = 0; i < mr; i++) {
            for (ptrdiff_t j = 0; j < cols; j++) {
                float value = values[i][j];
                if (flags & CK_PRODUCT_ADD) value += c[i][j];
                if (bias) value += bias[j];
                if (flags & CK_PRODUCT_RECTIFY) value = value < 0 ? 0 : value;
                if (flags & CK_PRODUCT_SIX) value = value > 6 ? 6 : value;
                c[i][j] = value;
            }
        }
#endif
    }
}

CK_INLINE void CK_NAME(block)(
    const int mr, const int nv, const float *const *rows, const ptrdiff_t *offsets, ptrdiff_t segments, ptrdiff_t start,
    ptrdiff_t length, ptrdiff_t step, const float *b, ptrdiff_t b_row, float *const *c, ptrdiff_t cols, const float *bias,
    unsigned flags, const float *ahead, ptrdiff_t ahead_step) {
#pragma clang fp contract(fast)
    CK_NAME(vector) sum[2 * CK_ROWS];
    const float *a[CK_ROWS];
#pragma unroll
    for (int i = 0; i < mr; i++) {
        a[i] = rows[i];
#pragma unroll
        for (int v = 0; v < nv; v++) sum[2 * i + v] = (CK_NAME(vector)){0};
    }
    for (ptrdiff_t s = 0; s < segments; s++) {
        ptrdiff_t at = offsets[s] + start * step;
        for (ptrdiff_t k = 0; k < length; k++) {
            CK_NAME(vector) y[2];
#pragma unroll
            for (int v = 0; v < nv; v++) y[v] = *(const CK_NAME(unaligned) *)(b + v * CK_WIDTH);
#pragma unroll
            for (int i = 0; i < mr; i++) {
                const float x = a[i][at];
#pragma unroll
                for (int v = 0; v < nv; v++) sum[2 * i + v] += x * y[v];
            }
            at += step;
            b += b_row;
            __builtin_prefetch(ahead, 0, 2);
            ahead += ahead_step;
        }
    }
    CK_NAME(finish)(mr, nv, sum, c, cols, bias, flags);
}

#define CK_KERNEL(mr, nv)                                                                                              \
    static void CK_NAME(kernel_##mr##_##nv)(                                                                           \
        const float *const *a, const ptrdiff_t *offsets, ptrdiff_t segments, ptrdiff_t start, ptrdiff_t length,        \
        ptrdiff_t step, const float *b, ptrdiff_t b_row, float *const *c, ptrdiff_t cols, const float *bias,           \
        unsigned flags, const float *ahead, ptrdiff_t ahead_step) {                                                    \
        CK_NAME(block)(                                                                                                \
            mr, nv, a, offsets, segments, start, length, step, b, b_row, c, cols, bias, flags, ahead, ahead_step);     \
    }
#define CK_KERNELS(mr) CK_KERNEL(mr, 1) CK_KERNEL(mr, 2)
CK_KERNELS(1)
CK_KERNELS(2)
CK_KERNELS(3)
CK_KERNELS(4)
#if CK_ROWS > 4
CK_KERNELS(5)
CK_KERNELS(6)
#endif
#if CK_ROWS > 6
CK_KERNELS(7)
CK_KERNELS(8)
#endif

static CK_NAME(kernel) *const CK_NAME(kernels)[CK_ROWS][2] = {
    {CK_NAME(kernel_1_1), CK_NAME(kernel_1_2)},
    {CK_NAME(kernel_2_1), CK_NAME(kernel_2_2)},
    {CK_NAME(kernel_3_1), CK_NAME(kernel_3_2)},
    {CK_NAME(kernel_4_1), CK_NAME(kernel_4_2)},
#if CK_ROWS > 4
    {CK_NAME(kernel_5_1), CK_NAME(kernel_5_2)},
    {CK_NAME(kernel_6_1), CK_NAME(kernel_6_2)},
#endif
#if CK_ROWS > 6
    {CK_NAME(kernel_7_1), CK_NAME(kernel_7_2)},
    {CK_NAME(kernel_8_1), CK_NAME(kernel_8_2)},
#endif
};

#if defined(CK_EVEN_ROWS)
/* Rows of A `a_row` apart, of C `c_row`: addresses take few registers, so a block may have more rows. */
typedef void CK_NAME(even_kernel)(
    const float *a, ptrdiff_t a_row, const ptrdiff_t *offsets, ptrdiff_t segments, ptrdiff_t start, ptrdiff_t length,
    ptrdiff_t step, const float *b, ptrdiff_t b_row, float *c, ptrdiff_t c_row, ptrdiff_t cols, const float *bias, unsigned flags,
    const float *ahead, ptrdiff_t ahead_step);

/* `halves`: how many halves of a vector a row of B has. Some processors compute halves, and all do so as fast as whole ones. */
CK_INLINE void CK_NAME(even_block)(
    const int mr, const int halves, const float *a, const ptrdiff_t a_row, const ptrdiff_t *offsets, ptrdiff_t segments,
    ptrdiff_t start, ptrdiff_t length, ptrdiff_t step, const float *b, ptrdiff_t b_row, float *c, ptrdiff_t c_row, ptrdiff_t cols,
    const float *bias, unsigned flags, const float *ahead, ptrdiff_t ahead_step) {
#pragma clang fp contract(fast)
    const int nv = halves / 2;
    CK_NAME(vector) sum[2 * CK_EVEN_ROWS];
    CK_NAME(half) rest[CK_EVEN_ROWS];
#pragma unroll
    for (int i = 0; i < 2 * mr; i++) sum[i] = (CK_NAME(vector)){0};
#pragma unroll
    for (int i = 0; i < mr; i++) rest[i] = (CK_NAME(half)){0};
    const ptrdiff_t three = 3 * a_row;
    for (ptrdiff_t s = 0; s < segments; s++) {
        /* Every fourth row; the three behind it are found from there. */
        const float *four[(CK_EVEN_ROWS + 3) / 4];
#pragma unroll
        for (int i = 0; i < mr; i += 4) four[i / 4] = a + offsets[s] + start * step + i * a_row;
        for (ptrdiff_t k = 0; k < length; k++) {
            CK_NAME(vector) y[2];
            CK_NAME(half) last = {0};
#pragma unroll
            for (int v = 0; v < nv; v++) y[v] = *(const CK_NAME(unaligned) *)(b + v * CK_WIDTH);
            if (halves % 2) last = *(const CK_NAME(unaligned_half) *)(b + nv * CK_WIDTH);
#pragma unroll
            for (int i = 0; i < mr; i++) {
                const float x = four[i / 4][i % 4 == 3 ? three : i % 4 * a_row];
#pragma unroll
                for (int v = 0; v < nv; v++) sum[2 * i + v] += x * y[v];
                if (halves % 2) rest[i] += x * last;
            }
#pragma unroll
            for (int i = 0; i < mr; i += 4) {
                four[i / 4] += step;
                /* Else each row would have an address of its own, most of them on the stack. */
                __asm__("" : "+r"(four[i / 4]));
            }
            b += b_row;
            __builtin_prefetch(ahead, 0, 2);
            ahead += ahead_step;
        }
    }
    float *to[CK_EVEN_ROWS];
#pragma unroll
    for (int i = 0; i < mr; i++) to[i] = c + i * c_row;
    if (halves % 2) {
#pragma unroll
        for (int i = 0; i < mr; i++) sum[2 * i + nv] = CK_WIDEN(rest[i]);
    }
    CK_NAME(finish)(mr, (halves + 1) / 2, sum, to, cols, bias, flags);
}

#define CK_EVEN_KERNEL(mr, halves)                                                                                         \
    static void CK_NAME(even_kernel_##mr##_##halves)(                                                                      \
        const float *a, ptrdiff_t a_row, const ptrdiff_t *offsets, ptrdiff_t segments, ptrdiff_t start,                \
        ptrdiff_t length, ptrdiff_t step, const float *b, ptrdiff_t b_row, float *c, ptrdiff_t c_row, ptrdiff_t cols,  \
        const float *bias, unsigned flags, const float *ahead, ptrdiff_t ahead_step) {                                 \
        CK_NAME(even_block)(                                                                                           \
            mr, halves, a, a_row, offsets, segments, start, length, step, b, b_row, c, c_row, cols, bias, flags, ahead,    \
            ahead_step);                                                                                               \
    }
#define CK_EVEN_KERNELS(mr) CK_EVEN_KERNEL(mr, 1) CK_EVEN_KERNEL(mr, 2) CK_EVEN_KERNEL(mr, 3) CK_EVEN_KERNEL(mr, 4)
#define CK_EVEN_ENTRY(mr)                                                                                              \
    {CK_NAME(even_kernel_##mr##_1), CK_NAME(even_kernel_##mr##_2), CK_NAME(even_kernel_##mr##_3), CK_NAME(even_kernel_##mr##_4)}
CK_EVEN_KERNELS(5)
CK_EVEN_KERNELS(6)
CK_EVEN_KERNELS(7)
CK_EVEN_KERNELS(8)
CK_EVEN_KERNELS(9)
CK_EVEN_KERNELS(10)
CK_EVEN_KERNELS(11)
CK_EVEN_KERNELS(12)
CK_EVEN_KERNELS(13)
CK_EVEN_KERNELS(14)

/* From five rows on: no block is smaller when eight rows or more are cut into blocks of eight. */
static CK_NAME(even_kernel) *const CK_NAME(even_kernels)[CK_EVEN_ROWS - 4][4] = {
    CK_EVEN_ENTRY(5),  CK_EVEN_ENTRY(6),  CK_EVEN_ENTRY(7),  CK_EVEN_ENTRY(8),  CK_EVEN_ENTRY(9),
    CK_EVEN_ENTRY(10), CK_EVEN_ENTRY(11), CK_EVEN_ENTRY(12), CK_EVEN_ENTRY(13), CK_EVEN_ENTRY(14),
};
#endif

/* What comes into the cache while blocks go through the panel of column j, a part with each step of each of them: the next panel, of
   these columns, or of the next part of the sum, or of whatever is packed behind. */
typedef struct {
    const float *from;
    ptrdiff_t step;
} CK_NAME(ahead);

CK_INLINE CK_NAME(ahead) CK_NAME(what_is_next)(
    const ck_product_extents *e, ptrdiff_t j, ptrdiff_t blocks, ptrdiff_t depth, const float *b) {
    const ptrdiff_t next = j + 2 * CK_WIDTH;
    if (next % CK_PANEL != 0 || e->b_row != CK_PANEL || (next >= e->n && blocks < 4)) return (CK_NAME(ahead)){b, 0};
    return (CK_NAME(ahead)){
        next < e->n ? b + next / CK_PANEL * e->b_panel : b + depth * CK_PANEL, (CK_PANEL + blocks - 1) / blocks};
}

#if defined(CK_EVEN_ROWS)
/* The same for one row of columns: blocks of nearly the same number of rows. */
static void CK_NAME(even_product)(
    const ck_product_extents *e, const float *a, const ptrdiff_t *offsets, ptrdiff_t segments, ptrdiff_t start,
    ptrdiff_t length, const float *b, float *c, const float *bias, unsigned flags) {
    /* Rows of A that are whole pages apart share their places in the first-level cache, which has room for twelve. */
    const ptrdiff_t most = e->a_column % 1024 ? CK_EVEN_ROWS : 8;
    const ptrdiff_t blocks = (e->columns + most - 1) / most;
    const ptrdiff_t rows = e->columns / blocks, larger = e->columns % blocks;
    for (ptrdiff_t j = 0; j < e->n; j += 2 * CK_WIDTH) {
        const ptrdiff_t cols = e->n - j < 2 * CK_WIDTH ? e->n - j : 2 * CK_WIDTH;
        const ptrdiff_t halves = (2 * cols + CK_WIDTH - 1) / CK_WIDTH;
        const float *panel = b + j / CK_PANEL * e->b_panel + j % CK_PANEL;
        CK_NAME(ahead) next = CK_NAME(what_is_next)(e, j, blocks, segments * length, b);
        const float *from = a;
        float *to = c + j;
        for (ptrdiff_t block = 0; block < blocks; block++) {
            const ptrdiff_t mr = rows + (block < larger);
            CK_NAME(even_kernels)[mr - 5][halves - 1](
                from, e->a_column, offsets, segments, start, length, e->step, panel, e->b_row, to, e->c_column, cols,
                bias ? bias + j : 0, flags, next.from, next.step);
            from += mr * e->a_column;
            to += mr * e->c_column;
            next.from += next.step * segments * length;
        }
    }
}
#endif

/* All rows and columns for a part of the inner sum: `segments` segments from `offsets`, of each `length` steps from `start`. */
static void CK_NAME(product)(
    const ck_product_extents *e, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, ptrdiff_t segments,
    ptrdiff_t start, ptrdiff_t length, const float *b, float *c, const ptrdiff_t *c_rows, const float *bias, unsigned flags) {
    const ptrdiff_t count = e->rows * e->columns;
#if defined(CK_EVEN_ROWS)
    if (e->rows == 1 && count >= 8)
        return CK_NAME(even_product)(
            e, a + a_rows[0], offsets, segments, start, length, b, c + c_rows[0], bias, flags);
#endif
    const ptrdiff_t blocks = (count + CK_ROWS - 1) / CK_ROWS, rest = count % CK_ROWS;
    /* A block of less than four rows takes as long as one of four, since additions wait for each other: then all blocks get nearly the
       same number of rows. */
    const bool is_even = rest > 0 && rest < 4;
    const ptrdiff_t whole = is_even ? count % blocks : count / CK_ROWS;
    const ptrdiff_t rows = is_even ? count / blocks + 1 : CK_ROWS, last_rows = is_even ? rows - 1 : rest;
    for (ptrdiff_t j = 0; j < e->n; j += 2 * CK_WIDTH) {
        const ptrdiff_t cols = e->n - j < 2 * CK_WIDTH ? e->n - j : 2 * CK_WIDTH;
        const int nv = cols > CK_WIDTH ? 2 : 1;
        const float *panel = b + j / CK_PANEL * e->b_panel + j % CK_PANEL;
        CK_NAME(ahead) next = CK_NAME(what_is_next)(e, j, blocks, segments * length, b);
        ptrdiff_t row = 0, column = 0;
        for (ptrdiff_t block = 0; block < blocks; block++) {
            const int mr = (int)(block < whole ? rows : last_rows);
            const float *from[CK_ROWS];
            float *to[CK_ROWS];
            if (mr == CK_ROWS && column + CK_ROWS < e->columns) {
                const float *first = a + a_rows[row] + column * e->a_column;
                float *target = c + c_rows[row] + column * e->c_column + j;
#pragma unroll
                for (int i = 0; i < CK_ROWS; i++) {
                    from[i] = first + i * e->a_column;
                    to[i] = target + i * e->c_column;
                }
                column += CK_ROWS;
            } else if (column + mr < e->columns) {
                const float *first = a + a_rows[row] + column * e->a_column;
                float *target = c + c_rows[row] + column * e->c_column + j;
                for (int i = 0; i < mr; i++) {
                    from[i] = first + i * e->a_column;
                    to[i] = target + i * e->c_column;
                }
                column += mr;
            } else {
                for (int i = 0; i < mr; i++) {
                    from[i] = a + a_rows[row] + column * e->a_column;
                    to[i] = c + c_rows[row] + column * e->c_column + j;
                    if (++column == e->columns) {
                        column = 0;
                        row++;
                    }
                }
            }
            CK_NAME(kernels)[mr - 1][nv - 1](
                from, offsets, segments, start, length, e->step, panel, e->b_row, to, cols, bias ? bias + j : 0, flags,
                next.from, next.step);
            next.from += next.step * segments * length;
        }
    }
}

/* y = (y +) x w for `count` rows of w: a few streams, each read in order, so that the processor sees by itself what comes next. y stays in
   the first-level cache. Terms are added one by one, so the cut into groups doesn't change the sum. */
CK_INLINE void CK_NAME(row_group)(
    const int count, const float *x, const float *w, ptrdiff_t stride, ptrdiff_t n, bool adds, float *y) {
#pragma clang fp contract(fast)
    ptrdiff_t j = 0;
    for (; n - j >= CK_WIDTH; j += CK_WIDTH) {
        CK_NAME(vector) sum = {0};
        if (adds) sum = *(const CK_NAME(unaligned) *)(y + j);
#pragma unroll
        for (int r = 0; r < count; r++) sum += x[r] * *(const CK_NAME(unaligned) *)(w + r * stride + j);
        *(CK_NAME(unaligned) *)(y + j) = sum;
    }
    if (j == n) return;
#if defined(CK_PART)
    const CK_NAME(part) part = CK_PART(n - j);
    CK_NAME(vector) sum = {0};
    if (adds) sum = CK_LOAD_PART(y + j, part);
#pragma unroll
    for (int r = 0; r < count; r++) sum += x[r] * CK_LOAD_PART(w + r * stride + j, part);
    CK_STORE_PART(y + j, part, sum);
#else
    for (; j < n; j++) {
        float sum = adds ? y[j] : 0;
        for (int r = 0; r < count; r++) sum += x[r] * w[r * stride + j];
        y[j] = sum;
    }
#endif
}

static void CK_NAME(row_product)(
    const float *x, const float *w, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *y) {
    ptrdiff_t i = 0;
    for (; rows - i >= 8; i += 8) CK_NAME(row_group)(8, x + i, w + i * stride, stride, n, i > 0, y);
    for (; i < rows; i++) CK_NAME(row_group)(1, x + i, w + i * stride, stride, n, i > 0, y);
    if (rows == 0)
        for (ptrdiff_t j = 0; j < n; j++) y[j] = 0;
}

#undef CK_KERNEL
#undef CK_KERNELS
#undef CK_EVEN_KERNEL
#undef CK_EVEN_KERNELS
#undef CK_EVEN_ENTRY
#undef CK_MOST_ROWS
