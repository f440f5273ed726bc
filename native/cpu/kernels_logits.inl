// The passes of the sampler over the logits; part of kernels.inl.
#pragma once

#include "common/sampling.h"
#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

bool logit_maxima(const float* logits, int64_t count, float* tile_maxima) {
  bool nan = false;
  for (int64_t begin = 0; begin < count; begin += kLogitTile) {
    int64_t end = begin + kLogitTile < count ? begin + kLogitTile : count;
    F16x top = broadcast(-INFINITY);
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      F16x value = load(logits + i);
      nan |= any_nan(value);
      top = max(top, value);
    }
    float best = maximum(top);
    for (; i < end; ++i) {
      nan |= logits[i] != logits[i];
      best = best > logits[i] ? best : logits[i];
    }
    tile_maxima[begin / kLogitTile] = best;
  }
  return !nan;
}

LogitSums logit_sums(const float* logits, int64_t count, float maximum, float inverse_temperature) {
  // Two accumulators of each, to hide the latency of an addition.
  FixedSum z[2] = {fixed_zero(), fixed_zero()}, s[2] = {fixed_zero(), fixed_zero()};
  int64_t i = 0;
  auto add16 = [&](int64_t at, FixedSum& mass_sum, FixedSum& moment_sum) {
    F16x x = mul(sub(load(logits + at), broadcast(maximum)), broadcast(inverse_temperature));
    F16x mass = where_at_least(x, Exp32::low, exp(x));
    // -inf has no mass and no moment; -inf * 0 would be NaN.
    F16x moment = mul(sub(zero(), max(x, broadcast(Exp32::low))), mass);
    mass_sum = add_fixed(mass_sum, add(mul(mass, broadcast(kFixedOne)), broadcast(0.5f)));
    moment_sum = add_fixed(moment_sum, add(mul(moment, broadcast(kFixedOne)), broadcast(0.5f)));
  };
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    add16(i, z[0], s[0]);
    add16(i + kLanes, z[1], s[1]);
  }
  LogitSums sums = {total(z[0]) + total(z[1]), total(s[0]) + total(s[1])};
  for (; i < count; ++i) {
    float x = scaled_logit(logits[i], maximum, inverse_temperature), mass = mass_of(x);
    sums.z += to_fixed(mass);
    sums.s += to_fixed((x < Exp32::low ? -Exp32::low : -x) * mass);
  }
  return sums;
}

void masses(float* logits, int64_t count, float maximum, float inverse_temperature) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    F16x x = mul(sub(load(logits + i), broadcast(maximum)), broadcast(inverse_temperature));
    store(logits + i, where_at_least(x, Exp32::low, exp(x)));
  }
  for (; i < count; ++i) logits[i] = mass_of(scaled_logit(logits[i], maximum, inverse_temperature));
}

int64_t count_reaching(const float* logits, int64_t count, float bound) {
  int64_t found = 0, i = 0;
  for (; i + kLanes <= count; i += kLanes) found += __builtin_popcount(lanes_at_least(load(logits + i), bound));
  for (; i < count; ++i) found += logits[i] >= bound ? 1 : 0;
  return found;
}

int64_t keys_reaching(const float* logits, int64_t count, float bound, uint32_t first_id, uint64_t* keys) {
  int64_t found = 0, i = 0;
  auto add = [&](int64_t at) { keys[found++] = order_key(logits[at], first_id + static_cast<uint32_t>(at)); };
  for (; i + kLanes <= count; i += kLanes)
    for (uint32_t lanes = lanes_at_least(load(logits + i), bound); lanes != 0; lanes &= lanes - 1)
      add(i + __builtin_ctz(lanes));
  for (; i < count; ++i)
    if (logits[i] >= bound) add(i);
  return found;
}

}  // namespace
}  // namespace st::cpu
