// One split of attention on tensor cores: copies of keys and values to shared memory, scores, weights, sums of values.
#pragma once

#include "cuda/attention_sums.cuh"
#include "cuda/mma.cuh"

namespace st::cuda {

constexpr int kWarpPositions = kSplitPositions / kMmaWarps;  // of keys
constexpr int kWarpBlocks = kWarpPositions / kBlock, kSplitBlocks = kSplitPositions / kBlock;
constexpr float kLog2E = 1.44269504088896341f;
constexpr int32_t kMissing = -1, kBeyond = -2;  // in place of a block: the table has none; the unit does not reach it

struct Unit {
  int32_t sequence, row, rows;  // rows = 0: none
  int32_t bottom, top;          // the positions that it attends to; top = -1: all rows are idle
};

// A place in a walk over the units: a row, with the splits and the stored spans of the units before it.
struct Place {
  int32_t row, sequence, splits, spans;
};

// A unit with one of its KV heads, and the splits that this block processes.
struct Task {
  Place at;
  int32_t copy;  // of the unit, for a KV head and some of its query heads
  Unit unit;
  int32_t kv_head, first_head, heads, pairs;
  int32_t base;        // its split i is at place base + i among all
  int32_t first_span;  // of those that are stored
  Segment splits, segment;
};

// Of keys and values, K, in parts of 16 bytes.
template <typename K, int kHeadDim>
struct Stored {
  static constexpr int kPart = 16 / sizeof(K);                               // elements
  static constexpr int kRowParts = kHeadDim / kPart;                         // of a key
  static constexpr int kValueParts = kHeadDim / kMmaWarps * kBlock / kPart;  // of a block, for a warp
  // Odd rows of keys have their halves of 64 bytes exchanged, unless two rows have just the 128 bytes of all banks.
  static constexpr int kSwap = kRowParts > 4 ? 4 : 0;
};

// The scales of integers, of two splits: those of the next arrive while this one's are in use.
template <typename K>
struct KvScales {};
template <>
struct KvScales<KvInt8> {
  alignas(16) float key_scales[2][kSplitPositions];
  alignas(16) float value_scales[2][kSplitPositions];
};

// Keys of 32 positions with the scales, and values of a quarter of the head, are copied by a warp each.
template <typename K, int kHeadDim, int kTiles>
struct Inputs : KvScales<K> {
  using Part = Pack<uint32_t, 4>;  // a lane's registers of an mma operand
  Part queries[kTiles][kHeadDim / 16][kWarpSize];
  Part keys[kMmaWarps][kWarpPositions * Stored<K, kHeadDim>::kRowParts];
  Part values[kMmaWarps][kSplitBlocks][Stored<K, kHeadDim>::kValueParts];
  int32_t limits[kTiles * kTilePairs];  // the last position that each pair attends to; -1: none
};

// A unit of several tiles has one per warp, which needs nothing of the others.
template <typename K, int kHeadDim, int kTiles>
struct Shared : Inputs<K, kHeadDim, kTiles> {};

// In a unit of one tile a warp scores its own positions and sums its own quarter of the head.
template <typename K, int kHeadDim>
struct Shared<K, kHeadDim, 1> : Inputs<K, kHeadDim, 1> {
  Pack<uint32_t, 4> weights[kSplitBlocks][kWarpSize];
  float maxima[kMmaWarps][kTilePairs], totals[kMmaWarps][kTilePairs];
};

// The blocks of a split, one in each of 8 lanes: those that hold positions from `bottom` on, which may lie beyond its
// start only in the first split of a unit.
__device__ __forceinline__ int32_t load_blocks(const st_attention& op, const Task& task, int32_t split, int32_t bottom,
                                               int lane) {
  int32_t position = split * kSplitPositions + lane % kSplitBlocks * kBlock;
  bool reached = position <= task.unit.top && position + kBlock > bottom;
  return reached ? block_of(op.batch, op.cache, task.unit.sequence, position) : kBeyond;
}

// Whether a pair whose last position is `limit` attends to a position; both limits in one comparison.
__device__ __forceinline__ bool attends(int32_t limit, int32_t position, int32_t window) {
  return static_cast<uint32_t>(limit - position) < static_cast<uint32_t>(window);
}

// Where the elements of (block, KV head) are in the cache.
template <typename K, int kHeadDim>
__device__ __forceinline__ const K* keys_of(const st_attention& op, int32_t block, int32_t kv_head) {
  return static_cast<const K*>(op.cache.keys) + kv_offset<K>(block, op.kv_heads, kv_head, kHeadDim);
}
template <typename K, int kHeadDim>
__device__ __forceinline__ const K* values_of(const st_attention& op, int32_t block, int32_t kv_head) {
  return static_cast<const K*>(op.cache.values) + kv_offset<K>(block, op.kv_heads, kv_head, kHeadDim);
}

// The scales of the warp's positions, of keys and of values, by a lane for each four.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void copy_scales(const st_attention& op, int32_t kv_head, int32_t split, int32_t blocks,
                                            int warp, int lane, Shared<KvInt8, kHeadDim, kTiles>& shared) {
  constexpr int kParts = kBlock / 4;
  int b = lane / kParts % kWarpBlocks, at = lane % kParts * 4;
  bool of_values = lane / kParts / kWarpBlocks == 1;
  int32_t block = __shfl_sync(kWholeWarp, blocks, warp * kWarpBlocks + b);
  if (lane >= 2 * kWarpBlocks * kParts || block < 0) return;
  const KvInt8* elements =
      of_values ? values_of<KvInt8, kHeadDim>(op, block, kv_head) : keys_of<KvInt8, kHeadDim>(op, block, kv_head);
  float* to = (of_values ? shared.value_scales[split % 2] : shared.key_scales[split % 2]) + warp * kWarpPositions;
  copy_async_16(shared_address(to + b * kBlock + at), kv_scales(elements, kHeadDim) + at, true);
}

