// The order in which a router's logits choose experts, and their weights.
#pragma once

#include "common/math.h"
#include "softthinking/backend.h"

namespace st {

// Of the logits of a row, which the experts with the largest keys are chosen by: in the order of the logits, -0 equal
// to 0; of equal ones, the lower expert has the larger key.
ST_HD uint64_t expert_key(float logit, int expert) {
  uint32_t bits = bits_of(logit + 0.0f);
  uint32_t ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
  return uint64_t{ordered} << 32 | (0xffffffffu - static_cast<uint32_t>(expert));
}
ST_HD int expert_of(uint64_t key) {
  return static_cast<int>(0xffffffffu - static_cast<uint32_t>(key));
}

// From e^(logit - largest) of an expert, of all, and of those that were chosen. NaN if a logit is NaN or +infinity,
// where `all` is NaN.
ST_HD float expert_weight(float mass, float all, float chosen, bool normalize) {
  float weight = mass / (normalize ? chosen : all);
  return all - all == 0.0f ? weight : float_of(0x7fc00000u);
}

}  // namespace st
