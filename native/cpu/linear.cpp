// pack and linear: weight matrices in the layout of matrix.h.

#include <cstring>

#include "cpu/device.h"
#include "cpu/matrix.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

template <typename T>
void pack_tiles(const st_matrix& w, int32_t first_row, int32_t count, const char* source, int64_t begin, int64_t end) {
  T* data = static_cast<T*>(const_cast<void*>(w.data));
  for (int64_t tile = begin; tile < end; ++tile) {
    T* out = data + tile * w.cols * kLanes;
    for (int lane = 0; lane < kLanes; ++lane) {
      int64_t row = tile * kLanes + lane;
      if (row >= w.rows) {
        for (int64_t k = 0; k < w.cols; ++k) out[k * kLanes + lane] = 0;
      } else if (row >= first_row && row < static_cast<int64_t>(first_row) + count) {
        // A mapped file need not align its tensors.
        const char* in = source + (row - first_row) * w.cols * static_cast<int64_t>(sizeof(T));
        for (int64_t k = 0; k < w.cols; ++k)
          memcpy(&out[k * kLanes + lane], in + k * static_cast<int64_t>(sizeof(T)), sizeof(T));
      }
    }
  }
}

}  // namespace

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype) {
  if (rows <= 0 || cols <= 0) return 0;
  return static_cast<uint64_t>(tile_count(rows)) * kLanes * static_cast<uint64_t>(cols) *
         static_cast<uint64_t>(element_bytes(dtype));
}

st_status pack(st_stream* stream, const st_matrix* w, int32_t first_row, int32_t count, const void* source,
               int32_t source_dtype) {
  ST_REQUIRE(stream && w && w->data && source, "pack: a pointer is null");
  ST_REQUIRE(matrix_bytes(w->rows, w->cols, w->dtype) > 0, "pack: no matrix of %d x %d of type %d", w->rows, w->cols,
             w->dtype);
  ST_REQUIRE(source_dtype == w->dtype, "pack: source type %d, matrix type %d", source_dtype, w->dtype);
  ST_REQUIRE(first_row >= 0 && count > 0 && count <= w->rows - first_row, "pack: rows %d + %d of %d", first_row, count,
             w->rows);
  return enqueue(stream, [=, device = stream->device, w = *w, in = static_cast<const char*>(source)] {
    int64_t first_tile = first_row / kLanes;
    int64_t tiles = (static_cast<int64_t>(first_row) + count - 1) / kLanes + 1 - first_tile;
    device->pool.parallel_for(tiles, int64_t{count} * w.cols, [&](int64_t begin, int64_t end) {
      if (element_bytes(w.dtype) == 4)
        pack_tiles<uint32_t>(w, first_row, count, in, first_tile + begin, first_tile + end);
      else
        pack_tiles<uint16_t>(w, first_row, count, in, first_tile + begin, first_tile + end);
    });
    return ST_OK;
  });
}

st_status linear(st_stream* stream, const st_linear* op) {
  ST_REQUIRE_OPERATION("linear", stream, op);
  const st_matrix& w = op->w;
  ST_REQUIRE(op->rows >= 0, "linear: %d rows", op->rows);
  ST_REQUIRE(matrix_bytes(w.rows, w.cols, w.dtype) > 0, "linear: no matrix of %d x %d of type %d", w.rows, w.cols,
             w.dtype);
  ST_REQUIRE(op->x && op->out && w.data, "linear: a pointer is null");
  return enqueue(stream, [device = stream->device, op = *op] {
    const st_matrix& w = op.w;
    device->pool.parallel_for(tile_count(w.rows), int64_t{op.rows} * w.rows * w.cols, [&](int64_t begin, int64_t end) {
      device->kernels.linear(static_cast<const float*>(op.x), op.rows, w.cols, w.data, w.dtype, begin, end, op.bias,
                             static_cast<float*>(op.out), w.rows);
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
