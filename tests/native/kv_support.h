// Sequences of the tests of qkv_epilogue and attention: shuffled block tables, batches and caches.
#pragma once

#include "support.h"

namespace st::test {

struct AttentionShape {
  int32_t heads, kv_heads, head_dim;
  size_t dim() const { return static_cast<size_t>(head_dim); }
  size_t row() const { return static_cast<size_t>((heads + 2 * kv_heads) * head_dim); }  // elements of a qkv row
  size_t out() const { return static_cast<size_t>(heads * head_dim); }
};

// Which block of the cache holds each 16 positions of each sequence: shuffled, and some blocks are unused.
struct Paging {
  Paging(Random& random, int32_t sequences, int32_t positions);

  int32_t blocks, blocks_per_sequence;
  std::vector<std::vector<int32_t>> tables;
};

// The rows of one sequence in a batch.
struct Rows {
  int32_t sequence;
  std::vector<int32_t> positions;
};

class Batch {
 public:
  Batch(Device& device, const Paging& paging, const std::vector<Rows>& rows);
  const st_batch& get() const { return batch_; }

 private:
  Buffer<int32_t> positions_, first_row_, tables_, table_of_;
  st_batch batch_;
};

class Cache {
 public:
  Cache(Device& device, const AttentionShape& shape, int32_t blocks, int32_t dtype);
  const st_kv_cache& get() const { return cache_; }
  std::vector<uint8_t> read_bytes() const;  // keys, then values, in whatever layout

 private:
  Memory keys_, values_;
  st_kv_cache cache_;
};

// A cache of every type.
inline constexpr int32_t kCacheTypes[] = {ST_F32, ST_BF16, ST_INT8};

// What attention computes with, given the qkv of a row that qkv_epilogue does not normalize and that it rotates by
// angles of 0: keys and values as the cache holds them, and the queries that fit these.
std::vector<float> as_held(const Device& device, const AttentionShape& shape, const std::vector<float>& qkv,
                           int32_t cache_type);

// x as integers -127..127 times a scale.
void round_to_int8(float* x, size_t dim);

// from, from + 1, .. to - 1
std::vector<int32_t> range(int32_t from, int32_t to);

}  // namespace st::test
