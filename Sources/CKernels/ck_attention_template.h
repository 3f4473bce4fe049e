/* The kernels of ck_attention.h for one vector length. Included once for each processor family, with CK_WIDTH (floats of a vector) and
   CK_NAME (puts the family behind a name) defined, and, where the family has instructions for them, CK_LARGER(a, b) (b when one is
   NaN), CK_FOLD_LARGEST(v) and CK_FOLD_SUM(v). */

typedef float CK_NAME(lanes) __attribute__((vector_size(CK_WIDTH * 4)));
typedef uint32_t CK_NAME(bits) __attribute__((vector_size(CK_WIDTH * 4)));
typedef float CK_NAME(run) __attribute__((vector_size(CK_WIDTH * 4), aligned(4), may_alias));

#define LANES CK_NAME(lanes)
#define AT(p) (*(CK_NAME(run) *)(p))
#define READ(p) (*(const CK_NAME(run) *)(p))

CK_INLINE LANES CK_NAME(larger)(LANES a, LANES b) {
#if defined(CK_LARGER)
    return (LANES)CK_LARGER(a, b);
#else
    const CK_NAME(bits) mask = (CK_NAME(bits))(a > b);
    return (LANES)(((CK_NAME(bits))a & mask) | ((CK_NAME(bits))b & ~mask));
#endif
}

CK_INLINE float CK_NAME(fold_largest)(LANES v) {
#if defined(CK_FOLD_LARGEST)
    return CK_FOLD_LARGEST(v);
#else
    float result = v[0];
    for (int l = 1; l < CK_WIDTH; l++) result = v[l] > result ? v[l] : result;
    return result;
#endif
}

CK_INLINE float CK_NAME(fold_sum)(LANES v) {
#if defined(CK_FOLD_SUM)
    return CK_FOLD_SUM(v);
#else
    float sum[CK_WIDTH];
    for (int l = 0; l < CK_WIDTH; l++) sum[l] = v[l];
    for (int width = CK_WIDTH / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) sum[l] += sum[l + width];
    return sum[0];
#endif
}

/* 2^y for y up to about 0, not below 2^-126: cephes's polynomial on [-1/2, 1/2], 1.7e-7. NaN stays. */
CK_INLINE LANES CK_NAME(power_of_two)(LANES y) {
#pragma clang fp contract(fast)
    y = CK_NAME(larger)((LANES){0} - 126.0f, y);
    const LANES shifted = y + CK_ROUNDER;
    const LANES f = y - (shifted - CK_ROUNDER);
    LANES p = f * 1.535336188319500e-4f + 1.339887440266574e-3f;
    p = p * f + 9.618437357674640e-3f;
    p = p * f + 5.550332471162809e-2f;
    p = p * f + 2.402264791363012e-1f;
    p = p * f + 6.931472028550421e-1f;
    p = p * f + 1.0f;
    return (LANES)((CK_NAME(bits))p + ((CK_NAME(bits))shifted << 23));
}

/* The largest of a row; NaN counts nothing. */
CK_INLINE float CK_NAME(largest)(const float *row, ptrdiff_t columns) {
    LANES top = (LANES){0} - __builtin_inff(), other = top;
    ptrdiff_t j = 0;
    for (; j + 2 * CK_WIDTH <= columns; j += 2 * CK_WIDTH) {
        top = CK_NAME(larger)(READ(row + j), top);
        other = CK_NAME(larger)(READ(row + j + CK_WIDTH), other);
    }
    if (j + CK_WIDTH <= columns) {
        top = CK_NAME(larger)(READ(row + j), top);
        j += CK_WIDTH;
    }
    float result = CK_NAME(fold_largest)(CK_NAME(larger)(other, top));
    for (; j < columns; j++) result = row[j] > result ? row[j] : result;
    return result;
}

