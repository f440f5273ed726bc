// linear with weights of ST_INT8: rows of x are rounded to blocks of integers, in scratch memory, and multiplied on
// tensor cores as numbers of 16 bits are, two integers in the place of one.

#include <algorithm>

#include "cuda/linear_stages.cuh"

namespace st::cuda {
namespace {

using namespace tiled;

constexpr unsigned kThreads = 256;

// values[row, col], scales[block, row] of x[rows, cols]: the nearest of -127..127 times an f32 scale for 32 columns,
// padded with zeros. A warp a block of a row. Reads x once, 2 bytes a number (4 for f32), and writes half of that.
// Registers: 32.
template <typename A>
__global__ void __launch_bounds__(kThreads)
    round_rows_kernel(const A* x, int32_t rows, int32_t cols, int8_t* values, float* scales, int32_t stride) {
  follow_previous();
  int64_t blocks = int8_blocks(cols);
  int64_t at = int64_t{blockIdx.x} * (kThreads / kWarpSize) + threadIdx.x / kWarpSize, row = at / blocks;
  if (row >= rows) return;
  int64_t block = at % blocks, lane = threadIdx.x % kWarpSize, col = block * kInt8Block + lane;
  float value = col < cols ? to_float(x[row * cols + col]) : 0.0f;
  bool nan = __any_sync(kWholeWarp, value != value) != 0;
  float largest = warp_reduce(fabsf(value), Max());
  float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  // If x is not finite, neither is the scale. A maximum so small that its reciprocal overflows counts as 0.
  if (nan || !(inverse <= 3.40282347e38f)) inverse = 0.0f;
  values[row * blocks * kInt8Block + col] = static_cast<int8_t>(inverse > 0.0f ? nearest_int8(value * inverse) : 0);
  if (lane == 0) scales[block * stride + row] = nan ? float_of(0x7fc00000u) : largest / 127.0f;
}

// Bytes of scratch memory for rows of x: their values, and their scales.
struct Rounded {
  int64_t blocks, stride;
  Rounded(int64_t rows, int64_t cols) : blocks(int8_blocks(cols)), stride((rows + 3) / 4 * 4) {}
  int64_t value_bytes(int64_t rows) const { return rows * blocks * kInt8Block; }
  int64_t scale_bytes() const { return blocks * stride * 4; }
};

// Rounds x and calls multiply(op, scales, used) with the operation on integers, as numbers of 16 bits, and the bytes of
// scratch memory that it uses.
template <typename A, typename Multiply>
st_status multiply_rows(st_stream* stream, const st_linear& op, const Multiply& multiply) {
  Rounded rounded(op.rows, op.w.cols);
  auto* values = static_cast<char*>(stream->scratch) + kTicketBytes;
  auto* scales = reinterpret_cast<float*>(values + rounded.value_bytes(op.rows));
  constexpr int64_t kWarps = kThreads / kWarpSize;
  ST_TRY(launch<round_rows_kernel<A>>("linear", blocks_for(op.rows * rounded.blocks, kWarps), kThreads, 0, stream,
                                      static_cast<const A*>(op.x), op.rows, op.w.cols,
                                      reinterpret_cast<int8_t*>(values), scales, static_cast<int32_t>(rounded.stride)));
  st_linear pairs = op;
  pairs.x = values;
  pairs.w.cols = static_cast<int32_t>(rounded.blocks * kTile);
  pairs.total_cols = static_cast<int32_t>(int8_blocks(op.total_cols) * kTile);
  pairs.first_col = op.first_col / 2;
  const char* matrix = static_cast<const char*>(op.w.data) + int8_scales_at(op.w.rows, op.w.cols);
  Scales all = {reinterpret_cast<const Piece*>(matrix), reinterpret_cast<const Piece*>(scales),
                static_cast<int>(rounded.stride / 4)};
  return multiply(pairs, all, rounded.value_bytes(op.rows) + rounded.scale_bytes());
}

// Calls multiply(part, done) for as many rows at once as scratch memory has room for.
template <typename Multiply>
st_status in_parts(st_stream* stream, const st_linear& op, const Multiply& multiply) {
  int64_t row_bytes = int8_blocks(op.w.cols) * (kInt8Block + 4);
  int64_t most = std::max(kRoundedBytes / row_bytes, int64_t{4});  // rows at once
  if (most > 128) most = most / 128 * 128;                         // whole blocks of them
  ST_REQUIRE(most * row_bytes <= int64_t{kScratchBytes / 2}, "linear: %d columns of 8 bits are too many", op.w.cols);
  return with_type(stream->device->activation_dtype, [&](auto activation) -> st_status {
    using A = decltype(activation);
    for (int64_t done = 0; done < op.rows; done += most) {
      st_linear part = op;
      part.rows = static_cast<int32_t>(std::min(most, op.rows - done));
      part.x = static_cast<const A*>(op.x) + done * op.w.cols;
      part.out = static_cast<char*>(op.out) + done * width_of(op) * (op.out_f32 ? 4 : static_cast<int>(sizeof(A)));
      ST_TRY(multiply(A(), part, done));
    }
    return ST_OK;
  });
}

}  // namespace

st_status linear_int8(st_stream* stream, const st_linear& op) {
  return in_parts(stream, op, [&](auto activation, const st_linear& part, int64_t) {
    using A = decltype(activation);
    return multiply_rows<A>(stream, part, [&](const st_linear& pairs, const Scales& scales, int64_t used) {
      return multiply_tiles<Int8, A, WeightFormat::kInt8>(stream, pairs, scales, used);
    });
  });
}

st_status expert_int8(st_stream* stream, const st_linear& op, const ExpertWork& work, int64_t rows) {
  return in_parts(stream, op, [&](auto activation, const st_linear& part, int64_t done) {
    using A = decltype(activation);
    ExpertWork window = work;
    window.first_place = static_cast<int>(done);
    window.end_place = static_cast<int>(done + part.rows);
    return multiply_rows<A>(stream, part, [&](const st_linear& pairs, const Scales& scales, int64_t) {
      return multiply_groups<Int8, A, WeightFormat::kInt8>(stream, pairs, scales, window, rows);
    });
  });
}

}  // namespace st::cuda
