/* How a kernel is compiled for more than one processor. Not visible outside this target. */
#ifndef CK_TARGET_H
#define CK_TARGET_H

#include <stddef.h>
#include <stdint.h> /* also tells __GLIBC__ */

/* A function compiled thrice on x86-64 Linux with glibc (which has the indirect functions it takes); the loader picks the
   version for the processor at hand. Elsewhere the function is compiled once, for the baseline: NEON on arm64. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__clang__)
#define CK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CK_CLONES
#endif

/* For helpers of a cloned function: they take its target only when they are inlined into it. */
#define CK_INLINE static inline __attribute__((always_inline))

/* Before an elementwise loop whose pointers are equal or disjoint, so that no overlap is checked at run time. */
#define CK_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")

#endif
