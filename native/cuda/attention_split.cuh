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

// A unit with one of its KV heads, and the splits that this block processes.
struct Task {
  Unit unit;
  int32_t kv_head, first_head, heads, pairs;
  int32_t base;        // its split i is at place base + i among all
  int32_t first_span;  // of those that are stored
  Segment splits, segment;
};

// Keys of 32 positions, and values of a quarter of the head, are copied by a warp each.
template <int kHeadDim, int kTiles>
struct Inputs {
  using Part = Pack<uint32_t, 4>;  // a lane's registers of an mma operand
  Part queries[kTiles][kHeadDim / 16][kWarpSize];
  Part keys[kMmaWarps][kWarpPositions * kHeadDim / 8];  // rows; odd ones have their halves of 64 bytes exchanged
  Part values[kMmaWarps][kSplitBlocks][kHeadDim / kMmaWarps * 2];
  int32_t limits[kTiles * kTilePairs];  // the last position that each pair attends to; -1: none
};

// A unit of several tiles has one per warp, which needs nothing of the others.
template <int kHeadDim, int kTiles>
struct Shared : Inputs<kHeadDim, kTiles> {};

// In a unit of one tile a warp scores its own positions and sums its own quarter of the head.
template <int kHeadDim>
struct Shared<kHeadDim, 1> : Inputs<kHeadDim, 1> {
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

template <int kHeadDim, int kTiles>
__device__ __forceinline__ void copy_keys(const st_attention& op, int32_t kv_head, int32_t blocks, int warp, int lane,
                                          Shared<kHeadDim, kTiles>& shared) {
  constexpr int kRowParts = kHeadDim / 8;
#pragma unroll
  for (int b = 0; b < kWarpBlocks; ++b) {
    int32_t block = __shfl_sync(kWholeWarp, blocks, warp * kWarpBlocks + b);
    if (block >= 0) {
      const auto* keys = static_cast<const Bf16*>(op.cache.keys) + kv_offset(block, op.kv_heads, kv_head, kHeadDim);
#pragma unroll
      for (int i = 0; i < kBlock * kRowParts / kWarpSize; ++i) {
        int at = i * kWarpSize + lane, position = at / kRowParts;
        copy_async_16(shared_address(&shared.keys[warp][(b * kBlock * kRowParts + at) ^ position % 2 * 4]),
                      keys + at * 8, true);
      }
    }
  }
  copy_async_commit();
}

template <int kHeadDim, int kTiles>
__device__ __forceinline__ void copy_values(const st_attention& op, int32_t kv_head, int32_t blocks, int warp, int lane,
                                            Shared<kHeadDim, kTiles>& shared) {
  constexpr int kParts = kHeadDim / kMmaWarps * 2;  // of a block, for a warp
#pragma unroll
  for (int b = 0; b < kSplitBlocks; ++b) {
    int32_t block = __shfl_sync(kWholeWarp, blocks, b);
    if (block >= 0) {
      const auto* values = static_cast<const Bf16*>(op.cache.values) +
                           kv_offset(block, op.kv_heads, kv_head, kHeadDim) + warp * kParts * 8;
#pragma unroll
      for (int at = lane; at < kParts; at += kWarpSize)
        copy_async_16(shared_address(&shared.values[warp][b][at]), values + at * 8, true);
    }
  }
  copy_async_commit();
}

// Memory beyond the context has undefined content, and 0 times NaN or infinity is not 0: clears what this thread has
// copied of the values behind position `top`, where the context ends within a block.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void clear_beyond(int32_t first, int32_t top, int warp, int lane,
                                             Shared<kHeadDim, kTiles>& shared) {
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

// Queries as first operand. The elements of a head are permuted so that those of a lane are adjacent: quarter q has
// 8 q .. 8 q + 7 of every 32.
template <typename A, int kHeadDim, int kTiles>
__device__ __forceinline__ void load_queries(const st_attention& op, const Task& task, int warp, int lane,
                                             Shared<kHeadDim, kTiles>& shared) {
  constexpr int kSteps = kHeadDim / 32;
  for (int at = warp; at < kTiles * kSteps; at += kMmaWarps) {
    int tile = at / kSteps, step = at % kSteps;
    uint32_t parts[2][4] = {};
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      int pair = tile * kTilePairs + lane / 4 + h * 8;
      if (pair >= task.pairs) continue;
      int64_t row = task.unit.row + pair / task.heads, head = task.first_head + pair % task.heads;
      const auto* q = static_cast<const A*>(op.qkv) + (row * (op.heads + 2 * op.kv_heads) + head) * kHeadDim;
      auto part = *reinterpret_cast<const Pack<A, 8>*>(q + step * 32 + lane % 4 * 8);
#pragma unroll
      for (int i = 0; i < 4; ++i)
        parts[h][i] =
            packed(from_float<Bf16>(to_float(part.at[2 * i])), from_float<Bf16>(to_float(part.at[2 * i + 1])));
    }
#pragma unroll
    for (int i = 0; i < 2; ++i)
      shared.queries[tile][2 * step + i][lane] = {parts[0][2 * i], parts[1][2 * i], parts[0][2 * i + 1],
                                                  parts[1][2 * i + 1]};
  }
}