template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void copy_keys(const st_attention& op, int32_t kv_head, int32_t split, int32_t blocks,
                                          int warp, int lane, Shared<K, kHeadDim, kTiles>& shared) {
  using Of = Stored<K, kHeadDim>;
#pragma unroll
  for (int b = 0; b < kWarpBlocks; ++b) {
    int32_t block = __shfl_sync(kWholeWarp, blocks, warp * kWarpBlocks + b);
    if (block >= 0) {
      const K* keys = keys_of<K, kHeadDim>(op, block, kv_head);
#pragma unroll
      for (int i = 0; i < kBlock * Of::kRowParts / kWarpSize; ++i) {
        int at = i * kWarpSize + lane, position = at / Of::kRowParts;
        copy_async_16(shared_address(&shared.keys[warp][(b * kBlock * Of::kRowParts + at) ^ position % 2 * Of::kSwap]),
                      keys + at * Of::kPart, true);
      }
    }
  }
  if constexpr (kIntegers<K>) copy_scales(op, kv_head, split, blocks, warp, lane, shared);
  copy_async_commit();
}

template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void copy_values(const st_attention& op, int32_t kv_head, int32_t blocks, int warp, int lane,
                                            Shared<K, kHeadDim, kTiles>& shared) {
  using Of = Stored<K, kHeadDim>;
#pragma unroll
  for (int b = 0; b < kSplitBlocks; ++b) {
    int32_t block = __shfl_sync(kWholeWarp, blocks, b);
    if (block >= 0) {
      const K* values = values_of<K, kHeadDim>(op, block, kv_head) + warp * Of::kValueParts * Of::kPart;
#pragma unroll
      for (int at = lane; at < Of::kValueParts; at += kWarpSize)
        copy_async_16(shared_address(&shared.values[warp][b][at]), values + at * Of::kPart, true);
    }
  }
  copy_async_commit();
}

