#include "include/ck_normalize.h"
#include "ck_math.h"

enum { WIDTH = 32, LANES = 16 };

CK_INLINE float fold(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

/* Rows whose sum is taken in one go; the sums of such blocks are added then, so that rounding errors stay small. */
enum { BLOCK = 256 };

/* Sums of up to WIDTH neighbouring channels over rows, `term` in terms of i, the element, and c, the channel. */
#define SUM_ROWS(sums, width, term)                                             \
    for (ptrdiff_t block = 0; block < rows; block += BLOCK) {                   \
        float part[WIDTH] = {0};                                                \
        ptrdiff_t end = block + BLOCK < rows ? block + BLOCK : rows;            \
        for (ptrdiff_t r = block; r < end; r++)                                 \
            for (int c = 0; c < (width); c++) {                                 \
                ptrdiff_t i = r * channels + first + c;                         \
                part[c] += (term);                                              \
            }                                                                   \
        for (int c = 0; c < (width); c++) sums[c] += part[c];                   \
    }

/* The same for squares of a term, and for the term itself. */
#define SUM_SQUARES_OF_WIDTH(squares, sums, width, term)                        \
    for (ptrdiff_t block = 0; block < rows; block += BLOCK) {                   \
        float part[WIDTH] = {0}, rest[WIDTH] = {0};                             \
        ptrdiff_t end = block + BLOCK < rows ? block + BLOCK : rows;            \
        for (ptrdiff_t r = block; r < end; r++)                                 \
            for (int c = 0; c < (width); c++) {                                 \
                ptrdiff_t i = r * channels + first + c;                         \
                float value = (term);                                           \
                part[c] += value * value;                                       \
                rest[c] += value;                                               \
            }                                                                   \
        for (int c = 0; c < (width); c++) {                                     \
            squares[c] += part[c];                                              \
            sums[c] += rest[c];                                                 \
        }                                                                       \
    }

#define SUM_SQUARES(squares, sums, term)                                        \
    if (channels - first >= WIDTH) {                                            \
        SUM_SQUARES_OF_WIDTH(squares, sums, WIDTH, term)                        \
    } else {                                                                    \
        int width = (int)(channels - first);                                    \
        SUM_SQUARES_OF_WIDTH(squares, sums, width, term)                        \
    }

/* Chooses the loop of fixed width where it can, which stays in registers. */
#define SUM_CHANNELS(sums, term)                                                \
    if (channels - first >= WIDTH) {                                            \
        SUM_ROWS(sums, WIDTH, term)                                             \
    } else {                                                                    \
        int width = (int)(channels - first);                                    \
        SUM_ROWS(sums, width, term)                                             \
    }

/* The sum over all runs of one channel. */
#define SUM_RUNS(result, term)                                                  \
    {                                                                           \
        double total = 0;                                                       \
        for (ptrdiff_t r = 0; r < rows; r++) {                                  \
            float lanes[LANES] = {0};                                           \
            ptrdiff_t start = (r * channels + channel) * run, end = start + run, i = start; \
            for (; i + LANES <= end; i += LANES)                                \
                for (int l = 0; l < LANES; l++) { ptrdiff_t at = i + l; lanes[l] += (term); } \
            for (int l = 0; i + l < end; l++) { ptrdiff_t at = i + l; lanes[l] += (term); } \
            total += fold(lanes);                                               \
        }                                                                       \
        result = (float)total;                                                  \
    }

CK_CLONES void ck_channel_moments(
    const float *x, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *mean, float *squares) {
    if (rows * run == 0) {
        for (ptrdiff_t c = 0; c < channels; c++) mean[c] = squares[c] = 0;
        return;
    }
    /* Sums are of distances from the first value: the mean may be large where the variance is small. The second sweep sums what is
       left of them about the mean, which corrects its rounding: a mean that is off moves every value of the channel to one side. */
    float inverse = 1.0f / (float)(rows * run);
    if (run == 1) {
        for (ptrdiff_t first = 0; first < channels; first += WIDTH) {
            float sums[WIDTH] = {0}, means[WIDTH] = {0}, products[WIDTH] = {0}, rests[WIDTH] = {0};
            for (int c = 0; c < WIDTH && first + c < channels; c++) means[c] = x[first + c];
            SUM_CHANNELS(sums, x[i] - means[c])
            for (int c = 0; c < WIDTH; c++) means[c] += sums[c] * inverse;
            SUM_SQUARES(products, rests, x[i] - means[c])
            for (int c = 0; c < WIDTH && first + c < channels; c++) {
                mean[first + c] = means[c] + rests[c] * inverse;
                squares[first + c] = products[c] - rests[c] * rests[c] * inverse;
            }
        }
    } else {
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            float sum, middle = x[channel * run], product, rest;
            SUM_RUNS(sum, x[at] - middle)
            middle += sum * inverse;
            SUM_RUNS(product, (x[at] - middle) * (x[at] - middle))
            SUM_RUNS(rest, x[at] - middle)
            mean[channel] = middle + rest * inverse;
            squares[channel] = product - rest * rest * inverse;
        }
    }
}

