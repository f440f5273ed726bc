// One split of attention on tensor cores: copies of keys and values to shared memory, scores, weights, sums of values.
#pragma once

#include "cuda/attention_sums.cuh"
#include "cuda/mma.cuh"

namespace st::cuda {

constexpr int kWarpPositions = kSplitPositions / kMmaWarps;  // of keys
constexpr int kWarpBlocks = kWarpPositions / kBlock, kSplitBlocks = kSplitPositions / kBlock;
constexpr float kLog2E = 1.44269504088896341f;
constexpr int32_t kMissing = -1, kBeyond = -2;  // in place of a block: the table has none; the unit ends before it

struct Unit {
  int32_t sequence, row, rows;  // rows = 0: none
  int32_t top;                  // its last position; -1: all rows are idle
};

// A unit with one of its KV heads, and the splits that this block processes.
struct Task {
  Unit unit;
  int32_t kv_head, first_head, heads, pairs;
  int32_t base;        // place of its first split among all
  int32_t first_span;  // of those that are stored
  int32_t splits;
  Segment segment;
};

// Keys of a warp's 32 positions, and values of its quarter of the head, are copied and read by that warp alone.
template <int kHeadDim, int kTiles>
struct Shared {
  using Part = Pack<uint32_t, 4>;  // a lane's registers of an mma operand
  Part queries[kTiles][kHeadDim / 16][kWarpSize];
  Part weights[kTiles][kSplitBlocks][kWarpSize];
  Part keys[kMmaWarps][kWarpPositions * kHeadDim / 8];  // rows; odd ones have their halves of 64 bytes exchanged
  Part values[kMmaWarps][kSplitBlocks][kHeadDim / kMmaWarps * 2];
  float maxima[kMmaWarps][kTiles * kTilePairs], totals[kMmaWarps][kTiles * kTilePairs];
  int32_t limits[kTiles * kTilePairs];  // the last position that each pair attends to; -1: none
};

// The blocks of a split, one in each of 8 lanes.
__device__ __forceinline__ int32_t load_blocks(const st_attention& op, const Task& task, int32_t split, int lane) {
  int32_t position = split * kSplitPositions + lane % kSplitBlocks * kBlock;
  return position > task.unit.top ? kBeyond : block_of(op.batch, op.cache, task.unit.sequence, position);
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

// Scores of the warp's positions: scores[m][n] of tile m and 8 positions.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void score(const Shared<kHeadDim, kTiles>& shared, int warp, int lane,
                                      float (&scores)[kTiles][kWarpPositions / 8][4]) {
#pragma unroll
  for (int i = 0; i < kHeadDim / 32; ++i) {
    uint32_t queries[kTiles][2][4];
#pragma unroll
    for (int m = 0; m < kTiles; ++m)
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        auto part = shared.queries[m][2 * i + k][lane];
        for (int e = 0; e < 4; ++e) queries[m][k][e] = part.at[e];
      }
#pragma unroll
    for (int n = 0; n < kWarpPositions / 8; ++n) {
      int position = n * 8 + lane / 4;
      auto part = shared.keys[warp][(position * (kHeadDim / 8) + i * 4 + lane % 4) ^ position % 2 * 4];
      uint32_t first[2] = {part.at[0], part.at[1]}, second[2] = {part.at[2], part.at[3]};
#pragma unroll
      for (int m = 0; m < kTiles; ++m) {
        mma<Bf16>(scores[m][n], queries[m][0], first);
        mma<Bf16>(scores[m][n], queries[m][1], second);
      }
    }
  }
}

// Scales and masks scores; stores each pair's maximum over the warp's positions, the first of which is `first`.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void mask(float scale, int32_t first, int32_t blocks, int warp, int lane,
                                     Shared<kHeadDim, kTiles>& shared, float (&scores)[kTiles][kWarpPositions / 8][4]) {
  bool missing[kWarpBlocks];
#pragma unroll
  for (int b = 0; b < kWarpBlocks; ++b)
    missing[b] = __shfl_sync(kWholeWarp, blocks, warp * kWarpBlocks + b) == kMissing;
#pragma unroll
  for (int m = 0; m < kTiles; ++m) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      int pair = m * kTilePairs + h * 8 + lane / 4;
      int32_t limit = shared.limits[pair];
      float top = kNoScore;
#pragma unroll
      for (int n = 0; n < kWarpPositions / 8; ++n) {
#pragma unroll
        for (int e = 2 * h; e < 2 * h + 2; ++e) {
          float& score = scores[m][n][e];
          score = missing[n * 8 / kBlock] ? float_of(0x7fc00000u) : score * scale;
          if (first + n * 8 + 2 * (lane % 4) + e % 2 > limit) score = kNoScore;
          if (score > top) top = score;  // NaN propagates to the sums
        }
      }
      for (int lanes = 1; lanes < 4; lanes *= 2) top = Max()(top, __shfl_xor_sync(kWholeWarp, top, lanes));
      if (lane % 4 == 0) shared.maxima[warp][pair] = top;
    }
  }
}

