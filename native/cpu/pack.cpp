// pack: converts weights of a checkpoint to the layout of matrix.h.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/checks.h"
#include "common/formats.h"
#include "common/int8.h"
#include "cpu/device.h"
#include "cpu/matrix.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

// The source's rows among those of the matrix, from the first column of the window on.
struct SourceRows {
  const st_matrix& w;
  int64_t first_row, row_step, count;
  const char* source;
  int64_t row_bytes;

  int64_t last_row() const { return first_row + (count - 1) * row_step; }
  bool padding(int64_t row) const { return row >= w.rows; }
  // Null if the row does not come from this source.
  const char* row(int64_t row) const {
    if (row < first_row || row > last_row() || (row - first_row) % row_step != 0) return nullptr;
    return source + (row - first_row) / row_step * row_bytes;
  }
};

// Copies elements of T, `STEP` consecutive k of an output adjacent. One or two cache lines of each row are processed at
// a time, so that the output stays in the first-level cache.
template <typename T, int STEP>
void pack_group(const SourceRows& rows, int64_t group, char* out_bytes) {
  constexpr int64_t kStretch = 32;
  constexpr auto kElement = static_cast<int64_t>(sizeof(T));
  T* out = reinterpret_cast<T*>(out_bytes);
  int64_t cols = rows.w.cols, padded = round_up(cols, STEP);
  auto place = [&](int64_t k, int64_t output) { return (k / STEP * kGroup + output) * STEP + k % STEP; };
  for (int64_t begin = 0; begin < padded; begin += kStretch) {
    int64_t end = std::min(begin + kStretch, padded), whole = std::min(end, cols) / STEP * STEP;
    for (int64_t output = 0; output < kGroup; ++output) {
      int64_t row = group * kGroup + output, k = begin;
      const char* in = rows.row(row);
      if (!in && !rows.padding(row)) continue;
      // Tensors of a mapped file may be unaligned.
      for (; in && k < whole; k += STEP) memcpy(&out[place(k, output)], in + k * kElement, STEP * sizeof(T));
      for (; in && k < std::min(end, cols); ++k) memcpy(&out[place(k, output)], in + k * kElement, sizeof(T));
      for (; k < end; ++k) out[place(k, output)] = 0;
    }
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

// One block of an output: its scale, and its integers plus 128.
void round_block(const float* w, int64_t output, uint16_t* scale, uint8_t* bytes) {
  float largest = 0.0f;
  for (int k = 0; k < kBlock; ++k) largest = std::fabs(w[k]) > largest ? std::fabs(w[k]) : largest;
  *scale = int8_scale(largest);
  float inverse = int8_inverse(f16_to_float(*scale));  // of the factor that the matmul uses
  for (int k = 0; k < kBlock; ++k)
    bytes[place_in_block(k, output)] = static_cast<uint8_t>(nearest_int8(w[k] * inverse) + 128);
}

void copy_block(const char* stored, int64_t output, uint16_t* scale, uint8_t* bytes) {
  memcpy(scale, stored, sizeof *scale);
  for (int k = 0; k < kBlock; ++k) {
    auto value = static_cast<int8_t>(stored[2 + k]);
    bytes[place_in_block(k, output)] = static_cast<uint8_t>(value + 128);
  }
}

// The rows' bytes and scales; `scales` has a row of those of the window for each of the source.
void pack_fp8_group(const SourceRows& rows, const SourceRows& scales, int64_t group, char* out) {
  int64_t cols = rows.w.cols;
  for (int64_t output = 0; output < kGroup; ++output) {
    int64_t row = group * kGroup + output;
    const char *in = rows.row(row), *scale = scales.row(row);
    if (!in && !rows.padding(row)) continue;
    for (int64_t b = 0; b < fp8_block_count(cols); ++b) {
      char* block = out + b * kFp8BlockBytes;
      float value = 0.0f;
      if (in) memcpy(&value, scale + b * 4, sizeof value);
      memcpy(block + output * 4, &value, sizeof value);
      for (int64_t k = 0; k < kFp8Block; ++k) {
        int64_t col = b * kFp8Block + k;
        block[kFp8ScaleBytes + place_in_block(k, output)] = in && col < cols ? in[col] : 0;
      }
    }
  }
}

// Bytes of `cols` columns of a source's row.
int64_t stored_bytes(int64_t cols, int32_t source_dtype) {
  if (source_dtype == ST_INT8) return block_count(cols) * kStoredBlockBytes;
  if (source_dtype == ST_FP8) return cols;
  return cols * static_cast<int64_t>(element_bytes(source_dtype));
}

SourceRows scales_of(const st_pack& op) {
  int64_t row_bytes = fp8_block_count(op.source_cols) * 4;
  const char* window = reinterpret_cast<const char*>(op.scales) + op.first_col / kFp8Block * 4;
  return {op.w, op.first_row, op.row_step, op.count, window, row_bytes};
}

void pack_int8_group(const SourceRows& rows, int32_t source_dtype, int64_t group, char* out) {
  int64_t cols = rows.w.cols, element = static_cast<int64_t>(element_bytes(source_dtype));
  for (int64_t output = 0; output < kGroup; ++output) {
    int64_t row = group * kGroup + output;
    const char* in = rows.row(row);
    if (!in && !rows.padding(row)) continue;
    for (int64_t b = 0; b < block_count(cols); ++b) {
      char* block = out + b * kBlockBytes;
      uint16_t* scale = reinterpret_cast<uint16_t*>(block) + output;
      auto* bytes = reinterpret_cast<uint8_t*>(block + kScaleBytes);
      if (in && source_dtype == ST_INT8) {
        copy_block(in + b * kStoredBlockBytes, output, scale, bytes);
        continue;
      }
      float w[kBlock] = {};
      int64_t first = b * kBlock, count = std::min<int64_t>(kBlock, cols - first);
      if (in) widen(in + first * element, source_dtype, count, w);
      round_block(w, output, scale, bytes);
    }
  }
}

void pack_one_group(const SourceRows& rows, const st_pack& op, int64_t group) {
  const st_matrix& w = rows.w;
  char* out = static_cast<char*>(const_cast<void*>(w.data)) + group * group_bytes(w.cols, w.dtype);
  if (w.dtype == ST_INT8)
    pack_int8_group(rows, op.source_dtype, group, out);
  else if (w.dtype == ST_FP8)
    pack_fp8_group(rows, scales_of(op), group, out);
  else if (w.dtype == ST_F32)
    pack_group<uint32_t, 1>(rows, group, out);
  else if (w.dtype == ST_F16)
    pack_group<uint16_t, 1>(rows, group, out);
  else
    pack_group<uint16_t, 2>(rows, group, out);
}

}  // namespace

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype) {
  if (rows <= 0 || cols <= 0) return 0;
  return size_product(static_cast<uint64_t>(group_count(rows)), static_cast<uint64_t>(group_bytes(cols, dtype)));
}

st_status pack(st_stream* stream, const st_pack* op) {
  ST_TRY(check(stream, op, matrix_bytes));
  return enqueue(stream, [device = stream->device, op = *op] {
    const char* window = static_cast<const char*>(op.source) + stored_bytes(op.first_col, op.source_dtype);
    SourceRows rows = {op.w,     op.first_row, op.row_step,
                       op.count, window,       stored_bytes(op.source_cols, op.source_dtype)};
    int64_t first_group = op.first_row / kGroup, groups = rows.last_row() / kGroup + 1 - first_group;
    device->pool.parallel_for(groups, int64_t{op.count} * op.w.cols, [&](int64_t begin, int64_t end) {
      for (int64_t group = begin; group < end; ++group) pack_one_group(rows, op, first_group + group);
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
