// Attention helpers shared by the backends: the sequence that owns a row, and the size of a KV cache. The layout of
// keys and values in the cache differs by backend.
#pragma once

#include "common/formats.h"

namespace st {

constexpr int kSplit = 256;  // positions of an attention split

// The sequence that owns a row: the last one that begins at or before it. Tried first is that of a batch with one row
// per sequence.
ST_HD int32_t sequence_of(const st_batch& batch, int32_t row) {
  if (row < batch.sequences && (batch.first_row[row] == row) & (batch.first_row[row + 1] > row)) return row;
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

// The block table of a sequence; null if its number is out of range.
ST_HD const int32_t* block_table(const st_batch& batch, int32_t sequence) {
  int32_t table = batch.table_of ? batch.table_of[sequence] : sequence;
  if (batch.table_of && (table < 0 || table >= batch.tables)) return nullptr;
  return batch.block_tables + int64_t{table} * batch.blocks_per_sequence;
}

// The first position that a row at `position` attends to; a window of 0 has no bound.
ST_HD int32_t first_in_window(int32_t position, int32_t window) {
  return window > 0 && position >= window ? position - window + 1 : 0;
}

// Bytes of the keys, and of the values, of a block and KV head; 0 for unsupported types. Those of ST_INT8 end with the
// scales of the block's positions.
ST_HD uint64_t kv_head_bytes(int32_t head_dim, int32_t dtype) {
  auto dim = static_cast<uint64_t>(head_dim);
  if (dtype == ST_INT8) return ST_BLOCK_POSITIONS * (dim + sizeof(float));
  return dtype == ST_F32 || dtype == ST_BF16 ? ST_BLOCK_POSITIONS * dim * element_bytes(dtype) : 0;
}

// Bytes of the keys, and of the values, of one layer; 0 for unsupported shapes and types.
ST_HD uint64_t kv_bytes(int32_t blocks, int32_t kv_heads, int32_t head_dim, int32_t dtype) {
  if (blocks <= 0 || kv_heads <= 0 || head_dim <= 0) return 0;
  return size_product(static_cast<uint64_t>(blocks) * static_cast<uint64_t>(kv_heads), kv_head_bytes(head_dim, dtype));
}

// How numbers become integers of at most `most`: the nearest of x times `inverse`, whose scale is then `scale`.
struct Rounding {
  float scale, inverse;
};
// For numbers whose largest magnitude is `largest`. If one is not finite, neither is the scale. A magnitude so small
// that its reciprocal could overflow counts as 0.
ST_HD Rounding rounding_of(float largest, bool nan, float most) {
  if (nan || !(largest <= 3.40282347e38f)) return {float_of(0x7fc00000u), 0.0f};
  return {largest / most, largest >= 0x1p-100f ? most / largest : 0.0f};
}

// The largest power of two that divides half of a head.
ST_HD int32_t hadamard_half(int32_t head_dim) {
  int32_t half = head_dim / 2;
  return half & -half;
}

}  // namespace st
