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
// output side by side.
template <typename T, int STEP, typename Widen>
void add_row(const st_matrix& table, int64_t row, float weight, int64_t first, int64_t count, Widen widen, float* sum) {
  const T* output = reinterpret_cast<const T*>(group_of(table, row)) + row % kGroup * STEP;
  for (int64_t i = 0; i < count; ++i) {
    int64_t k = first + i;
    sum[i] += weight * widen(output[k / STEP * kGroup * STEP + k % STEP]);
  }
}

void add_int8_row(const st_matrix& table, int64_t row, float weight, int64_t first, int64_t count, float* sum) {
  const char* block = group_of(table, row) + first / kBlock * kBlockBytes;
  int64_t output = row % kGroup;
  for (int64_t done = 0; done < count; done += kBlock, block += kBlockBytes) {
    float scale = f16_to_float(reinterpret_cast<const uint16_t*>(block)[output]);
    const auto* bytes = reinterpret_cast<const uint8_t*>(block + kScaleBytes);
    int64_t left = std::min<int64_t>(kBlock, count - done);
    for (int64_t k = 0; k < left; ++k)
      sum[done + k] += weight * (static_cast<float>(bytes[place_in_block(k, output)] - 128) * scale);
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

// The entries of a token whose ids are in part s of the vocabulary and in the table's shard.
Stretch sum_part(const st_embed& op, int64_t token, int s, int64_t first, int64_t count) {
  Stretch sum = {};
  int64_t begin = std::max<int64_t>(part_begin(op.vocabulary, s), op.first_id);
  int64_t end = std::min<int64_t>(part_begin(op.vocabulary, s + 1), int64_t{op.first_id} + op.table.rows);
  for (int64_t i = token * op.entries; i < (token + 1) * op.entries; ++i) {
    int32_t id = op.ids[i];
    if (id >= begin && id < end && op.weights[i] != 0.0f)
      add_row(op.table, id - op.first_id, op.weights[i], first, count, sum.at);
  }
  return sum;
}

void mix_embeddings(const st_embed& op, int64_t token, float* out) {
  for (int64_t first = 0; first < op.table.cols; first += kStretch) {
    int64_t count = std::min<int64_t>(kStretch, op.table.cols - first);
    auto part = [&](int s) { return sum_part(op, token, s, first, count); };
    Stretch sum = tree_sum<Stretch>(kParts, part);
    memcpy(out + first, sum.at, sizeof(float) * static_cast<size_t>(count));
  }
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
    int64_t cols = op.table.cols;
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.entries * cols, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        mix_embeddings(op, op.index ? op.index[r] : r, static_cast<float*>(op.out) + r * cols);
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
