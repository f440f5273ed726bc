// Shared by the kernels of linear. K is split into the 8 parts of parts.h, ranges of whole tiles; an output is the tree
// over the sums of the parts, each in the order of k, in every kernel. Of a matrix that several devices share, W may
// lack the columns of some parts: their sums are 0.
#pragma once

#include "common/math.h"
#include "cuda/matrix.cuh"

namespace st::cuda {

// The tiles of columns of W that belong to part s.
struct Tiles {
  int begin, end;
};
ST_HD Tiles tiles_of_part(const st_linear& op, int s) {
  auto first = static_cast<int>(op.first_col / kTile), own = static_cast<int>(tiles_of(op.w.cols));
  auto place = [&](int part) {
    int tile = static_cast<int>(part_begin(tiles_of(op.total_cols), part)) - first;
    return tile < 0 ? 0 : tile > own ? own : tile;
  };
  return {place(s), place(s + 1)};
}

// The parts of which W has columns.
struct Parts {
  int first, count;
};
inline Parts parts_of(const st_linear& op) {
  auto empty = [&](int s) {
    Tiles tiles = tiles_of_part(op, s);
    return tiles.begin == tiles.end;
  };
  int first = 0, end = kParts;
  while (empty(first)) ++first;
  while (empty(end - 1)) --end;
  return {first, end - first};
}

// The number of outputs that are stored.
__host__ __device__ __forceinline__ int32_t width_of(const st_linear& op) {
  return op.gated ? op.w.rows / 2 : op.w.rows;
}

__device__ __forceinline__ float biased(const st_linear& op, int64_t output, float sum) {
  return op.bias ? sum + op.bias[output] : sum;
}

// silu(gate) value.
__device__ __forceinline__ float gated(float gate, float value) {
  return gate / (1.0f + exp32(-gate)) * value;
}

// out[row, col] = value, as f32 if the operation requests it, else as the activation type A.
template <typename A>
__device__ __forceinline__ void store_output(const st_linear& op, int64_t row, int64_t col, float value) {
  int64_t at = row * width_of(op) + col;
  if (op.out_f32)
    static_cast<float*>(op.out)[at] = value;
  else
    static_cast<A*>(op.out)[at] = from_float<A>(value);
}

// The sums of the parts that W has, partial[parts.count][rows][kTile] in shared memory, to the outputs of one tile.
// Rows from first_row on.
template <typename A>
__device__ __forceinline__ void finish_tile(const st_linear& op, Parts parts, const float* partial, int rows,
                                            int64_t first_row, int64_t tile) {
  auto y = [&](int row, int output) {
    const float* sums = partial + row * kTile + output;
    float total = sum_of_parts([&](int s) {
      int i = s - parts.first;
      return i >= 0 && i < parts.count ? sums[i * rows * kTile] : 0.0f;
    });
    return biased(op, tile * kTile + output, total);
  };
  int width = op.gated ? kTile / 2 : kTile;  // of the tile
  for (int at = static_cast<int>(threadIdx.x); at < rows * width; at += static_cast<int>(blockDim.x)) {
    int row = at / width, i = at % width;
    int64_t col = tile * width + i;
    if (first_row + row >= op.rows || col >= width_of(op)) continue;
    float value = y(row, i * kTile / width);
    if (op.gated) value = gated(value, y(row, 2 * i + 1));
    store_output<A>(op, first_row + row, col, value);
  }
}

// On tensor cores, if weights and activations have the same 16-bit type.
template <typename T>
st_status linear_mma(st_stream* stream, const st_linear& op);

// Whether cuBLAS is permitted and able to run the operation, and worth using.
bool takes_cublas(const st_stream& stream, const st_linear& op);
// With cuBLAS: its order of summation is unspecified and may depend on the number of rows. A bias is added after
// rounding, except before silu.
st_status linear_cublas(st_stream* stream, const st_linear& op);

}  // namespace st::cuda
