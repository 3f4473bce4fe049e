#include "include/ck_lstm.h"
#include "ck_math.h"

CK_INLINE float hard(float x, float slope) { return ck_at_most(ck_at_least(slope * x + 0.5f, 0.0f), 1.0f); }

#define CELL(gate)                                                              \
    CK_ELEMENTWISE                                                              \
    for (ptrdiff_t u = 0; u < units; u++) {                                     \
        float i = gate(zi[u]), f = gate(zf[u]), g = ck_tanh1(zg[u]), o = gate(zo[u]); \
        float cell = f * c[u] + i * g;                                          \
        float t = ck_tanh1(cell);                                               \
        c[u] = cell;                                                            \
        h[u] = o * t;                                                           \
        KEEP                                                                    \
    }

#define HARD(x) hard(x, slope)

CK_CLONES void ck_lstm_cell(ptrdiff_t units, float slope, float *z, float *c, float *h, float *kept) {
    float *zi = z, *zf = z + units, *zg = z + 2 * units, *zo = z + 3 * units;
    if (kept) {
#define KEEP zi[u] = i; zf[u] = f; zg[u] = g; zo[u] = o; kept[u] = t;
        if (slope == 0) { CELL(ck_sigmoid1) } else { CELL(HARD) }
#undef KEEP
    } else {
#define KEEP
        if (slope == 0) { CELL(ck_sigmoid1) } else { CELL(HARD) }
#undef KEEP
    }
}

CK_INLINE float soft_slope(float y) { return y * (1.0f - y); }
CK_INLINE float hard_slope(float y, float slope) { return y > 0 && y < 1 ? slope : 0.0f; }
#define HARD_SLOPE(y) hard_slope(y, slope)

#define CELL_GRADIENT(gate_slope)                                               \
    CK_ELEMENTWISE                                                              \
    for (ptrdiff_t u = 0; u < units; u++) {                                     \
        float i = gi[u], f = gf[u], g = gg[u], o = go[u], t = kept[u], d = dh[u]; \
        float cell = dc[u] + d * o * (1.0f - t * t);                            \
        zo[u] = d * t * gate_slope(o);                                          \
        zi[u] = cell * g * gate_slope(i);                                       \
        zf[u] = cell * c_before[u] * gate_slope(f);                             \
        zg[u] = cell * i * (1.0f - g * g);                                      \
        dc[u] = cell * f;                                                       \
    }

CK_CLONES void ck_lstm_cell_gradient(
    ptrdiff_t units, float slope, const float *gates, const float *kept, const float *c_before, const float *dh, float *dc,
    float *dz) {
    const float *gi = gates, *gf = gates + units, *gg = gates + 2 * units, *go = gates + 3 * units;
    float *zi = dz, *zf = dz + units, *zg = dz + 2 * units, *zo = dz + 3 * units;
    if (slope == 0) { CELL_GRADIENT(soft_slope) } else { CELL_GRADIENT(HARD_SLOPE) }
}
