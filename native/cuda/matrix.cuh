// Layout of a weight matrix W[rows, cols]: tiles of 16 x 16, padded with zeros, the tiles of 16 rows one after another.
// Within a tile, lane l of a warp finds its part of mma's first operand at 8 l: of rows l / 4 and l / 4 + 8 the
// columns 2 (l % 4) + {0, 1, 8, 9}. So a tile is 32 loads of 16 bytes (of 32 if weights are f32), all adjacent.
// ST_INT8: tiles of 16 x 32, in the same order with two integers in the place of a number; after all tiles the f16
// scales of each, of its 16 rows.
// ST_FP8: tiles of 16 x 32, padded to 128 columns: at 16 l, of rows l / 4 and l / 4 + 8 a word each of the first 16
// columns, then of the others; see fp8_byte(). After all tiles, for each 16 rows and 128 columns, 16 f32 scales.
#pragma once

#include "common/int8.h"
#include "cuda/numbers.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {

constexpr int kTile = 16;
constexpr int kTileElements = kTile * kTile;
constexpr int kLaneElements = 8;

ST_HD int64_t tiles_of(int64_t count) {
  return (count + kTile - 1) / kTile;
}

// Place of the four elements of a row that are adjacent: those of columns 16 col_tile + 2 quarter + {0, 1, 8, 9}.
ST_HD int64_t quarter_index(int64_t row, int64_t col_tile, int quarter, int64_t cols) {
  int64_t tile = row / kTile * tiles_of(cols) + col_tile;
  int64_t lane = row % 8 * 4 + quarter;
  return (tile * kWarpSize + lane) * kLaneElements + (row % kTile >= 8 ? 4 : 0);
}

// The column of element i of a quarter, within its tile.
ST_HD int quarter_col(int quarter, int i) {
  return 2 * quarter + i % 2 + (i >= 2 ? 8 : 0);
}

constexpr int kTileBytes = kWarpSize * 16;  // of 16 or 8 bits a number

// Place of the integer of column `col`, and of those of the three columns after it if that is a multiple of 4.
ST_HD int64_t int8_place(int64_t row, int64_t col, int64_t cols) {
  int64_t tile = row / kTile * int8_blocks(cols) + col / kInt8Block, lane = row % 8 * 4 + col % 16 / 4;
  return tile * kTileBytes + lane * 16 + (row % kTile >= 8 ? 8 : 0) + (col % kInt8Block >= 16 ? 4 : 0) + col % 4;
}

// Scales, from the matrix's begin on; place of that of a block of 32 columns of a row.
ST_HD int64_t int8_scales_at(int64_t rows, int64_t cols) {
  return tiles_of(rows) * int8_blocks(cols) * kTileBytes;
}
ST_HD int64_t int8_scale_place(int64_t row, int64_t block, int64_t cols) {
  return (row / kTile * int8_blocks(cols) + block) * kTile + row % kTile;
}

// The same of ST_FP8. A word has the four numbers of a quarter, element i in byte fp8_byte(i): those that are adjacent
// become the halves of a register of mma by the same shift.
constexpr int kFp8TileCols = 32, kFp8BlockTiles = kFp8Block / kFp8TileCols;
ST_HD int64_t fp8_blocks(int64_t cols) {
  return (cols + kFp8Block - 1) / kFp8Block;
}
ST_HD int fp8_byte(int i) {
  return i % 2 * 2 + (i < 2 ? 1 : 0);
}
// Place of the word of a quarter of 16 columns, from the lane's bytes of the row's first tile on.
ST_HD int64_t fp8_word(int64_t row, int64_t col_tile) {
  return col_tile / 2 * kTileBytes + col_tile % 2 * 8 + (row % kTile >= 8 ? 4 : 0);
}
ST_HD int64_t fp8_lane_at(int64_t row, int quarter, int64_t cols) {
  return row / kTile * fp8_blocks(cols) * (kFp8BlockTiles * kTileBytes) + (row % 8 * 4 + quarter) * 16;
}
ST_HD int64_t fp8_scales_at(int64_t rows, int64_t cols) {
  return tiles_of(rows) * fp8_blocks(cols) * (kFp8BlockTiles * kTileBytes);
}
ST_HD int64_t fp8_scale_place(int64_t row, int64_t block, int64_t cols) {
  return (row / kTile * fp8_blocks(cols) + block) * kTile + row % kTile;
}

}  // namespace st::cuda
