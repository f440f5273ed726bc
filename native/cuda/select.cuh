// Searches with one block: an entry by its rank or by the mass before it, and the order of a few keys. All decisions
// are on integers, so that the order of the threads has no effect.
#pragma once

#include "common/sampling.h"
#include "cuda/reduce.cuh"

namespace st::cuda {

// As many as may have 168 registers each, which the strategies need; more threads hide more latency.
constexpr int kRowThreads = 384, kRowWarps = kRowThreads / kWarpSize;
constexpr int kFewKeys = 256;  // keys that are sorted by counting
constexpr int kDigitBits = 11, kBins = 1 << kDigitBits;

// The weight of an entry where entries are counted.
struct One {};

// Sums of 64 bits in two words: atomicAdd of 64 bits to shared memory is a loop of compare-and-swap. A carry is seen by
// the thread whose addition wraps.
struct alignas(16) Bins {
  unsigned low[kBins], high[kBins];

  __device__ __forceinline__ void add(unsigned bin, One) { atomicAdd(&low[bin], 1u); }
  __device__ __forceinline__ void add(unsigned bin, uint64_t weight) {
    if (weight == 0) return;  // as of most logits of a row: all in few bins, where they would wait for each other
    auto word = static_cast<unsigned>(weight);
    unsigned before = atomicAdd(&low[bin], word);
    unsigned rest = static_cast<unsigned>(weight >> 32) + (before + word < before ? 1u : 0u);
    if (rest != 0) atomicAdd(&high[bin], rest);
  }
  __device__ __forceinline__ uint64_t sum(int bin) const { return uint64_t{high[bin]} << 32 | low[bin]; }
};

// Where a search ends: the code of the entries there, the part of the target that they have to reach, and their weight,
// 0 where the total of all does not reach the target.
struct Reached {
  uint64_t code, left, weight;
};

// The bin, from the largest down, at which the sums reach `target`. Called by all threads, after a barrier.
inline __device__ Reached reach_bin(const Bins& bins, uint64_t target) {
  ST_SHARED(Reached, reached, 1);
  constexpr int kEach = (kBins + kRowThreads - 1) / kRowThreads;
  int last = kBins - 1 - static_cast<int>(threadIdx.x) * kEach;
  uint64_t own = 0, all;
  for (int i = 0; i < kEach && i <= last; ++i) own += bins.sum(last - i);
  uint64_t before = block_prefix_sum<kRowWarps, uint64_t>(own, &all);
  for (int i = 0; i < kEach && i <= last; ++i) {
    uint64_t bin = bins.sum(last - i);
    if (before < target && target <= before + bin) reached[0] = {static_cast<uint64_t>(last - i), target - before, bin};
    before += bin;
  }
  __syncthreads();
  return all < target ? Reached{0, 0, 0} : reached[0];
}

// The code, of `digits` digits, at which the weights of the entries, summed from the largest code down, reach `target`
// (>= 1). visit(add) calls add(code, weight) for every entry of the thread, where weight() is One or 64 bits. Ends with
// a digit whose entries have a weight of at most `enough`: the digits after it are 0 then.
template <typename Visit>
__device__ __forceinline__ Reached descend(int digits, Visit visit, uint64_t target, Bins& bins, uint64_t enough = 0) {
  Reached reached = {0, target, 0};
  uint64_t prefix = 0;
  int shift = digits * kDigitBits;
  while (shift > 0) {
    shift -= kDigitBits;
    __syncthreads();  // threads may still read the bins
    for (int bin = static_cast<int>(threadIdx.x); bin < kBins; bin += kRowThreads) bins.low[bin] = bins.high[bin] = 0;
    __syncthreads();
    visit([&](uint64_t code, auto weight) {
      if (code >> (shift + kDigitBits) == prefix) bins.add(static_cast<unsigned>(code >> shift) % kBins, weight());
    });
    __syncthreads();
    reached = reach_bin(bins, reached.left);
    prefix = prefix << kDigitBits | reached.code;
    if (reached.weight <= enough) break;
  }
  reached.code = prefix << shift;
  return reached;
}

// Sorts at most kFewKeys different keys: each takes the place of its rank, which a warp counts for one key
// after another among those in its registers.
inline __device__ void sort_few(uint64_t* keys, int count) {
  constexpr int kEach = kFewKeys / kWarpSize;
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  uint64_t others[kEach], key = 0;
  int rank = 0;
#pragma unroll
  for (int n = 0; n < kEach; ++n) others[n] = lane + n * kWarpSize < count ? keys[lane + n * kWarpSize] : 0;
  for (int i = warp, turn = 0; i < count; i += kRowWarps, ++turn) {
    uint64_t of_turn = keys[i];
    int larger = 0;
#pragma unroll
    for (int n = 0; n < kEach; ++n)
      if (n * kWarpSize < count) larger += __popc(__ballot_sync(kWholeWarp, others[n] > of_turn));
    if (lane == turn) {
      key = of_turn;
      rank = larger;
    }
  }
  __syncthreads();
  if (warp + lane * kRowWarps < count) keys[rank] = key;
  __syncthreads();
}

// Sorts `count` different keys in place, the largest first. Many: bitonic, with room for the next power of two, where
// it leaves zeros; 78 barriers for 4,096.
inline __device__ void sort_keys(uint64_t* keys, int count) {
  int thread = static_cast<int>(threadIdx.x);
  __syncthreads();
  if (count <= kFewKeys) {
    sort_few(keys, count);
    return;
  }
  int size = kFewKeys;
  while (size < count) size *= 2;
  for (int i = count + thread; i < size; i += kRowThreads) keys[i] = 0;
  for (int run = 2; run <= size; run *= 2) {
    for (int apart = run / 2; apart > 0; apart /= 2) {
      __syncthreads();
      for (int pair = thread; pair < size / 2; pair += kRowThreads) {
        int low = pair / apart * (2 * apart) + pair % apart, high = low + apart;
        uint64_t a = keys[low], b = keys[high];
        if ((a < b) == ((low & run) == 0)) {
          keys[low] = b;
          keys[high] = a;
        }
      }
    }
  }
  __syncthreads();
}

}  // namespace st::cuda
