// What lies between the QKV product and the output product: rope_angles, qkv_epilogue, attention.
// Layout of the cache, [block, KV head]: keys [head_dim, 16], so that 16 scores are computed side by side; values
// [16, head_dim].

#include <cmath>

#include "common/formats.h"
#include "cpu/device.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

int kv_element_bytes(int32_t dtype) {
  return dtype == ST_F32 ? 4 : dtype == ST_BF16 ? 2 : 0;
}

// The sequence that owns a row: the last one that begins at or before it.
int32_t sequence_of(const st_batch& batch, int64_t row) {
  int32_t low = 0, high = batch.sequences - 1;
  while (low < high) {
    int32_t middle = (low + high + 1) / 2;
    if (batch.first_row[middle] <= row)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

const int32_t* block_table_of(const st_batch& batch, int64_t row) {
  return batch.block_tables + int64_t{sequence_of(batch, row)} * batch.blocks_per_sequence;
}

// x = x / sqrt(mean(x^2) + epsilon) * weight
void normalize_head(float* x, int dim, const float* weight, float epsilon) {
  float total = 0.0f;
  for (int i = 0; i < dim; ++i) total += x[i] * x[i];
  float factor = 1.0f / std::sqrt(total / static_cast<float>(dim) + epsilon);
  for (int i = 0; i < dim; ++i) x[i] = x[i] * factor * weight[i];
}

void rotate_head(float* x, int dim, const float* angles) {
  int half = dim / 2;
  for (int i = 0; i < half; ++i) {
    float a = x[i], b = x[half + i], c = angles[i], s = angles[half + i];
    x[i] = a * c - b * s;
    x[half + i] = b * c + a * s;
  }
}

void store_kv(void* cache, int32_t dtype, int64_t offset, float value) {
  if (dtype == ST_F32)
    static_cast<float*>(cache)[offset] = value;
  else
    static_cast<uint16_t*>(cache)[offset] = float_to_bf16(value);
}

void write_kv(const st_qkv_epilogue& op, int32_t position, int32_t block, const float* keys, const float* values) {
  int64_t dim = op.head_dim, lane = position % ST_BLOCK_POSITIONS;
  for (int g = 0; g < op.kv_heads; ++g) {
    int64_t base = (int64_t{block} * op.kv_heads + g) * ST_BLOCK_POSITIONS * dim;
    for (int64_t d = 0; d < dim; ++d) {
      store_kv(op.cache.keys, op.cache.dtype, base + d * ST_BLOCK_POSITIONS + lane, keys[g * dim + d]);
      store_kv(op.cache.values, op.cache.dtype, base + lane * dim + d, values[g * dim + d]);
    }
  }
}

void finish_row(const st_qkv_epilogue& op, int64_t row) {
  int32_t position = op.batch.positions[row];
  if (position < 0) return;
  int dim = op.head_dim;
  float* q = static_cast<float*>(op.qkv) + row * (op.heads + 2 * op.kv_heads) * dim;
  float* k = q + op.heads * dim;
  for (int h = 0; h < op.heads + op.kv_heads; ++h) {
    const float* norm = h < op.heads ? op.q_norm : op.k_norm;
    if (norm) normalize_head(q + h * dim, dim, norm, op.epsilon);
    rotate_head(q + h * dim, dim, op.angles + row * dim);
  }
  write_kv(op, position, block_table_of(op.batch, row)[position / ST_BLOCK_POSITIONS], k, k + op.kv_heads * dim);
}

}  // namespace

uint64_t kv_bytes(int32_t blocks, int32_t kv_heads, int32_t head_dim, int32_t dtype) {
  if (blocks <= 0 || kv_heads <= 0 || head_dim <= 0) return 0;
  return size_product(
      static_cast<uint64_t>(blocks) * static_cast<uint64_t>(kv_heads),
      ST_BLOCK_POSITIONS * static_cast<uint64_t>(head_dim) * static_cast<uint64_t>(kv_element_bytes(dtype)));
}

st_status check_batch(const char* operation, const st_batch& batch, const st_kv_cache& cache, int32_t heads,
                      int32_t kv_heads, int32_t head_dim) {
  ST_REQUIRE(heads > 0 && kv_heads > 0 && heads % kv_heads == 0, "%s: %d heads over %d KV heads", operation, heads,
             kv_heads);
  ST_REQUIRE(head_dim > 0 && head_dim % 2 == 0 && head_dim <= ST_MAX_HEAD_DIM,
             "%s: head_dim %d, expected an even number up to %d", operation, head_dim, ST_MAX_HEAD_DIM);
  ST_REQUIRE(cache.keys && cache.values && kv_bytes(cache.blocks, kv_heads, head_dim, cache.dtype) > 0,
             "%s: no KV cache of %d blocks of type %d", operation, cache.blocks, cache.dtype);
  ST_REQUIRE(batch.rows >= 0 && batch.sequences >= 0 && batch.blocks_per_sequence > 0,
             "%s: a batch of %d rows, %d sequences, %d blocks each", operation, batch.rows, batch.sequences,
             batch.blocks_per_sequence);
  ST_REQUIRE(batch.rows == 0 || (batch.sequences > 0 && batch.positions && batch.first_row && batch.block_tables),
             "%s: a pointer of the batch is null", operation);
  return ST_OK;
}

namespace {

// Positions and blocks lie in device memory, so they are looked at when the work runs: a wrong one must not reach
// memory outside the cache. `first` is the first block of a row that is used, its last one or all from 0.
template <typename First>
st_status check_rows(const char* operation, const st_batch& batch, const st_kv_cache& cache, First first) {
  for (int32_t r = 0; r < batch.rows; ++r) {
    int32_t last = batch.positions[r] < 0 ? -1 : batch.positions[r] / ST_BLOCK_POSITIONS;
    ST_REQUIRE(last < batch.blocks_per_sequence, "%s: row %d at position %d of a block table of %d", operation, r,
               batch.positions[r], batch.blocks_per_sequence);
    if (last < 0) continue;
    const int32_t* table = block_table_of(batch, r);
    for (int32_t b = first(last); b <= last; ++b)
      ST_REQUIRE(table[b] >= 0 && table[b] < cache.blocks, "%s: row %d uses block %d of %d", operation, r, table[b],
                 cache.blocks);
  }
  return ST_OK;
}

void attend(st_device& device, const st_attention& op) {
  int group = op.heads / op.kv_heads;
  int64_t dim = op.head_dim, positions = 0;  // that are attended to, over all rows
  for (int32_t r = 0; r < op.batch.rows; ++r) positions += op.batch.positions[r] + 1;
  device.pool.parallel_for(
      int64_t{op.batch.rows} * op.kv_heads, 2 * positions * op.heads * dim, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
          int64_t r = task / op.kv_heads, g = task % op.kv_heads;
          const float* q = static_cast<const float*>(op.qkv) + (r * (op.heads + 2 * op.kv_heads) + g * group) * dim;
          float* out = static_cast<float*>(op.out) + (r * op.heads + g * group) * dim;
          int32_t position = op.batch.positions[r];
          if (position < 0) {
            for (int64_t i = 0; i < group * dim; ++i) out[i] = 0.0f;
            continue;
          }
          device.kernels.attention({q, group, op.head_dim, op.scale, op.cache.keys, op.cache.values, op.cache.dtype,
                                    block_table_of(op.batch, r), op.kv_heads, static_cast<int>(g), position + 1, out});
        }
      });
}

}  // namespace

