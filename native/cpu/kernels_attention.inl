// Attention of a row's queries over a split of the context; part of kernels.inl. The KV cache is prefetched from
// memory: the values of a split while its scores are computed, the keys of the next split while the values are
// summed.
#pragma once

#include "common/sampling.h"
#include "cpu/kernels.h"
#include "cpu/kernels_rows.inl"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

// How the elements of a cache are multiplied. kTogether elements that a sum reads in succession are adjacent, for each
// of 16 lanes: a vector of keys is 16 positions, a vector of values 16 dimensions. kPasses multiplications cover them.
// The other factors, queries and weights, are converted from f32 beforehand; what they are relative to is their unit.
struct SumsF32 {
  using Sum = F16x;
  using OneSum = float;
  ST_HD F16x zero_sum() { return zero(); }
  // What sums mean: of products with a query the scores of 16 keys, of products with weights 16 elements, or one.
  template <typename T>
  ST_HD F16x scores(F16x sum, float scale, float, const T*, int64_t) {
    return mul(sum, broadcast(scale));
  }
  ST_HD F16x values(F16x sum, float) { return sum; }
  ST_HD float value(float sum, float) { return sum; }
  // Weights stay what they are.
  template <typename Keys>
  ST_HD void scale_weights(float*, const Keys&) {}
};

struct FactorsF32 : SumsF32 {
  using Factor = float;
  ST_HD const float* factors(const float* x, int64_t, float*, float*) { return x; }
  ST_HD F16x add_product(F16x sum, F16x x, F16x factor) { return mul_add(x, factor, sum); }
  ST_HD F16x rounded(F16x x) { return x; }
};

struct StoredF32 : FactorsF32 {
  using Type = float;
  static constexpr int kTogether = 1, kPasses = 1;

  ST_HD F16x load16(const float* p, int) { return load(p); }
  ST_HD F16x load16_first(const float* p) { return load(p); }
  ST_HD F16x factor(const float* p, int) { return broadcast(*p); }
  ST_HD float product(float factor, float x) { return factor * x; }
};

#if defined(__AVX512BF16__)
// Both elements of a pair at once; the factors are bf16.
struct StoredBf16 : SumsF32 {
  using Type = uint16_t;
  using Factor = uint16_t;
  static constexpr int kTogether = kKvPair, kPasses = 1;

  ST_HD __m512bh load16(const uint16_t* p, int) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p)); }
  // The first element of each pair, and 0.
  ST_HD __m512bh load16_first(const uint16_t* p) {
    return reinterpret_cast<__m512bh>(_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32(0xffff)));
  }
  ST_HD __m512bh factor(const uint16_t* p, int) {
    int pair;
    memcpy(&pair, p, sizeof pair);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  }
  ST_HD F16x add_product(F16x sum, __m512bh x, __m512bh factor) { return {_mm512_dpbf16_ps(sum.v, x, factor)}; }
  ST_HD F16x rounded(F16x x) {
    auto halves = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x.v));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
  }
  ST_HD const uint16_t* factors(const float* x, int64_t count, uint16_t* room, float*) {
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(room + i),
                          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(load(x + i).v)));
    for (; i < count; ++i) room[i] = float_to_bf16(x[i]);
    return room;
  }
  ST_HD float product(uint16_t factor, uint16_t x) { return bf16_to_float(factor) * bf16_to_float(x); }
};
#else
struct StoredBf16 : FactorsF32 {
  using Type = uint16_t;
  static constexpr int kTogether = kKvPair, kPasses = 2;

  ST_HD F16x load16(const uint16_t* p, int pass) { return pass == 0 ? load_bf16_even(p) : load_bf16_odd(p); }
  ST_HD F16x load16_first(const uint16_t* p) { return load_bf16_even(p); }
  ST_HD F16x factor(const float* p, int pass) { return broadcast(p[pass]); }
  ST_HD float product(float factor, uint16_t x) { return factor * bf16_to_float(x); }
};
#endif

