#include "include/ck_winograd.h"

#include <string.h>

#include "ck_target.h"

/* The points a and b, their squares, and 1 / (the product of a point's distances from the others) of each. */
#define A 0.625f
#define B 1.5f
#define AA 0.390625f
#define BB 2.25f
#define SHARE_0 (1 / (AA * BB))
#define SHARE_A (1 / (2 * AA * (AA - BB)))
#define SHARE_B (1 / (2 * BB * (BB - AA)))

#if defined(__x86_64__) && defined(__clang__)
#define CK_FAMILIES 1

#define CK_WIDTH 16
#define CK_NAME(name) name##_avx512
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#include "ck_winograd_template.h"
#pragma clang attribute pop
#undef CK_WIDTH
#undef CK_NAME

#define CK_WIDTH 8
#define CK_NAME(name) name##_avx2
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "ck_winograd_template.h"
#pragma clang attribute pop
#undef CK_WIDTH
#undef CK_NAME
#endif

#define CK_WIDTH 4
#define CK_NAME(name) name##_baseline
#include "ck_winograd_template.h"

/* Calls a kernel of the family. */
#if defined(CK_FAMILIES)
#define DISPATCH(name, ...)                                                                                            \
    switch (family) {                                                                                                  \
    case CK_FAMILY_AVX512: name##_avx512(__VA_ARGS__); break;                                                          \
    case CK_FAMILY_AVX2: name##_avx2(__VA_ARGS__); break;                                                              \
    default: name##_baseline(__VA_ARGS__);                                                                             \
    }
#else
#define DISPATCH(name, ...)                                                                                            \
    (void)family;                                                                                                      \
    name##_baseline(__VA_ARGS__);
#endif

void ck_winograd_kernel(
    ck_family family, int cells, const float *taps, ptrdiff_t tap_stride, ptrdiff_t count, float *points,
    ptrdiff_t point_stride) {
    DISPATCH(kernel, cells, taps, tap_stride, count, points, point_stride)
}

void ck_winograd_kernel_gradient(
    ck_family family, const float *points, ptrdiff_t point_stride, ptrdiff_t count, float *taps, ptrdiff_t tap_stride,
    bool accumulate) {
    DISPATCH(kernel_gradient, points, point_stride, count, taps, tap_stride, accumulate)
}

void ck_winograd_input(
    ck_family family, const ck_winograd_images *images, const float *x, const float *gate, ptrdiff_t tile, ptrdiff_t count,
    float *points, ck_winograd_points strides) {
    DISPATCH(input, images, x, gate, tile, count, points, strides)
}

void ck_winograd_output(
    ck_family family, const ck_winograd_images *images, const float *points, ck_winograd_points strides, ptrdiff_t channel,
    ptrdiff_t channels, const float *bias, const float *residual, unsigned flags, ptrdiff_t tile, ptrdiff_t count, float *y) {
    DISPATCH(output, images, points, strides, channel, channels, bias, residual, flags, tile, count, y)
}

void ck_winograd_output_gradient(
    ck_family family, const ck_winograd_images *images, const float *dy, const float *gate, ptrdiff_t tile, ptrdiff_t count,
    float *points, ck_winograd_points strides, float *sums) {
    DISPATCH(output_gradient, images, dy, gate, tile, count, points, strides, sums)
}
