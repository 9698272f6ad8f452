/* Which kernels small products have. Private to this room. */
#ifndef STOA_GEMM_BLAS_H
#define STOA_GEMM_BLAS_H

/* m*n*k up to which a product is small. */
#define GEMM_SMALL_LIMIT 1000000

enum gemm_kernels {
    GEMM_PACKED, /* none: every product packs its operands */
    GEMM_BLAS,   /* the BLAS's own */
    GEMM_OWN,    /* ours (kernels/small_product.h), of products whose B is not transposed */
};
enum gemm_kernels stoa_gemm_kernels(void);

#endif
