// What is done to the rows of a step between the products: embed, rms_norm, qkv_epilogue.
#include <algorithm>

#include "bench.h"

namespace st::kernels {
namespace {

constexpr int32_t kEntries = 10;

std::vector<int32_t> rows_of(const Bench& bench) {
  return bench.tiny() ? std::vector<int32_t>{3} : std::vector<int32_t>{1, 16, 64, 256};
}

std::string name_of(const Shape& shape, const char* detail = "") {
  return std::string(shape.name) + detail;
}

// Reads `kEntries` rows of the table per row.
void bench_embed(Bench& bench, const Shape& shape, int32_t rows) {
  const int32_t vocabulary = shape.vocabulary;
  st_matrix table = {bench.random_memory(bench.api->matrix_bytes(vocabulary, shape.hidden, ST_BF16)), vocabulary,
                     shape.hidden, ST_BF16, 0};
  std::vector<int32_t> ids;
  std::mt19937 random(7);
  for (int32_t i = 0; i < rows * kEntries; ++i)
    ids.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(vocabulary)));
  int32_t* device_ids = bench.array(ids);
  float* weights = bench.array(std::vector<float>(ids.size(), 0.1f));
  void* out = bench.memory(static_cast<uint64_t>(rows) * static_cast<uint64_t>(shape.hidden) * 4);
  Case what = {"embed", name_of(shape, " 10 entries"), rows, 2.0 * rows * (kEntries + 1) * shape.hidden, 0.0};
  bench.measure(what, [&](uint64_t) {
    st_embed op = {sizeof op, rows, kEntries, rows, vocabulary, 0, 0, 0, table, device_ids, weights, nullptr, out};
    bench.check(bench.api->embed(bench.stream, &op));
  });
  for (void* each : {const_cast<void*>(table.data), static_cast<void*>(device_ids), static_cast<void*>(weights), out})
    bench.api->memory_free(bench.device, each);
}

void bench_norm(Bench& bench, const Shape& shape, int32_t rows) {
  const uint64_t bytes = static_cast<uint64_t>(rows) * static_cast<uint64_t>(shape.hidden) * 4;
  void *delta = bench.random_memory(bytes), *residual = bench.random_memory(bytes), *out = bench.memory(bytes);
  float* weight = bench.array(std::vector<float>(static_cast<size_t>(shape.hidden), 1.5f));
  Case what = {"rms_norm", name_of(shape), rows, 4.0 * 2.0 * rows * shape.hidden + 4.0 * shape.hidden, 0.0};
  bench.measure(what, [&](uint64_t) {
    st_rms_norm op = {sizeof op, rows, shape.hidden, 1e-6f, delta, residual, weight, out};
    bench.check(bench.api->rms_norm(bench.stream, &op));
  });
  for (void* each : {delta, residual, out, static_cast<void*>(weight)}) bench.api->memory_free(bench.device, each);
}

// Decoding: each row is a sequence of its own.
void bench_epilogue(Bench& bench, const Shape& shape, int32_t rows) {
  constexpr int32_t kPosition = 17;
  const int32_t blocks = rows * 2;
  const uint64_t cache_bytes = bench.api->kv_bytes(blocks, shape.kv_heads, shape.head_dim, ST_BF16);
  st_kv_cache cache = {bench.memory(cache_bytes), bench.memory(cache_bytes), blocks, ST_BF16};
  std::vector<int32_t> positions(static_cast<size_t>(rows), kPosition), first_row, tables;
  for (int32_t r = 0; r <= rows; ++r) first_row.push_back(r);
  for (int32_t b = 0; b < blocks; ++b) tables.push_back(b);
  st_batch batch = {rows, rows, 2, 0, bench.array(positions), bench.array(first_row), bench.array(tables), nullptr};
  float* angles =
      bench.array(std::vector<float>(static_cast<size_t>(rows) * static_cast<size_t>(shape.head_dim), 0.7f));
  void* qkv = bench.random_memory(static_cast<uint64_t>(rows) * static_cast<uint64_t>(shape.qkv()) * 4);
  Case what = {"qkv_epilogue", name_of(shape), rows, 2.0 * 2.0 * rows * shape.qkv(), 0.0};
  bench.measure(what, [&](uint64_t) {
    st_qkv_epilogue op = {sizeof op,      shape.heads, shape.kv_heads, shape.head_dim, 1e-6f,
                          shape.head_dim, nullptr,     nullptr,        angles,         qkv,
                          batch,          cache};
    bench.check(bench.api->qkv_epilogue(bench.stream, &op));
  });
  for (void* each : {cache.keys, cache.values, const_cast<void*>(static_cast<const void*>(batch.positions)),
                     const_cast<void*>(static_cast<const void*>(batch.first_row)),
                     const_cast<void*>(static_cast<const void*>(batch.block_tables)), static_cast<void*>(angles), qkv})
    bench.api->memory_free(bench.device, each);
}

}  // namespace

void bench_rows(Bench& bench, const Shape& shape) {
  for (int32_t rows : rows_of(bench)) {
    if (bench.wanted("embed")) bench_embed(bench, shape, rows);
    if (bench.wanted("rms_norm")) bench_norm(bench, shape, rows);
    if (bench.wanted("qkv_epilogue")) bench_epilogue(bench, shape, rows);
  }
}

}  // namespace st::kernels
