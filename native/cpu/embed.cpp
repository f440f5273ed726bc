// embed: concept tokens to hidden rows. The table may be the LM head's own matrix: a row is one output of a
// group.

#include <algorithm>
#include <cstring>

#include "common/checks.h"
#include "common/formats.h"
#include "cpu/device.h"
#include "cpu/matrix.h"
#include "cpu/stream.h"
#include "cpu/stretch.h"

namespace st::cpu {
namespace {

const char* group_of(const st_matrix& table, int64_t row) {
  return static_cast<const char*>(table.data) + row / kGroup * group_bytes(table.cols, table.dtype);
}

// sum += weight * the `count` columns from `first` on of a row, in a table whose groups hold STEP consecutive k of an
// output side by side. They are copied first: each is in a cache line of its own, and a loop of nothing else waits for
// more of them at once.
template <typename T, int STEP, typename Widen>
void add_row(const st_matrix& table, int64_t row, float weight, int64_t first, int64_t count, Widen widen, float* sum) {
  static_assert(kStretch % STEP == 0);
  const T* from = reinterpret_cast<const T*>(group_of(table, row)) + (first / STEP * kGroup + row % kGroup) * STEP;
  T values[kStretch];
  for (int64_t k = 0; k < count; k += STEP, from += kGroup * STEP) memcpy(values + k, from, STEP * sizeof(T));
  for (int64_t k = 0; k < count; ++k) sum[k] += weight * widen(values[k]);
}

void add_int8_row(const st_matrix& table, int64_t row, float weight, int64_t first, int64_t count, float* sum) {
  const char* block = group_of(table, row) + first / kBlock * kBlockBytes;
  int64_t output = row % kGroup;
  for (int64_t done = 0; done < count; done += kBlock, block += kBlockBytes) {
    float scale = f16_to_float(reinterpret_cast<const uint16_t*>(block)[output]);
    uint8_t values[kBlock];
    for (int64_t k = 0; k < kBlock; k += 4) memcpy(values + k, block + kScaleBytes + place_in_block(k, output), 4);
    int64_t left = std::min<int64_t>(kBlock, count - done);
    for (int64_t k = 0; k < left; ++k) sum[done + k] += weight * (static_cast<float>(values[k] - 128) * scale);
  }
}

void add_row(const st_matrix& table, int64_t row, float weight, int64_t first, int64_t count, float* sum) {
  if (table.dtype == ST_F32)
    add_row<float, 1>(
        table, row, weight, first, count, [](float x) { return x; }, sum);
  else if (table.dtype == ST_F16)
    add_row<uint16_t, 1>(
        table, row, weight, first, count, [](uint16_t x) { return f16_to_float(x); }, sum);
  else if (table.dtype == ST_INT8)
    add_int8_row(table, row, weight, first, count, sum);
  else
    add_row<uint16_t, 2>(
        table, row, weight, first, count, [](uint16_t x) { return bf16_to_float(x); }, sum);
}

// Columns first .. first + count - 1 of a token. The entries of each part of the vocabulary are added in their order;
// those outside the table's shard are left out.
void mix_stretch(const st_embed& op, int64_t token, int64_t first, int64_t count, float* out) {
  Stretch sums[kParts] = {};
  for (int64_t i = token * op.entries; i < (token + 1) * op.entries; ++i) {
    if (op.weights[i] == 0.0f) continue;
    int64_t row = int64_t{op.ids[i]} - op.first_id;
    if (row >= 0 && row < op.table.rows)
      add_row(op.table, row, op.weights[i], first, count, sums[part_of(op.vocabulary, op.ids[i])].at);
  }
  Stretch sum = tree_sum<Stretch>(kParts, [&](int s) { return sums[s]; });
  memcpy(out + first, sum.at, sizeof(float) * static_cast<size_t>(count));
}

// Ids come from the host's input or from the sampler; an invalid one must not read outside the table.
st_status check_tokens(const st_embed& op) {
  for (int32_t r = 0; r < op.rows; ++r) {
    int32_t token = op.index ? op.index[r] : r;
    ST_REQUIRE(token >= 0 && token < op.tokens, "embed: row %d takes token %d of %d", r, token, op.tokens);
    for (int i = 0; i < op.entries; ++i) {
      int32_t id = op.ids[static_cast<int64_t>(token) * op.entries + i];
      ST_REQUIRE(id >= 0 && id < op.vocabulary, "embed: id %d is outside the vocabulary of %d", id, op.vocabulary);
    }
  }
  return ST_OK;
}

}  // namespace

st_status embed(st_stream* stream, const st_embed* op) {
  ST_TRY(check(stream, op, matrix_bytes));
  return enqueue(stream, [device = stream->device, op = *op] {
    st_status status = check_tokens(op);
    if (status != ST_OK) return status;
    int64_t cols = op.table.cols, stretches = (cols + kStretch - 1) / kStretch;
    device->pool.parallel_for(
        op.rows * stretches, int64_t{op.rows} * op.entries * cols, [&](int64_t begin, int64_t end) {
          for (int64_t task = begin; task < end; ++task) {
            int64_t r = task / stretches, first = task % stretches * kStretch;
            mix_stretch(op, op.index ? op.index[r] : r, first, std::min<int64_t>(kStretch, cols - first),
                        static_cast<float*>(op.out) + r * cols);
          }
        });
    return ST_OK;
  });
}

}  // namespace st::cpu
