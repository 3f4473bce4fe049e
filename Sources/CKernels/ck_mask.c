#include "include/ck_mask.h"
#include "ck_target.h"

#define LOOP(expression)                                                        \
    CK_ELEMENTWISE                                                              \
    for (ptrdiff_t i = 0; i < count; i++) expression;

CK_CLONES void ck_float_to_int(const float *x, int32_t *y, ptrdiff_t count) {
    LOOP({
        float v = x[i];
        /* The conversion itself is defined only inside the range. */
        float inside = v >= -2147483648.0f && v < 2147483648.0f ? v : 0.0f;
        int32_t outside = v >= 2147483648.0f ? INT32_MAX : v < -2147483648.0f ? INT32_MIN : 0;
        y[i] = (int32_t)inside + outside;
    })
}

CK_CLONES void ck_int_to_float(const int32_t *x, float *y, ptrdiff_t count) { LOOP(y[i] = (float)x[i]) }
CK_CLONES void ck_not_equal(const float *x, float value, uint8_t *y, ptrdiff_t count) { LOOP(y[i] = x[i] != value) }
CK_CLONES void ck_int_not_zero(const int32_t *x, uint8_t *y, ptrdiff_t count) { LOOP(y[i] = x[i] != 0) }
CK_CLONES void ck_mask_to_float(const uint8_t *x, float *y, ptrdiff_t count) { LOOP(y[i] = x[i] ? 1.0f : 0.0f) }
CK_CLONES void ck_mask_to_int(const uint8_t *x, int32_t *y, ptrdiff_t count) { LOOP(y[i] = x[i] ? 1 : 0) }

#define FOLD(start, operation)                                                  \
    if (columns == 1) {                                                         \
        uint8_t value = start;                                                  \
        for (ptrdiff_t e = 0; e < extent; e++) value operation x[e] != 0;       \
        y[0] = value;                                                           \
    } else {                                                                    \
        for (ptrdiff_t c = 0; c < columns; c++) y[c] = start;                   \
        for (ptrdiff_t e = 0; e < extent; e++)                                  \
            for (ptrdiff_t c = 0; c < columns; c++) y[c] operation x[e * columns + c] != 0; \
    }

CK_CLONES void ck_mask_all(const uint8_t *x, uint8_t *y, ptrdiff_t extent, ptrdiff_t columns) { FOLD(1, &=) }
CK_CLONES void ck_mask_any(const uint8_t *x, uint8_t *y, ptrdiff_t extent, ptrdiff_t columns) { FOLD(0, |=) }

CK_CLONES void ck_mask_and(
    const uint8_t *x, ptrdiff_t x_step, const uint8_t *y, ptrdiff_t y_step, uint8_t *z, ptrdiff_t count) {
    if (x_step && y_step) {
        LOOP(z[i] = x[i] && y[i])
    } else {
        LOOP(z[i] = x[i * x_step] && y[i * y_step])
    }
}
