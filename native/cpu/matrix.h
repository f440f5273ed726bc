// Layout of a weight matrix W[rows, cols]: groups of 64 outputs, the last one padded with zeros, in the order in which
// a product reads them: a thread walks through its groups as through one contiguous range, which is what the processor
// fetches ahead best. A tile is 16 outputs of a group, one for each lane of a vector. A group is
//   f32, f16   [cols, 64]
//   bf16       [cols / 2, 64, 2]: pairs of k, as dot-product instructions take them; an odd number is padded with zero
//   int8       for each block of 32 k: f16 scales [64]; then [8, 64, 4]: groups of four k as unsigned bytes w + 128,
//              because dot-product instructions multiply unsigned by signed bytes; padded with w = 0
//   fp8        for each block of 128 k: f32 scales [64]; then e4m3 [32, 64, 4]: groups of four k; padded with zeros
#pragma once

#include "common/portable.h"
#include "cpu/kernels.h"
#include "softthinking/backend.h"

namespace st::cpu {

constexpr int32_t kMaxCols = 1 << 22;  // of a matmul: one converted input row must fit into the workspace

ST_HD int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Tiles that hold outputs, and groups.
ST_HD int64_t tile_count(int64_t rows) {
  return round_up(rows, kLanes) / kLanes;
}
ST_HD int64_t group_count(int64_t rows) {
  return round_up(rows, kGroup) / kGroup;
}

ST_HD int64_t block_count(int64_t cols) {
  return round_up(cols, kBlock) / kBlock;
}

// A block of int8: the scales, then the bytes.
constexpr int64_t kScaleBytes = kGroup * 2, kBlockBytes = kScaleBytes + kBlock * kGroup;

// Index of k among a block's bytes, also in fp8.
ST_HD int64_t place_in_block(int64_t k, int64_t output) {
  return (k / 4 * kGroup + output) * 4 + k % 4;
}

// A block of fp8: the scales, then the bytes.
constexpr int64_t kFp8ScaleBytes = kGroup * 4, kFp8BlockBytes = kFp8ScaleBytes + kFp8Block * kGroup;

ST_HD int64_t fp8_block_count(int64_t cols) {
  return round_up(cols, kFp8Block) / kFp8Block;
}

// Bytes of a group; 0 for types other than those of weights.
ST_HD int64_t group_bytes(int64_t cols, int dtype) {
  switch (dtype) {
    case ST_F32:
      return cols * kGroup * 4;
    case ST_F16:
      return cols * kGroup * 2;
    case ST_BF16:
      return round_up(cols, 2) * kGroup * 2;
    case ST_INT8:
      return block_count(cols) * kBlockBytes;
    case ST_FP8:
      return fp8_block_count(cols) * kFp8BlockBytes;
    default:
      return 0;
  }
}

// One input row for weights of int8: x = scale * value; correction = -128 times the block's sum of values, which
// compensates for the offset of the weights' unsigned bytes.
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

// Bytes of an input row, and the stride to the next. Converted rows are an odd number of cache lines apart, so
// that those of a block do not map to the same cache set.
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
