// Number types of activations and weights, conversions, and loads of several numbers at once.
#pragma once

#include <type_traits>

#include "common/formats.h"
#include "cuda/launch.cuh"

namespace st::cuda {

struct Bf16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};
struct E4m3 {  // of weights
  uint8_t bits;
};
struct KvInt8 {  // of a KV cache: -127..127, plus 128
  uint8_t bits;
};

__device__ __forceinline__ float to_float(float x) {
  return x;
}
__device__ __forceinline__ float to_float(Bf16 x) {
  return bf16_to_float(x.bits);
}
__device__ __forceinline__ float to_float(F16 x) {
  return f16_to_float(x.bits);
}

__device__ __forceinline__ float to_float(E4m3 x) {
  return e4m3_to_float(x.bits);
}
__device__ __forceinline__ float to_float(KvInt8 x) {
  return static_cast<float>(static_cast<int>(x.bits) - 128);
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
  return {float_to_bf16(x)};
}
template <>
__device__ __forceinline__ F16 from_float<F16>(float x) {
  return {float_to_f16(x)};
}

// N numbers that are loaded and stored in one go where their address allows it.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
};

__device__ __forceinline__ float number_in(float, uint32_t word, int) {
  return float_of(word);
}
template <typename T>
__device__ __forceinline__ float number_in(T, uint32_t word, int half) {
  return to_float(T{static_cast<uint16_t>(word >> 16 * half)});
}

// N numbers as they are stored. A load of narrow numbers is waited for where the compiler takes it apart, which is
// where it stands: words stay whole until they are used.
template <typename T, int N>
struct alignas(sizeof(T) * N) Words {
  uint32_t words[sizeof(T) * N / 4];

  __device__ __forceinline__ float at(int i) const {
    constexpr int kEach = 4 / sizeof(T);
    return number_in(T(), words[i / kEach], i % kEach);
  }
};

// The two numbers in a register of an mma operand.
template <typename T>
__device__ __forceinline__ uint32_t packed(T low, T high) {
  return static_cast<uint32_t>(low.bits) | static_cast<uint32_t>(high.bits) << 16;
}

// Two numbers that are rounded by one instruction, where one at a time would take the slow unit of conversions.
template <typename T>
__device__ __forceinline__ uint32_t rounded_pair(float low, float high) {
#if defined(__CUDA_ARCH__)
  uint32_t pair;
  if constexpr (std::is_same_v<T, Bf16>)
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return packed(from_float<T>(low), from_float<T>(high));
#endif
}

// Four e4m3 as pairs of 16-bit numbers: `odd` has bytes 1 and 3, `even` bytes 0 and 2. Their bits are those of a number
// of the other format with an exponent that is too small, subnormals included: of F16 by kFp8Unit, which its user
// multiplies with; a Bf16 is multiplied here, for its products could be too small for f32.
template <typename T>
constexpr float kFp8Unit = std::is_same_v<T, F16> ? 256.0f : 1.0f;
template <typename T>
__device__ __forceinline__ uint32_t widened_pair(uint32_t bytes) {
  constexpr int kShift = std::is_same_v<T, F16> ? 1 : 4;
  uint32_t pair = (bytes & 0x80008000u) | (bytes >> kShift & 0x7f007f00u >> kShift);
  if constexpr (std::is_same_v<T, F16>) {
    return pair;
  } else {
#if defined(__CUDA_ARCH__)
    constexpr uint32_t kUnits = 0x7b807b80u, kNothing = 0x80008000u;  // 2^120, -0
    uint32_t product;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(product) : "r"(pair), "r"(kUnits), "r"(kNothing));
    return product;
#else
    auto times = [](uint32_t bits) { return float_to_bf16(bf16_to_float(static_cast<uint16_t>(bits)) * 0x1p120f); };
    return packed(T{times(pair)}, T{times(pair >> 16)});
#endif
  }
}
template <typename T>
__device__ __forceinline__ void widen(uint32_t four, uint32_t& odd, uint32_t& even) {
  odd = widened_pair<T>(four);
  even = widened_pair<T>(four << 8);
}

// Four KvInt8 as pairs of Bf16: `even` has bytes 0 and 2, `odd` bytes 1 and 3. With b the highest bit of the 8 and m
// the others, (128 + m) + (b ? -128 : -256), whose bits are there without a conversion.
__device__ __forceinline__ uint32_t widened_int8(uint32_t bytes) {
  uint32_t low = (bytes & 0x007f007fu) | 0x43004300u, high = (bytes & 0x00800080u) ^ 0xc380c380u;
#if defined(__CUDA_ARCH__)
  constexpr uint32_t kOnes = 0x3f803f80u;
  uint32_t sum;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(low), "r"(kOnes), "r"(high));
  return sum;
#else
  auto add = [](uint32_t a, uint32_t b) {
    return float_to_bf16(bf16_to_float(static_cast<uint16_t>(a)) + bf16_to_float(static_cast<uint16_t>(b)));
  };
  return packed(Bf16{add(low, high)}, Bf16{add(low >> 16, high >> 16)});
#endif
}
__device__ __forceinline__ void widen(uint32_t four, uint32_t& even, uint32_t& odd) {
  even = widened_int8(four);
  odd = widened_int8(four >> 8);
}

// Words of N numbers, rounded.
template <typename T, int N>
__device__ __forceinline__ Words<T, N> rounded(const float (&values)[N]) {
  Words<T, N> result;
#pragma unroll
  for (int i = 0; i < N; i += 4 / sizeof(T)) {
    if constexpr (sizeof(T) == 4)
      result.words[i] = bits_of(values[i]);
    else
      result.words[i / 2] = rounded_pair<T>(values[i], values[i + 1]);
  }
  return result;
}

// Calls function(T()) with the type that a dtype names.
template <typename Function>
auto with_type(int32_t dtype, Function function) {
  if (dtype == ST_F32) return function(float());
  if (dtype == ST_F16) return function(F16());
  return function(Bf16());
}

}  // namespace st::cuda
