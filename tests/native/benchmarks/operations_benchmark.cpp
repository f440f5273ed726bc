// Single operations, at the shapes of Qwen2.5-0.5B. Fractions are of the ceilings that the machine showed at the start.
#include <algorithm>
#include <cstring>

#include "support.h"

namespace {

using namespace st::bench;

constexpr int32_t kVocabulary = 151936;

double ceiling(int32_t dtype) {
  const st_rates& rates = machine().rates;
  if (dtype == ST_INT8 && rates.multiply_adds_int8 > 0.0) return rates.multiply_adds_int8;
  if ((dtype == ST_BF16 || dtype == ST_FP8) && rates.multiply_adds_bf16 > 0.0) return rates.multiply_adds_bf16;
  return rates.multiply_adds_f32;
}

// Arguments: rows, outputs, inputs, type of weights, exact. Few rows are bound by reading the weights, and go through
// as many matrices as the caches do not hold; many are bound by arithmetic.
void BM_Linear(benchmark::State& state) {
  auto rows = static_cast<int32_t>(state.range(0)), outputs = static_cast<int32_t>(state.range(1));
  auto cols = static_cast<int32_t>(state.range(2)), dtype = static_cast<int32_t>(state.range(3));
  Machine& m = machine();
  auto bytes = m.api->matrix_bytes(outputs, cols, dtype);
  auto count = static_cast<size_t>(std::max<uint64_t>(1, (uint64_t{256} << 20) / bytes));
  std::vector<st_matrix> matrices;
  for (size_t i = 0; i < count; ++i) matrices.push_back(random_matrix(outputs, cols, dtype));
  auto* x = allocate<float>(static_cast<uint64_t>(rows) * static_cast<uint64_t>(cols));
  auto* out = allocate<float>(static_cast<uint64_t>(rows) * static_cast<uint64_t>(outputs));
  fill(x, static_cast<uint64_t>(rows) * static_cast<uint64_t>(cols), 1.0f);
  size_t next = 0;
  for (auto _ : state) {
    st_linear op = {sizeof op, rows, x, matrices[next++ % count],
                    nullptr,   out,  0, static_cast<int32_t>(state.range(4)),
                    0,         0,    0, 0};
    check(m.api->linear(m.stream, &op));
    check(m.api->stream_synchronize(m.stream));
  }
  report_bytes(state, static_cast<double>(bytes));
  report_multiply_adds(state, static_cast<double>(rows) * outputs * cols, ceiling(state.range(4) ? ST_F32 : dtype));
  for (st_matrix& each : matrices) release(const_cast<void*>(each.data));
  release(x);
  release(out);
}
BENCHMARK(BM_Linear)
    ->ArgNames({"rows", "outputs", "inputs", "dtype", "exact"})
    ->ArgsProduct({{1, 8, 512}, {9728}, {896}, {ST_F32, ST_F16, ST_BF16, ST_INT8, ST_FP8}, {0}})
    ->ArgsProduct({{1, 512}, {896}, {4864}, {ST_BF16, ST_INT8, ST_FP8}, {0}})
    ->ArgsProduct({{1, 512}, {9728}, {896}, {ST_BF16, ST_FP8}, {1}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

// Arguments: rows, positions before them, type of the cache; 14 heads over 2 of 64. The floor of few rows is reading
// the cache, that of many is f32 arithmetic.
void BM_Attention(benchmark::State& state) {
  constexpr int32_t kHeads = 14, kKvHeads = 2, kDim = 64, kLayers = 24;
  auto rows = static_cast<int32_t>(state.range(0)), context = static_cast<int32_t>(state.range(1));
  auto dtype = static_cast<int32_t>(state.range(2));
  Machine& m = machine();
  int32_t blocks = (rows + context + ST_BLOCK_POSITIONS - 1) / ST_BLOCK_POSITIONS;
  uint64_t bytes = m.api->kv_bytes(blocks, kKvHeads, kDim, dtype);
  std::vector<st_kv_cache> caches;
  for (int i = 0; i < kLayers; ++i) {
    caches.push_back({allocate<char>(bytes), allocate<char>(bytes), blocks, dtype});
    for (void* each : {caches.back().keys, caches.back().values}) memset(each, 0x3c, bytes);
  }
  std::vector<int32_t> positions, first_row = {0, rows}, table;
  for (int32_t r = 0; r < rows; ++r) positions.push_back(context + r);
  for (int32_t b = 0; b < blocks; ++b) table.push_back(b);
  auto* qkv = allocate<float>(static_cast<uint64_t>(rows) * (kHeads + 2 * kKvHeads) * kDim);
  auto* out = allocate<float>(static_cast<uint64_t>(rows) * kHeads * kDim);
  fill(qkv, static_cast<uint64_t>(rows) * (kHeads + 2 * kKvHeads) * kDim, 1.0f);
  size_t next = 0;
  for (auto _ : state) {
    st_batch batch = {rows, 1, blocks, 0, positions.data(), first_row.data(), table.data(), nullptr};
    st_attention op = {sizeof op, kHeads, kKvHeads, kDim, 0.125f, 0, qkv, out, batch, caches[next++ % kLayers]};
    check(m.api->attention(m.stream, &op));
    check(m.api->stream_synchronize(m.stream));
  }
  double attended = (context + (1.0 + rows) / 2.0) * rows;
  const double of_element = dtype == ST_F32 ? 4.0 : dtype == ST_INT8 ? 1.0 + 4.0 / kDim : 2.0;
  report_bytes(state, 2.0 * (rows + context) * kKvHeads * kDim * of_element);
  report_multiply_adds(state, 2.0 * attended * kHeads * kDim, machine().rates.multiply_adds_f32);
  for (st_kv_cache& each : caches) {
    release(each.keys);
    release(each.values);
  }
  release(qkv);
  release(out);
}
BENCHMARK(BM_Attention)
    ->ArgNames({"rows", "context", "kv"})
    ->ArgsProduct({{1}, {128, 2048, 8192, 32768}, {ST_F32, ST_BF16, ST_INT8}})
    ->ArgsProduct({{512}, {0, 8000}, {ST_BF16, ST_INT8}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

// Arguments: rows. What runs between the products, in caches mostly.
void BM_RmsNorm(benchmark::State& state) {
  constexpr int32_t kCols = 896;
  auto rows = static_cast<int32_t>(state.range(0));
  auto count = static_cast<uint64_t>(rows) * kCols;
  Machine& m = machine();
  float *delta = allocate<float>(count), *residual = allocate<float>(count), *out = allocate<float>(count);
  auto* weight = allocate<float>(kCols);
  fill(residual, count, 1.0f);
  for (auto _ : state) {
    st_rms_norm op = {sizeof op, rows, kCols, 1e-6f, delta, residual, weight, out};
    check(m.api->rms_norm(m.stream, &op));
    check(m.api->stream_synchronize(m.stream));
  }
  report_bytes(state, 4.0 * 4.0 * static_cast<double>(count));
  for (float* each : {delta, residual, out, weight}) release(each);
}
BENCHMARK(BM_RmsNorm)->ArgName("rows")->Arg(1)->Arg(512)->Unit(benchmark::kMicrosecond)->UseRealTime();

// Arguments: entries of each concept token, type of the table.
void BM_Embed(benchmark::State& state) {
  constexpr int32_t kHidden = 896;
  auto entries = static_cast<int32_t>(state.range(0)), dtype = static_cast<int32_t>(state.range(1));
  Machine& m = machine();
  st_matrix table = random_matrix(kVocabulary, kHidden, dtype);
  std::vector<int32_t> ids(static_cast<size_t>(entries));
  std::vector<float> weights(ids.size(), 0.1f);
  auto* out = allocate<float>(kHidden);
  uint32_t next = 1;
  for (auto _ : state) {
    for (int32_t& id : ids) id = static_cast<int32_t>((next = next * 1664525u + 1013904223u) % kVocabulary);
    st_embed op = {sizeof op, 1, entries, 1, table.rows, 0, 0, 0, table, ids.data(), weights.data(), nullptr, out};
    check(m.api->embed(m.stream, &op));
    check(m.api->stream_synchronize(m.stream));
  }
  release(const_cast<void*>(table.data));
  release(out);
}
BENCHMARK(BM_Embed)
    ->ArgNames({"entries", "dtype"})
    ->ArgsProduct({{1, 10, 1023}, {ST_BF16, ST_INT8}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

// Packing from memory that is in the caches' reach: what loading costs besides reading the file.
void BM_Pack(benchmark::State& state) {
  constexpr int32_t kRows = 4864, kCols = 896;
  auto dtype = static_cast<int32_t>(state.range(0));
  Machine& m = machine();
  std::vector<uint16_t> source(size_t{kRows} * kCols, 0x3c12);
  st_matrix w = {allocate<char>(m.api->matrix_bytes(kRows, kCols, dtype)), kRows, kCols, dtype, 0};
  for (auto _ : state) {
    st_pack op = {sizeof op, 0, 1, kRows, ST_BF16, kCols, 0, 0, w, source.data(), nullptr};
    check(m.api->pack(m.stream, &op));
    check(m.api->stream_synchronize(m.stream));
  }
  report_bytes(state, 2.0 * kRows * kCols);
  release(const_cast<void*>(w.data));
}
BENCHMARK(BM_Pack)->ArgName("dtype")->Arg(ST_BF16)->Arg(ST_INT8)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
