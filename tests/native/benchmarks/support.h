// What the benchmarks share: the device, its measured ceilings, and memory.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "softthinking/backend.h"

namespace st::bench {

// The CPU backend with one stream. Threads: SOFTTHINKING_BENCHMARK_THREADS, else the backend's default.
struct Machine {
  const st_api* api;
  st_device* device;
  st_stream* stream;
  st_device_info info;
  st_rates rates;
};
Machine& machine();

// Ends the program with the backend's message unless the status is ST_OK.
void check(st_status status);

// Device memory that lives as long as the program does or until release().
template <typename T>
T* allocate(uint64_t count) {
  void* pointer = nullptr;
  check(machine().api->memory_alloc(machine().device, count * sizeof(T), &pointer));
  return static_cast<T*>(pointer);
}
inline void release(void* pointer) {
  machine().api->memory_free(machine().device, pointer);
}

// A sequence that begins to think.
inline st_sequence_state first_state() {
  st_sequence_state state = {};
  state.thinking = 1;
  state.forced_next = state.opening = state.answer_left = -1;
  return state;
}

// `count` numbers in -scale .. scale, the same at every run.
void fill(float* values, uint64_t count, float scale);

// A matrix of random weights. All rows of a tile come from a small source: their values do not matter, their bytes do.
st_matrix random_matrix(int32_t rows, int32_t cols, int32_t dtype);

// Prints what was reached per second, and which fraction of the ceiling that is. Amounts are per iteration.
void report_bytes(benchmark::State& state, double bytes);
void report_multiply_adds(benchmark::State& state, double count, double ceiling);

}  // namespace st::bench