// Weights, rounded to the format of the mma operand, to shared memory; the total is the sum of the rounded weights.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void weigh(const float (&scores)[kTiles][kWarpPositions / 8][4], int warp, int lane,
                                      Shared<kHeadDim, kTiles>& shared, float (&maximum)[kTiles][2]) {
#pragma unroll
  for (int m = 0; m < kTiles; ++m) {
    Pack<uint32_t, 4> weights[kWarpBlocks];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      int pair = m * kTilePairs + h * 8 + lane / 4;
      float top = shared.maxima[0][pair], total = 0.0f;
      for (int w = 1; w < kMmaWarps; ++w) top = Max()(shared.maxima[w][pair], top);
      maximum[m][h] = top;
#pragma unroll
      for (int n = 0; n < kWarpPositions / 8; ++n) {
        Bf16 two[2];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float score = scores[m][n][2 * h + e];
          two[e] = from_float<Bf16>(score == kNoScore ? 0.0f : power_of_2(score - top));
          total += to_float(two[e]);
        }
        weights[n / 2].at[h + n % 2 * 2] = packed(two[0], two[1]);
      }
      for (int lanes = 1; lanes < 4; lanes *= 2) total += __shfl_xor_sync(kWholeWarp, total, lanes);
      if (lane % 4 == 0) shared.totals[warp][pair] = total;
    }
#pragma unroll
    for (int b = 0; b < kWarpBlocks; ++b) shared.weights[m][warp * kWarpBlocks + b][lane] = weights[b];
  }
}

// The weighted sum of the values, for the warp's quarter of the head. first: the split's first position.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ void sum_values(const Shared<kHeadDim, kTiles>& shared, int32_t blocks, int32_t first,
                                           int32_t top, int warp, int lane, Sums<kHeadDim, kTiles>& sums) {
#pragma unroll
  for (int m = 0; m < kTiles; ++m)
#pragma unroll
    for (int n = 0; n < Sums<kHeadDim, kTiles>::kParts; ++n)
      for (int e = 0; e < 4; ++e) sums.values[m][n][e] = 0.0f;
#pragma unroll
  for (int b = 0; b < kSplitBlocks; ++b) {
    if (__shfl_sync(kWholeWarp, blocks, b) < 0) continue;  // the scores of a missing block are already NaN
    // Memory beyond the context has undefined content, and 0 times NaN or infinity is not 0.
    int32_t mine = first + b * kBlock + 2 * (lane % 4);
    uint32_t keep[2];
#pragma unroll
    for (int e = 0; e < 2; ++e)
      keep[e] = (mine + e * 8 <= top ? 0x0000ffffu : 0u) | (mine + e * 8 + 1 <= top ? 0xffff0000u : 0u);
    uint32_t weights[kTiles][4];
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
      auto part = shared.weights[m][b][lane];
      for (int e = 0; e < 4; ++e) weights[m][e] = part.at[e];
    }
    const auto* values = reinterpret_cast<const Pack<uint32_t, 2>*>(shared.values[warp][b]) + lane;
#pragma unroll
    for (int n = 0; n < Sums<kHeadDim, kTiles>::kParts; ++n) {
      auto part = values[n * kWarpSize];
      uint32_t column[2] = {part.at[0] & keep[0], part.at[1] & keep[1]};
#pragma unroll
      for (int m = 0; m < kTiles; ++m) mma<Bf16>(sums.values[m][n], weights[m], column);
    }
  }
}

template <int kHeadDim, int kTiles>
__device__ __forceinline__ void add_totals(const Shared<kHeadDim, kTiles>& shared, int lane,
                                           Sums<kHeadDim, kTiles>& sums) {
#pragma unroll
  for (int m = 0; m < kTiles; ++m) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float* total = &shared.totals[0][m * kTilePairs + h * 8 + lane / 4];
      sums.total[m][h] = total[0];
      for (int w = 1; w < kMmaWarps; ++w) sums.total[m][h] += total[w * kTiles * kTilePairs];
    }
  }
}

}  // namespace st::cuda
