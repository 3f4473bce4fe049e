/* Elementwise parts of one GRU step of one sequence of `units` units: z is the update gate, r the reset gate, g the candidate,
   all three activated. */
#ifndef CK_GRU_H
#define CK_GRU_H

#include <stddef.h>

/* h = z h + (1 - z) g with z = sigmoid(gates + inner), r likewise, g = tanh(gates + r inner): three runs of `units` each, z, r, g. */
void ck_gru_cell(ptrdiff_t units, const float *gates, const float *inner, float *h);

/* h = z h + (1 - z) g. */
void ck_gru_mix(ptrdiff_t units, const float *z, const float *g, float *h);

/* From dh of that h: those of z, of g, and of the h before. */
void ck_gru_mix_gradient(
    ptrdiff_t units, const float *z, const float *g, const float *h_before, const float *dh, float *dz, float *dg, float *dh_before);

#endif
