// The operations between the QKV matmul and the output matmul: rope_angles, qkv_epilogue, attention.
// The layout of the cache is that of kernels.h.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/checks.h"
#include "common/formats.h"
#include "common/kv.h"
#include "cpu/device.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

constexpr int kMaxAttentionHeads = 4096;  // the partial sums of one row must fit into the workspace

const int32_t* block_table_of(const st_batch& batch, int64_t row) {
  return block_table(batch, sequence_of(batch, static_cast<int32_t>(row)));
}

// Stores keys and values as convert(x, row) makes them, which returns their scale.
template <typename T, int TOGETHER, typename Convert>
void write_kv(const st_qkv_epilogue& op, int32_t position, int32_t block, const float* keys, const float* values,
              Convert convert) {
  int64_t dim = op.head_dim, lane = position % ST_BLOCK_POSITIONS;
  auto bytes = static_cast<int64_t>(kv_head_bytes(op.head_dim, op.cache.dtype));
  T row[ST_MAX_HEAD_DIM];
  for (int g = 0; g < op.kv_heads; ++g, keys += dim, values += dim) {
    int64_t base = (int64_t{block} * op.kv_heads + g) * bytes;
    auto* key = reinterpret_cast<T*>(static_cast<char*>(op.cache.keys) + base);
    auto* value = reinterpret_cast<T*>(static_cast<char*>(op.cache.values) + base);
    [[maybe_unused]] float key_scale = convert(keys, row);
    for (int64_t d = 0; d < dim; d += TOGETHER)
      memcpy(key + key_place<TOGETHER>(lane, d), row + d, TOGETHER * sizeof(T));
    [[maybe_unused]] float value_scale = convert(values, row);
    for (int64_t d = 0; d < dim; ++d) value[value_place<TOGETHER>(lane, d, dim)] = row[d];
    if constexpr (sizeof(T) == 1) {
      kv_scales(key, dim)[lane] = key_scale;
      kv_scales(value, dim)[lane] = value_scale;
    }
  }
}

void finish_row(const Kernels& kernels, const st_qkv_epilogue& op, int64_t row) {
  int32_t position = op.batch.positions[row];
  if (position < 0) return;
  int dim = op.head_dim;
  float* q = static_cast<float*>(op.qkv) + row * (op.heads + 2 * op.kv_heads) * dim;
  float* k = q + op.heads * dim;
  for (int h = 0; h < op.heads + op.kv_heads; ++h) {
    const float* norm = h < op.heads ? op.q_norm : op.k_norm;
    kernels.norm_and_rotate(q + h * dim, dim, norm, op.epsilon, op.angles + row * op.rotated, op.rotated);
    if (op.cache.dtype == ST_INT8) kernels.hadamard(q + h * dim, dim);
  }
  int32_t block = block_table_of(op.batch, row)[position / ST_BLOCK_POSITIONS];
  const float* v = k + op.kv_heads * dim;
  if (op.cache.dtype == ST_INT8) {
    float factor = 1.0f / static_cast<float>(2 * hadamard_half(dim));
    for (int d = 0; d < op.heads * dim; ++d) q[d] *= factor;
    write_kv<int8_t, kKvPair>(op, position, block, k, v,
                              [&](const float* x, int8_t* to) { return kernels.round_head(x, dim, to); });
  } else if (op.cache.dtype == ST_BF16) {
    write_kv<uint16_t, kKvPair>(op, position, block, k, v, [dim](const float* x, uint16_t* to) {
      for (int d = 0; d < dim; ++d) to[d] = float_to_bf16(x[d]);
      return 1.0f;
    });
  } else {
    write_kv<float, 1>(op, position, block, k, v, [dim](const float* x, float* to) {
      memcpy(to, x, static_cast<size_t>(dim) * sizeof(float));
      return 1.0f;
    });
  }
}

