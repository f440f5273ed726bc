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

constexpr int kChains = 9;  // independent sums: more than the latency of a multiply-add

float read_bytes(const void* data, int64_t bytes) {
  constexpr int kStreams = 8;  // as many pages are read side by side
  const float* p = static_cast<const float*>(data);
  int64_t each = bytes / kStreams / 4;
  F16x total[kStreams];
  for (int s = 0; s < kStreams; ++s) total[s] = zero();
  for (int64_t i = 0; i < each; i += kLanes)
    for (int s = 0; s < kStreams; ++s) total[s] = add(total[s], load(p + s * each + i));
  for (int s = 1; s < kStreams; ++s) total[0] = add(total[0], total[s]);
  return sum(total[0]);
}

// Adds to every chain in every round (variables, because the compiler keeps an array in memory;
// of different values, because it would see that equal ones stay equal); the input
// changes from round to round as far as the compiler knows.
template <typename Chain, typename Value, typename Add>
ST_HD void run_chains(Chain (*start)(int), Value value, int64_t rounds, Add add_to) {
  Chain t0 = start(0), t1 = start(1), t2 = start(2), t3 = start(3), t4 = start(4);
  Chain t5 = start(5), t6 = start(6), t7 = start(7), t8 = start(8);
  for (int64_t i = 0; i < rounds; ++i) {
    opaque(value);
    t0 = add_to(t0, value), t1 = add_to(t1, value), t2 = add_to(t2, value);
    t3 = add_to(t3, value), t4 = add_to(t4, value), t5 = add_to(t5, value);
    t6 = add_to(t6, value), t7 = add_to(t7, value), t8 = add_to(t8, value);
  }
  Chain all = add(add(add(t0, t1), add(t2, t3)), add(add(t4, t5), add(t6, add(t7, t8))));
  opaque(all);
}

F16x start_f32(int chain) {
  return broadcast(static_cast<float>(chain));
}

int64_t multiply_adds_f32(int64_t count) {
  int64_t rounds = count / (kChains * kLanes);
  run_chains(start_f32, 0.5f, rounds, [](F16x t, float x) { return mul_add(broadcast(x), broadcast(x), t); });
  return rounds * kChains * kLanes;
}

#if defined(__AVX512BF16__)
int64_t multiply_adds_bf16(int64_t count) {
  int64_t rounds = count / (kChains * kLanes * 2);
  run_chains(start_f32, 0x3f003e80, rounds, [](F16x t, int pair) {
    auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
    return F16x{_mm512_dpbf16_ps(t.v, x, x)};
  });
  return rounds * kChains * kLanes * 2;
}
#endif

#if defined(__AVX512VNNI__)
I16x start_int8(int chain) {
  return broadcast_int(chain);
}

int64_t multiply_adds_int8(int64_t count) {
  int64_t rounds = count / (kChains * kLanes * 4);
  run_chains(start_int8, 0x01020304, rounds,
             [](I16x t, int four) { return add_products(t, broadcast_signed(four), broadcast_signed(four)); });
  return rounds * kChains * kLanes * 4;
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
