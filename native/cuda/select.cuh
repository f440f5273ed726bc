// Searches the logits of a row with one block. All decisions are on integers, so that the order of the threads has no
// effect.
#pragma once

#include "common/sampling.h"
#include "cuda/reduce.cuh"

namespace st::cuda {

constexpr int kRowThreads = 256, kRowWarps = kRowThreads / kWarpSize;
constexpr int kDigitBits = 8, kBins = 1 << kDigitBits;  // a thread per bin
static_assert(kBins == kRowThreads);

// The key at which the weights of the keys, summed from the largest down, reach `target` (>= 1); 0 if their total does
// not. visit(add) calls add(key, weight) for every entry of the thread; keys differ.
template <typename Visit>
__device__ uint64_t descend(Visit visit, uint64_t target) {
  ST_SHARED(unsigned long long, bins, kBins);
  ST_SHARED(unsigned long long, found, 2);
  int thread = static_cast<int>(threadIdx.x);
  uint64_t prefix = 0;
  for (int shift = 64 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    bins[thread] = 0;
    if (thread == 0) found[0] = kBins;
    __syncthreads();
    visit([&](uint64_t key, uint64_t weight) {
      bool inside = shift == 64 - kDigitBits || (key ^ prefix) >> (shift + kDigitBits) == 0;
      if (inside && weight > 0) atomicAdd(&bins[key >> shift & (kBins - 1)], static_cast<unsigned long long>(weight));
    });
    __syncthreads();
    uint64_t all, bin = bins[kBins - 1 - thread], before = block_prefix_sum<kRowWarps, uint64_t>(bin, &all);
    if (before < target && target <= before + bin) {
      found[0] = static_cast<unsigned long long>(kBins - 1 - thread);
      found[1] = target - before;
    }
    __syncthreads();
    if (found[0] == kBins) return 0;
    prefix |= static_cast<uint64_t>(found[0]) << shift;
    target = found[1];
    __syncthreads();
  }
  return prefix;
}

// The rank of each item in the order `before`, by counting the items that precede it: place(i) for every
// item i of the thread. Items are distinct.
template <typename T, typename Before, typename Place>
__device__ __forceinline__ void for_each_rank(const T* items, int count, Before before, Place place) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kRowThreads) {
    int rank = 0;
    for (int j = 0; j < count; ++j) rank += before(items[j], items[i]) ? 1 : 0;
    place(i, rank);
  }
}

}  // namespace st::cuda