// Positions and blocks are in device memory, so they are checked when the work runs: an invalid one must not reach
// memory outside the cache. Each block of a table is checked once, however many rows read it: those of the rows, and of
// as many positions before as the window has; 0: all.
st_status check_rows(const char* operation, const st_batch& batch, const st_kv_cache& cache, int32_t window) {
  for (int32_t s = 0; s < batch.sequences; ++s) {
    int32_t first = batch.first_row[s], last = s + 1 < batch.sequences ? batch.first_row[s + 1] : batch.rows;
    ST_REQUIRE(first >= 0 && first <= last && last <= batch.rows && (s > 0 || first == 0),
               "%s: sequence %d has the rows %d to %d of %d", operation, s, first, last, batch.rows);
    int32_t highest = -1, lowest = INT32_MAX;
    for (int32_t r = first; r < last; ++r) {
      highest = std::max(highest, batch.positions[r]);
      if (batch.positions[r] >= 0) lowest = std::min(lowest, batch.positions[r]);
    }
    if (highest < 0) continue;
    ST_REQUIRE(highest / ST_BLOCK_POSITIONS < batch.blocks_per_sequence,
               "%s: sequence %d at position %d of a block table of %d", operation, s, highest,
               batch.blocks_per_sequence);
    const int32_t* table = block_table(batch, s);
    ST_REQUIRE(table, "%s: sequence %d has block table %d of %d", operation, s, batch.table_of[s], batch.tables);
    for (int32_t b = first_in_window(lowest, window) / ST_BLOCK_POSITIONS; b <= highest / ST_BLOCK_POSITIONS; ++b)
      ST_REQUIRE(table[b] >= 0 && table[b] < cache.blocks, "%s: sequence %d uses block %d of %d", operation, s,
                 table[b], cache.blocks);
  }
  return ST_OK;
}

}  // namespace

st_status rope_angles(st_stream* stream, const st_rope_angles* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.half * 512, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        float* out = op.out + r * 2 * op.half;
        for (int i = 0; i < op.half; ++i) {
          double angle = op.positions[r] * op.inverse_frequencies[i];
          out[i] = static_cast<float>(op.magnitude * std::cos(angle));
          out[op.half + i] = static_cast<float>(op.magnitude * std::sin(angle));
        }
      }
    });
    return ST_OK;
  });
}

st_status qkv_epilogue(st_stream* stream, const st_qkv_epilogue* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    st_status found = check_rows("qkv_epilogue", op.batch, op.cache, 1);
    if (found != ST_OK) return found;
    int64_t work = int64_t{op.batch.rows} * (op.heads + 2 * op.kv_heads) * op.head_dim *
                   32;  // multiply-adds that take as long as one element
    device->pool.parallel_for(op.batch.rows, work, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) finish_row(device->kernels, op, r);
    });
    return ST_OK;
  });
}

namespace {

// The splits that a row attends to; an idle row has one.
struct Splits {
  int64_t first, end;
};

Splits splits_of(const st_attention& op, int64_t row) {
  int32_t position = op.batch.positions[row];
  return position < 0 ? Splits{0, 1} : Splits{first_in_window(position, op.window) / kSplit, position / kSplit + 1};
}

// Attention of the rows [first, first + rows) of a batch. Partial sums are in the workspace: those of a row's first
// split, with which the others are merged in order, or those of every split.
class AttentionRun {
 public:
  AttentionRun(st_device& device, const st_attention& op, float* partials)
      : device_(device),
        op_(op),
        partials_(partials),
        group_(op.heads / op.kv_heads),
        group_floats_(group_ * partial_floats(op.head_dim)) {}

