#include "detect_kernel.h"

const struct detect_kernel *detect_kernel_of(enum abi_detect_kernel kind) {
    switch (kind) {
    case ABI_DETECT_SCALAR:
        return &detect_scalar;
#if defined(__x86_64__)
    case ABI_DETECT_AVX2:
        return __builtin_cpu_supports("avx2") ? &detect_avx2 : NULL;
    case ABI_DETECT_AVX512:
        return __builtin_cpu_supports("avx512f") ? &detect_avx512 : NULL;
#endif
    default:
        return NULL;
    }
}

const struct detect_kernel *detect_kernel_best(void) {
    const struct detect_kernel *kernel = detect_kernel_of(ABI_DETECT_AVX512);
    if (kernel == NULL) kernel = detect_kernel_of(ABI_DETECT_AVX2);
    return kernel != NULL ? kernel : &detect_scalar;
}
