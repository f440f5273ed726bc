// The arithmetic of the sampler's probabilities, written once for every backend.
//
// Probabilities are e^x with x = (l - max) / T in f32, rounded to fixed point (2^-40) and summed as integers: sums do
// not depend on the order, so any split of the vocabulary over threads or blocks yields the same bits.
#pragma once

#include "common/math.h"
#include "softthinking/backend.h"

namespace st {

constexpr float kFixedOne = 1099511627776.0f;  // 2^40
// Entries whose mass is below this fraction of the largest are never kept. They have no effect in double precision:
// in a float64 reference the mass before them is already 1, so that even a top-p of 1 ends there.
constexpr float kSmallestMass = 0x1p-59f;
constexpr int kNoiseEntries = 1024;  // maximum entries of Dirichlet noise
static_assert(kNoiseEntries <= ST_MAX_TOPK, "the entries of a mixture are kept in arrays of ST_MAX_TOPK");

// Sort key of a logit: larger logit first, then lower id; compare as integers, larger key first.
ST_HD uint64_t order_key(float logit, uint32_t id) {
  uint32_t bits = bits_of(logit + 0.0f);  // -0 counts as +0
  bits = (bits & 0x80000000u) ? ~bits : (bits | 0x80000000u);
  return (static_cast<uint64_t>(bits) << 32) | (0xffffffffu - id);
}

ST_HD uint32_t key_id(uint64_t key) {
  return 0xffffffffu - static_cast<uint32_t>(key);
}

ST_HD float key_logit(uint64_t key) {
  uint32_t bits = static_cast<uint32_t>(key >> 32);
  return float_of((bits & 0x80000000u) ? (bits & 0x7fffffffu) : ~bits);
}

// Nearest integer to 2^40 value. Adding one half before the truncation is exact enough: a value of 2^23 or more is an
// integer already. The product is exact, so that fusing it with the sum saves an operation and changes nothing.
ST_HD uint64_t to_fixed(float value) {
  return static_cast<uint64_t>(static_cast<int64_t>(fmaf(value, kFixedOne, 0.5f)));
}

// 1 / T, of greedy rows 1. Bounded, because the maximum's own entry is (l - max) / T = 0 and 0 * inf would be NaN.
ST_HD float inverse_of_temperature(float temperature) {
  if (!(temperature > 0.0f)) return 1.0f;
  float inverse = 1.0f / temperature;
  return inverse < 3.40282347e38f ? inverse : 3.40282347e38f;
}

// (l - max) / T, with a maximum that is finite.
ST_HD float scaled_logit(float logit, float maximum, float inverse_temperature) {
  return (logit - maximum) * inverse_temperature;
}

// e^x for x <= 0, and 0 for what f32 no longer holds: such an entry is never kept.
ST_HD float mass_of(float x) {
  return x < Exp32::low ? 0.0f : exp32_within(x);
}

// Entropy in nats from Z = 1 + z and S = sum of -x e^x, both without the maximum's own entry: H = ln Z + S / Z.
ST_HD float entropy_of(uint64_t z, uint64_t s) {
  double rest = static_cast<double>(z) * 0x1p-40;
  return static_cast<float>(log1p64(rest) + static_cast<double>(s) * 0x1p-40 / (1.0 + rest));
}

// The smallest integer mass at which top-p stops keeping entries: an entry is kept while the mass before it is less.
ST_HD uint64_t top_p_limit(float top_p, uint64_t mass) {
  return top_p >= 1.0f ? UINT64_MAX
                       : static_cast<uint64_t>(ceil(static_cast<double>(top_p) * static_cast<double>(mass)));
}

// The smallest fixed-point e^x that min-p keeps; the largest is 2^40.
ST_HD uint64_t min_p_limit(float min_p) {
  return static_cast<uint64_t>(ceil(static_cast<double>(min_p) * static_cast<double>(kFixedOne)));
}

}  // namespace st
