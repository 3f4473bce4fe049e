/* The warp for one pair of element types: included by ck_warp.c, once for each. */

#define CK_WARP_JOIN_(a, b) a##b
#define CK_WARP_JOIN(a, b) CK_WARP_JOIN_(a, b)
#define CK_WARP_BILINEAR CK_WARP_JOIN(CK_WARP_NAME, _bilinear)
#define CK_WARP_SPLINE CK_WARP_JOIN(CK_WARP_NAME, _spline)

/* Order 1, with the fill mode and the number of channels known to the compiler. */
CK_INLINE void CK_WARP_BILINEAR(const struct ck_warp *warp, const CK_WARP_IN *x, CK_WARP_OUT *y, ptrdiff_t first, ptrdiff_t end,
                                int fill, ptrdiff_t channels) {
    const ptrdiff_t height = warp->height, width = warp->width;
    const ptrdiff_t x_row = warp->x_row, x_column = warp->x_column, x_channel = warp->x_channel;
    const double *m = warp->matrix;
    for (ptrdiff_t r = first; r < end; ++r) {
        const double down = 0.0 + (double)r * m[0], across = 0.0 + (double)r * m[2];
        CK_WARP_OUT *target = y + r * warp->y_row;
        for (ptrdiff_t c = 0; c < width; ++c, target += warp->y_column) {
            const double row = inside(down + (double)c * m[1] + warp->offset[0], height, fill);
            const double column = inside(across + (double)c * m[3] + warp->offset[1], width, fill);
            if (!(row > -1.0 && column > -1.0)) {
                for (ptrdiff_t k = 0; k < channels; ++k) target[k * warp->y_channel] = (CK_WARP_OUT)warp->cval;
                continue;
            }
            const double row_floor = floor(row), column_floor = floor(column);
            const ptrdiff_t i = (ptrdiff_t)row_floor, j = (ptrdiff_t)column_floor;
            const double upper = 1.0 - (row - row_floor), lower = 1.0 - upper;
            const double left = 1.0 - (column - column_floor), right = 1.0 - left;
            ptrdiff_t top = i, bottom = i + 1, west = j, east = j + 1;
            if (i < 0 || bottom >= height) {
                top = mirrored(i, height);
                bottom = mirrored(bottom, height);
            }
            if (j < 0 || east >= width) {
                west = mirrored(j, width);
                east = mirrored(east, width);
            }
            const CK_WARP_IN *a = x + top * x_row, *b = x + bottom * x_row;
            west *= x_column;
            east *= x_column;
            for (ptrdiff_t k = 0; k < channels; ++k) {
                const ptrdiff_t channel = k * x_channel;
                double sum = 0.0 + (double)a[west + channel] * upper * left;
                sum += (double)a[east + channel] * upper * right;
                sum += (double)b[west + channel] * lower * left;
                sum += (double)b[east + channel] * lower * right;
                target[k * warp->y_channel] = (CK_WARP_OUT)sum;
            }
        }
    }
}

/* Any order. */
CK_INLINE void CK_WARP_SPLINE(const struct ck_warp *warp, const CK_WARP_IN *x, CK_WARP_OUT *y, ptrdiff_t first, ptrdiff_t end) {
    const int order = warp->order;
    const double *m = warp->matrix;
    for (ptrdiff_t r = first; r < end; ++r) {
        const double down = 0.0 + (double)r * m[0], across = 0.0 + (double)r * m[2];
        CK_WARP_OUT *target = y + r * warp->y_row;
        for (ptrdiff_t c = 0; c < warp->width; ++c, target += warp->y_column) {
            const double row = inside(down + (double)c * m[1] + warp->offset[0], warp->height, warp->fill);
            const double column = inside(across + (double)c * m[3] + warp->offset[1], warp->width, warp->fill);
            if (!(row > -1.0 && column > -1.0)) {
                for (ptrdiff_t k = 0; k < warp->channels; ++k) target[k * warp->y_channel] = (CK_WARP_OUT)warp->cval;
                continue;
            }
            const ptrdiff_t i = start_of(row, order), j = start_of(column, order);
            ptrdiff_t rows[MOST_ORDER + 1], columns[MOST_ORDER + 1];
            for (int p = 0; p <= order; ++p) {
                rows[p] = mirrored(i + p, warp->height) * warp->x_row;
                columns[p] = mirrored(j + p, warp->width) * warp->x_column;
            }
            if (order == 0) {
                for (ptrdiff_t k = 0; k < warp->channels; ++k) {
                    target[k * warp->y_channel] = (CK_WARP_OUT)(0.0 + (double)x[rows[0] + columns[0] + k * warp->x_channel]);
                }
                continue;
            }
            double row_weights[MOST_ORDER + 1], column_weights[MOST_ORDER + 1];
            weights_of(row, order, row_weights);
            weights_of(column, order, column_weights);
            for (ptrdiff_t k = 0; k < warp->channels; ++k) {
                const CK_WARP_IN *source = x + k * warp->x_channel;
                double sum = 0.0;
                for (int p = 0; p <= order; ++p) {
                    for (int q = 0; q <= order; ++q) {
                        sum += (double)source[rows[p] + columns[q]] * row_weights[p] * column_weights[q];
                    }
                }
                target[k * warp->y_channel] = (CK_WARP_OUT)sum;
            }
        }
    }
}

CK_CLONES void CK_WARP_NAME(const struct ck_warp *warp, const CK_WARP_IN *x, CK_WARP_OUT *y, ptrdiff_t first, ptrdiff_t end) {
    if (warp->order != 1) {
        CK_WARP_SPLINE(warp, x, y, first, end);
    } else if (warp->channels == 3 && warp->fill == CK_FILL_NEAREST) {
        CK_WARP_BILINEAR(warp, x, y, first, end, CK_FILL_NEAREST, 3);
    } else if (warp->channels == 1 && warp->fill == CK_FILL_NEAREST) {
        CK_WARP_BILINEAR(warp, x, y, first, end, CK_FILL_NEAREST, 1);
    } else if (warp->channels == 3) {
        CK_WARP_BILINEAR(warp, x, y, first, end, warp->fill, 3);
    } else {
        CK_WARP_BILINEAR(warp, x, y, first, end, warp->fill, warp->channels);
    }
}

#undef CK_WARP_JOIN_
#undef CK_WARP_JOIN
#undef CK_WARP_BILINEAR
#undef CK_WARP_SPLINE
