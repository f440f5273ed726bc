// Kernels with a mistake planted in them, and the same without, for the test of the emulated device.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/mma.cuh"

namespace st::test {

constexpr int kThreads = 64;

// out[block, t] = in[block, kThreads - 1 - t], through shared memory.
template <bool kBarrier>
__global__ void reverse_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_SHARED(int, line, kThreads);
  int t = static_cast<int>(threadIdx.x), base = static_cast<int>(blockIdx.x) * kThreads;
  line[t] = in[base + t];
  if (kBarrier) __syncthreads();
  out[base + t] = line[kThreads - 1 - t];
}

// The same through dynamic shared memory and copies that are not waited for when kWait is false.
template <bool kWait>
__global__ void reverse_async_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_DYNAMIC_SHARED(int, line);
  int t = static_cast<int>(threadIdx.x), base = static_cast<int>(blockIdx.x) * kThreads;
  if (t < kThreads / 4) cuda::copy_async_16(cuda::shared_address(line + 4 * t), in + base + 4 * t, true);
  cuda::copy_async_commit();
  if (kWait) cuda::copy_async_wait<0>();
  __syncthreads();
  out[base + t] = line[kThreads - 1 - t];
}

// out[t] = t, up to and with `last`.
inline __global__ void count_kernel(int* out, int last) {
  cuda::follow_previous();
  for (int t = static_cast<int>(threadIdx.x); t <= last; t += kThreads) out[t] = t;
}

// Element `at` of a shared array of kThreads.
inline __global__ void shared_index_kernel(int* out, int at) {
  cuda::follow_previous();
  ST_SHARED(int, line, kThreads);
  line[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  if (threadIdx.x == 0) out[0] = line[at];
}

inline __global__ void dynamic_index_kernel(int* out, int at) {
  cuda::follow_previous();
  ST_DYNAMIC_SHARED(int, line);
  line[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  if (threadIdx.x == 0) out[0] = line[at];
}

// More shared memory than is to be had without an attribute, if there is much of the dynamic kind.
inline __global__ void two_kinds_kernel(int* out) {
  cuda::follow_previous();
  ST_SHARED(int, line, kThreads);
  ST_DYNAMIC_SHARED(int, more);
  line[threadIdx.x] = static_cast<int>(threadIdx.x);
  more[threadIdx.x] = line[threadIdx.x];
  out[threadIdx.x] = more[threadIdx.x];
}

// Threads that are not called for leave before they have waited for the kernel ahead.
inline __global__ void late_wait_kernel(int* out, int count) {
  auto t = static_cast<int>(threadIdx.x);
  if (t >= count) return;
  cuda::follow_previous();
  out[t] = t;
}

// Launched by one test, first while it captures.
inline __global__ void unloaded_kernel(int* out) {
  cuda::follow_previous();
  out[threadIdx.x] = 1;
}

// What a barrier must not see.
enum class Mistake { kNone, kLeaves, kOtherBarrier, kOtherMask, kAloneInWarp };

inline __global__ void barrier_kernel(int* out, Mistake mistake) {
  cuda::follow_previous();
  auto t = static_cast<int>(threadIdx.x);
  if (mistake == Mistake::kLeaves && t == 5) return;
  if (mistake == Mistake::kOtherBarrier && t == 5)
    __syncthreads();
  else
    __syncthreads();
  if (mistake == Mistake::kAloneInWarp && t == 5) return;
  unsigned mask = mistake == Mistake::kOtherMask && t == 5 ? 0x000000ffu : 0xffffffffu;
  out[t] = __shfl_xor_sync(mask, t, 1);
}

}  // namespace st::test