// Memory beyond the context has undefined content, and 0 times NaN or infinity is not 0: clears what this thread has
// copied of the values behind position `top`, where the context ends within a block.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void clear_values(int32_t first, int32_t top, int warp, int lane,
                                             Shared<Bf16, kHeadDim, kTiles>& shared) {
  int32_t block = (top - first) / kBlock, last = top % kBlock;
  if (top < first || block >= kSplitBlocks || last == kBlock - 1) return;
#pragma unroll
  for (int at = lane; at < kHeadDim / kMmaWarps * 2; at += kWarpSize) {
    Pack<uint32_t, 4>& part = shared.values[warp][block][at];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int position = position_of_value(at % 2 * 8 + 2 * i);
      part.at[i] &= (position <= last ? 0x0000ffffu : 0u) | (position + 1 <= last ? 0xffff0000u : 0u);
    }
  }
}

// Of integers it is the scales that may be no numbers there. A thread clears one.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void clear_scales(int32_t first, int32_t top, Shared<KvInt8, kHeadDim, kTiles>& shared) {
  int32_t position = first + static_cast<int32_t>(threadIdx.x);
  if (position > top) shared.value_scales[first / kSplitPositions % 2][threadIdx.x] = 0.0f;
}

// Queries as first operand. The elements of a head are permuted so that those of a lane are adjacent: quarter q has
// 8 q .. 8 q + 7 of every 32, or with integers 16 q .. 16 q + 15 of every 64. Of each four of these the first operand's
// registers have 0, 1 and 2, 3, or with integers 0, 2 and 1, 3, as `widen` makes them.
template <typename A, typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void load_queries(const st_attention& op, const Task& task, int warp, int lane,
                                             Shared<K, kHeadDim, kTiles>& shared) {
  using Of = Stored<K, kHeadDim>;
  constexpr int kSecond = kIntegers<K> ? 2 : 1, kOther = kIntegers<K> ? 1 : 2, kSteps = kHeadDim / 16;
  for (int at = warp; at < kTiles * kSteps; at += kMmaWarps) {
    int tile = at / kSteps, step = at % kSteps, of_part = Of::kPart / 4;
    int element = step / of_part * 4 * Of::kPart + lane % 4 * Of::kPart + step % of_part * 4;
    uint32_t parts[2][2] = {};
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      int pair = tile * kTilePairs + lane / 4 + h * 8;
      if (pair >= task.pairs) continue;
      int64_t row = task.unit.row + pair / task.heads, head = task.first_head + pair % task.heads;
      const auto* q = static_cast<const A*>(op.qkv) + (row * (op.heads + 2 * op.kv_heads) + head) * kHeadDim;
      auto four = *reinterpret_cast<const Pack<A, 4>*>(q + element);
      auto rounded = [&](int i) { return from_float<Bf16>(to_float(four.at[i])); };
      parts[h][0] = packed(rounded(0), rounded(kSecond));
      parts[h][1] = packed(rounded(kOther), rounded(3));
    }
    shared.queries[tile][step][lane] = {parts[0][0], parts[1][0], parts[0][1], parts[1][1]};
  }
}

// The registers of the second operand in a part of a row of keys, for its products i.
template <typename K>
__device__ __forceinline__ void column_of(const Pack<uint32_t, 4>& part, int i, uint32_t (&column)[2]) {
  if constexpr (kIntegers<K>) {
    widen(part.at[i], column[0], column[1]);
  } else {
    column[0] = part.at[2 * i];
    column[1] = part.at[2 * i + 1];
  }
}

