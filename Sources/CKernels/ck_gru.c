#include "include/ck_gru.h"
#include "ck_target.h"

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
