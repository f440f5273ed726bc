// Loops that only read, or only multiply and add, at the peak rate of the instruction set; part of kernels.inl.
#pragma once

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

// A value that the compiler does not know.
template <typename T>
ST_HD T opaque(T value) {
  volatile T hidden = value;
  return hidden;
}

float read_bytes(const void* data, int64_t bytes) {
  constexpr int kStreams = 8;  // pages read in parallel
  const float* p = static_cast<const float*>(data);
  int64_t each = bytes / kStreams / 4;
  F16x total[kStreams];
  for (int s = 0; s < kStreams; ++s) total[s] = zero();
  for (int64_t i = 0; i < each; i += kLanes)
    for (int s = 0; s < kStreams; ++s) total[s] = add(total[s], load(p + s * each + i));
  for (int s = 1; s < kStreams; ++s) total[0] = add(total[0], total[s]);
  return sum(total[0]);
}

// Every counted operation must be executed. A compiler merges equal computations: the halves of a value that spans
// several registers, two sums with the same initial value, a product shared by several sums. Therefore every lane of
// every sum has its own initial value, which the compiler does not know, and every instruction has a sum among its
// operands. The test MeasuringMultipliesInEveryLane counts the instructions.
//
// Twelve registers of sums: more than the latency of an FMA times the number of FMA units (5 x 2), and few enough to
// leave registers for the operands where there are 16.
constexpr int kSums = 12 / kRegisters;

// Adds to every sum in every round; returns the merged sums as f32.
template <typename Sum, typename Add, typename ToF32>
ST_HD float run_sums(Sum (*start)(const float*), int64_t rounds, Add add_to, ToF32 as_f32) {
  float numbers[kSums * kLanes];
  for (int i = 0; i < kSums * kLanes; ++i) numbers[i] = static_cast<float>(i);
  const float* unknown = opaque<const float*>(numbers);
  Sum sums[kSums];
  ST_UNROLL
  for (int s = 0; s < kSums; ++s) sums[s] = start(unknown + s * kLanes);
  for (int64_t i = 0; i < rounds; ++i) {
    ST_UNROLL
    for (int s = 0; s < kSums; ++s) sums[s] = add_to(sums[s]);
  }
  F16x merged = as_f32(sums[0]);
  ST_UNROLL
  for (int s = 1; s < kSums; ++s) merged = add(merged, as_f32(sums[s]));
  return sum(merged);
}

// The sum is one factor: a product of two other numbers would be the same for all sums. It converges to 2.
int64_t multiply_adds_f32(int64_t count) {
  int64_t rounds = count / (kSums * kLanes);
  F16x half = broadcast(opaque(0.5f)), one = broadcast(opaque(1.0f));
  opaque(run_sums(
      load, rounds, [&](F16x t) { return mul_add(t, half, one); }, [](F16x t) { return t; }));
  return rounds * kSums * kLanes;
}

#if defined(__AVX512BF16__)
int64_t multiply_adds_bf16(int64_t count) {
  int64_t rounds = count / (kSums * kLanes * 2);
  auto pairs = reinterpret_cast<__m512bh>(_mm512_set1_epi32(opaque(0x3f003e80)));  // 0.25 and 0.5
  opaque(run_sums(
      load, rounds, [&](F16x t) { return F16x{_mm512_dpbf16_ps(t.v, pairs, pairs)}; }, [](F16x t) { return t; }));
  return rounds * kSums * kLanes * 2;
}
#endif

#if defined(__AVX512VNNI__)
I16x start_int8(const float* numbers) {
  return to_nearest(load(numbers));
}

int64_t multiply_adds_int8(int64_t count) {
  int64_t rounds = count / (kSums * kLanes * 4);
  Bytes fours = broadcast_signed(opaque(0x01020304));
  opaque(run_sums(
      start_int8, rounds, [&](I16x t) { return add_products(t, fours, fours); }, [](I16x t) { return to_f32(t); }));
  return rounds * kSums * kLanes * 4;
}
#endif

int64_t multiply_adds(Operand form, int64_t count) {
  if (form == Operand::kF32) return multiply_adds_f32(count);
#if defined(__AVX512BF16__)
  if (form == Operand::kBf16) return multiply_adds_bf16(count);
#endif
#if defined(__AVX512VNNI__)
  if (form == Operand::kInt8) return multiply_adds_int8(count);
#endif
  return 0;
}

}  // namespace
}  // namespace st::cpu
