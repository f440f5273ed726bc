// attention: decoding sequences, and chunks of a prompt, over paged caches of bf16 and of integers.
#include <algorithm>
#include <set>

#include "bench.h"

namespace st::kernels {
namespace {

struct Work {
  int32_t sequences, rows_of_sequence, context, limit;  // positions after the rows; positions that a table is made for
};

int32_t blocks_for(int32_t positions) {
  return (positions + ST_BLOCK_POSITIONS - 1) / ST_BLOCK_POSITIONS;
}

// The batch of work, whose sequences begin at a block of the cache: each time at another one.
st_batch batch_of(Bench& bench, const Work& work, int32_t first_block, int32_t cache_blocks) {
  std::vector<int32_t> positions, first_row, tables;
  const int32_t blocks = blocks_for(work.context), per_sequence = blocks_for(work.limit);
  for (int32_t s = 0; s < work.sequences; ++s) {
    first_row.push_back(s * work.rows_of_sequence);
    for (int32_t r = 0; r < work.rows_of_sequence; ++r) positions.push_back(work.context - work.rows_of_sequence + r);
    for (int32_t b = 0; b < per_sequence; ++b)
      tables.push_back(b < blocks ? (first_block + s * blocks + b) % cache_blocks : 0);
  }
  first_row.push_back(work.sequences * work.rows_of_sequence);
  return {static_cast<int32_t>(positions.size()),
          work.sequences,
          per_sequence,
          0,
          bench.array(positions),
          bench.array(first_row),
          bench.array(tables),
          nullptr};
}

void measure(Bench& bench, const Shape& shape, const st_kv_cache& cache, const Work& work) {
  constexpr int32_t kPlaces = 4;  // parts of the cache that are read in turn
  const int32_t blocks = work.sequences * blocks_for(work.context);
  if (blocks > cache.blocks) return;
  std::vector<st_batch> batches;
  for (int32_t i = 0; i < kPlaces; ++i)
    batches.push_back(batch_of(bench, work, i * (cache.blocks / kPlaces), cache.blocks));
  const int32_t rows = batches[0].rows;
  void* qkv = bench.random_memory(static_cast<uint64_t>(rows) * static_cast<uint64_t>(shape.qkv()) * 4);
  void* out = bench.memory(static_cast<uint64_t>(rows) * static_cast<uint64_t>(shape.heads * shape.head_dim) * 4);
  const double attended = work.context - (work.rows_of_sequence - 1) / 2.0;  // positions of a row, on average
  const double head_bytes = cache.dtype == ST_INT8 ? shape.head_dim + 4.0 : 2.0 * shape.head_dim;
  Case what = {"attention",
               std::string(shape.name) + (cache.dtype == ST_INT8 ? " int8 " : " ") + std::to_string(work.sequences) +
                   " x " + std::to_string(work.context) + " of " + std::to_string(work.limit),
               rows, 2.0 * work.sequences * work.context * shape.kv_heads * head_bytes,
               2.0 * rows * attended * shape.heads * shape.head_dim};
  bench.measure(what, [&](uint64_t i) {
    st_attention op = {sizeof op, shape.heads, shape.kv_heads,       shape.head_dim, 0.02f, 0,
                       qkv,       out,         batches[i % kPlaces], cache};
    bench.check(bench.api->attention(bench.stream, &op));
  });
  for (const st_batch& each : batches)
    for (const int32_t* array : {each.positions, each.first_row, each.block_tables})
      bench.api->memory_free(bench.device, const_cast<int32_t*>(array));
  bench.api->memory_free(bench.device, qkv);
  bench.api->memory_free(bench.device, out);
}

st_kv_cache new_cache(Bench& bench, const Shape& shape, int32_t dtype) {
  const int32_t blocks = bench.tiny() ? 64 : 64 * 8192 / ST_BLOCK_POSITIONS;
  const uint64_t bytes = bench.api->kv_bytes(blocks, shape.kv_heads, shape.head_dim, dtype);
  return {bench.random_memory(bytes), bench.random_memory(bytes), blocks, dtype};
}

void release(Bench& bench, const st_kv_cache& cache) {
  bench.api->memory_free(bench.device, cache.keys);
  bench.api->memory_free(bench.device, cache.values);
}

}  // namespace

void bench_attention(Bench& bench, const Shape& shape) {
  if (!bench.wanted("attention")) return;
  st_kv_cache cache = new_cache(bench, shape, ST_BF16);
  if (bench.tiny()) {
    measure(bench, shape, cache, {2, 1, 300, 2048});
    measure(bench, shape, cache, {1, 20, 100, 128});
  } else {
    for (int32_t sequences : {1, 16, 64})
      for (int32_t context : {512, 2048, 8192, 32768})
        for (int32_t limit : {context + 64, 131072}) measure(bench, shape, cache, {sequences, 1, context, limit});
    for (int32_t chunk : {256, 512, 2048})
      for (int32_t context : std::set<int32_t>{chunk, 2048, 8192})
        for (int32_t limit : {context + 64, 131072}) measure(bench, shape, cache, {1, chunk, context, limit});
  }
  release(bench, cache);
  cache = new_cache(bench, shape, ST_INT8);
  if (bench.tiny()) {
    measure(bench, shape, cache, {2, 1, 300, 2048});
  } else {
    for (int32_t sequences : {1, 16, 64}) measure(bench, shape, cache, {sequences, 1, 2048, 131072});
    measure(bench, shape, cache, {1, 256, 2048, 131072});
  }
  release(bench, cache);
}

}  // namespace st::kernels
