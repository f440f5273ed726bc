// bf16, f16 and e4m3 as stored: sizes, and conversions to and from f32. GPUs have instructions for these conversions;
// on the CPU they are implemented here.
#pragma once

#include "common/portable.h"
#include "softthinking/backend.h"

namespace st {

// Of the types that hold a number each; 0 for others.
ST_HD uint64_t element_bytes(int32_t dtype) {
  return dtype == ST_F32 ? 4 : dtype == ST_F16 || dtype == ST_BF16 ? 2 : 0;
}

ST_HD float bf16_to_float(uint16_t value) {
  return float_of(static_cast<uint32_t>(value) << 16);
}

// Nearest, ties to even; NaN stays NaN.
ST_HD uint16_t float_to_bf16(float value) {
#if defined(__CUDA_ARCH__)
  uint16_t result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result) : "f"(value));
  return result;
#else
  uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
#endif
}

ST_HD float f16_to_float(uint16_t value) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value));
  return result;
#else
  uint32_t sign = static_cast<uint32_t>(value & 0x8000u) << 16;
  uint32_t exponent = (value >> 10) & 0x1fu;
  uint32_t mantissa = value & 0x3ffu;
  if (exponent == 31) return float_of(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return float_of(sign | ((exponent + 112) << 23) | (mantissa << 13));
  // Subnormal: mantissa * 2^-24, exact in f32.
  float magnitude = static_cast<float>(mantissa) * 5.9604644775390625e-8f;
  return float_of(sign | bits_of(magnitude));
#endif
}

// Nearest, ties to even; beyond the largest finite number infinity; NaN stays NaN.
ST_HD uint16_t float_to_f16(float value) {
#if defined(__CUDA_ARCH__)
  uint16_t result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(value));
  return result;
#else
  uint32_t sign = (bits_of(value) >> 16) & 0x8000u, magnitude = bits_of(value) & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 2^16 and more
  // Below 2^-14 the spacing is 2^-24: adding 2^-1, whose spacing is the same, rounds.
  if (magnitude < 0x38800000u)
    return static_cast<uint16_t>(sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f)));
  uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
#endif
}

// Exactly; of what are no numbers 480.
ST_HD float e4m3_to_float(uint8_t value) {
  uint32_t sign = (value & 0x80u) << 24, magnitude = (value & 0x7fu) << 20;
  return float_of(sign | magnitude) * float_of((120 + 127) << 23);  // 2^120, the difference of the exponents' biases
}

}  // namespace st
