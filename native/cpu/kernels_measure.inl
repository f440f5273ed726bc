// Loops that do nothing but read, or multiply and add, as fast as the instruction set can; part of kernels.inl.
#pragma once

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

// Hides a value from the optimizer, which could otherwise see what a loop comes to.
template <typename T>
ST_HD void opaque(T& value) {
#if defined(__GNUC__)
  asm volatile("" : "+m"(value));
#else
  *const_cast<volatile T*>(&value) = value;
#endif
}

constexpr int kChains = 12;  // independent sums: more than the latency of an addition

float read_bytes(const void* data, int64_t bytes) {
  constexpr int kStreams = 8;  // as many pages are read side by side
  const float* p = static_cast<const float*>(data);
  int64_t each = bytes / kStreams / 4;
  F16x total[kStreams];
  for (F16x& t : total) t = zero();
  for (int64_t i = 0; i < each; i += kLanes)
    for (int s = 0; s < kStreams; ++s) total[s] = add(total[s], load(p + s * each + i));
  for (int s = 1; s < kStreams; ++s) total[0] = add(total[0], total[s]);
  return sum(total[0]);
}

ST_HD float sum_of_chains(const F16x (&total)[kChains]) {
  float all = 0.0f;
  for (F16x each : total) all += sum(each);
  return all;
}

int64_t f32_multiply_adds(int64_t count) {
  F16x total[kChains];
  for (F16x& t : total) t = zero();
  float a = 0.5f;
  int64_t rounds = count / (kChains * kLanes);
  for (int64_t i = 0; i < rounds; ++i) {
    opaque(a);
    F16x x = broadcast(a);
    for (F16x& t : total) t = mul_add(x, x, t);
  }
  float all = sum_of_chains(total);
  opaque(all);
  return rounds * kChains * kLanes;
}

#if defined(__AVX512BF16__)
int64_t bf16_multiply_adds(int64_t count) {
  F16x total[kChains];
  for (F16x& t : total) t = zero();
  int pair = 0x3f003e80;
  int64_t rounds = count / (kChains * kLanes * 2);
  for (int64_t i = 0; i < rounds; ++i) {
    opaque(pair);
    auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
    for (F16x& t : total) t.v = _mm512_dpbf16_ps(t.v, x, x);
  }
  float all = sum_of_chains(total);
  opaque(all);
  return rounds * kChains * kLanes * 2;
}
#endif

int64_t multiply_adds(Operand form, int64_t count) {
  if (form == Operand::kF32) return f32_multiply_adds(count);
#if defined(__AVX512BF16__)
  if (form == Operand::kBf16) return bf16_multiply_adds(count);
#endif
  return 0;
}

}  // namespace
}  // namespace st::cpu
