#include "include/ck_pool.h"

#include "ck_target.h"

typedef float lanes __attribute__((vector_size(64)));
typedef int mask __attribute__((vector_size(64)));
typedef float lanes_in_memory __attribute__((vector_size(64), aligned(4), may_alias));
enum { LANES = 16 };

#define LOAD(p) (*(const lanes_in_memory *)(p))
#define STORE(p, v) (*(lanes_in_memory *)(p) = (v))

/* `yes` where the mask is set; a macro, since vectors as arguments depend on the target. */
#define CHOOSE(m, yes, no) ((lanes)(((m) & (mask)(yes)) | (~(m) & (mask)(no))))

/* The part of a window that is there. */
typedef struct {
    ptrdiff_t at, count;
} part;

CK_INLINE part visible(const ck_pool_axis *axis, ptrdiff_t output) {
    const ptrdiff_t start = output * axis->stride - axis->begin;
    const ptrdiff_t low = start < 0 ? 0 : start;
    const ptrdiff_t high = start + axis->kernel < axis->input ? start + axis->kernel : axis->input;
    return (part){low, high > low ? high - low : 0};
}

/* Windows of up to so many cells are walked by a list of offsets. */
enum { LISTED = 64 };

/* Runs a block for each output cell: `from` is the first cell of its window, `to` the output, a, b, c the window's parts,
   `listed` the number of offsets in `offsets`, or 0. */