static void CK_NAME(attention_weights)(
    float *scores, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, float factor, float *inverse) {
#pragma clang fp contract(fast)
    const ptrdiff_t whole = columns / CK_WIDTH * CK_WIDTH;
    const int rest = (int)(columns - whole);
    const float steep = factor * 1.44269504088896341f;
    /* All rows' largest first: the processor doesn't wait for one row's before it goes on to the next. */
    for (ptrdiff_t r = 0; r < rows; r++) inverse[r] = CK_NAME(largest)(scores + r * stride, columns) * steep;
    for (ptrdiff_t r = 0; r < rows; r++, scores += stride) {
        const LANES shift = (LANES){0} - inverse[r];
        LANES sum = {0}, more = {0};
        ptrdiff_t j = 0;
        for (; j + 2 * CK_WIDTH <= whole; j += 2 * CK_WIDTH) {
            const LANES first = CK_NAME(power_of_two)(READ(scores + j) * steep + shift);
            const LANES second = CK_NAME(power_of_two)(READ(scores + j + CK_WIDTH) * steep + shift);
            AT(scores + j) = first;
            AT(scores + j + CK_WIDTH) = second;
            sum += first;
            more += second;
        }
        if (j < whole) {
            const LANES weight = CK_NAME(power_of_two)(READ(scores + j) * steep + shift);
            AT(scores + j) = weight;
            sum += weight;
        }
        float total = CK_NAME(fold_sum)(sum + more);
        if (rest) {
            LANES end = {0};
            for (int l = 0; l < rest; l++) end[l] = scores[whole + l];
            end = CK_NAME(power_of_two)(end * steep + shift);
            for (int l = 0; l < rest; l++) {
                scores[whole + l] = end[l];
                total += end[l];
            }
        }
        inverse[r] = 1.0f / total;
    }
}

/* So many floats are added in one go; beyond, sums go on in double. */
#define CK_SUM_BLOCK 4096

static void CK_NAME(normalize_rows_affine)(
    ck_norm kind, const float *x, const float *scale, const float *shift, float *y, ptrdiff_t rows, ptrdiff_t columns,
    float epsilon) {
    const ptrdiff_t whole = columns / CK_WIDTH * CK_WIDTH;
    const double share = 1.0 / (double)columns;
    for (ptrdiff_t r = 0; r < rows; r++, x += columns, y += columns) {
        float mean = 0;
        if (kind == CK_NORM_LAYER || kind == CK_NORM_VARIANCE) {
            double total = 0;
            for (ptrdiff_t start = 0; start < whole; start += CK_SUM_BLOCK) {
                const ptrdiff_t end = whole - start < CK_SUM_BLOCK ? whole : start + CK_SUM_BLOCK;
                LANES sum = {0}, more = {0};
                ptrdiff_t j = start;
                for (; j + 2 * CK_WIDTH <= end; j += 2 * CK_WIDTH) {
                    sum += READ(x + j);
                    more += READ(x + j + CK_WIDTH);
                }
                if (j < end) sum += READ(x + j);
                total += CK_NAME(fold_sum)(sum + more);
            }
            for (ptrdiff_t j = whole; j < columns; j++) total += x[j];
            mean = (float)(total * share);
        }
        double squares = 0;
        for (ptrdiff_t start = 0; start < whole; start += CK_SUM_BLOCK) {
            const ptrdiff_t end = whole - start < CK_SUM_BLOCK ? whole : start + CK_SUM_BLOCK;
            LANES sum = {0}, more = {0};
            ptrdiff_t j = start;
            for (; j + 2 * CK_WIDTH <= end; j += 2 * CK_WIDTH) {
                const LANES first = READ(x + j) - mean, second = READ(x + j + CK_WIDTH) - mean;
                sum += first * first;
                more += second * second;
            }
            if (j < end) {
                const LANES value = READ(x + j) - mean;
                sum += value * value;
            }
            squares += CK_NAME(fold_sum)(sum + more);
        }
        for (ptrdiff_t j = whole; j < columns; j++) squares += (x[j] - mean) * (x[j] - mean);
        float factor;
        if (kind == CK_NORM_UNIT) {
            const float largest = 1.0f / epsilon;
            factor = (float)(1.0 / __builtin_sqrt(squares));
            factor = factor > largest ? largest : factor;
        } else {
            factor = (float)(1.0 / __builtin_sqrt(squares * share + (double)epsilon));
        }
        const float taken = kind == CK_NORM_LAYER ? mean : 0.0f;
        for (ptrdiff_t j = 0; j < whole; j += CK_WIDTH) {
            LANES value = (READ(x + j) - taken) * factor;
            if (scale) value *= READ(scale + j);
            if (shift) value += READ(shift + j);
            AT(y + j) = value;
        }
        for (ptrdiff_t j = whole; j < columns; j++) {
            float value = (x[j] - taken) * factor;
            if (scale) value *= scale[j];
            if (shift) value += shift[j];
            y[j] = value;
        }
    }
}

#undef CK_SUM_BLOCK
#undef LANES
#undef AT
#undef READ
