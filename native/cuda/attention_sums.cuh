// Sums of attention in the registers of a block: those of a split, of splits that were merged, and their copies in
// scratch memory.
#pragma once

#include "cuda/attention.cuh"
#include "cuda/attention_work.h"

namespace st::cuda {

constexpr int kMmaWarps = 4, kMmaThreads = kMmaWarps * kWarpSize;
constexpr float kNoScore = -INFINITY;

// 2^x. The scores are multiplied by log2(e), so that this is the one instruction that the device has for it.
__device__ __forceinline__ float power_of_2(float x) {
#if defined(ST_SIMT)
  return exp2f(x);
#else
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

// A thread's part of the sums of kTiles x 16 pairs. Of tile m it has the pairs l / 4 (h = 0) and l / 4 + 8 (h = 1),
// with elements w D / 4 + 8 n + 2 (l % 4) + {0, 1} of the head in values[m][n][2 h + {0, 1}]: warp w has a quarter of
// the head. Maxima and totals are the same in all warps.
template <int kHeadDim, int kTiles>
struct Sums {
  static constexpr int kParts = kHeadDim / (8 * kMmaWarps);
  float maximum[kTiles][2], total[kTiles][2];
  float values[kTiles][kParts][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        maximum[m][h] = kNoScore;
        total[m][h] = 0.0f;
      }
#pragma unroll
      for (int n = 0; n < kParts; ++n)
        for (int e = 0; e < 4; ++e) values[m][n][e] = 0.0f;
    }
  }

  // Merges the sums of what follows, unless the pair attends to no position there. (A sum that is NaN is merged.)
  __device__ __forceinline__ void add(const Sums& next) {
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        if (next.maximum[m][h] == kNoScore && next.total[m][h] == 0.0f) continue;
        float top = next.maximum[m][h] > maximum[m][h] ? next.maximum[m][h] : maximum[m][h];
        float before = power_of_2(maximum[m][h] - top), after = power_of_2(next.maximum[m][h] - top);
        maximum[m][h] = top;
        total[m][h] = total[m][h] * before + next.total[m][h] * after;
#pragma unroll
        for (int n = 0; n < kParts; ++n)
          for (int e = 2 * h; e < 2 * h + 2; ++e)
            values[m][n][e] = values[m][n][e] * before + next.values[m][n][e] * after;
      }
    }
  }

  // [tile, half, part] of 8 bytes of each thread, adjacent; then (maximum, total) of each pair. Halves without pairs
  // are neither written nor read.
  __device__ __forceinline__ void store(void* slot, int pairs) const {
    auto* place = static_cast<Pack<float, 2>*>(slot) + threadIdx.x;
    int lane = static_cast<int>(threadIdx.x % kWarpSize);
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        if ((2 * m + h) * 8 >= pairs) continue;
#pragma unroll
        for (int n = 0; n < kParts; ++n)
          place[((2 * m + h) * kParts + n) * kMmaThreads] = {values[m][n][2 * h], values[m][n][2 * h + 1]};
        if (threadIdx.x < kWarpSize && lane % 4 == 0)
          pairs_of(slot)[(2 * m + h) * 8 + lane / 4] = {maximum[m][h], total[m][h]};
      }
    }
  }

  __device__ __forceinline__ void load(void* slot, int pairs) {
    const auto* place = static_cast<const Pack<float, 2>*>(slot) + threadIdx.x;
    int lane = static_cast<int>(threadIdx.x % kWarpSize);
    clear();
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        if ((2 * m + h) * 8 >= pairs) continue;
#pragma unroll
        for (int n = 0; n < kParts; ++n) {
          Pack<float, 2> part = place[((2 * m + h) * kParts + n) * kMmaThreads];
          values[m][n][2 * h] = part.at[0];
          values[m][n][2 * h + 1] = part.at[1];
        }
        Pack<float, 2> of_pair = pairs_of(slot)[(2 * m + h) * 8 + lane / 4];
        maximum[m][h] = of_pair.at[0];
        total[m][h] = of_pair.at[1];
      }
    }
  }

 private:
  static __device__ __forceinline__ Pack<float, 2>* pairs_of(void* slot) {
    return static_cast<Pack<float, 2>*>(slot) + kTiles * 2 * kParts * kMmaThreads;
  }
};

// Merges `count` sums in order, those of slot(i); a few are loaded ahead.
template <int kHeadDim, int kTiles, typename Slot>
__device__ __forceinline__ void merge(Sums<kHeadDim, kTiles>& sums, int count, int pairs, const Slot& slot) {
  constexpr int kAhead = kTiles == 1 ? 3 : 1;
  sums.clear();
  for (int first = 0; first < count; first += kAhead) {
    Sums<kHeadDim, kTiles> next[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (first + i < count)
        next[i].load(slot(first + i), pairs);
      else
        next[i].clear();
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) sums.add(next[i]);
  }
}

}  // namespace st::cuda