st_status rope_angles(st_stream* stream, const st_rope_angles* op) {
  ST_REQUIRE_OPERATION("rope_angles", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->half > 0 && op->half <= ST_MAX_HEAD_DIM / 2, "rope_angles: %d x %d", op->rows,
             op->half);
  ST_REQUIRE(op->positions && op->inverse_frequencies && op->out, "rope_angles: a pointer is null");
  return enqueue(stream, [device = stream->device, op = *op] {
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.half * 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        float* out = op.out + r * 2 * op.half;
        for (int i = 0; i < op.half; ++i) {
          double angle = op.positions[r] * op.inverse_frequencies[i];
          out[i] = static_cast<float>(std::cos(angle));
          out[op.half + i] = static_cast<float>(std::sin(angle));
        }
      }
    });
    return ST_OK;
  });
}

st_status qkv_epilogue(st_stream* stream, const st_qkv_epilogue* op) {
  ST_REQUIRE_OPERATION("qkv_epilogue", stream, op);
  ST_REQUIRE(op->qkv && op->angles, "qkv_epilogue: a pointer is null");
  st_status status = check_batch("qkv_epilogue", op->batch, op->cache, op->heads, op->kv_heads, op->head_dim);
  if (status != ST_OK) return status;
  return enqueue(stream, [device = stream->device, op = *op] {
    st_status found = check_rows("qkv_epilogue", op.batch, op.cache, [](int32_t last) { return last; });
    if (found != ST_OK) return found;
    int64_t work = int64_t{op.batch.rows} * (op.heads + 2 * op.kv_heads) * op.head_dim * 4;
    device->pool.parallel_for(op.batch.rows, work, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) finish_row(op, r);
    });
    return ST_OK;
  });
}

st_status attention(st_stream* stream, const st_attention* op) {
  ST_REQUIRE_OPERATION("attention", stream, op);
  ST_REQUIRE(op->qkv && op->out, "attention: a pointer is null");
  st_status status = check_batch("attention", op->batch, op->cache, op->heads, op->kv_heads, op->head_dim);
  if (status != ST_OK) return status;
  return enqueue(stream, [device = stream->device, op = *op] {
    st_status found = check_rows("attention", op.batch, op.cache, [](int32_t) { return 0; });
    if (found == ST_OK) attend(*device, op);
    return found;
  });
}

}  // namespace st::cpu
