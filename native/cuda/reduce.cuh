// Sums and maxima over warps and blocks, in an order that depends only on the number of threads.
#pragma once

#include "common/parts.h"
#include "cuda/launch.cuh"

namespace st::cuda {

constexpr int kWarpSize = 32;
constexpr unsigned kWholeWarp = 0xffffffffu;

template <typename T, typename Combine>
__device__ __forceinline__ T warp_reduce(T value, Combine combine) {
  for (int lanes = kWarpSize / 2; lanes > 0; lanes /= 2)
    value = combine(value, __shfl_xor_sync(kWholeWarp, value, lanes));
  return value;
}

// Over all threads of a block of kWarps warps; every thread gets the result. Values of warps are combined in order.
template <int kWarps, typename T, typename Combine>
__device__ __forceinline__ T block_reduce(T value, Combine combine) {
  ST_SHARED(T, of_warp, kWarps);
  value = warp_reduce(value, combine);
  __syncthreads();  // threads may still read the array of the call before
  if (threadIdx.x % kWarpSize == 0) of_warp[threadIdx.x / kWarpSize] = value;
  __syncthreads();
  value = of_warp[0];
  for (int warp = 1; warp < kWarps; ++warp) value = combine(value, of_warp[warp]);
  return value;
}

// The tree of parts.h over value(0) .. value(7).
template <typename Value>
__device__ __forceinline__ float sum_of_parts(const Value& value) {
  static_assert(kParts == 8, "the tree is written down for 8 parts");
  return ((value(0) + value(1)) + (value(2) + value(3))) + ((value(4) + value(5)) + (value(6) + value(7)));
}

struct Sum {
  template <typename T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Max {
  template <typename T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

struct Min {
  template <typename T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};

// The sum over the lanes up to this one. Integers only, where order does not matter; below the same.
template <typename T>
__device__ __forceinline__ T warp_running_sum(T value) {
  int lane = static_cast<int>(threadIdx.x % kWarpSize);
  for (int by = 1; by < kWarpSize; by *= 2) {
    T before = __shfl_up_sync(kWholeWarp, value, static_cast<unsigned>(by));
    if (lane >= by) value += before;
  }
  return value;
}

// The sum over the threads before this one; *total gets the sum over all.
template <int kWarps, typename T>
__device__ __forceinline__ T block_prefix_sum(T value, T* total) {
  ST_SHARED(T, of_warp, kWarps);
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  T inclusive = warp_running_sum(value);
  __syncthreads();
  if (lane == kWarpSize - 1) of_warp[warp] = inclusive;
  __syncthreads();
  T before = 0, all = 0;
  for (int w = 0; w < kWarps; ++w) {
    if (w < warp) before += of_warp[w];
    all += of_warp[w];
  }
  *total = all;
  return before + inclusive - value;
}

}  // namespace st::cuda