// Integers of 8 bits times a scale for each position. The factors are rounded to 16 bits, so that sums are exact: of at
// most 512 elements of a head, and of 256 positions.
struct StoredInt8 {
  using Type = int8_t;
  using Factor = int16_t;
  using Sum = I16x;
  using OneSum = int32_t;
  static constexpr int kTogether = kKvPair, kPasses = 1;
  static_assert(int64_t{127} * 32768 * ST_MAX_HEAD_DIM <= INT32_MAX && kSplit <= ST_MAX_HEAD_DIM);

  ST_HD Pairs load16(const int8_t* p, int) { return load_int8_pairs(p); }
  ST_HD Pairs load16_first(const int8_t* p) { return load_int8_pairs(p); }  // the second of each has a weight of 0
  ST_HD Pairs factor(const int16_t* p, int) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return broadcast_pair(pair);
  }
  ST_HD int32_t product(int16_t factor, int8_t x) { return factor * x; }
  ST_HD I16x zero_sum() { return broadcast_int(0); }
  ST_HD I16x add_product(I16x sum, Pairs x, Pairs factor) { return add_products(sum, x, factor); }
  ST_HD F16x rounded(F16x x) { return x; }

  ST_HD F16x scores(I16x sum, float scale, float unit, const int8_t* keys, int64_t head_dim) {
    return mul(mul(to_f32(sum), broadcast(scale * unit)), load(kv_scales(keys, head_dim)));
  }
  ST_HD F16x values(I16x sum, float unit) { return mul(to_f32(sum), broadcast(unit)); }
  ST_HD float value(int32_t sum, float unit) { return static_cast<float>(sum) * unit; }

  ST_HD const int16_t* factors(const float* x, int64_t count, int16_t* room, float* unit) {
    Rounding rounding = rounding_of(x, count, 32767.0f);
    *unit = rounding.scale;
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
      store_int16(room + i, to_nearest(mul(load(x + i), broadcast(rounding.inverse))));
    for (; i < count; ++i) {
      float value = (x[i] * rounding.inverse + Exp32::round) - Exp32::round;
      room[i] = static_cast<int16_t>(value == value ? value : 0.0f);  // infinity times 0 is NaN
    }
    return room;
  }

  // A weight is multiplied with the scale of its value. Positions without one have undefined scales.
  template <typename Values>
  ST_HD void scale_weights(float* weights, const Values& values) {
    for (int b = values.first(); b < values.count(); ++b, weights += kLanes) {
      F16x weight = load(weights), scale = load(kv_scales(values[b], values.split.head_dim));
      store(weights, where_at_least(weight, 1e-38f, mul(weight, scale)));
    }
  }
};

constexpr int kMaxHeads = 8;  // queries computed at once: keys and values are read once for all of them

// Addresses of the keys or the values of a split's blocks.
template <typename C>
struct Blocks {
  const AttentionSplit& split;
  const typename C::Type* data;

  const typename C::Type* operator[](int b) const {
    int64_t block = split.block_table[split.start / kLanes + b];
    return data + (block * split.kv_heads + split.kv_head) * head_elements();
  }
  int64_t head_elements() const {
    return static_cast<int64_t>(kv_head_bytes(split.head_dim, split.dtype) / sizeof(typename C::Type));
  }
  int first() const { return split.first / kLanes; }
  int count() const { return (split.count + kLanes - 1) / kLanes; }
  // The positions of a block that belong to the split: skipped(b) .. valid(b) - 1.
  int skipped(int b) const { return split.first > b * kLanes ? split.first - b * kLanes : 0; }
  int valid(int b) const { return split.count - b * kLanes < kLanes ? split.count - b * kLanes : kLanes; }
};

