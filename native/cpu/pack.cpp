// pack: weights of a checkpoint into the layout of matrix.h.

#include <cmath>
#include <cstring>

#include "common/formats.h"
#include "common/math.h"
#include "cpu/device.h"
#include "cpu/matrix.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

// The source's rows that fall into a tile.
struct TileRows {
  const st_matrix& w;
  int64_t first_row, count;
  const char* source;
  int64_t row_bytes;

  bool padding(int64_t row) const { return row >= w.rows; }
  const char* row(int64_t row) const {
    return row >= first_row && row < first_row + count ? source + (row - first_row) * row_bytes : nullptr;
  }
};

// Elements of T as they are, `STEP` consecutive k of an output beside one another.
template <typename T, int STEP>
void pack_tile(const TileRows& rows, int64_t tile, char* out_bytes) {
  T* out = reinterpret_cast<T*>(out_bytes);
  int64_t cols = rows.w.cols, padded = round_up(cols, STEP);
  auto place = [&](int64_t k, int lane) { return (k / STEP * kLanes + lane) * STEP + k % STEP; };
  for (int lane = 0; lane < kLanes; ++lane) {
    int64_t row = tile * kLanes + lane;
    const char* in = rows.row(row);
    if (!in && !rows.padding(row)) continue;
    // A mapped file need not align its tensors.
    for (int64_t k = 0; in && k < cols; ++k)
      memcpy(&out[place(k, lane)], in + k * static_cast<int64_t>(sizeof(T)), sizeof(T));
    for (int64_t k = in ? cols : 0; k < padded; ++k) out[place(k, lane)] = 0;
  }
}

void widen(const char* in, int32_t dtype, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t half;
    if (dtype == ST_F32) {
      memcpy(&out[i], in + i * 4, 4);
      continue;
    }
    memcpy(&half, in + i * 2, 2);
    out[i] = dtype == ST_F16 ? f16_to_float(half) : bf16_to_float(half);
  }
}

// The nearest of -127..127; NaN becomes 0.
int32_t nearest_int8(float x) {
  if (!(std::fabs(x) < 127.0f)) return x > 0.0f ? 127 : x < 0.0f ? -127 : 0;
  return static_cast<int32_t>((x + Exp32::round) - Exp32::round);
}

// One block of an output: its scale, and its integers plus 128.
void round_block(const float* w, int lane, uint16_t* scale, uint8_t* bytes) {
  float largest = 0.0f;
  for (int k = 0; k < kBlock; ++k) largest = std::fabs(w[k]) > largest ? std::fabs(w[k]) : largest;
  *scale = float_to_f16(std::fmin(largest / 127.0f, 65504.0f));
  float stored = f16_to_float(*scale);  // what the integers will be multiplied by
  float inverse = stored > 0.0f ? 1.0f / stored : 0.0f;
  for (int k = 0; k < kBlock; ++k) {
    bytes[place_in_block(k, lane)] = static_cast<uint8_t>(nearest_int8(w[k] * inverse) + 128);
  }
}

void pack_int8_tile(const TileRows& rows, int32_t source_dtype, int64_t tile, char* out) {
  int64_t cols = rows.w.cols, element = source_dtype == ST_F32 ? 4 : 2;
  auto* scales = reinterpret_cast<uint16_t*>(out);
  auto* bytes = reinterpret_cast<uint8_t*>(out + scale_bytes(cols));
  for (int lane = 0; lane < kLanes; ++lane) {
    int64_t row = tile * kLanes + lane;
    const char* in = rows.row(row);
    if (!in && !rows.padding(row)) continue;
    for (int64_t b = 0; b < block_count(cols); ++b) {
      float w[kBlock] = {};
      int64_t first = b * kBlock, count = cols - first < kBlock ? cols - first : kBlock;
      if (in) widen(in + first * element, source_dtype, count, w);
      round_block(w, lane, scales + b * kLanes + lane, bytes + b * kBlockTileBytes);
    }
  }
}

}  // namespace

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype) {
  if (rows <= 0 || cols <= 0) return 0;
  return size_product(static_cast<uint64_t>(tile_count(rows)), static_cast<uint64_t>(tile_bytes(cols, dtype)));
}

st_status pack(st_stream* stream, const st_matrix* w, int32_t first_row, int32_t count, const void* source,
               int32_t source_dtype) {
  ST_REQUIRE(stream && w && w->data && source, "pack: a pointer is null");
  ST_REQUIRE(matrix_bytes(w->rows, w->cols, w->dtype) > 0, "pack: no matrix of %d x %d of type %d", w->rows, w->cols,
             w->dtype);
  bool rounds = w->dtype == ST_INT8 && (source_dtype == ST_F32 || source_dtype == ST_F16 || source_dtype == ST_BF16);
  ST_REQUIRE(rounds || (source_dtype == w->dtype && w->dtype != ST_INT8), "pack: source type %d, matrix type %d",
             source_dtype, w->dtype);
  ST_REQUIRE(first_row >= 0 && count > 0 && count <= w->rows - first_row, "pack: rows %d + %d of %d", first_row, count,
             w->rows);
  return enqueue(stream, [=, device = stream->device, w = *w, in = static_cast<const char*>(source)] {
    TileRows rows = {w, first_row, count, in, int64_t{w.cols} * (source_dtype == ST_F32 ? 4 : 2)};
    int64_t first_tile = first_row / kLanes;
    int64_t tiles = (static_cast<int64_t>(first_row) + count - 1) / kLanes + 1 - first_tile;
    device->pool.parallel_for(tiles, int64_t{count} * w.cols, [&](int64_t begin, int64_t end) {
      for (int64_t tile = first_tile + begin; tile < first_tile + end; ++tile) {
        char* out = static_cast<char*>(const_cast<void*>(w.data)) + tile * tile_bytes(w.cols, w.dtype);
        if (w.dtype == ST_INT8)
          pack_int8_tile(rows, source_dtype, tile, out);
        else if (w.dtype == ST_F32)
          pack_tile<uint32_t, 1>(rows, tile, out);
        else if (w.dtype == ST_F16)
          pack_tile<uint16_t, 1>(rows, tile, out);
        else
          pack_tile<uint16_t, 2>(rows, tile, out);
      }
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
