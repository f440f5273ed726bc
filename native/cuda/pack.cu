// pack and convert_to_f32: what is uploaded once, through the stream's scratch memory, a part at a time.

#include <algorithm>

#include "cuda/matrix.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int64_t kStagingBytes = static_cast<int64_t>(kScratchBytes - kTicketBytes);

// Puts source[count, cols] into the rows from first_row on. A thread writes one quarter of a row of a tile; rows of the
// last tile that the matrix does not have are filled with zeros by whoever writes into that tile. Registers: 32.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    pack_kernel(T* w, int32_t rows, int32_t cols, int32_t first_row, int32_t count, const T* source) {
  int64_t quarters = tiles_of(cols) * 4;
  int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  int64_t row = first_row + at / quarters;
  bool inside = row < first_row + count, padding = row >= rows && row < tiles_of(rows) * kTile;
  if (!inside && !padding) return;
  int64_t col_tile = at % quarters / 4;
  int quarter = static_cast<int>(at % 4);
  T* out = w + quarter_index(row, col_tile, quarter, cols);
  for (int i = 0; i < 4; ++i) {
    int64_t col = col_tile * kTile + quarter_col(quarter, i);
    out[i] = inside && col < cols ? source[(row - first_row) * cols + col] : T{};
  }
}

// One number a thread. Registers: 32.
template <typename T>
__global__ void __launch_bounds__(kThreads) convert_kernel(float* destination, const T* source, int64_t count) {
  int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) destination[i] = to_float(source[i]);
}

void* staging(const st_stream* stream) {
  return static_cast<char*>(stream->scratch) + kTicketBytes;
}

st_status upload(st_stream* stream, const void* source, int64_t bytes) {
  cudaSetDevice(stream->device->ordinal);
  return checked(
      cudaMemcpyAsync(staging(stream), source, static_cast<size_t>(bytes), cudaMemcpyDefault, stream->handle),
      "upload");
}

}  // namespace

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype) {
  if (rows <= 0 || cols <= 0) return 0;
  return size_product(static_cast<uint64_t>(tiles_of(rows) * tiles_of(cols)), kTileElements * element_bytes(dtype));
}

st_status pack(st_stream* stream, const st_matrix* w, int32_t first_row, int32_t count, const void* source,
               int32_t source_dtype) {
  ST_REQUIRE(stream && w && w->data && source, "pack: a pointer is null");
  ST_REQUIRE(matrix_bytes(w->rows, w->cols, w->dtype) > 0, "pack: no matrix of %d x %d of type %d", w->rows, w->cols,
             w->dtype);
  ST_REQUIRE(source_dtype == w->dtype, "pack: source type %d, matrix type %d", source_dtype, w->dtype);
  ST_REQUIRE(first_row >= 0 && count > 0 && count <= w->rows - first_row, "pack: rows %d + %d of %d", first_row, count,
             w->rows);
  int64_t row_bytes = w->cols * static_cast<int64_t>(element_bytes(w->dtype));
  ST_REQUIRE(row_bytes <= kStagingBytes, "pack: rows of %lld bytes, expected up to %lld",
             static_cast<long long>(row_bytes), static_cast<long long>(kStagingBytes));
  int64_t part = kStagingBytes / row_bytes;
  for (int64_t done = 0; done < count; done += part) {
    auto rows = static_cast<int32_t>(std::min(part, count - done));
    st_status status = upload(stream, static_cast<const char*>(source) + done * row_bytes, rows * row_bytes);
    if (status != ST_OK) return status;
    auto first = static_cast<int32_t>(first_row + done);
    bool last_tile = (int64_t{first} + rows - 1) / kTile == (w->rows - 1) / kTile;
    int64_t written = last_tile ? tiles_of(w->rows) * kTile - first : rows;
    status = with_type(w->dtype, [&](auto element) {
      using T = decltype(element);
      return launch("pack", pack_kernel<T>, blocks_for(written * tiles_of(w->cols) * 4, kThreads), kThreads, 0, stream,
                    static_cast<T*>(const_cast<void*>(w->data)), w->rows, w->cols, first, rows,
                    static_cast<const T*>(staging(stream)));
    });
    if (status != ST_OK) return status;
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
    st_status status = upload(stream, static_cast<const char*>(source) + done * bytes, now * bytes);
    if (status != ST_OK) return status;
    status = with_type(source_dtype, [&](auto element) {
      using T = decltype(element);
      return launch("convert_to_f32", convert_kernel<T>, blocks_for(now, kThreads), kThreads, 0, stream,
                    destination + done, static_cast<const T*>(staging(stream)), now);
    });
    if (status != ST_OK) return status;
  }
  return ST_OK;
}

}  // namespace st::cuda
