// normalize: out = x / sqrt(mean(x^2) + epsilon) * weight, or out += that; rows at any distance.

#include "common/checks.h"
#include "cuda/numbers.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpSize;

// One block per row; thread t has the columns t, t + kThreads, ... Reads x twice, the second time from the cache, and
// writes out: 4 bytes a column (8 for f32), 6 (12) with add; reads 4 of the weight, which the caches hold. Bound by two
// latencies and a reduction, about 2 us (estimated), as it serves models with rows of a few thousand columns only
// twice a layer. Registers: 40.
template <typename A>
__global__ void __launch_bounds__(kThreads) normalize_kernel(st_normalize op) {
  follow_previous();
  auto row = static_cast<int64_t>(blockIdx.x);
  const A* x = static_cast<const A*>(op.x) + row * op.x_stride;
  A* out = static_cast<A*>(op.out) + row * op.out_stride;
  auto first = static_cast<int>(threadIdx.x);

  float squares = 0.0f;
  for (int i = first; i < op.cols; i += kThreads) squares = fmaf(to_float(x[i]), to_float(x[i]), squares);
  float total = block_reduce<kWarps>(squares, Sum());
  float factor = 1.0f / sqrtf(total / static_cast<float>(op.cols) + op.epsilon);
  for (int i = first; i < op.cols; i += kThreads) {
    float value = to_float(x[i]) * factor * op.weight[i];
    out[i] = from_float<A>(op.add ? to_float(out[i]) + value : value);
  }
}

}  // namespace

st_status normalize(st_stream* stream, const st_normalize* op) {
  ST_TRY(check(stream, op));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    return launch<normalize_kernel<decltype(activation)>>("normalize", static_cast<unsigned>(op->rows), kThreads, 0,
                                                          stream, *op);
  });
}

}  // namespace st::cuda
