// The kernels, included by one file per instruction set. Everything here has internal linkage, and nothing from the
// standard library's templates is used: a shared copy could hold instructions that the machine lacks.

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
struct StoredF16 {
  using Type = uint16_t;
  ST_HD F16x load16(const uint16_t* p) { return load_f16(p); }
  ST_HD float one(uint16_t x) { return f16_to_float(x); }
};
struct StoredBf16 {
  using Type = uint16_t;
  ST_HD F16x load16(const uint16_t* p) { return load_bf16(p); }
  ST_HD float one(uint16_t x) { return bf16_to_float(x); }
};

// --- linear --------------------------------------------------------------------------------------------------------

void store_outputs(F16x value, const float* bias, float* out, int64_t count) {
  if (count >= kLanes) {
    store(out, bias ? add(value, load(bias)) : value);
    return;
  }
  float lane[kLanes];
  store(lane, value);
  for (int64_t i = 0; i < count; ++i) out[i] = bias ? lane[i] + bias[i] : lane[i];
}

// ROWS rows by TILES weight tiles, every product chain over k in order.
template <typename W, int ROWS, int TILES>
void linear_block(const float* x, int64_t cols, const typename W::Type* w, int64_t tile, const float* bias, float* out,
                  int64_t outputs) {
  F16x total[ROWS][TILES];
  for (int r = 0; r < ROWS; ++r)
    for (int t = 0; t < TILES; ++t) total[r][t] = zero();
  const typename W::Type* base = w + tile * cols * kLanes;
  for (int64_t k = 0; k < cols; ++k) {
    F16x weight[TILES];
    for (int t = 0; t < TILES; ++t) weight[t] = W::load16(base + (t * cols + k) * kLanes);
    for (int r = 0; r < ROWS; ++r) {
      F16x input = broadcast(x[r * cols + k]);
      for (int t = 0; t < TILES; ++t) total[r][t] = mul_add(weight[t], input, total[r][t]);
    }
  }
  for (int r = 0; r < ROWS; ++r) {
    for (int t = 0; t < TILES; ++t) {
      int64_t first = (tile + t) * kLanes;
      store_outputs(total[r][t], bias ? bias + first : nullptr, out + r * outputs + first, outputs - first);
    }
  }
}

// At most ROWS rows, in one pass over the weights.
template <typename W, int ROWS, int TILES>
void linear_rows(const float* x, int64_t rows, int64_t cols, const typename W::Type* w, int64_t tile, const float* bias,
                 float* out, int64_t outputs) {
  if constexpr (ROWS > 1) {
    if (rows < ROWS) return linear_rows<W, ROWS - 1, TILES>(x, rows, cols, w, tile, bias, out, outputs);
  }
  linear_block<W, ROWS, TILES>(x, cols, w, tile, bias, out, outputs);
}

template <typename W>
void linear_of(const float* x, int64_t rows, int64_t cols, const void* w, int64_t first, int64_t last,
               const float* bias, float* out, int64_t outputs) {
  const auto* weights = static_cast<const typename W::Type*>(w);
  int64_t tile = first;
  // A single row is bound by memory: four tiles at once keep enough loads in flight.
  if (rows == 1)
    for (; tile + 4 <= last; tile += 4) linear_block<W, 1, 4>(x, cols, weights, tile, bias, out, outputs);
  auto all_rows = [&]<int TILES>() {
    for (int64_t r = 0; r < rows; r += kBlockRows)
      linear_rows<W, kBlockRows, TILES>(x + r * cols, rows - r, cols, weights, tile, bias, out + r * outputs, outputs);
  };
  for (; tile + kBlockTiles <= last; tile += kBlockTiles) all_rows.template operator()<kBlockTiles>();
  for (; tile < last; ++tile) all_rows.template operator()<1>();
}

void linear(const float* x, int64_t rows, int64_t cols, const void* w, int dtype, int64_t first, int64_t last,
            const float* bias, float* out, int64_t outputs) {
  if (dtype == ST_F32) return linear_of<StoredF32>(x, rows, cols, w, first, last, bias, out, outputs);
  if (dtype == ST_F16) return linear_of<StoredF16>(x, rows, cols, w, first, last, bias, out, outputs);
  return linear_of<StoredBf16>(x, rows, cols, w, first, last, bias, out, outputs);
}

// --- row operations ------------------------------------------------------------------------------------------------

void rms_norm(const float* delta, float* residual, const float* weight, float epsilon, float* out, int64_t cols) {
  F16x squares = zero();
  int64_t i = 0;
  for (; i + kLanes <= cols; i += kLanes) {
    F16x value = delta ? add(load(residual + i), load(delta + i)) : load(residual + i);
    store(residual + i, value);
    squares = mul_add(value, value, squares);
  }
  float total = sum(squares);
  for (; i < cols; ++i) {
    if (delta) residual[i] += delta[i];
    total += residual[i] * residual[i];
  }
  float factor = 1.0f / sqrtf(total / static_cast<float>(cols) + epsilon);
  for (i = 0; i + kLanes <= cols; i += kLanes)
    store(out + i, mul(mul(load(residual + i), broadcast(factor)), load(weight + i)));
  for (; i < cols; ++i) out[i] = residual[i] * factor * weight[i];
}

void silu_mul(const float* gate, const float* up, float* out, int64_t cols) {
  int64_t i = 0;
  for (; i + kLanes <= cols; i += kLanes) {
    F16x g = load(gate + i);
    F16x denominator = add(broadcast(1.0f), exp(sub(zero(), g)));
    store(out + i, mul(div(g, denominator), load(up + i)));
  }
  for (; i < cols; ++i) out[i] = gate[i] / (1.0f + exp32(-gate[i])) * up[i];
}

// --- attention -----------------------------------------------------------------------------------------------------

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

// --- logits --------------------------------------------------------------------------------------------------------

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
  LogitSums sums = {0, 0};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    F16x x = mul(sub(load(logits + i), broadcast(maximum)), broadcast(inverse_temperature));
    F16x mass = where_at_least(x, Exp32::low, exp(x));
    // -inf has no mass and no moment; -inf * 0 would be NaN.
    F16x moment = mul(sub(zero(), max(x, broadcast(Exp32::low))), mass);
    float masses[kLanes], moments[kLanes];
    store(masses, mass);
    store(moments, moment);
    for (int lane = 0; lane < kLanes; ++lane) {
      sums.z += to_fixed(masses[lane]);
      sums.s += to_fixed(moments[lane]);
    }
  }
  for (; i < count; ++i) {
    float x = scaled_logit(logits[i], maximum, inverse_temperature), mass = mass_of(x);
    sums.z += to_fixed(mass);
    sums.s += to_fixed((x < Exp32::low ? -Exp32::low : -x) * mass);
  }
  return sums;
}

constexpr Kernels make_kernels(const char* name) {
  return {name, linear, rms_norm, silu_mul, attention, logit_maxima, logit_sums};
}

}  // namespace
}  // namespace st::cpu
