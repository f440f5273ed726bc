// Attention of a row's queries over a split of the context; part of kernels.inl. A cache that lies in memory is asked
// for long before it is needed: the values of a split while its scores are computed, the keys of the next split while
// values are summed.
#pragma once

#include "common/sampling.h"
#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

// How 16 consecutive stored numbers become f32.
struct StoredF32 {
  using Type = float;
  ST_HD F16x load16(const float* p) { return load(p); }
  ST_HD float one(float x) { return x; }
};
struct StoredBf16 {
  using Type = uint16_t;
  ST_HD F16x load16(const uint16_t* p) { return load_bf16(p); }
  ST_HD float one(uint16_t x) { return bf16_to_float(x); }
};

constexpr int kMaxHeads = 8;  // queries that are computed side by side: keys and values are read once for all of them

// Where the keys or the values of a split's blocks lie.
template <typename C>
struct Blocks {
  const AttentionSplit& split;
  const typename C::Type* data;

  const typename C::Type* operator[](int b) const {
    int64_t block = split.block_table[split.start / kLanes + b];
    return data + (block * split.kv_heads + split.kv_head) * kLanes * split.head_dim;
  }
  int count() const { return (split.count + kLanes - 1) / kLanes; }
  int valid(int b) const { return split.count - b * kLanes < kLanes ? split.count - b * kLanes : kLanes; }
};

// scores[h, t] = scale q[h] . k[t] for the positions of COUNT blocks from block b on; lanes beyond the split become
// -inf.
template <typename C, int HEADS, int COUNT>
void block_scores(const AttentionSplit& split, const float* q, const Blocks<C>& keys, const Blocks<C>& values, int b,
                  float* scores) {
  F16x total[HEADS][COUNT];
  const typename C::Type *key[COUNT], *value[COUNT];
  ST_UNROLL
  for (int i = 0; i < COUNT; ++i) {
    key[i] = keys[b + i];
    value[i] = values[b + i];
    ST_UNROLL
    for (int h = 0; h < HEADS; ++h) total[h][i] = zero();
  }
  for (int d = 0; d < split.head_dim; ++d) {
    F16x k[COUNT];
    ST_UNROLL
    for (int i = 0; i < COUNT; ++i) {
      k[i] = C::load16(key[i] + d * kLanes);
      prefetch(value[i] + d * kLanes);
    }
    ST_UNROLL
    for (int h = 0; h < HEADS; ++h) {
      F16x input = broadcast(q[h * split.head_dim + d]);
      ST_UNROLL
      for (int i = 0; i < COUNT; ++i) total[h][i] = mul_add(k[i], input, total[h][i]);
    }
  }
  ST_UNROLL
  for (int h = 0; h < HEADS; ++h) {
    ST_UNROLL
    for (int i = 0; i < COUNT; ++i) {
      float* out = scores + h * kSplit + (b + i) * kLanes;
      store(out, mul(total[h][i], broadcast(split.scale)));
      for (int t = keys.valid(b + i); t < kLanes; ++t) out[t] = -INFINITY;
    }
  }
}

// Scores become e^(score - maximum).
void soften(float* scores, int blocks, float* maximum_out, float* total_out) {
  F16x top = load(scores);
  for (int b = 1; b < blocks; ++b) top = max(top, load(scores + b * kLanes));
  *maximum_out = maximum(top);
  F16x total = zero();
  for (int b = 0; b < blocks; ++b) {
    F16x x = sub(load(scores + b * kLanes), broadcast(*maximum_out));
    F16x p = where_at_least(x, Exp32::low, exp(x));
    store(scores + b * kLanes, p);
    total = add(total, p);
  }
  *total_out = sum(total);
}

// values[h, d ..] = sum over t of p[h, t] v[t, d ..] for LINES times 16 dimensions, t in order over the whole split.
template <typename C, int HEADS, int LINES>
void split_values(const Blocks<C>& blocks, const Blocks<C>& keys, int d, const float* p, float* partials) {
  F16x total[HEADS][LINES];
  ST_UNROLL
  for (int h = 0; h < HEADS; ++h) {
    ST_UNROLL
    for (int i = 0; i < LINES; ++i) total[h][i] = zero();
  }
  int dim = blocks.split.head_dim;
  for (int b = 0; b < blocks.count(); ++b) {
    int next_split = b + kSplit / kLanes;
    const typename C::Type* values = blocks[b] + d;
    const typename C::Type* later = next_split < blocks.split.blocks ? keys[next_split] + d : values;
    for (int t = 0; t < blocks.valid(b); ++t) {
      prefetch(later + t * dim);
      F16x value[LINES];
      ST_UNROLL
      for (int i = 0; i < LINES; ++i) value[i] = C::load16(values + t * dim + i * kLanes);
      ST_UNROLL
      for (int h = 0; h < HEADS; ++h) {
        F16x weight = broadcast(p[h * kSplit + b * kLanes + t]);
        ST_UNROLL
        for (int i = 0; i < LINES; ++i) total[h][i] = mul_add(value[i], weight, total[h][i]);
      }
    }
  }
  ST_UNROLL
  for (int h = 0; h < HEADS; ++h) {
    ST_UNROLL
    for (int i = 0; i < LINES; ++i) store(partials + h * partial_floats(dim) + d + i * kLanes, total[h][i]);
  }
}

