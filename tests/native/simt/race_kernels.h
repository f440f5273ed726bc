// Kernels that race where a template argument leaves something out, and do not where it is there.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/mma.cuh"

namespace st::test {

constexpr int kThreads = 64;

inline __device__ int thread() {
  return static_cast<int>(threadIdx.x);
}

// Where a thread writes what it has computed.
inline __device__ int place() {
  return static_cast<int>(blockIdx.x) * kThreads + thread();
}

// out[block, t] = in[block, kThreads - 1 - t], through shared memory.
template <bool kBarrier>
__global__ void reverse_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_SHARED(int, line, kThreads);
  line[thread()] = in[place()];
  if (kBarrier) __syncthreads();
  out[place()] = line[kThreads - 1 - thread()];
}

// A shared array is used twice: the second time threads may still read what the first has left.
template <bool kBarrier>
__global__ void twice_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_SHARED(int, line, kThreads);
  line[thread()] = in[thread()];
  __syncthreads();
  int sum = line[kThreads - 1 - thread()];
  if (kBarrier) __syncthreads();
  line[thread()] = sum;
  __syncthreads();
  out[place()] = sum + line[(thread() + 1) % kThreads];
}

// Two threads write the same element, one after the other where there is a barrier.
template <bool kBarrier>
__global__ void both_write_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_SHARED(int, line, 1);
  if (thread() == 40) line[0] = in[0];
  if (kBarrier) __syncthreads();
  if (thread() == 7) line[0] = in[1];
  __syncthreads();
  out[place()] = line[0];
}

// What orders the lanes of a warp.
enum class Within { kNothing, kShuffle, kSyncWarp, kSyncPairs };

template <Within kOrder>
__global__ void neighbor_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_SHARED(int, line, kThreads);
  line[thread()] = in[thread()];
  int zero = kOrder == Within::kShuffle ? __shfl_xor_sync(0xffffffffu, 0, 1) : 0;
  if (kOrder == Within::kSyncWarp) __syncwarp();
  if (kOrder == Within::kSyncPairs) __syncwarp(3u << thread() % 32 / 2 * 2);
  out[place()] = line[thread() ^ 1] + zero;
}

// __syncwarp orders a warp, not the one beside it.
inline __global__ void other_warp_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_SHARED(int, line, kThreads);
  line[thread()] = in[thread()];
  __syncwarp();
  out[place()] = line[thread() ^ 32];
}

// Operands of mma from shared memory, by reference and by rows.
template <bool kSyncWarp, bool kRows>
__global__ void operands_kernel(const int* in, int* out) {
  cuda::follow_previous();
  using Four = cuda::Pack<uint32_t, 4>;
  ST_SHARED(Four, fours, kThreads);
  for (uint32_t& each : fours[thread()].at) each = static_cast<uint32_t>(in[thread()]);
  if (kSyncWarp) __syncwarp();
  float d[4] = {};
  uint32_t b[2] = {};
  if (kRows)
    cuda::load_matrices<2>(b, cuda::shared_address(&fours[thread() ^ 1]));
  else
    cuda::mma<cuda::Bf16>(d, fours[thread() ^ 1].at, b);
  out[place()] = static_cast<int>(b[0]) + static_cast<int>(d[0]);
}

// A ring of two stages that copies fill ahead.
enum class Ring { kRight, kNoWait, kNoBarrierBehindWait, kRefilledEarly, kReadsOwnCopyEarly };

template <Ring kRing>
__global__ void ring_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_DYNAMIC_SHARED(int, ring);
  constexpr int kStages = 6;
  auto copy = [&](int stage) {
    if (stage < kStages && thread() < kThreads / 4)
      cuda::copy_async_16(cuda::shared_address(ring + stage % 2 * kThreads + 4 * thread()),
                          in + stage * kThreads + 4 * thread(), true);
    cuda::copy_async_commit();
  };
  copy(0);
  copy(1);
  int sum = 0;
  for (int stage = 0; stage < kStages; ++stage) {
    const int* line = ring + stage % 2 * kThreads;
    if (kRing == Ring::kReadsOwnCopyEarly && thread() == 0) sum += line[1];
    if (kRing != Ring::kNoWait) cuda::copy_async_wait<1>();
    if (kRing != Ring::kNoBarrierBehindWait) __syncthreads();
    sum += line[kThreads - 1 - thread()];
    if (kRing != Ring::kRefilledEarly) __syncthreads();
    copy(stage + 2);
  }
  out[place()] = sum;
}

