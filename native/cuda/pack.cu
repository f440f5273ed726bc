// pack and convert_to_f32: uploads through the stream's scratch memory, a part at a time.

#include <algorithm>

#include "common/checks.h"
#include "cuda/matrix.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// Tiles of 16 columns that a matrix of T has, with padding.
template <typename T>
ST_HD int64_t packed_tiles(int64_t cols) {
  return std::is_same_v<T, E4m3> ? fp8_blocks(cols) * (kFp8Block / kTile) : tiles_of(cols);
}

// Puts source[count, cols] into the rows first_row + i row_step, and zeros into the `padding` rows behind those that
// the matrix has. A thread writes one quarter of a row of a tile. Registers: 32.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    pack_kernel(T* w, int32_t rows, int32_t cols, int32_t first_row, int32_t row_step, int32_t count, int32_t padding,
                const T* source) {
  follow_previous();
  int64_t quarters = packed_tiles<T>(cols) * 4;
  int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x, i = at / quarters;
  if (i >= int64_t{count} + padding) return;
  bool inside = i < count;
  int64_t row = inside ? first_row + i * row_step : rows + i - count;
  int64_t col_tile = at % quarters / 4;
  int quarter = static_cast<int>(at % 4);
  T* out = w;
  if constexpr (std::is_same_v<T, E4m3>)
    out += fp8_lane_at(row, quarter, cols) + fp8_word(row, col_tile);
  else
    out += quarter_index(row, col_tile, quarter, cols);
  for (int k = 0; k < 4; ++k) {
    int64_t col = col_tile * kTile + quarter_col(quarter, k);
    out[std::is_same_v<T, E4m3> ? fp8_byte(k) : k] = inside && col < cols ? source[i * cols + col] : T{};
  }
}

// A block of a row of the source, at `place`, and where it goes: a lane's integer and the scale.
struct Int8Source {
  int32_t value;
  uint16_t scale;
};
template <typename T>
__device__ __forceinline__ Int8Source int8_source(const T* row, int64_t block, int64_t cols, int lane) {
  int64_t col = block * kInt8Block + lane;
  float w = col < cols ? to_float(row[col]) : 0.0f, magnitude = fabsf(w);
  float largest = warp_reduce(magnitude > 0.0f ? magnitude : 0.0f, Max());  // NaN counts as 0
  uint16_t scale = int8_scale(largest);
  return {nearest_int8(w * int8_inverse(f16_to_float(scale))), scale};
}
// Of blocks as a checkpoint stores them, whose addresses may be odd.
__device__ __forceinline__ Int8Source int8_source(const int8_t* row, int64_t block, int64_t, int lane) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(row) + block * kStoredBlockBytes;
  return {static_cast<int8_t>(bytes[2 + lane]), static_cast<uint16_t>(bytes[0] | bytes[1] << 8)};
}

// Rows of the source, and rows of zeros below the matrix, to blocks of 8 bits: a warp a block. Reads the source once.
// Registers: 40.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    pack_blocks_kernel(int8_t* w, int32_t rows, int32_t cols, int32_t first_row, int32_t row_step, int32_t count,
                       int32_t padding, const T* source, int64_t source_row) {
  follow_previous();
  int64_t blocks = int8_blocks(cols);
  int64_t at = int64_t{blockIdx.x} * (kThreads / kWarpSize) + threadIdx.x / kWarpSize, i = at / blocks;
  if (i >= int64_t{count} + padding) return;
  int lane = static_cast<int>(threadIdx.x % kWarpSize);
  int64_t block = at % blocks, row = i < count ? first_row + i * row_step : rows + i - count;
  Int8Source from = {0, 0};
  if (i < count) from = int8_source(source + i * source_row, block, cols, lane);
  w[int8_place(row, block * kInt8Block + lane, cols)] = static_cast<int8_t>(from.value);
  auto* scales = reinterpret_cast<uint16_t*>(w + int8_scales_at(rows, cols));
  if (lane == 0) scales[int8_scale_place(row, block, cols)] = from.scale;
}