#define FOR_EACH_CELL(...)                                                                                             \
    const ptrdiff_t line = axes[2].input * channels, plane = axes[1].input * line;                                     \
    ptrdiff_t offsets[LISTED], listed = 0;                                                                             \
    part la = {0, 0}, lb = {0, 0}, lc = {0, 0};                                                                        \
    for (ptrdiff_t i = start; i < end; i++) {                                                                          \
        const part a = visible(&axes[0], i);                                                                           \
        for (ptrdiff_t j = 0; j < axes[1].output; j++) {                                                               \
            const part b = visible(&axes[1], j);                                                                       \
            for (ptrdiff_t k = 0; k < axes[2].output; k++) {                                                           \
                const part c = visible(&axes[2], k);                                                                   \
                const ptrdiff_t from = a.at * plane + b.at * line + c.at * channels;                                   \
                const ptrdiff_t to = ((i * axes[1].output + j) * axes[2].output + k) * channels;                       \
                if (a.count != la.count || b.count != lb.count || c.count != lc.count) {                               \
                    la = a, lb = b, lc = c, listed = 0;                                                                \
                    if (a.count * b.count * c.count <= LISTED)                                                         \
                        for (ptrdiff_t p = 0; p < a.count; p++)                                                        \
                            for (ptrdiff_t q = 0; q < b.count; q++)                                                    \
                                for (ptrdiff_t r = 0; r < c.count; r++)                                                \
                                    offsets[listed++] = p * plane + q * line + r * channels;                           \
                }                                                                                                      \
                __VA_ARGS__                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
    }

/* Runs a block for each input of a window, at offset `tap`. */
#define FOR_EACH_TAP(...)                                                                                              \
    if (listed) {                                                                                                      \
        for (ptrdiff_t p = 0; p < listed; p++) {                                                                       \
            const ptrdiff_t tap = from + offsets[p];                                                                   \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    } else {                                                                                                           \
        for (ptrdiff_t p = 0; p < a.count; p++)                                                                        \
            for (ptrdiff_t q = 0; q < b.count; q++) {                                                                  \
                ptrdiff_t tap = from + p * plane + q * line;                                                           \
                for (ptrdiff_t r = 0; r < c.count; r++, tap += channels) __VA_ARGS__                                   \
            }                                                                                                          \
    }

CK_CLONES void ck_max_pool(
    const ck_pool_axis *axes, ptrdiff_t channels, bool counts_padding, const float *x, float *y, ptrdiff_t start,
    ptrdiff_t end) {
    FOR_EACH_CELL({
        const bool is_whole = a.count == axes[0].kernel && b.count == axes[1].kernel && c.count == axes[2].kernel;
        const float least = counts_padding && !is_whole ? 0 : -__builtin_inff();
        ptrdiff_t n = 0;
        for (; n + 2 * LANES <= channels; n += 2 * LANES) {
            lanes best = (lanes){0} + least, other = best;
            FOR_EACH_TAP({
                const lanes u = LOAD(x + tap + n), v = LOAD(x + tap + n + LANES);
                best = CHOOSE((u > best) | (u != u), u, best);
                other = CHOOSE((v > other) | (v != v), v, other);
            })
            STORE(y + to + n, best);
            STORE(y + to + n + LANES, other);
        }
        for (; n + LANES <= channels; n += LANES) {
            lanes best = (lanes){0} + least;
            FOR_EACH_TAP({
                const lanes u = LOAD(x + tap + n);
                best = CHOOSE((u > best) | (u != u), u, best);
            })
            STORE(y + to + n, best);
        }
        for (; n < channels; n++) {
            float best = least;
            FOR_EACH_TAP({
                const float u = x[tap + n];
                best = u > best || u != u ? u : best;
            })
            y[to + n] = best;
        }
    })
}

CK_CLONES void ck_average_pool(
    const ck_pool_axis *axes, ptrdiff_t channels, const float *x, float *y, ptrdiff_t start, ptrdiff_t end) {
    FOR_EACH_CELL({
        const ptrdiff_t count = a.count * b.count * c.count;
        const float divisor = count ? (float)count : 1.0f;
        ptrdiff_t n = 0;
        for (; n + LANES <= channels; n += LANES) {
            lanes sum = {0};
            FOR_EACH_TAP({ sum += LOAD(x + tap + n); })
            STORE(y + to + n, sum / divisor);
        }
        for (; n < channels; n++) {
            float sum = 0;
            FOR_EACH_TAP({ sum += x[tap + n]; })
            y[to + n] = sum / divisor;
        }
    })
}

CK_CLONES void ck_max_pool_gradient(
    const ck_pool_axis *axes, ptrdiff_t channels, const float *x, const float *dy, float *dx, ptrdiff_t start, ptrdiff_t end,
    bool write) {
    FOR_EACH_CELL({
        ptrdiff_t n = 0;
        for (; n + LANES <= channels; n += LANES) {
            lanes best = (lanes){0} - __builtin_inff();
            /* The number of the tap that gets the gradient; the first when all are -infinity. */
            mask winner = {0};
            int number = 0;
            FOR_EACH_TAP({
                const lanes u = LOAD(x + tap + n);
                const mask better = (u > best) | ((u != u) & (best == best));
                best = CHOOSE(better, u, best);
                winner = (better & number) | (~better & winner);
                number++;
            })
            const lanes gradient = LOAD(dy + to + n);
            number = 0;
            FOR_EACH_TAP({
                const lanes share = (lanes)((mask)gradient & (winner == number));
                STORE(dx + tap + n, write ? share : LOAD(dx + tap + n) + share);
                number++;
            })
        }
        for (; n < channels; n++) {
            float best = -__builtin_inff();
            ptrdiff_t winner = from;
            FOR_EACH_TAP({
                const float u = x[tap + n];
                if (u > best || (u != u && best == best)) {
                    best = u;
                    winner = tap;
                }
                if (write) dx[tap + n] = 0;
            })
            if (a.count * b.count * c.count) dx[winner + n] += dy[to + n];
        }
    })
}

CK_CLONES void ck_average_pool_gradient(
    const ck_pool_axis *axes, ptrdiff_t channels, const float *dy, float *dx, ptrdiff_t start, ptrdiff_t end, bool write) {
    FOR_EACH_CELL({
        const ptrdiff_t count = a.count * b.count * c.count;
        const float divisor = count ? (float)count : 1.0f;
        ptrdiff_t n = 0;
        for (; n + LANES <= channels; n += LANES) {
            const lanes share = LOAD(dy + to + n) / divisor;
            FOR_EACH_TAP({ STORE(dx + tap + n, write ? share : LOAD(dx + tap + n) + share); })
        }
        for (; n < channels; n++) {
            const float share = dy[to + n] / divisor;
            FOR_EACH_TAP({ dx[tap + n] = write ? share : dx[tap + n] + share; })
        }
    })
}
