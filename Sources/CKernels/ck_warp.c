#include "ck_warp.h"
#include "ck_target.h"

#include <math.h>
#include <stdbool.h>

/* SciPy's builds round every product and every sum; so must this. */
#pragma STDC FP_CONTRACT OFF

enum { MOST_ORDER = 5 };

/* Beyond this a place's remainder by the picture's size is noise, and its whole part doesn't fit the integers used here. */
static const double farthest = 0x1p52;

/* A place outside the picture brought inside it; -1 where cval is meant. Not a number stays so. */
CK_INLINE double inside(double place, ptrdiff_t length, int fill) {
    if (place < 0) {
        if (fill == CK_FILL_NEAREST) return 0;
        if (fill == CK_FILL_CONSTANT || place < -farthest) return -1;
        if (length <= 1) return 0;
        if (fill == CK_FILL_REFLECT) {
            const ptrdiff_t period = 2 * length;
            if (place < -period) place = period * (ptrdiff_t)(-place / period) + place;
            return place < -length ? place + period : -place - 1;
        }
        const ptrdiff_t period = length - 1;
        return place + period * ((ptrdiff_t)(-place / period) + 1);
    }
    if (place > length - 1) {
        if (fill == CK_FILL_NEAREST) return length - 1;
        if (fill == CK_FILL_CONSTANT || place > farthest) return -1;
        if (length <= 1) return 0;
        if (fill == CK_FILL_REFLECT) {
            const ptrdiff_t period = 2 * length;
            place -= period * (ptrdiff_t)(place / period);
            return place >= length ? period - place - 1 : place;
        }
        const ptrdiff_t period = length - 1;
        return place - period * (ptrdiff_t)(place / period);
    }
    return place;
}

/* The pixel that a spline reads for a place of its support: mirrored about the border pixels, whatever the fill mode. */
CK_INLINE ptrdiff_t mirrored(ptrdiff_t index, ptrdiff_t length) {
    if (length <= 1) return 0;
    const ptrdiff_t period = 2 * length - 2;
    if (index < 0) {
        index = period * (-index / period) + index;
        return index <= 1 - length ? index + period : -index;
    }
    if (index >= length) {
        index -= period * (index / period);
        return index >= length ? period - index : index;
    }
    return index;
}

/* The weights of the order + 1 pixels of a spline's support. Source: ni_splines.c. */
CK_INLINE void weights_of(double x, int order, double *w) {
    x -= floor(order & 1 ? x : x + 0.5);
    double y = x, z = 1.0 - x, t;
    switch (order) {
    case 1: w[0] = 1.0 - x; break;
    case 2:
        w[1] = 0.75 - x * x;
        y = 0.5 - x;
        w[0] = 0.5 * y * y;
        break;
    case 3:
        w[1] = (y * y * (y - 2.0) * 3.0 + 4.0) / 6.0;
        w[2] = (z * z * (z - 2.0) * 3.0 + 4.0) / 6.0;
        w[0] = z * z * z / 6.0;
        break;
    case 4:
        t = x * x;
        w[2] = t * (t * 0.25 - 0.625) + 115.0 / 192.0;
        y = 1.0 + x;
        w[1] = y * (y * (y * (5.0 - y) / 6.0 - 1.25) + 5.0 / 24.0) + 55.0 / 96.0;
        w[3] = z * (z * (z * (5.0 - z) / 6.0 - 1.25) + 5.0 / 24.0) + 55.0 / 96.0;
        y = 0.5 - x;
        t = y * y;
        w[0] = t * t / 24.0;
        break;
    case 5:
        t = y * y;
        w[2] = t * (t * (0.25 - y / 12.0) - 0.5) + 0.55;
        t = z * z;
        w[3] = t * (t * (0.25 - z / 12.0) - 0.5) + 0.55;
        y += 1.0;
        w[1] = y * (y * (y * (y * (y / 24.0 - 0.375) + 1.25) - 1.75) + 0.625) + 0.425;
        z += 1.0;
        w[4] = z * (z * (z * (z * (z / 24.0 - 0.375) + 1.25) - 1.75) + 0.625) + 0.425;
        y = 1.0 - x;
        t = y * y;
        w[0] = y * t * t / 120.0;
        break;
    default: break;
    }
    w[order] = 1.0;
    for (int i = 0; i < order; ++i) w[order] -= w[i];
}

/* The first pixel of a support. */
CK_INLINE ptrdiff_t start_of(double place, int order) {
    return (ptrdiff_t)floor(order & 1 ? place : place + 0.5) - order / 2;
}

#define CK_WARP_NAME ck_warp_f32
#define CK_WARP_IN float
#define CK_WARP_OUT float
#include "ck_warp_template.h"
#undef CK_WARP_NAME
#undef CK_WARP_IN
#undef CK_WARP_OUT

#define CK_WARP_NAME ck_warp_f64
#define CK_WARP_IN double
#define CK_WARP_OUT double
#include "ck_warp_template.h"
#undef CK_WARP_NAME
#undef CK_WARP_IN
#undef CK_WARP_OUT

#define CK_WARP_NAME ck_warp_f64_f32
#define CK_WARP_IN double
#define CK_WARP_OUT float
#include "ck_warp_template.h"

/* Source: Unser, Aldroubi, Eden, "Fast B-spline transforms" (1991), in the order of ni_splines.c. */
static void filter_line(double *c, ptrdiff_t n, const double *poles, int count) {
    double gain = 1.0;
    for (int k = 0; k < count; ++k) gain *= (1.0 - poles[k]) * (1.0 - 1.0 / poles[k]);
    for (ptrdiff_t i = 0; i < n; ++i) c[i] *= gain;
    for (int k = 0; k < count; ++k) {
        const double z = poles[k];
        const double last = pow(z, (double)(n - 1));
        double power = z;
        c[0] = c[0] + last * c[n - 1];
        for (ptrdiff_t i = 1; i < n - 1; ++i) {
            c[0] += power * (c[i] + last * c[n - 1 - i]);
            power *= z;
        }
        c[0] /= 1 - last * last;
        for (ptrdiff_t i = 1; i < n; ++i) c[i] += z * c[i - 1];
        c[n - 1] = (z * c[n - 2] + c[n - 1]) * z / (z * z - 1);
        for (ptrdiff_t i = n - 2; i >= 0; --i) c[i] = z * (c[i + 1] - c[i]);
    }
}

void ck_spline_filter(double *c, ptrdiff_t height, ptrdiff_t width, ptrdiff_t row, ptrdiff_t column, int order, double *line) {
    static const double poles[4][2] = {
        {-0.171572875253809902396622551580603843, 0},
        {-0.267949192431122706472553658494127633, 0},
        {-0.361341225900220177092212841325675255, -0.013725429297339121360331226939128204},
        {-0.430575347099973791851434783493520110, -0.043096288203264653822712376822550182},
    };
    const double *own = poles[order - 2];
    const int count = order / 2;
    if (height > 1) {
        for (ptrdiff_t j = 0; j < width; ++j) {
            for (ptrdiff_t i = 0; i < height; ++i) line[i] = c[i * row + j * column];
            filter_line(line, height, own, count);
            for (ptrdiff_t i = 0; i < height; ++i) c[i * row + j * column] = line[i];
        }
    }
    if (width > 1) {
        for (ptrdiff_t i = 0; i < height; ++i) {
            for (ptrdiff_t j = 0; j < width; ++j) line[j] = c[i * row + j * column];
            filter_line(line, width, own, count);
            for (ptrdiff_t j = 0; j < width; ++j) c[i * row + j * column] = line[j];
        }
    }
}
