// rms_norm, normalize, load_rows and gather_rows, which process each row independently, and set_blocks.

#include <cstring>

#include "common/checks.h"
#include "common/formats.h"
#include "cpu/device.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

float number_at(const void* numbers, int32_t dtype, int64_t i) {
  if (dtype == ST_F32) return static_cast<const float*>(numbers)[i];
  uint16_t half = static_cast<const uint16_t*>(numbers)[i];
  return dtype == ST_F16 ? f16_to_float(half) : bf16_to_float(half);
}

}  // namespace

st_status load_rows(st_stream* stream, const st_load_rows* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [op = *op] {
    for (int64_t i = 0; i < int64_t{op.rows} * op.cols; ++i)
      static_cast<float*>(op.out)[i] = 0.0f + number_at(op.source, op.source_dtype, i);
    return ST_OK;
  });
}

st_status rms_norm(st_stream* stream, const st_rms_norm* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.cols * 16, [&](int64_t begin, int64_t end) {
      for (int64_t offset = begin * op.cols; offset < end * op.cols; offset += op.cols)
        device->kernels.rms_norm(op.delta ? static_cast<const float*>(op.delta) + offset : nullptr,
                                 static_cast<float*>(op.residual) + offset, op.weight, op.epsilon,
                                 static_cast<float*>(op.out) + offset, op.cols);
    });
    return ST_OK;
  });
}

st_status normalize(st_stream* stream, const st_normalize* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.cols * 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        device->kernels.normalize(static_cast<const float*>(op.x) + r * op.x_stride, op.weight, op.epsilon,
                                  static_cast<float*>(op.out) + r * op.out_stride, op.add == 1, op.cols);
    });
    return ST_OK;
  });
}

st_status gather_rows(st_stream* stream, const st_gather_rows* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [op = *op] {
    for (int64_t r = 0; r < op.rows; ++r)
      memcpy(static_cast<float*>(op.out) + r * op.cols,
             static_cast<const float*>(op.in) + int64_t{op.index[r]} * op.cols,
             sizeof(float) * static_cast<size_t>(op.cols));
    return ST_OK;
  });
}

st_status set_blocks(st_stream* stream, const st_set_blocks* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [op = *op] {
    for (int32_t i = 0; i < op.count; ++i) {
      st_table_entry entry = op.entries[i];
      ST_REQUIRE(entry.place >= 0 && entry.place < op.places, "set_blocks: place %lld of %lld",
                 static_cast<long long>(entry.place), static_cast<long long>(op.places));
      op.tables[entry.place] = entry.block;
    }
    return ST_OK;
  });
}

}  // namespace st::cpu
