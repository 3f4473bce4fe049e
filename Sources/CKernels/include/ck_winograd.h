/* Convolutions of 3 × 3 taps with stride 1 by Winograd's F(4 × 4, 3 × 3): 36 products give 16 outputs, where 144 are needed
   otherwise; or by F(2 × 2, 3 × 3): 16 products for 4 outputs, where 36 are needed. The steps between are matrix products, one for
   each of 36 or 16 points (ck_product).

   With the points 0, 5/8, -5/8, 3/2, -3/2 and infinity (exact in binary, and of all tried those with the least error), or 0, 1, -1
   and infinity:

       output = A' [(G kernel G') ⊙ (B' input B)] A

   An array of points is 36 or 16 matrices, `point_stride` elements apart, with a row for each tile of outputs and a column for
   each channel; rows are `row_stride` elements apart, which is at least 16. Tiles are counted through all images, row by row. */
#ifndef CK_WINOGRAD_H
#define CK_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

#include "ck_product.h"

/* Images of which tiles are made: `rows` × `columns` cells of `channels`, and tiles_y × tiles_x tiles of `cells` × `cells` outputs each
   (4 or 2; gradients of kernels take 4 only). The first tile begins
   `begin_y` and `begin_x` cells before the image; cells that are not there are zeros when read and left out when written. */
typedef struct {
    int cells;
    ptrdiff_t rows, columns, channels, begin_y, begin_x, tiles_y, tiles_x;
} ck_winograd_images;

/* Arrays of points. */
typedef struct {
    ptrdiff_t point_stride, row_stride;
} ck_winograd_points;

/* G kernel G' for tiles of `cells` × `cells` outputs, of `count` kernels side by side: tap t of kernel i at taps[t * tap_stride + i]. */
void ck_winograd_kernel(
    ck_family family, int cells, const float *taps, ptrdiff_t tap_stride, ptrdiff_t count, float *points,
    ptrdiff_t point_stride);

/* G' points G, or added to `taps`: the gradient of the kernels from that of ck_winograd_kernel's 36 points. */
void ck_winograd_kernel_gradient(
    ck_family family, const float *points, ptrdiff_t point_stride, ptrdiff_t count, float *taps, ptrdiff_t tap_stride,
    bool accumulate);

/* B' input B of `count` tiles from `tile` on, into rows 0, 1, … of `points`. With `gate`, an array like x, cells count for
   zeros where it is 0 or less: the derivative of a rectifier whose outputs are `gate`. */
void ck_winograd_input(
    ck_family family, const ck_winograd_images *images, const float *x, const float *gate, ptrdiff_t tile, ptrdiff_t count,
    float *points, ck_winograd_points strides);

/* A' points A + bias, for the channels `channel` … `channel + channels` of the images, which stand in columns 0, 1, … of `points`.
   `bias` (of all channels) and `residual` (an array like y, added) may be NULL. Flags as in ck_product. */
void ck_winograd_output(
    ck_family family, const ck_winograd_images *images, const float *points, ck_winograd_points strides, ptrdiff_t channel,
    ptrdiff_t channels, const float *bias, const float *residual, unsigned flags, ptrdiff_t tile, ptrdiff_t count, float *y);

/* A dy A' of `count` tiles: from the gradient of ck_winograd_output's y to that of its points. `gate` as above. What is read is also
   added to `sums`, by channel, when that isn't NULL. */
void ck_winograd_output_gradient(
    ck_family family, const ck_winograd_images *images, const float *dy, const float *gate, ptrdiff_t tile, ptrdiff_t count,
    float *points, ck_winograd_points strides, float *sums);

#endif