template <typename C, int HEADS>
void split_heads(const AttentionSplit& split, int first) {
  int dim = split.head_dim;
  const float* q = split.q + first * dim;
  float* partials = split.partials + first * partial_floats(dim);
  float scores[HEADS * kSplit];
  Blocks<C> keys = {split, static_cast<const typename C::Type*>(split.keys)};
  Blocks<C> values = {split, static_cast<const typename C::Type*>(split.values)};
  // Several blocks side by side: few heads alone have too few sums to keep the multipliers busy.
  int b = 0;
  for (; b + kScoreBlocks <= keys.count(); b += kScoreBlocks)
    block_scores<C, HEADS, kScoreBlocks>(split, q, keys, values, b, scores);
  for (; b < keys.count(); ++b) block_scores<C, HEADS, 1>(split, q, keys, values, b, scores);
  for (int h = 0; h < HEADS; ++h) {
    float* end = partials + h * partial_floats(dim) + dim;
    soften(scores + h * kSplit, keys.count(), end, end + 1);
  }
  constexpr int kLines = HEADS * 4 <= kValueSums ? 4 : 2;
  int d = 0;
  for (; d + kLines * kLanes <= dim; d += kLines * kLanes)
    split_values<C, HEADS, kLines>(values, keys, d, scores, partials);
  for (; d + 2 * kLanes <= dim; d += 2 * kLanes) split_values<C, HEADS, 2>(values, keys, d, scores, partials);
  for (; d + kLanes <= dim; d += kLanes) split_values<C, HEADS, 1>(values, keys, d, scores, partials);
  for (; d < dim; ++d) {
    for (int h = 0; h < HEADS; ++h) {
      float total = 0.0f;
      for (int t = 0; t < split.count; ++t)
        total += scores[h * kSplit + t] * C::one(values[t / kLanes][t % kLanes * dim + d]);
      partials[h * partial_floats(dim) + d] = total;
    }
  }
}

// `heads` of at most HEADS.
template <typename C, int HEADS>
void some_heads(const AttentionSplit& split, int first, int heads) {
  if constexpr (HEADS > 1) {
    if (heads < HEADS) return some_heads<C, HEADS - 1>(split, first, heads);
  }
  split_heads<C, HEADS>(split, first);
}

template <typename C>
void attention_split_of(const AttentionSplit& split) {
  int passes = (split.heads + kMaxHeads - 1) / kMaxHeads;
  for (int i = 0; i < passes; ++i) {
    int first = split.heads * i / passes, last = split.heads * (i + 1) / passes;
    some_heads<C, kMaxHeads>(split, first, last - first);
  }
}

void attention_split(const AttentionSplit& split) {
  if (split.dtype == ST_F32)
    attention_split_of<StoredF32>(split);
  else
    attention_split_of<StoredBf16>(split);
}

void merge_partials(float* sum, const float* next, int heads, int head_dim) {
  for (int h = 0; h < heads; ++h, sum += partial_floats(head_dim), next += partial_floats(head_dim)) {
    float *sum_end = sum + head_dim, top = sum_end[0] > next[head_dim] ? sum_end[0] : next[head_dim];
    float a = mass_of(sum_end[0] - top), b = mass_of(next[head_dim] - top);
    sum_end[0] = top;
    sum_end[1] = sum_end[1] * a + next[head_dim + 1] * b;
    for (int d = 0; d < head_dim; ++d) sum[d] = sum[d] * a + next[d] * b;
  }
}

void finish_partials(const float* sum, int heads, int head_dim, float* out) {
  for (int h = 0; h < heads; ++h, sum += partial_floats(head_dim), out += head_dim)
    for (int d = 0; d < head_dim; ++d) out[d] = sum[d] / sum[head_dim + 1];
}

}  // namespace
}  // namespace st::cpu
