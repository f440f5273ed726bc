// The emulated device as seen by a kernel: qualifiers, its position in the grid, barriers, warps, atomics, shared
// memory. A warp operation is collective: it is executed when the last lane of the mask has arrived.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "simt_types.h"

#define ST_SIMT 1
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

#define threadIdx (::st::simt::position_of_thread.thread)
#define blockIdx (::st::simt::position_of_thread.block)
#define blockDim (::st::simt::position_of_thread.block_size)
#define gridDim (::st::simt::position_of_thread.grid_size)

// Shared memory is declared by these, so that each array is an allocation of its own whose bounds AddressSanitizer
// guards, and new to every block.
#define ST_SHARED(type, name, count)     \
  static const char name##_identity = 0; \
  type* const name = static_cast<type*>(::st::simt::shared_array(&name##_identity, sizeof(type) * (count)))
#define ST_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(::st::simt::dynamic_shared())

namespace st::simt {

constexpr unsigned kWholeWarp = 0xffffffffu;

using Complete = void (*)(void* const* payloads, unsigned mask);
void barrier(const char* file, int line);
void collective(unsigned mask, void* payload, Complete complete);
void sync_warp(unsigned mask);
void fence();
void* shared_array(const void* declaration, size_t bytes);
void* dynamic_shared();
// That the thread waits for the kernel ahead, which it must have when it leaves its own.
void wait_for_previous();
void expect_waited();
void async_copy(void* destination, const void* source, size_t bytes);
void async_commit();
void async_wait(size_t groups_left);

// The warp's operations of native/cuda/mma.cuh.
enum class MmaFormat { kBf16, kF16 };
void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], MmaFormat format);
void mma_int8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void load_matrices(uint32_t* parts, const void* row, int matrices);

template <typename T>
struct Shuffle {
  T value, result;
  int source;
};

// Reading a lane outside the mask is undefined in CUDA: it returns a pattern here that no test expects.
template <typename T>
T shuffle(unsigned mask, T value, int source) {
  Shuffle<T> mine = {value, value, source};
  collective(mask, &mine, [](void* const* payloads, unsigned lanes) {
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (!(lanes >> lane & 1)) continue;
      auto* to = static_cast<Shuffle<T>*>(payloads[lane]);
      auto from = static_cast<unsigned>(to->source) % 32;
      if (lanes >> from & 1)
        to->result = static_cast<Shuffle<T>*>(payloads[from])->value;
      else
        memset(&to->result, 0xFF, sizeof(T));
    }
  });
  return mine.result;
}

inline int lane_of_thread() {
  const Position& at = position_of_thread;
  return static_cast<int>((at.thread.x + at.block_size.x * (at.thread.y + at.block_size.y * at.thread.z)) % 32);
}

struct Vote {
  int predicate;
  unsigned ballot;
};

}  // namespace st::simt

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  st::simt::barrier(file, line);
}

inline void __syncwarp(unsigned mask = st::simt::kWholeWarp) {
  st::simt::sync_warp(mask);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source) {
  return st::simt::shuffle(mask, value, source);
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes) {
  return st::simt::shuffle(mask, value, st::simt::lane_of_thread() ^ lanes);
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned by) {
  int lane = st::simt::lane_of_thread(), source = lane - static_cast<int>(by);
  return st::simt::shuffle(mask, value, source < 0 ? lane : source);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  st::simt::Vote mine = {predicate, 0};
  st::simt::collective(mask, &mine, [](void* const* payloads, unsigned lanes) {
    unsigned ballot = 0;
    for (unsigned lane = 0; lane < 32; ++lane)
      if ((lanes >> lane & 1) && static_cast<st::simt::Vote*>(payloads[lane])->predicate) ballot |= 1u << lane;
    for (unsigned lane = 0; lane < 32; ++lane)
      if (lanes >> lane & 1) static_cast<st::simt::Vote*>(payloads[lane])->ballot = ballot;
  });
  return mine.ballot;
}

inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}

inline int __popc(unsigned value) {
  return __builtin_popcount(value);
}

// Blocks run on several OS threads.
inline int atomicAdd(int* address, int value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
inline unsigned atomicAdd(unsigned* address, unsigned value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
inline unsigned long long atomicAdd(unsigned long long* address, unsigned long long value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
inline unsigned atomicOr(unsigned* address, unsigned value) {
  return __atomic_fetch_or(address, value, __ATOMIC_RELAXED);
}
inline void __threadfence() {
  st::simt::fence();
}