// Adds the products of 32 elements of the head, from i 32 on, to the scores of kParts x 8 positions. Four products in
// a row are independent of one another.
template <int kParts>
__device__ __forceinline__ void score_step(const Pack<uint32_t, 4> (&queries)[2], const Pack<uint32_t, 4>* keys,
                                           int row_parts, int i, int lane, float (&scores)[kParts][4]) {
  Pack<uint32_t, 4> parts[kParts];
#pragma unroll
  for (int n = 0; n < kParts; ++n) {
    int position = n * 8 + lane / 4;
    parts[n] = keys[(position * row_parts + i * 4 + lane % 4) ^ position % 2 * 4];
  }
#pragma unroll
  for (int k = 0; k < 2; ++k)
#pragma unroll
    for (int n = 0; n < kParts; ++n) {
      uint32_t column[2] = {parts[n].at[2 * k], parts[n].at[2 * k + 1]};
      mma<Bf16>(scores[n], queries[k].at, column);
    }
}

// Weights of a warp's positions for half h of the pairs, rounded to the format of the mma operand; returns the total of
// the rounded weights. top = kNoScore: the pair attends to none of the split's positions.
__device__ __forceinline__ float weigh_positions(const float (&scores)[kWarpPositions / 8][4], int h, float top,
                                                 uint32_t (&weights)[kWarpBlocks][4]) {
  float relative_to = top == kNoScore ? 0.0f : top, total = 0.0f;
#pragma unroll
  for (int n = 0; n < kWarpPositions / 8; ++n) {
    uint32_t two =
        rounded_pair<Bf16>(power_of_2(scores[n][2 * h] - relative_to), power_of_2(scores[n][2 * h + 1] - relative_to));
    total += float_of(two << 16);
    total += float_of(two & 0xffff0000u);
    weights[n / 2][h + n % 2 * 2] = two;
  }
  for (int lanes = 1; lanes < 4; lanes *= 2) total += __shfl_xor_sync(kWholeWarp, total, lanes);
  return total;
}

// --- units of one tile ---------------------------------------------------------------------------------------------

// Scores of the warp's positions: scores[n] of 8 positions.
template <int kHeadDim>
__device__ __forceinline__ void score(const Shared<kHeadDim, 1>& shared, int warp, int lane,
                                      float (&scores)[kWarpPositions / 8][4]) {
#pragma unroll
  for (int i = 0; i < kHeadDim / 32; ++i) {
    Pack<uint32_t, 4> queries[2] = {shared.queries[0][2 * i][lane], shared.queries[0][2 * i + 1][lane]};
    score_step(queries, shared.keys[warp], kHeadDim / 8, i, lane, scores);
  }
}

