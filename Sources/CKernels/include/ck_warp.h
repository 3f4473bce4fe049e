#ifndef CK_WARP_H
#define CK_WARP_H

#include <stddef.h>
#include <stdint.h>

/* What lies outside a picture, in the words of SciPy 1.5's ndimage. */
enum {
    /* The border's pixel. */
    CK_FILL_NEAREST = 0,
    /* cval. */
    CK_FILL_CONSTANT = 1,
    /* Mirrored about the border pixel's outer edge. */
    CK_FILL_REFLECT = 2,
    /* Repeated, the last pixel falling on the first. */
    CK_FILL_WRAP = 3,
};

/* An affine transformation of a picture's channels, as scipy.ndimage.affine_transform of SciPy 1.5 computes it for each:
   y[r, c] = x at (row, column) = matrix (r, c) + offset, in double precision, rounded once.

   Products and sums are made one by one in SciPy's order, never fused, so that results are the same bit for bit. Places that are
   not finite, or so far outside that their remainder has no digits left, are cval. */
struct ck_warp {
    /* Pixels. */
    ptrdiff_t height, width, channels;
    /* Distances in elements between rows, columns and channels of x. */
    ptrdiff_t x_row, x_column, x_channel;
    /* The same for y; negative ones write mirrored. */
    ptrdiff_t y_row, y_column, y_channel;
    /* By rows. */
    double matrix[4];
    double offset[2];
    double cval;
    /* CK_FILL_... */
    int fill;
    /* 0 (nearest pixel), 1 (bilinear), 2 to 5: x then holds the spline's coefficients (ck_spline_filter). */
    int order;
};

/* Rows from `first` to before `end` of y. y is the address of pixel (0, 0). */
void ck_warp_f32(const struct ck_warp *warp, const float *x, float *y, ptrdiff_t first, ptrdiff_t end);
void ck_warp_f64(const struct ck_warp *warp, const double *x, double *y, ptrdiff_t first, ptrdiff_t end);
/* From a spline's coefficients. */
void ck_warp_f64_f32(const struct ck_warp *warp, const double *x, float *y, ptrdiff_t first, ptrdiff_t end);

/* The coefficients of the spline of an order from 2 to 5 through the height x width numbers c, which lie `row` and `column`
   elements apart, in place: SciPy 1.5's spline_filter, which mirrors about the border pixels whatever the fill mode.
   `line` holds max(height, width) numbers. */
void ck_spline_filter(double *c, ptrdiff_t height, ptrdiff_t width, ptrdiff_t row, ptrdiff_t column, int order, double *line);

#endif
