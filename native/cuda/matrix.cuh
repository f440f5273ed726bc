// Layout of a weight matrix W[rows, cols]: tiles of 16 x 16, padded with zeros, the tiles of 16 rows one after another.
// Within a tile, lane l of a warp finds its part of mma's first operand at 8 l: of rows l / 4 and l / 4 + 8 the
// columns 2 (l % 4) + {0, 1, 8, 9}. So a tile is 32 loads of 16 bytes (of 32 if weights are f32), all adjacent.
#pragma once

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

}  // namespace st::cuda
