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

// The sums of one pair, for the elements of the head that a thread has: two in each of kParts places.
template <int kParts>
struct PairSums {
  Pack<float, 2> maximum_total;
  Pack<float, 2> values[kParts];
};

// A thread's part of the sums of a unit, of one tile of 16 pairs: pairs l / 4 (h = 0) and l / 4 + 8 (h = 1), with
// elements column() + 8 n + 2 (l % 4) + {0, 1} of the head in values[n][2 h + {0, 1}]. In a unit of one tile warp w has
// a quarter of the head, and maxima and totals are the same in all warps; else it has tile w.
template <int kHeadDim, int kTiles>
struct Sums {
  static_assert(kTiles == 1 || kTiles == kMmaWarps, "a tile for all warps, or one for each");
  static constexpr int kParts = kTiles == 1 ? kHeadDim / (8 * kMmaWarps) : kHeadDim / 8;
  using OfPair = PairSums<kParts>;
  float maximum[2], total[2];
  float values[kParts][4];

  static __device__ __forceinline__ int warp() { return static_cast<int>(threadIdx.x / kWarpSize); }
  static __device__ __forceinline__ int first_pair(int h) { return (kTiles == 1 ? 0 : warp() * kTilePairs) + 8 * h; }
  static __device__ __forceinline__ int column() { return kTiles == 1 ? warp() * 8 * kParts : 0; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      maximum[h] = kNoScore;
      total[h] = 0.0f;
    }
#pragma unroll
    for (int n = 0; n < kParts; ++n)
      for (int e = 0; e < 4; ++e) values[n][e] = 0.0f;
  }

  __device__ __forceinline__ OfPair of_pair(int h) const {
    OfPair pair = {{maximum[h], total[h]}, {}};
#pragma unroll
    for (int n = 0; n < kParts; ++n) pair.values[n] = {values[n][2 * h], values[n][2 * h + 1]};
    return pair;
  }

  // Merges a pair's sums of what follows, unless it attends to no position there. (A sum that is NaN is merged.)
  __device__ __forceinline__ void add(int h, const OfPair& next) {
    float next_maximum = next.maximum_total.at[0], next_total = next.maximum_total.at[1];
    if (next_maximum == kNoScore && next_total == 0.0f) return;
    float top = next_maximum > maximum[h] ? next_maximum : maximum[h];
    float before = power_of_2(maximum[h] - top), after = power_of_2(next_maximum - top);
    maximum[h] = top;
    total[h] = total[h] * before + next_total * after;
#pragma unroll
    for (int n = 0; n < kParts; ++n)
      for (int e = 0; e < 2; ++e) values[n][2 * h + e] = values[n][2 * h + e] * before + next.values[n].at[e] * after;
  }

  __device__ __forceinline__ void add(const Sums& next) {
#pragma unroll
    for (int h = 0; h < 2; ++h) add(h, next.of_pair(h));
  }

  // [half, part] of 8 bytes of each thread, adjacent; then (maximum, total) of each pair. Halves without pairs are
  // neither written nor read.
  __device__ __forceinline__ void store(void* slot, int pairs) const {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      if (first_pair(h) >= pairs) continue;
      OfPair pair = of_pair(h);
#pragma unroll
      for (int n = 0; n < kParts; ++n) values_of(slot, h)[n * kMmaThreads] = pair.values[n];
      if ((kTiles > 1 || warp() == 0) && threadIdx.x % 4 == 0) *total_of(slot, h) = pair.maximum_total;
    }
  }

  static __device__ __forceinline__ OfPair load(void* slot, int h) {
    OfPair pair = {*total_of(slot, h), {}};
#pragma unroll
    for (int n = 0; n < kParts; ++n) pair.values[n] = values_of(slot, h)[n * kMmaThreads];
    return pair;
  }

 private:
  static __device__ __forceinline__ Pack<float, 2>* values_of(void* slot, int h) {
    return static_cast<Pack<float, 2>*>(slot) + h * kParts * kMmaThreads + threadIdx.x;
  }
  static __device__ __forceinline__ Pack<float, 2>* total_of(void* slot, int h) {
    return static_cast<Pack<float, 2>*>(slot) + 2 * kParts * kMmaThreads + first_pair(h) + threadIdx.x % kWarpSize / 4;
  }
};

// Merges `count` sums in order, those of slot(i). The loads of several are waited for together: they are what the last
// block of a span spends its time with.
template <int kHeadDim, int kTiles, typename Slot>
__device__ __forceinline__ void merge(Sums<kHeadDim, kTiles>& sums, int count, int pairs, const Slot& slot) {
  constexpr int kAhead = kTiles == 1 ? 6 : 1;
  using All = Sums<kHeadDim, kTiles>;
  sums.clear();
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    if (All::first_pair(h) >= pairs) continue;
    for (int first = 0; first < count; first += kAhead) {
      typename All::OfPair next[kAhead];
#pragma unroll
      for (int i = 0; i < kAhead; ++i) next[i] = All::load(slot(first + i < count ? first + i : first), h);
#pragma unroll
      for (int i = 0; i < kAhead; ++i)
        if (first + i < count) sums.add(h, next[i]);
    }
  }
}

}  // namespace st::cuda
