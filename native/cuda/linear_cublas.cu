// linear with cuBLAS, for large batches if the caller permits it. No library reads the layout of matrix.cuh, so the
// weights are converted to plain rows, as many outputs at a time as the stream's memory holds, and then multiplied.
// That writes and reads every weight once more, 4 bytes in addition to the 2 that a matmul reads anyway: at 4 TB/s
// this takes as long as 400 rows at 790 TFLOP/s.

#include <algorithm>

#include "cuda/cublas.h"
#include "cuda/linear.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTiles = kThreads / kWarpSize;  // tiles of columns of a block
constexpr int kPieces = kTiles * 2;           // of 16 bytes, in a block's part of a row
constexpr int kPieceStride = kPieces + 1;     // keeps the lanes of a warp in different banks
constexpr int32_t kFewestRows = 512;          // for fewer, the conversion costs more than cuBLAS saves

using Piece = Pack<uint32_t, 4>;

// out[r, c] = W[r, c] for tiles of 16 bits, with rows of tiles_of(cols) * kTile elements. Block (tile of rows, kTiles
// tiles of columns), a warp per tile. Registers: 32.
__global__ void __launch_bounds__(kThreads) lay_out_kernel(const Piece* weights, Piece* out, int32_t col_tiles) {
  follow_previous();
  ST_SHARED(Piece, lines, kTile * kPieceStride);
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  int first_tile = static_cast<int>(blockIdx.y) * kTiles;
  if (first_tile + warp < col_tiles) {
    Piece part = weights[(int64_t{blockIdx.x} * col_tiles + first_tile + warp) * kWarpSize + lane];
    auto* words = reinterpret_cast<uint32_t*>(lines) + lane / 4 * kPieceStride * 4 + warp * kTile / 2 + lane % 4;
    words[0] = part.at[0];
    words[4] = part.at[1];
    words[8 * kPieceStride * 4] = part.at[2];
    words[8 * kPieceStride * 4 + 4] = part.at[3];
  }
  __syncthreads();
  int row = static_cast<int>(threadIdx.x) / kPieces, piece = static_cast<int>(threadIdx.x) % kPieces;
  int64_t row_pieces = int64_t{col_tiles} * 2, at = int64_t{first_tile} * 2 + piece;
  if (at < row_pieces) out[(int64_t{blockIdx.x} * kTile + row) * row_pieces + at] = lines[row * kPieceStride + piece];
}

// out[row, output] += bias[output]. Block (row, kThreads outputs). Registers: 32.
template <typename T>
__global__ void __launch_bounds__(kThreads) add_bias_kernel(T* out, const float* bias, int32_t outputs) {
  follow_previous();
  int64_t output = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  if (output >= outputs) return;
  T* place = out + int64_t{blockIdx.x} * outputs + output;
  *place = from_float<T>(to_float(*place) + bias[output]);
}

// The outputs of a part of a gated product: sums[rows, count] are those of the rows of W from `first` on. Block (row,
// kThreads outputs). Registers: 32.
template <typename A>
__global__ void __launch_bounds__(kThreads) gate_kernel(st_linear op, const float* sums, int64_t first, int64_t count) {
  follow_previous();
  int64_t row = blockIdx.x, i = 2 * (int64_t{blockIdx.y} * kThreads + threadIdx.x);
  if (i >= count) return;
  const float* y = sums + row * count + i;
  float value = gated(biased(op, first + i, y[0]), biased(op, first + i + 1, y[1]));
  store_output<A>(op, row, (first + i) / 2, value);
}

// Bytes of the stream's memory that a tile of rows needs: the weights in plain rows and, if gated, the sums.
int64_t weight_bytes(const st_linear& op) {
  return tiles_of(op.w.cols) * kTileElements * 2;
}
int64_t sum_bytes(const st_linear& op) {
  return op.gated ? int64_t{op.rows} * kTile * 4 : 0;
}
int64_t tiles_that_fit(const st_linear& op) {
  return static_cast<int64_t>(kCublasPartBytes) / (weight_bytes(op) + sum_bytes(op));
}

