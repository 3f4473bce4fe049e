/* Elementary functions of one float32, written so that a loop of them is vectorised: no branches, no tables, no calls.
   Largest errors against correctly rounded results, measured over all of float32 in OpsTests: see ActivationTests.
   NaN in gives NaN out; infinities give the limits. Not visible outside this target. */
#ifndef CK_MATH_H
#define CK_MATH_H

#include "ck_target.h"
#include <stdint.h>
#include <string.h>

CK_INLINE float ck_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

CK_INLINE uint32_t ck_to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

CK_INLINE float ck_abs(float x) { return ck_from_bits(ck_to_bits(x) & 0x7fffffffu); }

/* Comparisons that keep NaN: a NaN x fails the test and is passed on. */
CK_INLINE float ck_at_least(float x, float low) { return x < low ? low : x; }
CK_INLINE float ck_at_most(float x, float high) { return x > high ? high : x; }

/* 1.5 * 2^23: adding it rounds to an integer, which then sits in the low bits. */
#define CK_ROUNDER 12582912.0f

/* x = n ln 2 + r with |r| <= ln 2 / 2; gives r and the bits of n + CK_ROUNDER. */
CK_INLINE float ck_reduce(float x, uint32_t *rounded) {
    float shifted = x * 1.44269504088896341f + CK_ROUNDER;
    float n = shifted - CK_ROUNDER;
    *rounded = ck_to_bits(shifted);
    /* ln 2 in two pieces: n times the first is exact. */
    return (x - n * 0.693359375f) - n * -2.12194440e-4f;
}

/* exp(r) - 1 for |r| <= ln 2 / 2: r + r^2 P(r), P minimax of degree 4, error below 4e-9. */
CK_INLINE float ck_expm1_reduced(float r) {
    float p = 0.0013950602151453495f;
    p = p * r + 0.008368953131139278f;
    p = p * r + 0.04166620597243309f;
    p = p * r + 0.166665181517601f;
    p = p * r + 0.5f;
    return (r * r) * p + r;
}

/* exp: overflows to infinity above 88.72, goes through the subnormal numbers to zero below -87.3. */
CK_INLINE float ck_exp1(float x) {
    uint32_t rounded;
    float r = ck_reduce(ck_at_most(ck_at_least(x, -104.0f), 89.0f), &rounded);
    int32_t n = (int32_t)(rounded - ck_to_bits(CK_ROUNDER));
    /* 2^n in two factors, since n may leave the exponent's range. */
    int32_t half = n >> 1;
    float first = ck_from_bits((uint32_t)(half + 127) << 23);
    float second = ck_from_bits((uint32_t)(n - half + 127) << 23);
    return (ck_expm1_reduced(r) + 1.0f) * first * second;
}

/* exp(x) - 1 for x <= 0, to the last digits also near 0. */
CK_INLINE float ck_expm1_negative(float x) {
    uint32_t rounded;
    float r = ck_reduce(ck_at_least(x, -40.0f), &rounded);
    uint32_t n = rounded - ck_to_bits(CK_ROUNDER);
    float scale = ck_from_bits((n + 127u) << 23);
    return scale * ck_expm1_reduced(r) + (scale - 1.0f);
}

CK_INLINE float ck_sigmoid1(float x) { return 1.0f / (1.0f + ck_exp1(-x)); }

/* tanh |x| = -t / (2 + t) with t = exp(-2|x|) - 1. */
CK_INLINE float ck_tanh1(float x) {
    float t = ck_expm1_negative(-2.0f * ck_abs(x));
    float magnitude = -t / (2.0f + t);
    return ck_from_bits((ck_to_bits(magnitude) & 0x7fffffffu) | (ck_to_bits(x) & 0x80000000u));
}

/* erf by a rational function of degree 13 over 8 (the one of Eigen and XLA); beyond 4 it is 1 to the last digit. */
CK_INLINE float ck_erf1(float x) {
    float v = ck_at_most(ck_at_least(x, -4.0f), 4.0f);
    float z = v * v;
    float p = -2.72614225801306e-10f;
    p = p * z + 2.77068142495902e-08f;
    p = p * z - 2.10102402082508e-06f;
    p = p * z - 5.69250639462346e-05f;
    p = p * z - 7.34990630326855e-04f;
    p = p * z - 2.95459980854025e-03f;
    p = p * z - 1.60960333262415e-02f;
    float q = -1.45660718464996e-05f;
    q = q * z - 2.13374055278905e-04f;
    q = q * z - 1.68282697438203e-03f;
    q = q * z - 7.37332916720468e-03f;
    q = q * z - 1.42647390514189e-02f;
    return ck_at_most(ck_at_least(v * p / q, -1.0f), 1.0f);
}

/* log(1 + t) for t in [0, 1]: 2 artanh(s), s = t / (2 + t), by a minimax polynomial of degree 5 in s^2. */
CK_INLINE float ck_log1p_unit(float t) {
    float s = t / (2.0f + t);
    float z = s * s;
    float q = 0.12212453782558441f;
    q = q * z + 0.1069498062133789f;
    q = q * z + 0.14310520887374878f;
    q = q * z + 0.19999338686466217f;
    q = q * z + 0.33333340287208557f;
    q = q * z;
    return 2.0f * (s * q + s);
}

CK_INLINE float ck_softplus1(float x) {
    return ck_log1p_unit(ck_exp1(-ck_abs(x))) + ck_at_least(x, 0.0f);
}

/* Natural logarithm: -infinity at 0, NaN below, subnormal numbers included. */
CK_INLINE float ck_log1(float x) {
    /* Subnormal numbers are scaled into the normal range first. */
    int small = x < 1.17549435e-38f;
    float scaled = small ? x * 8388608.0f : x;
    uint32_t bits = ck_to_bits(scaled);
    /* m in [sqrt 1/2, sqrt 2): x = 2^e m. */
    int32_t e = (int32_t)(bits - 0x3f3504f3u) >> 23;
    float m = ck_from_bits(bits - ((uint32_t)e << 23));
    float s = (m - 1.0f) / (m + 1.0f);
    float z = s * s;
    float q = 0.14967137575149536f;
    q = q * z + 0.19987234473228455f;
    q = q * z + 0.3333340883255005f;
    q = q * z;
    float exponent = (float)(small ? e - 23 : e);
    float result = exponent * 0.693359375f + (exponent * -2.12194440e-4f + 2.0f * (s * q + s));
    result = x == 0.0f ? -__builtin_inff() : result;
    result = x < 0.0f ? __builtin_nanf("") : result;
    return x < __builtin_inff() ? result : x;
}

#endif
