#include "kv_support.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace st::test {
namespace {

std::vector<int32_t> all_positions(const std::vector<Rows>& rows) {
  std::vector<int32_t> all;
  for (const Rows& each : rows) all.insert(all.end(), each.positions.begin(), each.positions.end());
  return all;
}

std::vector<int32_t> row_starts(const std::vector<Rows>& rows) {
  std::vector<int32_t> starts = {0};
  for (const Rows& each : rows) starts.push_back(starts.back() + static_cast<int32_t>(each.positions.size()));
  return starts;
}

std::vector<int32_t> all_tables(const Paging& paging) {
  std::vector<int32_t> all;
  for (const std::vector<int32_t>& table : paging.tables) all.insert(all.end(), table.begin(), table.end());
  return all;
}

std::vector<int32_t> sequences_of(const std::vector<Rows>& rows) {
  std::vector<int32_t> all;
  for (const Rows& each : rows) all.push_back(each.sequence);
  return all;
}

}  // namespace

Paging::Paging(Random& random, int32_t sequences, int32_t positions)
    : blocks_per_sequence((positions + ST_BLOCK_POSITIONS - 1) / ST_BLOCK_POSITIONS) {
  blocks = sequences * blocks_per_sequence + 3;
  std::vector<int32_t> order = random.permutation(blocks);
  for (int32_t s = 0; s < sequences; ++s) {
    auto begin = order.begin() + s * blocks_per_sequence;
    tables.emplace_back(begin, begin + blocks_per_sequence);
  }
}

Batch::Batch(Device& device, const Paging& paging, const std::vector<Rows>& rows)
    : positions_(device, all_positions(rows)),
      first_row_(device, row_starts(rows)),
      tables_(device, all_tables(paging)),
      table_of_(device, sequences_of(rows)) {
  batch_ = {row_starts(rows).back(),
            static_cast<int32_t>(rows.size()),
            paging.blocks_per_sequence,
            static_cast<int32_t>(paging.tables.size()),
            positions_.get(),
            first_row_.get(),
            tables_.get(),
            table_of_.get()};
}

Cache::Cache(Device& device, const AttentionShape& shape, int32_t blocks, int32_t dtype)
    : keys_(device, device.api.kv_bytes(blocks, shape.kv_heads, shape.head_dim, dtype), kNaNPoison),
      values_(device, keys_.bytes(), kNaNPoison),
      cache_{keys_.get(), values_.get(), blocks, dtype} {}

std::vector<uint8_t> Cache::read_bytes() const {
  std::vector<uint8_t> all = keys_.read_bytes(), values = values_.read_bytes();
  all.insert(all.end(), values.begin(), values.end());
  return all;
}

namespace {

// x = H x in the order of st_qkv_epilogue, so that the bits are those of the device.
void hadamard(float* x, size_t dim) {
  auto butterflies = [&](size_t distance) {
    for (size_t i = 0; i < dim; ++i) {
      if (i / distance % 2 == 1) continue;
      float a = x[i], b = x[i + distance];
      x[i] = a + b;
      x[i + distance] = a - b;
    }
  };
  size_t half = dim / 2;
  for (size_t distance = 1; half % (2 * distance) == 0; distance *= 2) butterflies(distance);
  butterflies(half);
}

}  // namespace

void round_to_int8(float* x, size_t dim) {
  float largest = 0.0f;
  for (size_t i = 0; i < dim; ++i) largest = std::max(largest, std::fabs(x[i]));
  for (size_t i = 0; i < dim; ++i) x[i] = std::nearbyint(x[i] * (127.0f / largest)) * (largest / 127.0f);
}

std::vector<float> as_held(const Device& device, const AttentionShape& shape, const std::vector<float>& qkv,
                           int32_t cache_type) {
  size_t dim = shape.dim(), half = dim / 2, most = 1;
  while (half % (2 * most) == 0) most *= 2;
  std::vector<float> held;
  for (size_t at = 0; at < qkv.size(); at += dim) {
    std::vector<float> head = slice(qkv, at, dim);
    size_t index = at % shape.row() / dim;
    bool is_query = index < static_cast<size_t>(shape.heads);
    if (cache_type != ST_INT8) {
      if (!is_query) head = rounded(head, cache_type);
    } else {
      if (index < static_cast<size_t>(shape.heads + shape.kv_heads)) hadamard(head.data(), dim);
      if (is_query) {
        for (float& each : head) each /= static_cast<float>(2 * most);
        head = rounded(head, device.info.activation_dtype);
      } else {
        round_to_int8(head.data(), dim);
      }
    }
    held.insert(held.end(), head.begin(), head.end());
  }
  return held;
}

std::vector<int32_t> range(int32_t from, int32_t to) {
  std::vector<int32_t> result(static_cast<size_t>(to - from));
  std::iota(result.begin(), result.end(), from);
  return result;
}

}  // namespace st::test
