// Sixteen f32 lanes, in the instruction set that this file is compiled for. Only the kernels include it.
#pragma once

#include "common/formats.h"
#include "common/math.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// For loops over arrays that should be in registers: GCC keeps them in memory unless it unrolls early.
#if defined(__GNUC__)
#define ST_UNROLL _Pragma("GCC unroll 16")
#else
#define ST_UNROLL
#endif

namespace st::cpu {
namespace {

// Prefetches a cache line; any address is allowed.
ST_HD void prefetch(const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 2);
#endif
}

#if defined(__AVX2__)
// The upper half of the lanes onto the lower, until one is left.
ST_HD float sum(__m256 x) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
ST_HD float maximum(__m256 x) {
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}
#endif

}  // namespace
}  // namespace st::cpu

#if defined(__AVX512F__)
#include "cpu/simd_avx512.h"
#elif defined(__AVX2__)
#include "cpu/simd_avx2.h"
#else
#include "cpu/simd_scalar.h"
#endif

namespace st::cpu {
namespace {

// a b + c where only speed matters: fused where the machine can, two roundings where it would have to be emulated.
ST_HD F16x mul_add(F16x a, F16x b, F16x c) {
#if defined(__AVX2__)
  return fused(a, b, c);
#else
  return add(mul(a, b), c);
#endif
}

// exp32 of every lane, the same bits.
ST_HD F16x exp(F16x x) {
  x = min(max(x, broadcast(Exp32::low)), broadcast(Exp32::high));
  F16x n = sub(fused(x, broadcast(Exp32::log2e), broadcast(Exp32::round)), broadcast(Exp32::round));
  F16x minus_n = sub(zero(), n);
  F16x r = fused(minus_n, broadcast(Exp32::ln2_high), x);
  r = fused(minus_n, broadcast(Exp32::ln2_low), r);
  F16x p = fused(broadcast(Exp32::c7), r, broadcast(Exp32::c6));
  p = fused(p, r, broadcast(Exp32::c5));
  p = fused(p, r, broadcast(Exp32::c4));
  p = fused(p, r, broadcast(Exp32::c3));
  p = fused(p, r, broadcast(Exp32::c2));
  p = fused(p, r, broadcast(1.0f));
  p = fused(p, r, broadcast(1.0f));
  return mul(p, power_of_two(n));
}

ST_HD F16x absolute(F16x x) {
  return max(x, sub(zero(), x));
}

}  // namespace
}  // namespace st::cpu
