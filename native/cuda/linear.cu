// linear: out = x W^T + bias, and expert_linear, the same with a matrix for each group of rows. The general kernels for
// any pair of types, with fused multiply-adds; linear_mma.cu has those for tensor cores, linear_cublas.cu calls cuBLAS.

#include "common/checks.h"
#include "cuda/linear.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = kParts * kWarpSize;  // at most
constexpr int kRows = 8;                      // rows of x per block

// sums[r][0 and 1] += the products of a tile of 16 columns with row r of x, for rows l / 4 and l / 4 + 8 of the weight
// tile.
template <typename W, typename A>
__device__ __forceinline__ void add_tile(const W* place, const A* x, int rows, int cols, int first_col,
                                         float (&sums)[kRows][2]) {
  float weight[kLaneElements];
  for (int half = 0; half < 2; ++half) {
    auto values = *reinterpret_cast<const Pack<W, 4>*>(place + half * 4);
    for (int i = 0; i < 4; ++i) weight[half * 4 + i] = to_float(values.at[std::is_same_v<W, E4m3> ? fp8_byte(i) : i]);
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < 4 && r < rows; ++i) {
      int col = first_col + quarter_col(0, i);
      float value = col < cols ? to_float(x[int64_t{r} * cols + col]) : 0.0f;
      sums[r][0] = fmaf(weight[i], value, sums[r][0]);
      sums[r][1] = fmaf(weight[4 + i], value, sums[r][1]);
    }
  }
}

// The sums of the parts that W has, partial[parts.count][kRows][kTile], to the outputs of a tile. Rows from first_row
// to end_row.
template <typename A>
__device__ __forceinline__ void finish_tile(const st_linear& op, Parts parts, const float* partial, int64_t first_row,
                                            int64_t end_row, int64_t tile) {
  for (int at = static_cast<int>(threadIdx.x); at < kRows * kTile / 4; at += static_cast<int>(blockDim.x)) {
    int row = at / (kTile / 4), output = at % (kTile / 4) * 4;
    if (first_row + row >= end_row) break;
    float sums[4];
    for (int i = 0; i < 4; ++i) {
      sums[i] = sum_of_parts([&](int s) {
        int part = s - parts.first;
        return part >= 0 && part < parts.count ? partial[(part * kRows + row) * kTile + output + i] : 0.0f;
      });
    }
    finish_outputs<A>(op, first_row + row, tile * kTile + output, sums);
  }
}

// total[r][0 and 1] += the products of a part of K, for 16-bit types and f32: tile by tile.
template <typename W, typename A>
__device__ __forceinline__ void add_part(const st_linear& op, int part, const W* matrix, int64_t tile, const A* x,
                                         int rows, int lane, float (&total)[kRows][2]) {
  const W* weights = matrix + (tile * static_cast<int>(tiles_of(op.w.cols)) * kWarpSize + lane) * kLaneElements;
  Tiles tiles = tiles_of_part(op, part);
  for (int t = tiles.begin; t < tiles.end; ++t)
    add_tile(weights + int64_t{t} * kTileElements, x, rows, op.w.cols, t * kTile + 2 * (lane % 4), total);
}

// And for ST_FP8: the sums of a block of 128 columns are multiplied by its scale.
template <typename A>
__device__ __forceinline__ void add_part(const st_linear& op, int part, const E4m3* matrix, int64_t tile, const A* x,
                                         int rows, int lane, float (&total)[kRows][2]) {
  constexpr int kBlockTiles = kFp8Block / kTile;
  const E4m3* weights = matrix + fp8_lane_at(tile * kTile + lane / 4, lane % 4, op.w.cols);
  // Of the tile's outputs.
  const auto* scales =
      reinterpret_cast<const float*>(static_cast<const char*>(op.w.data) + fp8_scales_at(op.w.rows, op.w.cols)) +
      fp8_scale_place(tile * kTile, 0, op.w.cols);
  Tiles blocks = tiles_of_part<kFp8Block>(op, part);
  int tiles = static_cast<int>(tiles_of(op.w.cols));
  for (int b = blocks.begin; b < blocks.end; ++b) {
    float sums[kRows][2] = {};
    for (int t = b * kBlockTiles; t < Min()((b + 1) * kBlockTiles, tiles); ++t)
      add_tile(weights + fp8_word(0, t), x, rows, op.w.cols, t * kTile + 2 * (lane % 4), sums);
    const float* scale = scales + b * kTile + lane / 4;
#pragma unroll
    for (int r = 0; r < kRows; ++r)
      for (int half = 0; half < 2; ++half) total[r][half] = fmaf(sums[r][half], scale[half * 8], total[r][half]);
  }
}

// A tile of outputs of up to kRows rows from first_row on, a warp per part of K that W has.
template <typename W, typename A>
__device__ __forceinline__ void multiply_rows(const st_linear& op, Parts parts, int64_t tile, int64_t first_row,
                                              int64_t end_row) {
  ST_SHARED(float, partial, kParts* kRows* kTile);
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  int rows = end_row - first_row < kRows ? static_cast<int>(end_row - first_row) : kRows;
  const A* x = static_cast<const A*>(op.x) + first_row * op.w.cols;
  float sums[kRows][2] = {};
  add_part(op, parts.first + warp, static_cast<const W*>(op.w.data), tile, x, rows, lane, sums);
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    for (int half = 0; half < 2; ++half) {
      float sum = sums[r][half];
      sum += __shfl_xor_sync(kWholeWarp, sum, 1);
      sum += __shfl_xor_sync(kWholeWarp, sum, 2);
      if (lane % 4 == 0) partial[(warp * kRows + r) * kTile + half * 8 + lane / 4] = sum;
    }
  }
  __syncthreads();
  finish_tile<A>(op, parts, partial, first_row, end_row, tile);
}