// Scales and masks scores; stores each pair's maximum over the warp's positions, the first of which is `first`.
template <int kHeadDim>
__device__ __forceinline__ void mask(float scale, int32_t window, int32_t first, int32_t blocks, int warp, int lane,
                                     Shared<kHeadDim, 1>& shared, float (&scores)[kWarpPositions / 8][4]) {
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
        score = missing[n * 8 / kBlock] ? float_of(0x7fc00000u) : score * scale;
        if (!attends(limit, first + n * 8 + 2 * (lane % 4) + e % 2, window)) score = kNoScore;
        if (score > top) top = score;  // NaN propagates to the sums
      }
    }
    for (int lanes = 1; lanes < 4; lanes *= 2) top = Max()(top, __shfl_xor_sync(kWholeWarp, top, lanes));
    if (lane % 4 == 0) shared.maxima[warp][pair] = top;
  }
}

// Weights, rounded to the format of the mma operand, to shared memory; the total is the sum of the rounded weights.
template <int kHeadDim>
__device__ __forceinline__ void weigh(const float (&scores)[kWarpPositions / 8][4], int warp, int lane,
                                      Shared<kHeadDim, 1>& shared, float (&maximum)[2]) {
  uint32_t weights[kWarpBlocks][4];
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    int pair = h * 8 + lane / 4;
    float top = shared.maxima[0][pair];
    for (int w = 1; w < kMmaWarps; ++w) top = Max()(shared.maxima[w][pair], top);
    maximum[h] = top;
    float total = weigh_positions(scores, h, top, weights);
    if (lane % 4 == 0) shared.totals[warp][pair] = total;
  }
#pragma unroll
  for (int b = 0; b < kWarpBlocks; ++b)
    shared.weights[warp * kWarpBlocks + b][lane] = {weights[b][0], weights[b][1], weights[b][2], weights[b][3]};
}

// The weighted sum of the values, for the warp's quarter of the head.
template <int kHeadDim>
__device__ __forceinline__ void sum_values(const Shared<kHeadDim, 1>& shared, int32_t blocks, int warp, int lane,
                                           Sums<kHeadDim, 1>& sums) {
#pragma unroll
  for (int b = 0; b < kSplitBlocks; ++b) {
    if (__shfl_sync(kWholeWarp, blocks, b) < 0) continue;  // the scores of a missing block are already NaN
    Pack<uint32_t, 4> weights = shared.weights[b][lane];
    const auto* values = reinterpret_cast<const Pack<uint32_t, 2>*>(shared.values[warp][b]) + lane;
#pragma unroll
    for (int n = 0; n < Sums<kHeadDim, 1>::kParts; ++n) mma<Bf16>(sums.values[n], weights.at, values[n * kWarpSize].at);
  }
}

template <int kHeadDim>
__device__ __forceinline__ void add_totals(const Shared<kHeadDim, 1>& shared, int lane, Sums<kHeadDim, 1>& sums) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const float* total = &shared.totals[0][h * 8 + lane / 4];
    sums.total[h] = total[0];
    for (int w = 1; w < kMmaWarps; ++w) sums.total[h] += total[w * kTilePairs];
  }
}

// Sums of the split `blocks`; its keys and values have been copied, in this order. Copies those of `ahead`: keys while
// the values of this split are multiplied, values during the scores of the next.
template <int kHeadDim>
__device__ __forceinline__ void attend(const st_attention& op, const Task& task, int32_t first, int32_t blocks,
                                       int32_t ahead, int warp, int lane, Shared<kHeadDim, 1>& shared,
                                       Sums<kHeadDim, 1>& sums) {
  float scores[kWarpPositions / 8][4] = {};
  copy_async_wait<1>();
  __syncwarp();
  score(shared, warp, lane, scores);
  __syncwarp();
  copy_keys(op, task.kv_head, ahead, warp, lane, shared);
  mask(op.scale * kLog2E, op.window, first + warp * kWarpPositions, blocks, warp, lane, shared, scores);
  __syncthreads();
  sums.clear();
  weigh(scores, warp, lane, shared, sums.maximum);
  copy_async_wait<1>();
  clear_beyond(first, task.unit.top, warp, lane, shared);
  __syncthreads();
  sum_values(shared, blocks, warp, lane, sums);
  __syncwarp();
  copy_values(op, task.kv_head, ahead, warp, lane, shared);
  add_totals(shared, lane, sums);
}