// scores[h, t] = scale q[h] . k[t] for the positions of COUNT blocks from block b on; lanes before and beyond the split
// become -inf. `units` are those of the queries.
template <typename C, int HEADS, int COUNT>
void block_scores(const AttentionSplit& split, const typename C::Factor* q, const float* units, const Blocks<C>& keys,
                  const Blocks<C>& values, int b, float* scores) {
  typename C::Sum total[HEADS][COUNT];
  const typename C::Type *key[COUNT], *value[COUNT];
  ST_UNROLL
  for (int i = 0; i < COUNT; ++i) {
    key[i] = keys[b + i];
    value[i] = values[b + i];
    ST_UNROLL
    for (int h = 0; h < HEADS; ++h) total[h][i] = C::zero_sum();
  }
  for (int d = 0; d < split.head_dim; d += C::kTogether) {
    ST_UNROLL
    for (int pass = 0; pass < C::kPasses; ++pass) {
      decltype(C::load16(key[0], 0)) k[COUNT];
      ST_UNROLL
      for (int i = 0; i < COUNT; ++i) {
        k[i] = C::load16(key[i] + d * kLanes, pass);
        if (pass == 0) prefetch(value[i] + d * kLanes);
      }
      ST_UNROLL
      for (int h = 0; h < HEADS; ++h) {
        auto factor = C::factor(q + h * split.head_dim + d, pass);
        ST_UNROLL
        for (int i = 0; i < COUNT; ++i) total[h][i] = C::add_product(total[h][i], k[i], factor);
      }
    }
  }
  ST_UNROLL
  for (int h = 0; h < HEADS; ++h) {
    ST_UNROLL
    for (int i = 0; i < COUNT; ++i) {
      float* out = scores + h * kSplit + (b + i) * kLanes;
      store(out, C::scores(total[h][i], split.scale, units[h], key[i], split.head_dim));
      for (int t = 0; t < keys.skipped(b + i); ++t) out[t] = -INFINITY;
      for (int t = keys.valid(b + i); t < kLanes; ++t) out[t] = -INFINITY;
    }
  }
}

// Replaces scores by weights e^(score - maximum), rounded to the format of the multiplication. The total is the sum of
// the rounded weights.
template <typename C>
void soften(float* scores, int blocks, float* maximum_out, float* total_out) {
  F16x top = load(scores);
  for (int b = 1; b < blocks; ++b) top = max(top, load(scores + b * kLanes));
  *maximum_out = maximum(top);
  F16x total = zero();
  for (int b = 0; b < blocks; ++b) {
    F16x x = sub(load(scores + b * kLanes), broadcast(*maximum_out));
    F16x p = C::rounded(where_at_least(x, Exp32::low, exp(x)));
    store(scores + b * kLanes, p);
    total = add(total, p);
  }
  *total_out = sum(total);
}

// values[h, d ..] = sum over t of p[h, t] v[t, d ..] for LINES times 16 dimensions, t in order over the whole split.
template <typename C, int HEADS, int LINES>
void split_values(const Blocks<C>& blocks, const Blocks<C>& keys, int d, const typename C::Factor* p,
                  const float* units, float* partials) {
  typename C::Sum total[HEADS][LINES];
  ST_UNROLL
  for (int h = 0; h < HEADS; ++h) {
    ST_UNROLL
    for (int i = 0; i < LINES; ++i) total[h][i] = C::zero_sum();
  }
  int dim = blocks.split.head_dim;
  // Forced inline: otherwise the sums would be in memory.
  auto add_products = [&](const auto(&value)[LINES], const typename C::Factor* weights, int pass)
      __attribute__((always_inline)) {
    ST_UNROLL
    for (int h = 0; h < HEADS; ++h) {
      auto factor = C::factor(weights + h * kSplit, pass);
      ST_UNROLL
      for (int i = 0; i < LINES; ++i) total[h][i] = C::add_product(total[h][i], value[i], factor);
    }
  };
  for (int b = blocks.first(); b < blocks.count(); ++b) {
    int next_split = b + kSplit / kLanes, valid = blocks.valid(b), t = blocks.skipped(b) / C::kTogether * C::kTogether;
    const typename C::Type* values = blocks[b] + d * C::kTogether;
    const typename C::Type* later = next_split < blocks.split.blocks ? keys[next_split] + d * C::kTogether : values;
    decltype(C::load16(values, 0)) value[LINES];
    for (; t + C::kTogether <= valid; t += C::kTogether) {
      ST_UNROLL
      for (int i = 0; i < LINES; ++i) prefetch(later + t * dim + i * kLanes * C::kTogether);
      ST_UNROLL
      for (int pass = 0; pass < C::kPasses; ++pass) {
        ST_UNROLL
        for (int i = 0; i < LINES; ++i) value[i] = C::load16(values + t * dim + i * kLanes * C::kTogether, pass);
        add_products(value, p + b * kLanes + t, pass);
      }
    }
    if (t < valid) {  // memory after the last position has undefined content
      ST_UNROLL
      for (int i = 0; i < LINES; ++i) value[i] = C::load16_first(values + t * dim + i * kLanes * C::kTogether);
      add_products(value, p + b * kLanes + t, 0);
    }
  }
  ST_UNROLL
  for (int h = 0; h < HEADS; ++h) {
    ST_UNROLL
    for (int i = 0; i < LINES; ++i)
      store(partials + h * partial_floats(dim) + d + i * kLanes, C::values(total[h][i], units[h]));
  }
}

