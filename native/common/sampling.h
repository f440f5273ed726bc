// The arithmetic of the sampler and of the thinking state machine, written once for every backend.
//
// Probabilities are e^x with x = (l - max) / T in f32, rounded to fixed point (2^-40) and summed as integers: sums do
// not depend on the order, so any split of the vocabulary over threads or blocks yields the same bits.
#pragma once

#include "common/math.h"
#include "common/philox.h"
#include "softthinking/backend.h"

namespace st {

constexpr float kFixedOne = 1099511627776.0f;  // 2^40
// Entries whose mass is below this fraction of the largest are never kept. They have no effect in double precision:
// in a float64 reference the mass before them is already 1, so that even a top-p of 1 ends there.
constexpr float kSmallestMass = 0x1p-59f;
constexpr int kNoiseEntries = 1024;  // maximum entries of Dirichlet noise
static_assert(kNoiseEntries <= ST_MAX_TOPK, "the entries of a mixture are kept in arrays of ST_MAX_TOPK");

// Purposes of random numbers: the second word of the Philox counter.
enum RandomPurpose : uint32_t { kRandomDraw = 0, kRandomDirichlet = 1, kRandomGumbel = 2 };

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
// integer already.
ST_HD uint64_t to_fixed(float value) {
  return static_cast<uint64_t>(static_cast<int64_t>(value * kFixedOne + 0.5f));
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

// e^x, and 0 for what f32 no longer holds: such an entry is never kept.
ST_HD float mass_of(float x) {
  return x < Exp32::low ? 0.0f : exp32(x);
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

// --- noise ---------------------------------------------------------------------------------------------------------

// Standard normal pair by Marsaglia's polar method; `attempt` counts the words drawn for this entry.
ST_HD double normal(uint64_t seed, uint32_t step, uint32_t index, uint32_t* attempt) {
  for (;;) {
    Philox p = philox(seed, step, kRandomDirichlet, index, (*attempt)++);
    double u = 2.0 * unit_interval(p.word[0], p.word[1]) - 1.0;
    double v = 2.0 * unit_interval(p.word[2], p.word[3]) - 1.0;
    double s = u * u + v * v;
    if (s < 1.0 && s > 1e-300) return u * sqrt(-2.0 * log64(s) / s);
  }
}

// ln of a Gamma(shape, 1) draw, by Marsaglia and Tsang (2000). In logarithms, because draws of a tiny shape underflow
// a double: Gamma(a) = Gamma(a + 1) U^(1/a).
ST_HD double log_gamma_draw(double shape, uint64_t seed, uint32_t step, uint32_t index) {
  uint32_t attempt = 0;
  double boost = 0.0;
  if (shape < 1.0) {
    Philox p = philox(seed, step, kRandomDirichlet, index, attempt++);
    boost = log64(unit_interval(p.word[0], p.word[1])) / shape;
    shape += 1.0;
  }
  double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
  for (;;) {
    double x = normal(seed, step, index, &attempt);
    double v = 1.0 + c * x;
    if (v <= 0.0) continue;
    v = v * v * v;
    Philox p = philox(seed, step, kRandomDirichlet, index, attempt++);
    double u = unit_interval(p.word[0], p.word[1]);
    if (log64(u) < 0.5 * x * x + d - d * v + d * log64(v)) return boost + log64(d * v);
  }
}

ST_HD double gumbel_draw(uint64_t seed, uint32_t step, uint32_t index) {
  Philox p = philox(seed, step, kRandomGumbel, index, 0);
  return -log64(-log64(unit_interval(p.word[0], p.word[1])));
}

// Position of a draw within `mass` units.
ST_HD uint64_t draw_mass(uint64_t seed, uint32_t step, uint64_t mass) {
  return multiply_high(philox_u64(philox(seed, step, kRandomDraw, 0, 0)), mass);
}

// --- state machine -------------------------------------------------------------------------------------------------

ST_HD bool is_soft(const st_sampling& sampling, const st_sequence_state& state) {
  return sampling.soft != 0 && state.thinking != 0;
}

// Counts a low-entropy token; true if the count reaches the length threshold (it is then reset).
ST_HD bool low_entropy_stop(const st_sampling& sampling, st_sequence_state& state, float entropy) {
  if (!(sampling.entropy_threshold > 0.0f)) return false;
  state.low_entropy_steps = entropy < sampling.entropy_threshold ? state.low_entropy_steps + 1 : 0;
  if (state.low_entropy_steps < sampling.length_threshold) return false;
  state.low_entropy_steps = 0;
  return true;
}

// Number of marker ids that the output ends with after `token`, given that it ended with `matched` of them before: the
// longest prefix of the marker that is a suffix of the ids so far.
ST_HD int32_t extend_match(const int32_t* marker, int32_t matched, int32_t token) {
  for (int32_t length = matched; length >= 0; --length) {
    if (marker[length] != token) continue;
    bool suffix = true;  // marker[0, length) ends marker[0, matched)
    for (int32_t i = 0; i < length; ++i) suffix = suffix && marker[i] == marker[matched - length + i];
    if (suffix) return length + 1;
  }
  return 0;
}

struct Step {
  int32_t flags;      // ST_STEP_*
  int32_t forced_id;  // the id that replaces the concept token by (id, 1.0), -1: none
};

// The model may open the thought itself: with the marker as its first ids.
ST_HD void follow_start(const st_sampling& sampling, st_sequence_state& state, int32_t token) {
  if (state.opening < 0) return;
  bool next = state.opening < sampling.think_start_count && sampling.think_start[state.opening] == token;
  state.opening = next ? state.opening + 1 : -1;
  if (state.opening != sampling.think_start_count) return;
  state.opening = -1;
  state.thinking = 1;
  state.thinking_steps = sampling.think_start_count;
}

// Counts a thought; returns what forces the end of thinking here, as ST_STEP_* flags.
ST_HD int32_t count_thought(const st_sampling& sampling, st_sequence_state& state, float entropy) {
  int32_t flags = low_entropy_stop(sampling, state, entropy) ? ST_STEP_COLD_STOP : 0;
  if (sampling.max_thinking_tokens >= 0 && state.thinking_steps >= sampling.max_thinking_tokens)
    flags |= ST_STEP_BUDGET;
  state.thinking_steps += 1;
  return flags;
}

// Advances a sequence by one concept token that emits `token`. The caller replaces the concept token by
// (forced_id, 1.0) unless that is -1; the last id of an end marker is returned as forced_id too, so that it is plain.
ST_HD Step advance(const st_sampling& sampling, st_sequence_state& state, int32_t token, float entropy) {
  Step step = {is_soft(sampling, state) ? ST_STEP_SOFT : 0, -1};
  bool thinking = state.thinking != 0;
  state.step += 1;
  if (state.forced_next >= 0 && state.forced_next < sampling.forced_count) {
    step.flags |= ST_STEP_FORCED;
    step.forced_id = sampling.forced[state.forced_next];
    state.forced_next = state.forced_next + 1 < sampling.forced_count ? state.forced_next + 1 : -1;
    state.thinking_steps += thinking ? 1 : 0;
  } else if (thinking) {
    int32_t stops = count_thought(sampling, state, entropy);
    step.flags |= stops;
    if (stops != 0 && sampling.think_end_count > 0) {
      step.flags |= ST_STEP_FORCED;
      step.forced_id = sampling.think_end[0];
      state.forced_next = sampling.forced_count > 0 ? 0 : -1;
      state.ending = 0;  // the whole marker follows, even if the model had started it
    }
  } else if (sampling.cold_stop_after_thinking && low_entropy_stop(sampling, state, entropy)) {
    step.flags |= ST_STEP_FINISHED;
  }
  if (step.forced_id >= 0) token = step.forced_id;
  if (!thinking) follow_start(sampling, state, token);
  if (thinking || state.thinking) step.flags |= ST_STEP_THINKING;
  if (!thinking || sampling.think_end_count == 0) return step;
  state.ending = extend_match(sampling.think_end, state.ending, token);
  if (state.ending == sampling.think_end_count) {
    step.forced_id = token;
    step.flags |= ST_STEP_THINKING_ENDED;
    state.thinking = 0;
    state.low_entropy_steps = 0;
    state.ending = 0;
    if (!(step.flags & ST_STEP_FORCED)) state.forced_next = -1;
  }
  return step;
}

}  // namespace st