// --- units of a tile per warp --------------------------------------------------------------------------------------

// Scores of the tile for all positions of the split. The inner loop stays one, so that no more is loaded ahead than
// there are registers for; queries are therefore read for each quarter.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void score_tile(const Shared<kHeadDim, kTiles>& shared, int warp, int lane,
                                           float (&scores)[kMmaWarps][kWarpPositions / 8][4]) {
#pragma unroll
  for (int w = 0; w < kMmaWarps; ++w) {
#pragma unroll 1
    for (int i = 0; i < kHeadDim / 32; ++i) {
      Pack<uint32_t, 4> queries[2] = {shared.queries[warp][2 * i][lane], shared.queries[warp][2 * i + 1][lane]};
      score_step(queries, shared.keys[w], kHeadDim / 8, i, lane, scores[w]);
    }
  }
}

template <int kHeadDim, int kTiles>
__device__ __forceinline__ void mask_tile(const Shared<kHeadDim, kTiles>& shared, int32_t window, int32_t first,
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
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void weigh_tile(float scale, float (&scores)[kMmaWarps][kWarpPositions / 8][4],
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
        for (int e = 2 * h; e < 2 * h + 2; ++e) {
          scores[w][n][e] *= scale;
          top = fmaxf(top, scores[w][n][e]);  // NaN propagates to the sums
        }
    for (int lanes = 1; lanes < 4; lanes *= 2) top = fmaxf(top, __shfl_xor_sync(kWholeWarp, top, lanes));
    sums.maximum[h] = top;
#pragma unroll
    for (int w = 0; w < kMmaWarps; ++w) {
      float total = weigh_positions(scores[w], h, top, weights[w]);
      sums.total[h] = w == 0 ? total : sums.total[h] + total;
    }
  }
}

template <int kHeadDim, int kTiles>
__device__ __forceinline__ void sum_tile(const Shared<kHeadDim, kTiles>& shared, int32_t blocks, int lane,
                                         const uint32_t (&weights)[kMmaWarps][kWarpBlocks][4],
                                         Sums<kHeadDim, kTiles>& sums) {
  constexpr int kQuarter = Sums<kHeadDim, kTiles>::kParts / kMmaWarps;
#pragma unroll
  for (int b = 0; b < kSplitBlocks; ++b) {
    if (__shfl_sync(kWholeWarp, blocks, b) < 0) continue;
#pragma unroll
    for (int w = 0; w < kMmaWarps; ++w) {
      const auto* values = reinterpret_cast<const Pack<uint32_t, 2>*>(shared.values[w][b]) + lane;
#pragma unroll
      for (int n = 0; n < kQuarter; ++n)
        mma<Bf16>(sums.values[w * kQuarter + n], weights[b / kWarpBlocks][b % kWarpBlocks], values[n * kWarpSize].at);
    }
  }
}

// The same for a tile per warp: scores and weights stay in registers; only keys and values are shared.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void attend(const st_attention& op, const Task& task, int32_t first, int32_t blocks,
                                       int32_t ahead, int warp, int lane, Shared<kHeadDim, kTiles>& shared,
                                       Sums<kHeadDim, kTiles>& sums) {
  uint32_t weights[kMmaWarps][kWarpBlocks][4];
  float scores[kMmaWarps][kWarpPositions / 8][4] = {};
  copy_async_wait<1>();
  __syncthreads();
  score_tile(shared, warp, lane, scores);
  __syncthreads();
  copy_keys(op, task.kv_head, ahead, warp, lane, shared);
  sums.clear();
  mask_tile(shared, op.window, first, blocks, warp, lane, scores);
  weigh_tile(op.scale * kLog2E, scores, weights, sums);
  copy_async_wait<1>();
  clear_beyond(first, task.unit.top, warp, lane, shared);
  __syncthreads();
  sum_tile(shared, blocks, lane, weights, sums);
  __syncthreads();
  copy_values(op, task.kv_head, ahead, warp, lane, shared);
}

}  // namespace st::cuda
