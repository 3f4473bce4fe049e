/* The one inner loop of matrix products and convolutions, in float32:

       C[row][j] = sum over s, k of A[row + offset[s] + k step] * B[s length + k][j]

   A matrix product is the case of one segment. A convolution's row is an output pixel, its segments are the contiguous runs of
   input that the kernel sees: no column matrix is ever written. Exchanging rows and segments gives the gradient of the kernel.

   Results depend on the extents alone, in a fixed order of additions. */
#ifndef CK_PRODUCT_H
#define CK_PRODUCT_H

#include <stddef.h>

/* B comes in panels of so many columns. */
#define CK_PANEL 32

enum {
    /* Adds to C instead of overwriting it. */
    CK_PRODUCT_ADD = 1,
    /* max(·, 0) last of all; NaN stays NaN. */
    CK_PRODUCT_RECTIFY = 2,
    /* With CK_PRODUCT_RECTIFY: min(·, 6) too. */
    CK_PRODUCT_SIX = 4,
};

/* Kernels are compiled for several families of processors. Those for the one at hand compute, or, in tests, any it has. */
typedef enum { CK_FAMILY_BASELINE, CK_FAMILY_AVX2, CK_FAMILY_AVX512 } ck_family;

/* The family of the processor at hand. */
ck_family ck_family_at_hand(void);

typedef struct {
    /* Rows of A and C: `rows` times `columns`, at a_rows[r] + c * a_column and c_rows[r] + c * c_column. */
    ptrdiff_t rows, columns, a_column, c_column;
    /* The inner sum. */
    ptrdiff_t segments, length, step;
    /* Columns of B and C. Columns CK_PANEL p … of B's row i are at b + p * b_panel + i * b_row, and may be read up to the next
       multiple of 16. */
    ptrdiff_t n, b_panel, b_row;
} ck_product_extents;

/* `bias` (n elements) may be NULL. C overlaps nothing. */
void ck_product(
    ck_product_extents extents, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets, const float *b, float *c,
    const ptrdiff_t *c_rows, const float *bias, unsigned flags);

/* The same by the kernels of one family. */
void ck_product_by(
    ck_family family, ck_product_extents extents, const float *a, const ptrdiff_t *a_rows, const ptrdiff_t *offsets,
    const float *b, float *c, const ptrdiff_t *c_rows, const float *bias, unsigned flags);

/* Rows of n elements, `stride` apart, as panels with zeros behind column n. Panels begin `panel_stride` elements apart: at least
   rows * CK_PANEL. */
void ck_pack_panels(
    const float *b, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *panels, ptrdiff_t panel_stride);

/* The same of the transpose: element (i, j) of what is packed is b[j * stride + i]. */
void ck_pack_panels_transposed(
    const float *b, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *panels, ptrdiff_t panel_stride);

/* Elements of workspace that ck_matrix_product uses. */
enum { CK_MATRIX_WORKSPACE = 128 * 256 + 256 * 128 };

/* C (m × n) = A B, or added to C. A is m × k with rows lda apart, or with `transpose_a` the transpose of a k × m array; so for B, k × n.
   `bias` (n elements) may be NULL. `workspace`, 64-byte aligned, may be NULL for small products; nothing is allocated. */
void ck_matrix_product(
    int transpose_a, int transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t lda, const float *b,
    ptrdiff_t ldb, float *c, ptrdiff_t ldc, const float *bias, unsigned flags, float *workspace);

/* The same with B packed by ck_pack_panels, panels `b_panel` elements apart. */
void ck_packed_product(
    ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t b_panel, float *c,
    ptrdiff_t ldc, const float *bias, unsigned flags, float *workspace);

/* y[j] = sum over i < rows of x[i] w[i * stride + j], j < n: one row times a matrix that is read once, in order. */
void ck_row_product(const float *x, const float *w, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *y);
void ck_row_product_by(
    ck_family family, const float *x, const float *w, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, float *y);

#endif