// Adds the products of part i of each quarter, 32 elements of the head or 64 integers, to the scores of kParts x 8
// positions. Four products in a row are independent of one another.
template <typename K, int kHeadDim, int kParts>
__device__ __forceinline__ void score_step(const Pack<uint32_t, 4> (*queries)[kWarpSize], const Pack<uint32_t, 4>* keys,
                                           int i, int lane, float (&scores)[kParts][4]) {
  using Of = Stored<K, kHeadDim>;
  constexpr int kProducts = Of::kPart / 4;
  Pack<uint32_t, 4> parts[kParts];
#pragma unroll
  for (int n = 0; n < kParts; ++n) {
    int position = n * 8 + lane / 4;
    parts[n] = keys[(position * Of::kRowParts + i * 4 + lane % 4) ^ position % 2 * Of::kSwap];
  }
#pragma unroll
  for (int k = 0; k < kProducts; ++k) {
    Pack<uint32_t, 4> query = queries[i * kProducts + k][lane];
#pragma unroll
    for (int n = 0; n < kParts; ++n) {
      uint32_t column[2];
      column_of<K>(parts[n], k, column);
      mma<Bf16>(scores[n], query.at, column);
    }
  }
}

// Multiplies scores of the positions from `position` on by `scale`, and those of integers by the scales of their keys.
template <typename K, int kHeadDim, int kTiles, int kParts>
__device__ __forceinline__ void scale_scores(const Shared<K, kHeadDim, kTiles>& shared, float scale, int32_t split,
                                             int position, int lane, float (&scores)[kParts][4]) {
#pragma unroll
  for (int n = 0; n < kParts; ++n) {
    Pack<float, 2> factors = {scale, scale};
    if constexpr (kIntegers<K>) {
      factors =
          *reinterpret_cast<const Pack<float, 2>*>(shared.key_scales[split % 2] + position + n * 8 + lane % 4 * 2);
      for (float& each : factors.at) each *= scale;
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) scores[n][e] *= factors.at[e % 2];
  }
}

// Two weights, those of `position` and the next one, rounded to the format of the mma operand. The total is of what is
// rounded; with integers of the weights before they are multiplied by the scales of their values, and rounded.
template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ uint32_t weigh_two(const Shared<K, kHeadDim, kTiles>& shared, int32_t split, int position,
                                              float a, float b, float& total) {
  if constexpr (kIntegers<K>) {
    auto scales = *reinterpret_cast<const Pack<float, 2>*>(shared.value_scales[split % 2] + position);
    total += a;
    total += b;
    return rounded_pair<Bf16>(a * scales.at[0], b * scales.at[1]);
  } else {
    uint32_t two = rounded_pair<Bf16>(a, b);
    total += float_of(two << 16);
    total += float_of(two & 0xffff0000u);
    return two;
  }
}

// Weights of a warp's positions, from `position` of the split on, for half h of the pairs; returns their total.
// top = kNoScore: the pair attends to none of the split's positions.
template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ float weigh_positions(const Shared<K, kHeadDim, kTiles>& shared, int32_t split, int position,
                                                 int lane, const float (&scores)[kWarpPositions / 8][4], int h,
                                                 float top, uint32_t (&weights)[kWarpBlocks][4]) {
  float relative_to = top == kNoScore ? 0.0f : top, total = 0.0f;
#pragma unroll
  for (int n = 0; n < kWarpPositions / 8; ++n) {
    float a = power_of_2(scores[n][2 * h] - relative_to), b = power_of_2(scores[n][2 * h + 1] - relative_to);
    weights[n / 2][h + n % 2 * 2] = weigh_two(shared, split, position + n * 8 + lane % 4 * 2, a, b, total);
  }
  for (int lanes = 1; lanes < 4; lanes *= 2) total += __shfl_xor_sync(kWholeWarp, total, lanes);
  return total;
}

// --- units of one tile ---------------------------------------------------------------------------------------------

// Scores of the warp's positions: scores[n] of 8 positions.
template <typename K, int kHeadDim>
__device__ __forceinline__ void score(const Shared<K, kHeadDim, 1>& shared, int warp, int lane,
                                      float (&scores)[kWarpPositions / 8][4]) {
#pragma unroll
  for (int i = 0; i < Stored<K, kHeadDim>::kRowParts / 4; ++i)
    score_step<K, kHeadDim>(shared.queries[0], shared.keys[warp], i, lane, scores);
}