  // Blocks of rows that share the reads of a sequence's keys and values: as large as leaves work for every thread.
  void by_rows(int64_t first, int64_t rows, int64_t work) {
    constexpr int64_t kMostRows = 16, kTasksPerThread = 3;
    int64_t size = std::clamp(rows * op_.kv_heads / (kTasksPerThread * device_.pool.threads()), int64_t{1}, kMostRows);
    int64_t tasks = (rows + size - 1) / size * op_.kv_heads;
    device_.pool.parallel_for(tasks, work, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        int64_t row = task / op_.kv_heads * size;
        row_block(first, row, std::min(row + size, rows), static_cast<int>(task % op_.kv_heads));
      }
    });
  }

  // One task for each of at most `splits` splits of 256 positions: for few rows with long contexts.
  void by_splits(int64_t first, int64_t rows, int64_t splits, int64_t work) {
    device_.pool.parallel_for(rows * op_.kv_heads * splits, work, [&](int64_t begin, int64_t end) {
      // One KV head after another: their keys are adjacent.
      for (int64_t task = begin; task < end; ++task) {
        int64_t row = task / op_.kv_heads / splits, i = task / op_.kv_heads % splits, kv_head = task % op_.kv_heads;
        Splits own = splits_of(op_, first + row);
        if (own.first + i < own.end && op_.batch.positions[first + row] >= 0)
          split(first + row, static_cast<int>(kv_head), own.first + i,
                partials_ + ((row * op_.kv_heads + kv_head) * splits + i) * group_floats_);
      }
    });
    device_.pool.parallel_for(rows * op_.kv_heads, rows * op_.heads * op_.head_dim * splits,
                              [&](int64_t begin, int64_t end) {
                                for (int64_t task = begin; task < end; ++task) merge_splits(first, task, splits);
                              });
  }

  // Splits of the row that has most.
  static int64_t most_splits(const st_attention& op, int64_t first, int64_t rows) {
    int64_t most = 1;
    for (int64_t row = first; row < first + rows; ++row) {
      Splits splits = splits_of(op, row);
      most = std::max(most, splits.end - splits.first);
    }
    return most;
  }

 private:
  void split(int64_t row, int kv_head, int64_t index, float* partials) const {
    const float* q = static_cast<const float*>(op_.qkv) +
                     (row * (op_.heads + 2 * op_.kv_heads) + int64_t{kv_head} * group_) * op_.head_dim;
    int32_t position = op_.batch.positions[row];
    int start = static_cast<int>(index) * kSplit, rest = position + 1 - start;
    int skipped = std::max(first_in_window(position, op_.window) - start, 0);
    device_.kernels.attention_split({q, group_, op_.head_dim, op_.scale, op_.cache.keys, op_.cache.values,
                                     op_.cache.dtype, block_table_of(op_.batch, row), op_.kv_heads, kv_head, start,
                                     skipped, std::min(rest, kSplit),
                                     (rest + ST_BLOCK_POSITIONS - 1) / ST_BLOCK_POSITIONS, partials});
  }

  void row_block(int64_t first, int64_t begin, int64_t end, int kv_head) const {
    auto sum_of = [&](int64_t row) { return partials_ + (row * op_.kv_heads + kv_head) * 2 * group_floats_; };
    Splits all = splits_of(op_, first + begin);
    for (int64_t row = begin + 1; row < end; ++row) {
      Splits own = splits_of(op_, first + row);
      all = {std::min(all.first, own.first), std::max(all.end, own.end)};
    }
    for (int64_t i = all.first; i < all.end; ++i) {
      for (int64_t row = begin; row < end; ++row) {
        Splits own = splits_of(op_, first + row);
        if (op_.batch.positions[first + row] < 0 || i < own.first || i >= own.end) continue;
        float *sum = sum_of(row), *next = sum + group_floats_;
        split(first + row, kv_head, i, i == own.first ? sum : next);
        if (i > own.first) device_.kernels.merge_partials(sum, next, group_, op_.head_dim);
      }
    }
    for (int64_t row = begin; row < end; ++row) finish(first + row, kv_head, sum_of(row));
  }

  void merge_splits(int64_t first, int64_t task, int64_t splits) const {
    int64_t row = first + task / op_.kv_heads;
    float* sum = partials_ + task * splits * group_floats_;
    Splits own = splits_of(op_, row);
    for (int64_t i = 1; i < own.end - own.first; ++i)
      device_.kernels.merge_partials(sum, sum + i * group_floats_, group_, op_.head_dim);
    finish(row, static_cast<int>(task % op_.kv_heads), sum);
  }

  void finish(int64_t row, int kv_head, const float* sum) const {
    float* out = static_cast<float*>(op_.out) + (row * op_.heads + int64_t{kv_head} * group_) * op_.head_dim;
    if (op_.batch.positions[row] < 0)
      std::fill_n(out, int64_t{group_} * op_.head_dim, 0.0f);
    else
      device_.kernels.finish_partials(sum, group_, op_.head_dim, out);
  }

  st_device& device_;
  const st_attention& op_;
  float* partials_;
  int group_;
  int64_t group_floats_;  // of the partial sums of a KV head's queries
};

void run_attention(st_device& device, const st_attention& op) {
  int64_t rows = op.batch.rows, row_bytes = op.heads * partial_floats(op.head_dim) * int64_t{sizeof(float)};
  int64_t most = static_cast<int64_t>(Workspace::bytes()) / (2 * row_bytes);
  std::unique_lock<std::mutex> lock = device.workspace.lock();
  AttentionRun run(device, op, static_cast<float*>(device.workspace.memory()));
  for (int64_t first = 0; first < rows; first += most) {
    int64_t count = std::min(most, rows - first), splits = AttentionRun::most_splits(op, first, count), work = 0;
    for (int64_t r = first; r < first + count; ++r) {
      int32_t position = op.batch.positions[r];
      work += 2 * (int64_t{position} + 1 - first_in_window(position, op.window)) * op.heads * op.head_dim;
    }
    bool few = count * op.kv_heads < 4 * device.pool.threads() && splits > 1;
    if (few && count * splits <= 2 * most)
      run.by_splits(first, count, splits, work);
    else
      run.by_rows(first, count, work);
  }
}

}  // namespace

st_status attention(st_stream* stream, const st_attention* op) {
  ST_TRY(check(stream, op));
  ST_REQUIRE(op->heads <= kMaxAttentionHeads, "attention: %d heads, at most %d", op->heads, kMaxAttentionHeads);
  return enqueue(stream, [device = stream->device, op = *op] {
    st_status found = check_rows("attention", op.batch, op.cache, op.window);
    if (found == ST_OK) run_attention(*device, op);
    return found;
  });
}

}  // namespace st::cpu
