// pack and convert_to_f32: uploads through the stream's scratch memory, a part at a time.

#include <algorithm>

#include "common/checks.h"
#include "cuda/matrix.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// Puts source[count, cols] into the rows first_row + i row_step, and zeros into the `padding` rows behind those that
// the matrix has. A thread writes one quarter of a row of a tile. Registers: 32.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    pack_kernel(T* w, int32_t rows, int32_t cols, int32_t first_row, int32_t row_step, int32_t count, int32_t padding,
                const T* source) {
  int64_t quarters = tiles_of(cols) * 4;
  int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x, i = at / quarters;
  if (i >= int64_t{count} + padding) return;
  bool inside = i < count;
  int64_t row = inside ? first_row + i * row_step : rows + i - count;
  int64_t col_tile = at % quarters / 4;
  int quarter = static_cast<int>(at % 4);
  T* out = w + quarter_index(row, col_tile, quarter, cols);
  for (int k = 0; k < 4; ++k) {
    int64_t col = col_tile * kTile + quarter_col(quarter, k);
    out[k] = inside && col < cols ? source[i * cols + col] : T{};
  }
}

// One number a thread. Registers: 32.
template <typename T>
__global__ void __launch_bounds__(kThreads) convert_kernel(float* destination, const T* source, int64_t count) {
  int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) destination[i] = to_float(source[i]);
}

// `bytes` of each of `rows` rows, which are `pitch` bytes apart in the source, one after another into the staging
// memory.
st_status upload(st_stream* stream, const void* source, int64_t pitch, int64_t bytes, int64_t rows) {
  CurrentContext current(stream->device->context);
  auto width = static_cast<size_t>(bytes);
  return checked(cudaMemcpy2DAsync(staging(stream), width, source, static_cast<size_t>(pitch), width,
                                   static_cast<size_t>(rows), cudaMemcpyDefault, stream->handle),
                 "upload");
}

}  // namespace

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype) {
  if (rows <= 0 || cols <= 0) return 0;
  return size_product(static_cast<uint64_t>(tiles_of(rows) * tiles_of(cols)), kTileElements * element_bytes(dtype));
}

st_status pack(st_stream* stream, const st_pack* op) {
  ST_TRY(check(stream, op, matrix_bytes));
  const st_matrix& w = op->w;
  ST_REQUIRE(op->source_dtype == w.dtype, "pack: source type %d, matrix type %d", op->source_dtype, w.dtype);
  auto element_size = static_cast<int64_t>(element_bytes(w.dtype));
  int64_t row_bytes = w.cols * element_size, pitch = op->source_cols * element_size;
  ST_REQUIRE(row_bytes <= kStagingBytes, "pack: rows of %lld bytes, expected up to %lld",
             static_cast<long long>(row_bytes), static_cast<long long>(kStagingBytes));
  int64_t part = kStagingBytes / row_bytes;
  const char* source = static_cast<const char*>(op->source) + op->first_col * element_size;
  // The call that writes to the last tile also writes its padding.
  auto padding = static_cast<int32_t>(tiles_of(w.rows) * kTile - w.rows);
  for (int64_t done = 0; done < op->count; done += part) {
    auto rows = static_cast<int32_t>(std::min(part, op->count - done));
    ST_TRY(upload(stream, source + done * pitch, pitch, row_bytes, rows));
    auto first = static_cast<int32_t>(op->first_row + done * op->row_step);
    bool last_tile = (first + (int64_t{rows} - 1) * op->row_step) / kTile == (w.rows - 1) / kTile;
    ST_TRY(with_type(w.dtype, [&](auto element) {
      using T = decltype(element);
      int32_t zeros = last_tile ? padding : 0;
      return launch<pack_kernel<T>>("pack", blocks_for((int64_t{rows} + zeros) * tiles_of(w.cols) * 4, kThreads),
                                    kThreads, 0, stream, static_cast<T*>(const_cast<void*>(w.data)), w.rows, w.cols,
                                    first, op->row_step, rows, zeros, static_cast<const T*>(staging(stream)));
    }));
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
  }
  return ST_OK;
}

}  // namespace st::cuda
