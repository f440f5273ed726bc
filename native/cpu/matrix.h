// Layout of a weight matrix W[rows, cols]: tiles of 16 outputs, the last one padded with zeros, so that a product reads
// one contiguous range and every lane of a vector is an output of its own. A tile is
//   f32, f16   [cols, 16]
//   bf16       [cols / 2, 16, 2]: pairs of k, as dot-product instructions take them; an odd number is padded with zero
#pragma once

#include "common/portable.h"
#include "cpu/kernels.h"
#include "softthinking/backend.h"

namespace st::cpu {

constexpr int32_t kMaxCols = 1 << 22;  // of a product: one made input row must fit into the workspace

ST_HD int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

ST_HD int64_t tile_count(int32_t rows) {
  return round_up(rows, kLanes) / kLanes;
}

// Bytes of a tile; 0 for what is not a type of weights.
ST_HD int64_t tile_bytes(int64_t cols, int dtype) {
  switch (dtype) {
    case ST_F32:
      return cols * kLanes * 4;
    case ST_F16:
      return cols * kLanes * 2;
    case ST_BF16:
      return round_up(cols, 2) * kLanes * 2;
    default:
      return 0;
  }
}

// Bytes of an input row, and from it to the next. Rows of one's own making stand an odd number of cache lines apart, so
// that those of a block do not fall into the same set of the cache.
ST_HD int64_t operand_bytes(Operand form, int64_t cols) {
  return form == Operand::kF32 ? cols * 4 : round_up(cols * 2, 128) + 64;
}

}  // namespace st::cpu
