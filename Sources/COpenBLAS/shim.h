#include <cblas.h>
/* Not in every cblas.h. */
void openblas_set_num_threads(int num_threads);
/* LAPACK's, which OpenBLAS holds: not in cblas.h. */
void dsyevd_(const char *jobz, const char *uplo, const blasint *n, double *a, const blasint *lda, double *w, double *work,
             const blasint *lwork, blasint *iwork, const blasint *liwork, blasint *info);
