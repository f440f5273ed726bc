// Number types of activations and weights, conversions, and loads of several numbers at once.
#pragma once

#include "common/formats.h"
#include "cuda/launch.cuh"

namespace st::cuda {

struct Bf16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};

__device__ __forceinline__ float to_float(float x) {
  return x;
}
__device__ __forceinline__ float to_float(Bf16 x) {
  return bf16_to_float(x.bits);
}
__device__ __forceinline__ float to_float(F16 x) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x.bits));
  return result;
#else
  return f16_to_float(x.bits);
#endif
}

// Nearest, ties to even.
template <typename T>
__device__ __forceinline__ T from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ Bf16 from_float<Bf16>(float x) {
#if defined(__CUDA_ARCH__)
  Bf16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
#else
  return {float_to_bf16(x)};
#endif
}
template <>
__device__ __forceinline__ F16 from_float<F16>(float x) {
#if defined(__CUDA_ARCH__)
  F16 result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(x));
  return result;
#else
  return {float_to_f16(x)};
#endif
}

// N numbers that are loaded and stored in one go where their address allows it.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
};

// The two numbers in a register of an mma operand.
template <typename T>
__device__ __forceinline__ uint32_t packed(T low, T high) {
  return static_cast<uint32_t>(low.bits) | static_cast<uint32_t>(high.bits) << 16;
}

// Calls function(T()) with the type that a dtype names.
template <typename Function>
auto with_type(int32_t dtype, Function function) {
  if (dtype == ST_F32) return function(float());
  if (dtype == ST_F16) return function(F16());
  return function(Bf16());
}

inline uint64_t element_bytes(int32_t dtype) {
  return dtype == ST_F32 ? 4 : dtype == ST_F16 || dtype == ST_BF16 ? 2 : 0;
}

}  // namespace st::cuda
