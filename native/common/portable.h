// Portability between g++ and nvcc: function qualifiers and the few operations with different names.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define ST_HD static __host__ __device__ __forceinline__
#define ST_DEVICE static __device__ __forceinline__  // calls what a device has
#else
// Forced inline: files compiled for several instruction sets include these functions, and a shared out-of-line copy
// could be the one that needs the newest set.
#define ST_HD static inline __attribute__((always_inline))
#define ST_DEVICE static inline
#endif

namespace st {

ST_HD uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

ST_HD float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

ST_HD uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

ST_HD double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// High 64 bits of a * b.
ST_HD uint64_t multiply_high(uint64_t a, uint64_t b) {
#if defined(__CUDA_ARCH__)
  return __umul64hi(a, b);
#else
  __extension__ typedef unsigned __int128 wide;
  return static_cast<uint64_t>((static_cast<wide>(a) * b) >> 64);
#endif
}

// a * b as a size in bytes; 0, which is not a valid size, on overflow.
ST_HD uint64_t size_product(uint64_t a, uint64_t b) {
  return multiply_high(a, b) == 0 ? a * b : 0;
}

}  // namespace st
