// load_rows: a caller's rows to activations.

#include "common/checks.h"
#include "cuda/numbers.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// out[r, c] = 0 + source[r, c]. Registers: 32.
template <typename S, typename A>
__global__ void __launch_bounds__(kThreads) load_rows_kernel(st_load_rows op) {
  follow_previous();
  int64_t col = int64_t{blockIdx.y} * kThreads + threadIdx.x, row = blockIdx.x;
  if (col >= op.cols) return;
  int64_t at = row * op.cols + col;
  static_cast<A*>(op.out)[at] = from_float<A>(0.0f + to_float(static_cast<const S*>(op.source)[at]));
}

}  // namespace

st_status load_rows(st_stream* stream, const st_load_rows* op) {
  ST_TRY(check(stream, op));
  dim3 grid(static_cast<unsigned>(op->rows), blocks_for(op->cols, kThreads));
  return with_type(op->source_dtype, [&](auto source) {
    return with_type(stream->device->activation_dtype, [&](auto activation) {
      return launch<load_rows_kernel<decltype(source), decltype(activation)>>("load_rows", grid, kThreads, 0, stream,
                                                                              *op);
    });
  });
}

}  // namespace st::cuda