// scales[count, blocks] of ST_FP8 to their places, and zeros below the matrix. A thread a scale. Registers: 32.
__global__ void __launch_bounds__(kThreads)
    pack_scales_kernel(float* scales, int32_t rows, int32_t cols, int32_t first_row, int32_t row_step, int32_t count,
                       int32_t padding, const float* source) {
  follow_previous();
  int64_t blocks = fp8_blocks(cols), at = int64_t{blockIdx.x} * kThreads + threadIdx.x, i = at / blocks;
  if (i >= int64_t{count} + padding) return;
  int64_t row = i < count ? first_row + i * row_step : rows + i - count;
  scales[fp8_scale_place(row, at % blocks, cols)] = i < count ? source[at] : 0.0f;
}

// One number a thread. Registers: 32.
template <typename T>
__global__ void __launch_bounds__(kThreads) convert_kernel(float* destination, const T* source, int64_t count) {
  follow_previous();
  int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) destination[i] = to_float(source[i]);
}

// `bytes` of each of `rows` rows, which are `pitch` bytes apart in the source, one after another into the staging
// memory.
st_status upload(st_stream* stream, const void* source, int64_t pitch, int64_t bytes, int64_t rows) {
  CurrentContext current(stream->device->context);
  auto width = static_cast<size_t>(bytes);
  return checked(cudaMemcpy2DAsync(staging(stream), width, source, static_cast<size_t>(pitch), width,
                                   static_cast<size_t>(rows), cudaMemcpyDefault, stream->for_other_work()),
                 "upload");
}

}  // namespace

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype) {
  if (rows <= 0 || cols <= 0) return 0;
  if (dtype == ST_INT8)
    return size_product(static_cast<uint64_t>(tiles_of(rows) * int8_blocks(cols)), kTileBytes + kTile * 2);
  if (dtype == ST_FP8)
    return static_cast<uint64_t>(fp8_scales_at(rows, cols) + tiles_of(rows) * fp8_blocks(cols) * kTile * 4);
  return size_product(static_cast<uint64_t>(tiles_of(rows) * tiles_of(cols)), kTileElements * element_bytes(dtype));
}

namespace {

// Bytes of `cols` columns of a source's row.
int64_t stored_bytes(int64_t cols, int32_t source_dtype) {
  if (source_dtype == ST_INT8) return int8_blocks(cols) * kStoredBlockBytes;
  if (source_dtype == ST_FP8) return cols;
  return cols * static_cast<int64_t>(element_bytes(source_dtype));
}

// Rows `first`, first + row_step, ..., `rows` of them, whose source is staged, and `zeros` below the matrix.
st_status pack_staged(st_stream* stream, const st_pack& op, int32_t first, int32_t rows, int32_t zeros) {
  const st_matrix& w = op.w;
  int64_t all = int64_t{rows} + zeros;
  auto to_blocks = [&](auto source) {
    constexpr int64_t kWarps = kThreads / kWarpSize;
    using T = decltype(source);
    return launch<pack_blocks_kernel<T>>("pack", blocks_for(all * int8_blocks(w.cols), kWarps), kThreads, 0, stream,
                                         static_cast<int8_t*>(const_cast<void*>(w.data)), w.rows, w.cols, first,
                                         op.row_step, rows, zeros, static_cast<const T*>(staging(stream)),
                                         stored_bytes(w.cols, op.source_dtype) / static_cast<int64_t>(sizeof(T)));
  };
  if (op.source_dtype == ST_INT8) return to_blocks(int8_t());
  if (w.dtype == ST_INT8) return with_type(op.source_dtype, to_blocks);
  auto to_tiles = [&](auto element) {
    using T = decltype(element);
    return launch<pack_kernel<T>>("pack", blocks_for(all * packed_tiles<T>(w.cols) * 4, kThreads), kThreads, 0, stream,
                                  static_cast<T*>(const_cast<void*>(w.data)), w.rows, w.cols, first, op.row_step, rows,
                                  zeros, static_cast<const T*>(staging(stream)));
  };
  return w.dtype == ST_FP8 ? to_tiles(E4m3()) : with_type(w.dtype, to_tiles);
}

// The scales of the same rows, row `done` of the operation and the following.
st_status pack_scales(st_stream* stream, const st_pack& op, int64_t done, int32_t first, int32_t rows, int32_t zeros) {
  const st_matrix& w = op.w;
  int64_t blocks = fp8_blocks(w.cols), pitch = fp8_blocks(op.source_cols);
  const float* source = op.scales + done * pitch + op.first_col / kFp8Block;
  ST_TRY(upload(stream, source, pitch * 4, blocks * 4, rows));
  auto* scales = static_cast<char*>(const_cast<void*>(w.data)) + fp8_scales_at(w.rows, w.cols);
  return launch<pack_scales_kernel>("pack", blocks_for((int64_t{rows} + zeros) * blocks, kThreads), kThreads, 0, stream,
                                    reinterpret_cast<float*>(scales), w.rows, w.cols, first, op.row_step, rows, zeros,
                                    static_cast<const float*>(staging(stream)));
}

}  // namespace