// Block (tile of outputs, kRows rows), whose warps have a part of the columns each. Reads the weights once for every 8
// rows, from the second-level cache after the first, and x once for every 16 outputs: bound by the conversions and the
// loads of x, a number at a time. For types that tensor cores do not multiply. Registers: 64.
template <typename W, typename A>
__global__ void __launch_bounds__(kThreads) linear_fma_kernel(st_linear op, Parts parts) {
  follow_previous();
  multiply_rows<W, A>(op, parts, blockIdx.x, int64_t{blockIdx.y} * kRows, op.rows);
}

// Block (tile of outputs, group), which goes through the group's rows. Bytes and bound as above; groups without rows
// read nothing. Registers: 88.
template <typename W, typename A>
__global__ void __launch_bounds__(kThreads, 2) expert_fma_kernel(st_linear op, Parts parts, ExpertWork work) {
  follow_previous();
  op.w.data = static_cast<const char*>(op.w.data) + work.experts[blockIdx.y] * work.matrix_bytes;
  int end_row = work.places[blockIdx.y + 1];
  for (int row = work.places[blockIdx.y]; row < end_row; row += kRows) {
    multiply_rows<W, A>(op, parts, blockIdx.x, row, end_row);
    __syncthreads();  // the sums of the parts are read
  }
}

// Columns that a part of K holds whole.
template <typename W>
constexpr int kPartCols = std::is_same_v<W, E4m3> ? kFp8Block : kTile;

template <typename W, typename A>
st_status linear_fma(st_stream* stream, const st_linear& op) {
  dim3 grid(static_cast<unsigned>(tiles_of(op.w.rows)), blocks_for(op.rows, kRows));
  Parts parts = parts_of<kPartCols<W>>(op);
  return launch<linear_fma_kernel<W, A>>("linear", grid, static_cast<unsigned>(parts.count * kWarpSize), 0, stream, op,
                                         parts);
}

template <typename W, typename A>
st_status expert_fma(st_stream* stream, const st_linear& op, const ExpertWork& work) {
  dim3 grid(static_cast<unsigned>(tiles_of(op.w.rows)), static_cast<unsigned>(work.groups));
  Parts parts = parts_of<kPartCols<W>>(op);
  return launch<expert_fma_kernel<W, A>>("expert_linear", grid, static_cast<unsigned>(parts.count * kWarpSize), 0,
                                         stream, op, parts, work);
}

}  // namespace

st_status expert_linear(st_stream* stream, const st_expert_linear* operation) {
  ST_TRY(check(stream, operation, matrix_bytes));
  const st_matrix& w = operation->w;
  if (operation->places == 0) return ST_OK;
  st_linear op = {};
  op.rows = operation->places;
  op.x = operation->x;
  op.w = w;
  op.out = operation->out;
  op.gated = operation->gated;
  op.total_cols = w.cols;
  ExpertWork work = {};
  work.experts = operation->group_experts;
  work.places = operation->group_places;
  work.groups = operation->held;
  work.matrix_bytes = static_cast<int64_t>(matrix_bytes(w.rows, w.cols, w.dtype));
  work.end_place = operation->places;
  ST_REQUIRE(operation->held * work.matrix_bytes / 16 <= UINT32_MAX,
             "expert_linear: %d matrices of %lld bytes are too many", operation->held,
             static_cast<long long>(work.matrix_bytes));
  int64_t rows = (int64_t{operation->places} + operation->experts - 1) / operation->experts;
  if (w.dtype == ST_INT8) return expert_int8(stream, op, work, rows);
  int32_t activations = stream->device->activation_dtype;
  // Tensor cores, where rows of x can be copied in pieces.
  bool aligned = w.cols % 8 == 0 && reinterpret_cast<uintptr_t>(op.x) % 16 == 0;
  aligned = aligned && (w.dtype == activations || w.dtype == ST_FP8);
  if (aligned && activations == ST_BF16) return expert_mma<Bf16>(stream, op, work, rows);
  if (aligned && activations == ST_F16) return expert_mma<F16>(stream, op, work, rows);
  if (w.dtype == ST_FP8)
    return with_type(activations,
                     [&](auto activation) { return expert_fma<E4m3, decltype(activation)>(stream, op, work); });
  return with_type(w.dtype, [&](auto weight) {
    return with_type(activations, [&](auto activation) {
      return expert_fma<decltype(weight), decltype(activation)>(stream, op, work);
    });
  });
}

st_status linear(st_stream* stream, const st_linear* operation) {
  ST_TRY(check(stream, operation, matrix_bytes));
  st_linear op = *operation;
  const st_matrix& w = op.w;
  if (op.total_cols == 0) op.total_cols = w.cols;
  if (w.dtype == ST_INT8) return linear_int8(stream, op);
  if (takes_cublas(*stream, op)) return linear_cublas(stream, op);
  int32_t activations = stream->device->activation_dtype;
  bool on_tensor_cores = w.dtype == activations || w.dtype == ST_FP8;
  if (on_tensor_cores && activations == ST_BF16) return linear_mma<Bf16>(stream, op);
  if (on_tensor_cores && activations == ST_F16) return linear_mma<F16>(stream, op);
  if (w.dtype == ST_FP8) return linear_fma<E4m3, float>(stream, op);
  return with_type(w.dtype, [&](auto weight) {
    return with_type(activations,
                     [&](auto activation) { return linear_fma<decltype(weight), decltype(activation)>(stream, op); });
  });
}

}  // namespace st::cuda
