// What the kernels of linear share. K is cut into kSplits ranges of whole tiles, which depend on the shape alone; an
// output is ((p_0 + p_1) + ...) + p_7, p_s being the sum over range s in the order of k. Every kernel keeps to that.
#pragma once

#include "cuda/matrix.cuh"

namespace st::cuda {

constexpr int kSplits = 8;

// The first tile of columns of a range; of range kSplits: the end.
ST_HD int split_begin(int split, int col_tiles) {
  return static_cast<int>(int64_t{split} * col_tiles / kSplits);
}

// out[row, output] = value + bias, as f32 where the operation asks for it, else as the activation type A.
template <typename A>
__device__ __forceinline__ void store_output(const st_linear& op, int64_t row, int64_t output, float value) {
  if (op.bias) value += op.bias[output];
  int64_t at = row * op.w.rows + output;
  if (op.out_f32)
    static_cast<float*>(op.out)[at] = value;
  else
    static_cast<A*>(op.out)[at] = from_float<A>(value);
}

// The sums of the ranges p[kSplits][rows][kTile], in shared memory, to the outputs of one tile. Rows from first_row on.
template <typename A>
__device__ __forceinline__ void finish_tile(const st_linear& op, const float* partial, int rows, int64_t first_row,
                                            int64_t tile) {
  for (int at = static_cast<int>(threadIdx.x); at < rows * kTile; at += static_cast<int>(blockDim.x)) {
    int64_t row = first_row + at / kTile, output = tile * kTile + at % kTile;
    if (row >= op.rows || output >= op.w.rows) continue;
    float total = partial[at];
    for (int split = 1; split < kSplits; ++split) total += partial[split * rows * kTile + at];
    store_output<A>(op, row, output, total);
  }
}

// By tensor cores, where weights and activations are of one type of 16 bits.
template <typename T>
st_status linear_mma(st_stream* stream, const st_linear& op);

// Whether the operation may be, can be and is worth being given to cuBLAS.
bool takes_cublas(const st_stream& stream, const st_linear& op);
// By cuBLAS: how a row is summed is its secret and may depend on the number of rows. A bias is added to what was
// rounded.
st_status linear_cublas(st_stream* stream, const st_linear& op);

}  // namespace st::cuda
