#include "include/ck_gru.h"
#include "ck_math.h"

CK_CLONES void ck_gru_cell(ptrdiff_t units, const float *gates, const float *inner, float *h) {
    const float *gz = gates, *gr = gates + units, *gg = gates + 2 * units;
    const float *iz = inner, *ir = inner + units, *ig = inner + 2 * units;
    CK_ELEMENTWISE
    for (ptrdiff_t u = 0; u < units; u++) {
        float z = ck_sigmoid1(gz[u] + iz[u]), r = ck_sigmoid1(gr[u] + ir[u]), g = ck_tanh1(gg[u] + r * ig[u]);
        h[u] = z * h[u] + (1.0f - z) * g;
    }
}

CK_CLONES void ck_gru_mix(ptrdiff_t units, const float *z, const float *g, float *h) {
    CK_ELEMENTWISE
    for (ptrdiff_t u = 0; u < units; u++) h[u] = z[u] * h[u] + (1.0f - z[u]) * g[u];
}

CK_CLONES void ck_gru_mix_gradient(
    ptrdiff_t units, const float *z, const float *g, const float *h_before, const float *dh, float *dz, float *dg, float *dh_before) {
    CK_ELEMENTWISE
    for (ptrdiff_t u = 0; u < units; u++) {
        float d = dh[u], gate = z[u];
        dz[u] = d * (h_before[u] - g[u]);
        dg[u] = d * (1.0f - gate);
        dh_before[u] = d * gate;
    }
}
