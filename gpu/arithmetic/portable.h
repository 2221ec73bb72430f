#pragma once
// What lets the arithmetic of a kernel be compiled for a GPU and, for its twin
// in the tests, for a CPU. Headers of this folder need neither LibTorch nor the
// CUDA toolkit.

#ifdef __CUDACC__
#define SHALAB_HOST_DEVICE __host__ __device__
#else
#define SHALAB_HOST_DEVICE
#endif

namespace shalab::gpu {

// Neighbouring elements, read and written at once.
template <typename Element, int size>
struct alignas(sizeof(Element) * size) Pack {
  Element values[size];
};

// a b, a + b and a / b, each rounded: a compiler for a GPU would make one fused
// operation of them, whose last bit differs from the CPU's.
SHALAB_HOST_DEVICE inline float times(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

SHALAB_HOST_DEVICE inline float plus(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fadd_rn(a, b);
#else
  return a + b;
#endif
}

SHALAB_HOST_DEVICE inline float over(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fdiv_rn(a, b);
#else
  return a / b;
#endif
}

}  // namespace shalab::gpu
