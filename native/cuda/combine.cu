// combine: the sum of what the experts of a row computed.

#include "common/checks.h"
#include "cuda/numbers.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 128;

// Block (r, chunk of columns), a thread a column. The experts of a row are ascending, so that a part's come one after
// another. Reads k numbers for each that it writes, 2 bytes each (4 for f32): bound by memory. Registers: 48.
template <typename A>
__global__ void __launch_bounds__(kThreads) combine_kernel(st_combine op) {
  follow_previous();
  int64_t col = int64_t{blockIdx.y} * kThreads + threadIdx.x, row = blockIdx.x;
  if (col >= op.cols) return;
  int64_t at = row * op.per_row, end = at + op.per_row;
  const A* y = static_cast<const A*>(op.y) + col;
  float parts[kParts];
#pragma unroll
  for (int s = 0; s < kParts; ++s) {
    int64_t last = part_begin(op.experts, s + 1);
    parts[s] = 0.0f;
    for (; at < end && op.ids[at] < last; ++at)
      if (op.places[at] >= 0) parts[s] += op.weights[at] * to_float(y[int64_t{op.places[at]} * op.cols]);
  }
  float sum = sum_of_parts([&](int s) { return parts[s]; });
  if (op.out_f32)
    static_cast<float*>(op.out)[row * op.cols + col] = sum;
  else
    static_cast<A*>(op.out)[row * op.cols + col] = from_float<A>(sum);
}

}  // namespace

st_status combine(st_stream* stream, const st_combine* op) {
  ST_TRY(check(stream, op));
  dim3 grid(static_cast<unsigned>(op->rows), blocks_for(op->cols, kThreads));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    return launch<combine_kernel<decltype(activation)>>("combine", grid, kThreads, 0, stream, *op);
  });
}

}  // namespace st::cuda
