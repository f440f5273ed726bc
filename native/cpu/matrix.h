// Layout of a weight matrix W[rows, cols]: tiles of 16 outputs, the last one padded with zeros, so that a product reads
// one contiguous range and every lane of a vector is an output of its own. A tile is
//   f32, f16   [cols, 16]
//   bf16       [cols / 2, 16, 2]: pairs of k, as dot-product instructions take them; an odd number is padded with zero
//   int8       f16 scales [blocks, 16], padded to 64 bytes; then [blocks, 8, 16, 4]: groups of four k as unsigned bytes
//              w + 128, because dot-product instructions multiply unsigned by signed bytes; padded with w = 0
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

ST_HD int64_t block_count(int64_t cols) {
  return round_up(cols, kBlock) / kBlock;
}

constexpr int64_t kBlockTileBytes = kBlock * kLanes;

// Where in a tile of int8 the bytes begin.
ST_HD int64_t scale_bytes(int64_t cols) {
  return round_up(block_count(cols) * kLanes * 2, 64);
}

// Place of k in a block of a tile of int8.
ST_HD int64_t place_in_block(int64_t k, int lane) {
  return (k / 4 * kLanes + lane) * 4 + k % 4;
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
    case ST_INT8:
      return scale_bytes(cols) + block_count(cols) * kBlockTileBytes;
    default:
      return 0;
  }
}

// One input row for weights of int8: x = scale * value; correction = -128 times the block's sum of values, which takes
// the 128 out of the weights' unsigned bytes.
struct OperandInt8 {
  int8_t* values;        // [blocks, 32]
  float* scales;         // [blocks]
  int32_t* corrections;  // [blocks]
};
ST_HD OperandInt8 operand_int8(void* row, int64_t blocks) {
  char* p = static_cast<char*>(row);
  return {reinterpret_cast<int8_t*>(p), reinterpret_cast<float*>(p + blocks * kBlock),
          reinterpret_cast<int32_t*>(p + blocks * (kBlock + 4))};
}

// Bytes of an input row, and from it to the next. Rows of one's own making stand an odd number of cache lines apart, so
// that those of a block do not fall into the same set of the cache.
ST_HD int64_t operand_bytes(Operand form, int64_t cols) {
  switch (form) {
    case Operand::kF32:
      return cols * 4;
    case Operand::kBf16:
      return round_up(cols * 2, 128) + 64;
    case Operand::kInt8:
      return round_up(block_count(cols) * (kBlock + 8), 128) + 64;
  }
  return 0;
}

}  // namespace st::cpu
