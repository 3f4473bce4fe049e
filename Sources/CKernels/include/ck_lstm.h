/* One LSTM cell of one sequence: `units` units, four gates i, f, c, o of `units` elements each, one after the other. The gates'
   activation is the sigmoid where slope is 0, else clip(slope x + 1/2, 0, 1); the cell's is tanh. */
#ifndef CK_LSTM_H
#define CK_LSTM_H

#include <stddef.h>

/* From the gates' sums z: c = f c + i g, h = o tanh c. With `kept` (units elements) also keeps what the gradient wants: the
   activated gates in z, tanh c in kept; it may be NULL. */
void ck_lstm_cell(ptrdiff_t units, float slope, float *z, float *c, float *h, float *kept);

/* From dh and dc (of this cell's results) to dz, and dc of the state before. */
void ck_lstm_cell_gradient(
    ptrdiff_t units, float slope, const float *gates, const float *kept, const float *c_before, const float *dh, float *dc,
    float *dz);

#endif