// out[:, 0 .. count] = x W^T for `count` rows of W, plain rows in the stream's memory; out has `width` columns.
// To cuBLAS, whose matrices are column-major, that is out^T = (W^T)^T x^T.
st_status multiply(st_stream* stream, const st_linear& op, int64_t count, void* out, bool out_f32, int64_t width) {
  const Cublas& cublas = *stream->device->cublas;
  const float one = 1.0f, zero = 0.0f;
  stream->for_other_work();
  int type = op.w.dtype == ST_BF16 ? kCublasBf16 : kCublasF16;
  int error = cublas.gemm(stream->cublas, kCublasTransposed, kCublasAsItIs, static_cast<int>(count), op.rows, op.w.cols,
                          &one, stream->cublas_memory, type, static_cast<int>(tiles_of(op.w.cols) * kTile), op.x, type,
                          op.w.cols, &zero, out, out_f32 ? int{kCublasF32} : type, static_cast<int>(width),
                          kCublasSumsOfF32, kCublasAnyAlgorithm);
  return error == 0 ? ST_OK : fail(ST_INTERNAL, "linear: cuBLAS says: %s", cublas.status_text(error));
}

st_status add_bias(st_stream* stream, const st_linear& op) {
  dim3 grid(static_cast<unsigned>(op.rows), blocks_for(op.w.rows, kThreads));
  return with_type(op.out_f32 ? int32_t{ST_F32} : op.w.dtype, [&](auto element) {
    using T = decltype(element);
    return launch<add_bias_kernel<T>>("linear", grid, kThreads, 0, stream, static_cast<T*>(op.out), op.bias, op.w.rows);
  });
}

// The matmul with the rows first .. first + count of W.
st_status multiply_part(st_stream* stream, const st_linear& op, int64_t first, int64_t count) {
  if (!op.gated) {
    char* out = static_cast<char*>(op.out) + first * (op.out_f32 ? 4 : 2);
    return multiply(stream, op, count, out, op.out_f32 != 0, op.w.rows);
  }
  auto* sums =
      reinterpret_cast<float*>(static_cast<char*>(stream->cublas_memory) + tiles_that_fit(op) * weight_bytes(op));
  ST_TRY(multiply(stream, op, count, sums, true, count));
  dim3 grid(static_cast<unsigned>(op.rows), blocks_for(count / 2, kThreads));
  return with_type(op.w.dtype, [&](auto activation) {
    return launch<gate_kernel<decltype(activation)>>("linear", grid, kThreads, 0, stream, op, sums, first, count);
  });
}

}  // namespace

bool takes_cublas(const st_stream& stream, const st_linear& op) {
  return op.fast && stream.cublas && op.rows >= kFewestRows && op.w.dtype == stream.device->activation_dtype &&
         op.w.dtype != ST_F32 && tiles_that_fit(op) > 0;
}

st_status linear_cublas(st_stream* stream, const st_linear& op) {
  CurrentContext current(stream->device->context);
  int64_t col_tiles = tiles_of(op.w.cols), row_tiles = tiles_of(op.w.rows), part = tiles_that_fit(op);
  for (int64_t first = 0; first < row_tiles; first += part) {
    int64_t tiles = std::min(part, row_tiles - first);
    const auto* weights = static_cast<const Piece*>(op.w.data) + first * col_tiles * kWarpSize;
    dim3 grid(static_cast<unsigned>(tiles), blocks_for(col_tiles, kTiles));
    ST_TRY(launch<lay_out_kernel>("linear", grid, kThreads, 0, stream, weights,
                                  static_cast<Piece*>(stream->cublas_memory), static_cast<int32_t>(col_tiles)));
    ST_TRY(multiply_part(stream, op, first * kTile, std::min(tiles * kTile, int64_t{op.w.rows} - first * kTile)));
  }
  return op.bias && !op.gated ? add_bias(stream, op) : ST_OK;
}

}  // namespace st::cuda