CK_CLONES void ck_channel_gradient_sums(
    const float *x, const float *dy, const float *mean, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *sum,
    float *product) {
    if (run == 1) {
        for (ptrdiff_t first = 0; first < channels; first += WIDTH) {
            float sums[WIDTH] = {0}, products[WIDTH] = {0}, means[WIDTH] = {0};
            for (int c = 0; c < WIDTH && first + c < channels; c++) means[c] = mean[first + c];
            SUM_CHANNELS(sums, dy[i])
            SUM_CHANNELS(products, dy[i] * (x[i] - means[c]))
            for (int c = 0; c < WIDTH && first + c < channels; c++) {
                sum[first + c] = sums[c];
                product[first + c] = products[c];
            }
        }
    } else {
        for (ptrdiff_t channel = 0; channel < channels; channel++) {
            float middle = mean[channel];
            SUM_RUNS(sum[channel], dy[at])
            SUM_RUNS(product[channel], dy[at] * (x[at] - middle))
        }
    }
}

CK_CLONES void ck_channel_gradient(
    const float *x, const float *dy, const float *mean, const float *a, const float *b, const float *d, ptrdiff_t rows,
    ptrdiff_t channels, ptrdiff_t run, float *dx, int add) {
    if (run == 1) {
        for (ptrdiff_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels) {
            CK_ELEMENTWISE
            for (ptrdiff_t c = 0; c < channels; c++) {
                float value = a[c] * dy[c] + (b[c] * (x[c] - mean[c]) + d[c]);
                dx[c] = add ? dx[c] + value : value;
            }
        }
    } else {
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t c = 0; c < channels; c++, x += run, dy += run, dx += run) {
                float factor = a[c], slope = b[c], shift = d[c], middle = mean[c];
                CK_ELEMENTWISE
                for (ptrdiff_t i = 0; i < run; i++) {
                    float value = factor * dy[i] + (slope * (x[i] - middle) + shift);
                    dx[i] = add ? dx[i] + value : value;
                }
            }
    }
}

CK_CLONES void ck_channel_normalize(
    const float *x, const float *mean, const float *scale, const float *shift, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run,
    float *y) {
    if (run == 1) {
        for (ptrdiff_t r = 0; r < rows; r++, x += channels, y += channels) {
            CK_ELEMENTWISE
            for (ptrdiff_t c = 0; c < channels; c++) y[c] = scale[c] * (x[c] - mean[c]) + shift[c];
        }
    } else {
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t c = 0; c < channels; c++, x += run, y += run) {
                float middle = mean[c], factor = scale[c], term = shift[c];
                CK_ELEMENTWISE
                for (ptrdiff_t i = 0; i < run; i++) y[i] = factor * (x[i] - middle) + term;
            }
    }
}

CK_CLONES void ck_channel_affine(
    const float *x, const float *scale, const float *shift, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run,
    float *y) {
    if (run == 1) {
        for (ptrdiff_t r = 0; r < rows; r++, x += channels, y += channels) {
            CK_ELEMENTWISE
            for (ptrdiff_t c = 0; c < channels; c++) y[c] = scale[c] * x[c] + shift[c];
        }
    } else {
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t c = 0; c < channels; c++, x += run, y += run) {
                float factor = scale[c], term = shift[c];
                CK_ELEMENTWISE
                for (ptrdiff_t i = 0; i < run; i++) y[i] = factor * x[i] + term;
            }
    }
}

CK_CLONES void ck_channel_affine_part(
    const float *x, ptrdiff_t x_row, const float *scale, const float *shift, bool rectify, ptrdiff_t rows, ptrdiff_t channels,
    float *y, ptrdiff_t y_row) {
    for (ptrdiff_t r = 0; r < rows; r++, x += x_row, y += y_row) {
        if (rectify) {
            CK_ELEMENTWISE
            for (ptrdiff_t c = 0; c < channels; c++) {
                float value = scale[c] * x[c] + shift[c];
                y[c] = value < 0 ? 0 : value;
            }
        } else {
            CK_ELEMENTWISE
            for (ptrdiff_t c = 0; c < channels; c++) y[c] = scale[c] * x[c] + shift[c];
        }
    }
}

CK_CLONES void ck_channel_axpy(
    const float *x, const float *scale, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *y) {
    if (run == 1) {
        for (ptrdiff_t r = 0; r < rows; r++, x += channels, y += channels) {
            CK_ELEMENTWISE
            for (ptrdiff_t c = 0; c < channels; c++) y[c] += scale[c] * x[c];
        }
    } else {
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t c = 0; c < channels; c++, x += run, y += run) {
                float factor = scale[c];
                CK_ELEMENTWISE
                for (ptrdiff_t i = 0; i < run; i++) y[i] += factor * x[i];
            }
    }
}

CK_CLONES void ck_channel_scale(
    const float *x, const float *scale, ptrdiff_t rows, ptrdiff_t channels, ptrdiff_t run, float *y) {
    if (run == 1) {
        for (ptrdiff_t r = 0; r < rows; r++, x += channels, y += channels) {
            CK_ELEMENTWISE
            for (ptrdiff_t c = 0; c < channels; c++) y[c] = scale[c] * x[c];
        }
    } else {
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t c = 0; c < channels; c++, x += run, y += run) {
                float factor = scale[c];
                CK_ELEMENTWISE
                for (ptrdiff_t i = 0; i < run; i++) y[i] = factor * x[i];
            }
    }
}