// Masks scores; stores each pair's maximum over the warp's positions, the first of which is `first`.
template <typename K, int kHeadDim>
__device__ __forceinline__ void mask(int32_t window, int32_t first, int32_t blocks, int warp, int lane,
                                     Shared<K, kHeadDim, 1>& shared, float (&scores)[kWarpPositions / 8][4]) {
  bool missing[kWarpBlocks];
#pragma unroll
  for (int b = 0; b < kWarpBlocks; ++b)
    missing[b] = __shfl_sync(kWholeWarp, blocks, warp * kWarpBlocks + b) == kMissing;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    int pair = h * 8 + lane / 4;
    int32_t limit = shared.limits[pair];
    float top = kNoScore;
#pragma unroll
    for (int n = 0; n < kWarpPositions / 8; ++n) {
#pragma unroll
      for (int e = 2 * h; e < 2 * h + 2; ++e) {
        float& score = scores[n][e];
        if (missing[n * 8 / kBlock]) score = float_of(0x7fc00000u);
        if (!attends(limit, first + n * 8 + 2 * (lane % 4) + e % 2, window)) score = kNoScore;
        if (score > top) top = score;  // NaN propagates to the sums
      }
    }
    for (int lanes = 1; lanes < 4; lanes *= 2) top = Max()(top, __shfl_xor_sync(kWholeWarp, top, lanes));
    if (lane % 4 == 0) shared.maxima[warp][pair] = top;
  }
}

// Weights, rounded to the format of the mma operand, to shared memory; the total is the sum of the rounded weights.
template <typename K, int kHeadDim>
__device__ __forceinline__ void weigh(const float (&scores)[kWarpPositions / 8][4], int32_t split, int warp, int lane,
                                      Shared<K, kHeadDim, 1>& shared, float (&maximum)[2]) {
  uint32_t weights[kWarpBlocks][4];
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    int pair = h * 8 + lane / 4;
    float top = shared.maxima[0][pair];
    for (int w = 1; w < kMmaWarps; ++w) top = Max()(shared.maxima[w][pair], top);
    maximum[h] = top;
    float total = weigh_positions(shared, split, warp * kWarpPositions, lane, scores, h, top, weights);
    if (lane % 4 == 0) shared.totals[warp][pair] = total;
  }
#pragma unroll
  for (int b = 0; b < kWarpBlocks; ++b)
    shared.weights[warp * kWarpBlocks + b][lane] = {weights[b][0], weights[b][1], weights[b][2], weights[b][3]};
}

// Adds the products of a block's weights and values to kParts sums of 8 elements.
template <typename K, int kParts>
__device__ __forceinline__ void add_values(const Pack<uint32_t, 4>* values, const uint32_t (&weights)[4], int lane,
                                           float (*sums)[4]) {
  if constexpr (kIntegers<K>) {
    auto words = reinterpret_cast<const Pack<uint32_t, kParts>*>(values)[lane];
#pragma unroll
    for (int n = 0; n < kParts; ++n) {
      uint32_t column[2];
      widen(words.at[n], column[0], column[1]);
      mma<Bf16>(sums[n], weights, column);
    }
  } else {
#pragma unroll
    for (int n = 0; n < kParts; ++n)
      mma<Bf16>(sums[n], weights, reinterpret_cast<const Pack<uint32_t, 2>*>(values)[n * kWarpSize + lane].at);
  }
}

// The weighted sum of the values, for the warp's quarter of the head.
template <typename K, int kHeadDim>
__device__ __forceinline__ void sum_values(const Shared<K, kHeadDim, 1>& shared, int32_t blocks, int warp, int lane,
                                           Sums<kHeadDim, 1>& sums) {
#pragma unroll
  for (int b = 0; b < kSplitBlocks; ++b) {
    if (__shfl_sync(kWholeWarp, blocks, b) < 0) continue;  // the scores of a missing block are already NaN
    Pack<uint32_t, 4> weights = shared.weights[b][lane];
    add_values<K, Sums<kHeadDim, 1>::kParts>(shared.values[warp][b], weights.at, lane, sums.values);
  }
}

