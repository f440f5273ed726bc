#include "kv_support.h"

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

std::vector<int32_t> range(int32_t from, int32_t to) {
  std::vector<int32_t> result(static_cast<size_t>(to - from));
  std::iota(result.begin(), result.end(), from);
  return result;
}

}  // namespace st::test
