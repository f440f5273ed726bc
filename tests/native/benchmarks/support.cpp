#include "support.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace st::bench {
namespace {

Machine open_machine() {
  void* library = dlopen(SOFTTHINKING_CPU_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  auto get_api = reinterpret_cast<const st_api* (*)(uint32_t)>(dlsym(library, "st_get_api"));
  Machine m = {};
  m.api = get_api(ST_ABI_VERSION);
  const char* threads = getenv("SOFTTHINKING_BENCHMARK_THREADS");
  st_device_options options = {sizeof options, 0, threads ? atoi(threads) : 0, ST_ACTIVATIONS_DEFAULT, 0, 0};
  if (!m.api || m.api->device_open(&options, &m.device) != ST_OK ||
      m.api->stream_create(m.device, &m.stream) != ST_OK) {
    fprintf(stderr, "%s\n", m.api ? m.api->last_error() : "the backend is of another version");
    exit(1);
  }
  m.info.size = sizeof m.info;
  m.rates.size = sizeof m.rates;
  m.api->device_query(m.device, &m.info);
  m.api->measure(m.device, &m.rates);
  fprintf(stderr, "%s, %d threads: %.1f GB/s read; multiply-adds, 10^9/s: f32 %.1f, bf16 %.1f, int8 %.1f\n",
          m.info.instruction_set, m.info.threads, m.rates.read_bandwidth / 1e9, m.rates.multiply_adds_f32 / 1e9,
          m.rates.multiply_adds_bf16 / 1e9, m.rates.multiply_adds_int8 / 1e9);
  return m;
}

double per_iteration(double amount, benchmark::State& state) {
  return amount * static_cast<double>(state.iterations());
}

}  // namespace

Machine& machine() {
  static Machine instance = open_machine();
  return instance;
}

void check(st_status status) {
  if (status == ST_OK) return;
  fprintf(stderr, "status %d: %s\n", status, machine().api->last_error());
  exit(1);
}

void fill(float* values, uint64_t count, float scale) {
  uint32_t state = 12345;
  for (uint64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    values[i] = (static_cast<float>(state >> 8) * 0x1p-23f - 1.0f) * scale;
  }
}

st_matrix random_matrix(int32_t rows, int32_t cols, int32_t dtype) {
  Machine& m = machine();
  st_matrix w = {allocate<char>(m.api->matrix_bytes(rows, cols, dtype)), rows, cols, dtype, 0};
  constexpr int32_t kRows = 64;
  std::vector<float> values(static_cast<size_t>(kRows) * static_cast<size_t>(cols));
  fill(values.data(), values.size(), 1.7f / std::sqrt(static_cast<float>(cols)));
  std::vector<uint16_t> halves(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    halves[i] = static_cast<uint16_t>(bits >> 16);
    if (dtype == ST_F16) halves[i] = halves[i] & 0xa7ff;  // any small number will do
  }
  if (dtype == ST_FP8)
    for (uint16_t& two : halves) two = two & 0xbfbf;  // of e4m3, any will do that are numbers
  std::vector<float> scales(values.size() / 64 + kRows, 0.001f);
  const void* source = dtype == ST_F32 ? static_cast<const void*>(values.data()) : halves.data();
  int32_t source_dtype = dtype == ST_INT8 ? ST_BF16 : dtype;
  for (int32_t first = 0; first < rows; first += kRows) {
    st_pack op = {sizeof op, first,        1, std::min(kRows, rows - first), source_dtype, cols, 0, 0, w,
                  source,    scales.data()};
    check(m.api->pack(m.stream, &op));
  }
  check(m.api->stream_synchronize(m.stream));
  return w;
}

void report_bytes(benchmark::State& state, double bytes) {
  state.counters["GB/s"] = benchmark::Counter(per_iteration(bytes / 1e9, state), benchmark::Counter::kIsRate);
  state.counters["of_bandwidth"] =
      benchmark::Counter(per_iteration(bytes / machine().rates.read_bandwidth, state), benchmark::Counter::kIsRate);
}

void report_multiply_adds(benchmark::State& state, double count, double ceiling) {
  state.counters["GMAC/s"] = benchmark::Counter(per_iteration(count / 1e9, state), benchmark::Counter::kIsRate);
  if (ceiling > 0.0)
    state.counters["of_rate"] = benchmark::Counter(per_iteration(count / ceiling, state), benchmark::Counter::kIsRate);
}

}  // namespace st::bench

BENCHMARK_MAIN();