template <typename K, int kHeadDim>
__device__ __forceinline__ void add_totals(const Shared<K, kHeadDim, 1>& shared, int lane, Sums<kHeadDim, 1>& sums) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const float* total = &shared.totals[0][h * 8 + lane / 4];
    sums.total[h] = total[0];
    for (int w = 1; w < kMmaWarps; ++w) sums.total[h] += total[w * kTilePairs];
  }
}

// Sums of the split `blocks`; its keys and values have been copied, in this order. Copies those of `ahead`: keys while
// the values of this split are multiplied, values during the scores of the next.
template <typename K, int kHeadDim>
__device__ __forceinline__ void attend(const st_attention& op, const Task& task, int32_t first, int32_t blocks,
                                       int32_t ahead, int warp, int lane, Shared<K, kHeadDim, 1>& shared,
                                       Sums<kHeadDim, 1>& sums) {
  int32_t split = first / kSplitPositions;
  float scores[kWarpPositions / 8][4] = {};
  copy_async_wait<1>();
  __syncwarp();
  if constexpr (kIntegers<K>) clear_scales(first, task.unit.top, shared);
  score(shared, warp, lane, scores);
  scale_scores(shared, op.scale * kLog2E, split, warp * kWarpPositions, lane, scores);
  __syncwarp();
  copy_keys(op, task.kv_head, split + 1, ahead, warp, lane, shared);
  mask(op.window, first + warp * kWarpPositions, blocks, warp, lane, shared, scores);
  __syncthreads();
  sums.clear();
  weigh(scores, split, warp, lane, shared, sums.maximum);
  copy_async_wait<1>();
  if constexpr (!kIntegers<K>) clear_values(first, task.unit.top, warp, lane, shared);
  __syncthreads();
  sum_values(shared, blocks, warp, lane, sums);
  __syncwarp();
  copy_values(op, task.kv_head, ahead, warp, lane, shared);
  add_totals(shared, lane, sums);
}

// --- units of a tile per warp --------------------------------------------------------------------------------------

// Scores of the tile for all positions of the split. The inner loop stays one, so that no more is loaded ahead than
// there are registers for; queries are therefore read for each quarter.
template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void score_tile(const Shared<K, kHeadDim, kTiles>& shared, float scale, int32_t split,
                                           int warp, int lane, float (&scores)[kMmaWarps][kWarpPositions / 8][4]) {
#pragma unroll
  for (int w = 0; w < kMmaWarps; ++w) {
#pragma unroll 1
    for (int i = 0; i < Stored<K, kHeadDim>::kRowParts / 4; ++i)
      score_step<K, kHeadDim>(shared.queries[warp], shared.keys[w], i, lane, scores[w]);
    scale_scores(shared, scale, split, w * kWarpPositions, lane, scores[w]);
  }
}

template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void mask_tile(const Shared<K, kHeadDim, kTiles>& shared, int32_t window, int32_t first,
                                          int32_t blocks, int warp, int lane,
                                          float (&scores)[kMmaWarps][kWarpPositions / 8][4]) {
  int32_t limits[2];
  for (int h = 0; h < 2; ++h) limits[h] = shared.limits[warp * kTilePairs + h * 8 + lane / 4];
  bool partial = blocks < 0;
  for (int h = 0; h < 2; ++h)
    partial |= !attends(limits[h], first, window) || !attends(limits[h], first + kSplitPositions - 1, window);
  if (!__any_sync(kWholeWarp, partial)) return;
#pragma unroll
  for (int w = 0; w < kMmaWarps; ++w) {
#pragma unroll
    for (int n = 0; n < kWarpPositions / 8; ++n) {
      bool missing = __shfl_sync(kWholeWarp, blocks, w * kWarpBlocks + n / 2) == kMissing;
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        int32_t position = first + w * kWarpPositions + n * 8 + 2 * (lane % 4) + e % 2;
        if (missing) scores[w][n][e] = float_of(0x7fc00000u);
        if (!attends(limits[e / 2], position, window)) scores[w][n][e] = kNoScore;
      }
    }
  }
}

