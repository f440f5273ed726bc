// silu_mul: out = silu(gate) up, silu(x) = x / (1 + e^-x).

#include "common/math.h"
#include "cuda/numbers.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// Row blockIdx.y; a thread has kWidth columns, which stand together. Registers: 32.
template <typename A, int kWidth>
__global__ void __launch_bounds__(kThreads) silu_mul_kernel(st_silu_mul op) {
  int64_t col = (int64_t{blockIdx.y} * kThreads + threadIdx.x) * kWidth;
  if (col >= op.cols) return;
  using P = Pack<A, kWidth>;
  const A* in = static_cast<const A*>(op.gate_up) + int64_t{blockIdx.x} * 2 * op.cols + col;
  P gate = *reinterpret_cast<const P*>(in), up = *reinterpret_cast<const P*>(in + op.cols), out;
  for (int i = 0; i < kWidth; ++i) {
    float g = to_float(gate.at[i]);
    out.at[i] = from_float<A>(g / (1.0f + exp32(-g)) * to_float(up.at[i]));
  }
  *reinterpret_cast<P*>(static_cast<A*>(op.out) + int64_t{blockIdx.x} * op.cols + col) = out;
}

template <typename A, int kWidth>
st_status start(st_stream* stream, const st_silu_mul& op) {
  dim3 grid(static_cast<unsigned>(op.rows), blocks_for(op.cols, kThreads * kWidth));
  return launch("silu_mul", silu_mul_kernel<A, kWidth>, grid, kThreads, 0, stream, op);
}

}  // namespace

st_status silu_mul(st_stream* stream, const st_silu_mul* op) {
  ST_REQUIRE_OPERATION("silu_mul", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "silu_mul: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->gate_up && op->out, "silu_mul: a pointer is null");
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    using A = decltype(activation);
    return op->cols % 4 == 0 ? start<A, 4>(stream, *op) : start<A, 1>(stream, *op);
  });
}

}  // namespace st::cuda
