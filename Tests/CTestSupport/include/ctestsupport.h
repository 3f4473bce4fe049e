#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

/* Counts this thread's requests for heap memory from now on. Returns 0 where they cannot be counted (not glibc, or a
   sanitizer has its own allocator). */
int ctest_begin_counting_allocations(void);

/* Ends counting and returns the number of requests. */
long ctest_end_counting_allocations(void);

#endif