// Weights from the scores of a tile, as first operand of mma; maxima and totals.
template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void weigh_tile(const Shared<K, kHeadDim, kTiles>& shared, int32_t split, int lane,
                                           const float (&scores)[kMmaWarps][kWarpPositions / 8][4],
                                           uint32_t (&weights)[kMmaWarps][kWarpBlocks][4],
                                           Sums<kHeadDim, kTiles>& sums) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    float top = kNoScore;
#pragma unroll
    for (int w = 0; w < kMmaWarps; ++w)
#pragma unroll
      for (int n = 0; n < kWarpPositions / 8; ++n)
#pragma unroll
        for (int e = 2 * h; e < 2 * h + 2; ++e) top = fmaxf(top, scores[w][n][e]);  // NaN propagates to the sums
    for (int lanes = 1; lanes < 4; lanes *= 2) top = fmaxf(top, __shfl_xor_sync(kWholeWarp, top, lanes));
    sums.maximum[h] = top;
#pragma unroll
    for (int w = 0; w < kMmaWarps; ++w) {
      float total = weigh_positions(shared, split, w * kWarpPositions, lane, scores[w], h, top, weights[w]);
      sums.total[h] = w == 0 ? total : sums.total[h] + total;
    }
  }
}

template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void sum_tile(const Shared<K, kHeadDim, kTiles>& shared, int32_t blocks, int lane,
                                         const uint32_t (&weights)[kMmaWarps][kWarpBlocks][4],
                                         Sums<kHeadDim, kTiles>& sums) {
  constexpr int kQuarter = Sums<kHeadDim, kTiles>::kParts / kMmaWarps;
#pragma unroll
  for (int b = 0; b < kSplitBlocks; ++b) {
    if (__shfl_sync(kWholeWarp, blocks, b) < 0) continue;
#pragma unroll
    for (int w = 0; w < kMmaWarps; ++w)
      add_values<K, kQuarter>(shared.values[w][b], weights[b / kWarpBlocks][b % kWarpBlocks], lane,
                              &sums.values[w * kQuarter]);
  }
}

// The same for a tile per warp: scores and weights stay in registers; only keys and values are shared.
template <typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void attend(const st_attention& op, const Task& task, int32_t first, int32_t blocks,
                                       int32_t ahead, int warp, int lane, Shared<K, kHeadDim, kTiles>& shared,
                                       Sums<kHeadDim, kTiles>& sums) {
  int32_t split = first / kSplitPositions;
  uint32_t weights[kMmaWarps][kWarpBlocks][4];
  float scores[kMmaWarps][kWarpPositions / 8][4] = {};
  copy_async_wait<1>();
  __syncthreads();
  if constexpr (kIntegers<K>) clear_scales(first, task.unit.top, shared);
  score_tile(shared, op.scale * kLog2E, split, warp, lane, scores);
  __syncthreads();
  copy_keys(op, task.kv_head, split + 1, ahead, warp, lane, shared);
  sums.clear();
  mask_tile(shared, op.window, first, blocks, warp, lane, scores);
  weigh_tile(shared, split, lane, scores, weights, sums);
  copy_async_wait<1>();
  if constexpr (!kIntegers<K>) clear_values(first, task.unit.top, warp, lane, shared);
  __syncthreads();
  sum_tile(shared, blocks, lane, weights, sums);
  __syncthreads();
  copy_values(op, task.kv_head, ahead, warp, lane, shared);
}

}  // namespace st::cuda
