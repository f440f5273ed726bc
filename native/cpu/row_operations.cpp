// rms_norm, silu_mul, gather_rows: every row on its own.

#include <cstring>

#include "cpu/device.h"
#include "cpu/stream.h"

namespace st::cpu {

st_status rms_norm(st_stream* stream, const st_rms_norm* op) {
  ST_REQUIRE_OPERATION("rms_norm", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "rms_norm: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->residual && op->weight && op->out, "rms_norm: a pointer is null");
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

st_status silu_mul(st_stream* stream, const st_silu_mul* op) {
  ST_REQUIRE_OPERATION("silu_mul", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "silu_mul: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->gate_up && op->out, "silu_mul: a pointer is null");
  return enqueue(stream, [device = stream->device, op = *op] {
    const float* in = static_cast<const float*>(op.gate_up);
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.cols * 20, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float* gate = in + r * 2 * op.cols;
        device->kernels.silu_mul(gate, gate + op.cols, static_cast<float*>(op.out) + r * op.cols, op.cols);
      }
    });
    return ST_OK;
  });
}

st_status gather_rows(st_stream* stream, const st_gather_rows* op) {
  ST_REQUIRE_OPERATION("gather_rows", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "gather_rows: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->index && op->in && op->out, "gather_rows: a pointer is null");
  return enqueue(stream, [op = *op] {
    for (int64_t r = 0; r < op.rows; ++r)
      memcpy(static_cast<float*>(op.out) + r * op.cols,
             static_cast<const float*>(op.in) + int64_t{op.index[r]} * op.cols,
             sizeof(float) * static_cast<size_t>(op.cols));
    return ST_OK;
  });
}

}  // namespace st::cpu
