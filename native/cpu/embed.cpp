// embed: concept tokens to hidden rows. The table may be the LM head's own matrix: a row is one output of a
// group.

#include <algorithm>
#include <cstring>

#include "common/checks.h"
#include "common/formats.h"
#include "cpu/device.h"
#include "cpu/matrix.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

const char* group_of(const st_matrix& table, int32_t id) {
  return static_cast<const char*>(table.data) + id / kGroup * group_bytes(table.cols, table.dtype);
}

// out += weight * row `id` of a table whose groups hold STEP consecutive k of an output side by side.
template <typename T, int STEP, typename Widen>
void add_row(const st_matrix& table, int32_t id, float weight, Widen widen, float* out) {
  const T* output = reinterpret_cast<const T*>(group_of(table, id)) + id % kGroup * STEP;
  for (int64_t k = 0; k < table.cols; ++k) out[k] += weight * widen(output[k / STEP * kGroup * STEP + k % STEP]);
}

void add_int8_row(const st_matrix& table, int32_t id, float weight, float* out) {
  const char* block = group_of(table, id);
  int64_t output = id % kGroup;
  for (int64_t first = 0; first < table.cols; first += kBlock, block += kBlockBytes) {
    float scale = f16_to_float(reinterpret_cast<const uint16_t*>(block)[output]);
    const auto* bytes = reinterpret_cast<const uint8_t*>(block + kScaleBytes);
    int64_t count = std::min<int64_t>(kBlock, table.cols - first);
    for (int64_t k = 0; k < count; ++k)
      out[first + k] += weight * (static_cast<float>(bytes[place_in_block(k, output)] - 128) * scale);
  }
}

void mix_embeddings(const st_embed& op, int64_t token, float* out) {
  memset(out, 0, sizeof(float) * static_cast<size_t>(op.table.cols));
  for (int i = 0; i < op.entries; ++i) {
    int32_t id = op.ids[token * op.entries + i];
    float weight = op.weights[token * op.entries + i];
    if (weight == 0.0f) continue;
    if (op.table.dtype == ST_F32)
      add_row<float, 1>(
          op.table, id, weight, [](float x) { return x; }, out);
    else if (op.table.dtype == ST_F16)
      add_row<uint16_t, 1>(
          op.table, id, weight, [](uint16_t x) { return f16_to_float(x); }, out);
    else if (op.table.dtype == ST_INT8)
      add_int8_row(op.table, id, weight, out);
    else
      add_row<uint16_t, 2>(
          op.table, id, weight, [](uint16_t x) { return bf16_to_float(x); }, out);
  }
}

// Ids come from the host's input or from the sampler; an invalid one must not read outside the table.
st_status check_tokens(const st_embed& op) {
  for (int32_t r = 0; r < op.rows; ++r) {
    int32_t token = op.index ? op.index[r] : r;
    ST_REQUIRE(token >= 0 && token < op.tokens, "embed: row %d takes token %d of %d", r, token, op.tokens);
    for (int i = 0; i < op.entries; ++i) {
      int32_t id = op.ids[static_cast<int64_t>(token) * op.entries + i];
      ST_REQUIRE(id >= 0 && id < op.table.rows, "embed: id %d is outside the vocabulary of %d", id, op.table.rows);
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
