// Attention; part of kernels.inl.
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

// Softmax sums of a range of positions: maximum, sum of e^(score - maximum), weighted values (scaled alike).
template <int HEADS>
struct Partial {
  float maximum[HEADS], total[HEADS];
  float values[HEADS][ST_MAX_HEAD_DIM];
};

// score[h, t] = scale q[h] . k[t] for the 16 positions of a block; lanes from `valid` on become -inf.
template <typename C, int HEADS>
void block_scores(const AttentionRow& row, const float* q, const typename C::Type* keys, int valid, float* scores) {
  F16x total[HEADS];
  for (int h = 0; h < HEADS; ++h) total[h] = zero();
  for (int d = 0; d < row.head_dim; ++d) {
    F16x key = C::load16(keys + d * kLanes);
    for (int h = 0; h < HEADS; ++h) total[h] = mul_add(key, broadcast(q[h * row.head_dim + d]), total[h]);
  }
  for (int h = 0; h < HEADS; ++h) {
    store(scores + h * kSplit, mul(total[h], broadcast(row.scale)));
    for (int t = valid; t < kLanes; ++t) scores[h * kSplit + t] = -INFINITY;
  }
}

// values[h] += p[h, t] v[t] for the valid positions of a block, t in order.
template <typename C, int HEADS>
void block_values(int head_dim, const typename C::Type* values, int valid, const float* p, Partial<HEADS>& partial) {
  int d = 0;
  for (; d + kLanes <= head_dim; d += kLanes) {
    F16x total[HEADS];
    for (int h = 0; h < HEADS; ++h) total[h] = load(partial.values[h] + d);
    for (int t = 0; t < valid; ++t) {
      F16x value = C::load16(values + t * head_dim + d);
      for (int h = 0; h < HEADS; ++h) total[h] = mul_add(value, broadcast(p[h * kSplit + t]), total[h]);
    }
    for (int h = 0; h < HEADS; ++h) store(partial.values[h] + d, total[h]);
  }
  for (; d < head_dim; ++d)
    for (int h = 0; h < HEADS; ++h)
      for (int t = 0; t < valid; ++t) partial.values[h][d] += p[h * kSplit + t] * C::one(values[t * head_dim + d]);
}

// The positions [start, start + count) of a row, count <= kSplit, start a multiple of kSplit.
template <typename C, int HEADS>
void split_attention(const AttentionRow& row, const float* q, int start, int count, Partial<HEADS>& partial) {
  float scores[HEADS * kSplit];
  int blocks = (count + kLanes - 1) / kLanes;
  auto block_offset = [&](int b) {
    int64_t block = row.block_table[start / kLanes + b];
    return (block * row.kv_heads + row.kv_head) * kLanes * row.head_dim;
  };
  auto valid = [&](int b) { return count - b * kLanes < kLanes ? count - b * kLanes : kLanes; };
  const auto* keys = static_cast<const typename C::Type*>(row.keys);
  for (int b = 0; b < blocks; ++b)
    block_scores<C, HEADS>(row, q, keys + block_offset(b), valid(b), scores + b * kLanes);
  for (int h = 0; h < HEADS; ++h) {
    float* score = scores + h * kSplit;
    F16x top = load(score);
    for (int b = 1; b < blocks; ++b) top = max(top, load(score + b * kLanes));
    partial.maximum[h] = maximum(top);
    F16x total = zero();
    for (int b = 0; b < blocks; ++b) {
      F16x x = sub(load(score + b * kLanes), broadcast(partial.maximum[h]));
      F16x p = where_at_least(x, Exp32::low, exp(x));
      store(score + b * kLanes, p);
      total = add(total, p);
    }
    partial.total[h] = sum(total);
    for (int d = 0; d < row.head_dim; ++d) partial.values[h][d] = 0.0f;
  }
  const auto* values = static_cast<const typename C::Type*>(row.values);
  for (int b = 0; b < blocks; ++b)
    block_values<C, HEADS>(row.head_dim, values + block_offset(b), valid(b), scores + b * kLanes, partial);
}

// sum = sum merged with next, which covers later positions.
template <int HEADS>
void merge(Partial<HEADS>& sum, const Partial<HEADS>& next, int head_dim) {
  for (int h = 0; h < HEADS; ++h) {
    float top = sum.maximum[h] > next.maximum[h] ? sum.maximum[h] : next.maximum[h];
    float a = mass_of(sum.maximum[h] - top), b = mass_of(next.maximum[h] - top);
    sum.maximum[h] = top;
    sum.total[h] = sum.total[h] * a + next.total[h] * b;
    for (int d = 0; d < head_dim; ++d) sum.values[h][d] = sum.values[h][d] * a + next.values[h][d] * b;
  }
}

template <typename C, int HEADS>
void attention_heads(const AttentionRow& row, int first_head) {
  const float* q = row.q + first_head * row.head_dim;
  auto count = [&](int start) { return row.positions - start < kSplit ? row.positions - start : kSplit; };
  Partial<HEADS> sum;
  split_attention<C, HEADS>(row, q, 0, count(0), sum);
  for (int start = kSplit; start < row.positions; start += kSplit) {
    Partial<HEADS> next;
    split_attention<C, HEADS>(row, q, start, count(start), next);
    merge<HEADS>(sum, next, row.head_dim);
  }
  for (int h = 0; h < HEADS; ++h) {
    float* out = row.out + (first_head + h) * row.head_dim;
    for (int d = 0; d < row.head_dim; ++d) out[d] = sum.values[h][d] / sum.total[h];
  }
}

template <typename C>
void attention_of(const AttentionRow& row) {
  int h = 0;
  for (; h + 4 <= row.group; h += 4) attention_heads<C, 4>(row, h);
  for (; h < row.group; ++h) attention_heads<C, 1>(row, h);
}

void attention(const AttentionRow& row) {
  if (row.dtype == ST_F32)
    attention_of<StoredF32>(row);
  else
    attention_of<StoredBf16>(row);
}

}  // namespace
}  // namespace st::cpu