// The last block to arrive adds up what all have stored. One thread fences for its block, or each for itself.
enum class Ticket {
  kRight,
  kNoBarrier,
  kNoFence,
  kNoFenceBehind,
  kNoBarrierBehind,
  kAllFence,
  kAllFenceNoBarrier,
  kAllFenceNoFenceBehind
};

template <Ticket kTicket>
__global__ void ticket_kernel(int* parts, unsigned* ticket, int* out) {
  constexpr bool kAll = kTicket == Ticket::kAllFence || kTicket == Ticket::kAllFenceNoBarrier ||
                        kTicket == Ticket::kAllFenceNoFenceBehind;
  cuda::follow_previous();
  ST_SHARED(unsigned, before, 1);
  auto block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
  parts[block * kThreads + thread()] = block + thread();
  if (kAll) __threadfence();
  if (kTicket != Ticket::kNoBarrier && kTicket != Ticket::kAllFenceNoBarrier) __syncthreads();
  if (thread() == 0) {
    if (!kAll && kTicket != Ticket::kNoFence) __threadfence();
    before[0] = atomicAdd(ticket, 1u);
    if (!kAll && kTicket != Ticket::kNoFenceBehind) __threadfence();
  }
  if (kTicket != Ticket::kNoBarrierBehind) __syncthreads();
  if (before[0] + 1 != static_cast<unsigned>(blocks)) return;
  if (kAll && kTicket != Ticket::kAllFenceNoFenceBehind) __threadfence();
  int sum = 0;
  for (int b = 0; b < blocks; ++b) sum += parts[b * kThreads + (thread() + 1) % kThreads];
  out[thread()] = sum;
  if (thread() == 0) *ticket = 0;
}

// Counts in shared memory; the counts are read behind a barrier, or not.
template <bool kBarrier>
__global__ void histogram_kernel(const int* in, int* out) {
  cuda::follow_previous();
  ST_SHARED(unsigned, bins, 4);
  if (thread() < 4) bins[thread()] = 0;
  __syncthreads();
  atomicAdd(&bins[in[thread()] % 4], 1u);
  if (kBarrier) __syncthreads();
  out[place()] = static_cast<int>(bins[thread() % 4]);
}

// Adds with an atomic, or with a load and a store.
template <bool kAtomic>
__global__ void add_kernel(const int* in, int* out) {
  cuda::follow_previous();
  if (thread() != 0) return;
  if (kAtomic)
    atomicAdd(out, in[blockIdx.x]);
  else
    *out += in[blockIdx.x];
}

// Neighbors write numbers of 8 and 16 bits, then read a whole word.
template <typename T>
__global__ void narrow_kernel(const int*, int* out) {
  cuda::follow_previous();
  ST_SHARED(uint32_t, words, kThreads);
  reinterpret_cast<T*>(words)[thread()] = static_cast<T>(thread());
  reinterpret_cast<T*>(out)[place()] = static_cast<T>(thread());
  __syncthreads();
  if (thread() < kThreads * static_cast<int>(sizeof(T)) / 4)
    out[(8 + static_cast<int>(blockIdx.x)) * kThreads + thread()] = static_cast<int>(words[thread()]);
}

// Every block reads what the first one overwrites.
inline __global__ void overwritten_kernel(int* values, int* out) {
  cuda::follow_previous();
  out[place()] = values[thread()];
  if (blockIdx.x == 4) values[thread()] = 0;
}

}  // namespace st::test
