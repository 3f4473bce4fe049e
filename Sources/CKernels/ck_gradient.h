/* A gradient as a step of an optimizer uses it. Not visible outside this target. */
#ifndef CK_GRADIENT_H
#define CK_GRADIENT_H

#include "include/ck_optimizer.h"
#include "ck_math.h"

/* An instruction, not a call that may set errno: the loop stays vectorised. */
#define ROOT(x) __builtin_elementwise_sqrt(x)

CK_INLINE float limited(float g, float limit) { return ck_at_most(ck_at_least(g, -limit), limit); }

CK_INLINE float clipped(float g, ck_clipping clipping) { return limited(g * clipping.scale, clipping.limit); }

/* The square of a clipped gradient, of place i. */
CK_INLINE float squared(float gradient, ck_clipping clipping, ptrdiff_t i) {
    return clipping.squares ? clipping.scale * clipping.scale * clipping.squares[i] : gradient * gradient;
}

#endif
