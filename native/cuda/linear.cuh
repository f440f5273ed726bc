// Shared by the kernels of linear. K is split into the 8 parts of parts.h, ranges of whole tiles; an output is the tree
// over the sums of the parts, each in the order of k, in every kernel. Of a matrix that several devices share, W may
// lack the columns of some parts: their sums are 0.
#pragma once

#include "common/math.h"
#include "cuda/linear_plan.h"
#include "cuda/matrix.cuh"

namespace st::cuda {

// The tiles of kCols columns of W that belong to part s.
struct Tiles {
  int begin, end;
};
template <int kCols = kTile>
ST_HD Tiles tiles_of_part(const st_linear& op, int s) {
  // In 32 bits without a sign, which are a few shifts: columns are far fewer than 2^31 / 8 tiles.
  auto tiles = [](int32_t cols) { return static_cast<int>((static_cast<unsigned>(cols) + kCols - 1) / kCols); };
  int first = static_cast<int>(static_cast<unsigned>(op.first_col) / kCols), own = tiles(op.w.cols);
  unsigned all = static_cast<unsigned>(tiles(op.total_cols));
  auto place = [&](int part) {
    int tile = static_cast<int>(all * static_cast<unsigned>(part) / kParts) - first;
    return tile < 0 ? 0 : tile > own ? own : tile;
  };
  return {place(s), place(s + 1)};
}

// The parts of which W has columns.
struct Parts {
  int first, count;
};
template <int kCols = kTile>
Parts parts_of(const st_linear& op) {
  auto empty = [&](int s) {
    Tiles tiles = tiles_of_part<kCols>(op, s);
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

// The same for N columns from col on, a multiple of N: one store, where rows of the output are aligned for it.
template <typename A, int N>
__device__ __forceinline__ void store_outputs(const st_linear& op, int64_t row, int64_t col, const float (&values)[N]) {
  int width = width_of(op);
  int64_t at = row * width + col;
  if (width % N != 0) {
    for (int i = 0; i < N; ++i)
      if (col + i < width) store_output<A>(op, row, col + i, values[i]);
  } else if (col < width && op.out_f32) {
    Pack<float, N> pack;
    for (int i = 0; i < N; ++i) pack.at[i] = values[i];
    *reinterpret_cast<Pack<float, N>*>(static_cast<float*>(op.out) + at) = pack;
  } else if (col < width) {
    Pack<A, N> pack;
    for (int i = 0; i < N; ++i) pack.at[i] = from_float<A>(values[i]);
    *reinterpret_cast<Pack<A, N>*>(static_cast<A*>(op.out) + at) = pack;
  }
}

// What follows the sums of four outputs of a row, `output` a multiple of 4: bias, silu, the stores.
template <typename A>
__device__ __forceinline__ void finish_outputs(const st_linear& op, int64_t row, int64_t output, float (&sums)[4]) {
  for (int i = 0; i < 4; ++i)
    if (output + i < op.w.rows) sums[i] = biased(op, output + i, sums[i]);
  if (!op.gated) return store_outputs<A, 4>(op, row, output, sums);
  float values[2] = {gated(sums[0], sums[1]), gated(sums[2], sums[3])};
  store_outputs<A, 2>(op, row, output / 2, values);
}

// On tensor cores, if activations have a 16-bit type and weights the same, or ST_FP8.
template <typename T>
st_status linear_mma(st_stream* stream, const st_linear& op);

// On tensor cores, for weights of ST_INT8.
st_status linear_int8(st_stream* stream, const st_linear& op);

// The same two for expert_linear, of groups of about `rows` rows.
template <typename T>
st_status expert_mma(st_stream* stream, const st_linear& op, const ExpertWork& work, int64_t rows);
st_status expert_int8(st_stream* stream, const st_linear& op, const ExpertWork& work, int64_t rows);

// Whether cuBLAS is permitted and able to run the operation, and worth using.
bool takes_cublas(const st_stream& stream, const st_linear& op);
// With cuBLAS: its order of summation is unspecified and may depend on the number of rows. A bias is added after
// rounding, except before silu.
st_status linear_cublas(st_stream* stream, const st_linear& op);

}  // namespace st::cuda