st_status pack(st_stream* stream, const st_pack* op) {
  ST_TRY(check(stream, op, matrix_bytes));
  const st_matrix& w = op->w;
  int64_t row_bytes = stored_bytes(w.cols, op->source_dtype), pitch = stored_bytes(op->source_cols, op->source_dtype);
  ST_REQUIRE(row_bytes <= kStagingBytes, "pack: rows of %lld bytes, expected up to %lld",
             static_cast<long long>(row_bytes), static_cast<long long>(kStagingBytes));
  int64_t part = kStagingBytes / row_bytes;
  const char* source = static_cast<const char*>(op->source) + stored_bytes(op->first_col, op->source_dtype);
  // The call that writes to the last tile also writes its padding.
  auto padding = static_cast<int32_t>(tiles_of(w.rows) * kTile - w.rows);
  for (int64_t done = 0; done < op->count; done += part) {
    auto rows = static_cast<int32_t>(std::min(part, op->count - done));
    ST_TRY(upload(stream, source + done * pitch, pitch, row_bytes, rows));
    auto first = static_cast<int32_t>(op->first_row + done * op->row_step);
    bool last_tile = (first + (int64_t{rows} - 1) * op->row_step) / kTile == (w.rows - 1) / kTile;
    ST_TRY(pack_staged(stream, *op, first, rows, last_tile ? padding : 0));
    if (w.dtype == ST_FP8) ST_TRY(pack_scales(stream, *op, done, first, rows, last_tile ? padding : 0));
    stream->overlaps = false;  // the next kernel may read weights before it waits
  }
  return ST_OK;
}

st_status convert_to_f32(st_stream* stream, float* destination, const void* source, int32_t source_dtype,
                         int64_t count) {
  ST_REQUIRE(stream && destination && source && count >= 0, "convert_to_f32: a pointer is null or the count negative");
  auto bytes = static_cast<int64_t>(element_bytes(source_dtype));
  ST_REQUIRE(bytes > 0, "convert_to_f32: no type %d", source_dtype);
  int64_t part = kStagingBytes / bytes;
  for (int64_t done = 0; done < count; done += part) {
    int64_t now = std::min(part, count - done);
    ST_TRY(upload(stream, static_cast<const char*>(source) + done * bytes, now * bytes, now * bytes, 1));
    ST_TRY(with_type(source_dtype, [&](auto element) {
      using T = decltype(element);
      return launch<convert_kernel<T>>("convert_to_f32", blocks_for(now, kThreads), kThreads, 0, stream,
                                       destination + done, static_cast<const T*>(staging(stream)), now);
    }));
    stream->overlaps = false;  // as after pack
  }
  return ST_OK;
}

}  // namespace st::cuda
