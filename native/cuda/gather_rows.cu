// gather_rows: out[i] = in[index[i]].

#include "common/checks.h"
#include "cuda/numbers.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// Registers: 32.
template <typename A>
__global__ void __launch_bounds__(kThreads) gather_rows_kernel(st_gather_rows op) {
  follow_previous();
  int64_t col = int64_t{blockIdx.y} * kThreads + threadIdx.x, row = blockIdx.x;
  if (col >= op.cols) return;
  static_cast<A*>(op.out)[row * op.cols + col] = static_cast<const A*>(op.in)[int64_t{op.index[row]} * op.cols + col];
}

}  // namespace

st_status gather_rows(st_stream* stream, const st_gather_rows* op) {
  ST_TRY(check(stream, op));
  dim3 grid(static_cast<unsigned>(op->rows), blocks_for(op->cols, kThreads));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    return launch<gather_rows_kernel<decltype(activation)>>("gather_rows", grid, kThreads, 0, stream, *op);
  });
}

}  // namespace st::cuda