template <typename C, int HEADS>
void split_heads(const AttentionSplit& split, int first) {
  int dim = split.head_dim;
  float* partials = split.partials + first * partial_floats(dim);
  float scores[HEADS * kSplit];
  typename C::Factor query_room[HEADS * ST_MAX_HEAD_DIM], weight_room[HEADS * kSplit];
  float units[HEADS];
  const typename C::Factor* q = nullptr;  // of head h at h * dim
  for (int h = 0; h < HEADS; ++h)
    q = C::factors(split.q + (first + h) * dim, dim, query_room + h * dim, &units[h]) - h * dim;
  Blocks<C> keys = {split, static_cast<const typename C::Type*>(split.keys)};
  Blocks<C> values = {split, static_cast<const typename C::Type*>(split.values)};
  // Several blocks at once: few heads alone have too few independent sums to keep the FMA units busy.
  int b = keys.first(), begin = b * kLanes;
  for (; b + kScoreBlocks <= keys.count(); b += kScoreBlocks)
    block_scores<C, HEADS, kScoreBlocks>(split, q, units, keys, values, b, scores);
  for (; b < keys.count(); ++b) block_scores<C, HEADS, 1>(split, q, units, keys, values, b, scores);
  const typename C::Factor* p = nullptr;  // of head h at h * kSplit, like the scores
  for (int h = 0; h < HEADS; ++h) {
    float* end = partials + h * partial_floats(dim) + dim;
    int at = h * kSplit + begin, blocks = keys.count() - keys.first();
    soften<C>(scores + at, blocks, end, end + 1);
    C::scale_weights(scores + at, values);
    p = C::factors(scores + at, int64_t{blocks} * kLanes, weight_room + at, &units[h]) - at;
  }
  constexpr int kLines = HEADS * 4 <= kValueSums ? 4 : 2;
  int d = 0;
  for (; d + kLines * kLanes <= dim; d += kLines * kLanes)
    split_values<C, HEADS, kLines>(values, keys, d, p, units, partials);
  for (; d + 2 * kLanes <= dim; d += 2 * kLanes) split_values<C, HEADS, 2>(values, keys, d, p, units, partials);
  for (; d + kLanes <= dim; d += kLanes) split_values<C, HEADS, 1>(values, keys, d, p, units, partials);
  for (; d < dim; ++d) {
    for (int h = 0; h < HEADS; ++h) {
      typename C::OneSum total = 0;
      for (int t = split.first; t < split.count; ++t)
        total += C::product(p[h * kSplit + t], values[t / kLanes][value_place<C::kTogether>(t % kLanes, d, dim)]);
      partials[h * partial_floats(dim) + d] = C::value(total, units[h]);
    }
  }
}

// For `heads` <= HEADS.
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
  else if (split.dtype == ST_BF16)
    attention_split_of<StoredBf16>(split);
  else
    attention_split_of<StoredInt8>(split);
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
