// rope_angles: cosines and sines of one forward pass, in double precision.

#include "common/checks.h"
#include "cuda/launch.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 128;

// One angle a thread. Registers: 32.
__global__ void __launch_bounds__(kThreads) rope_angles_kernel(st_rope_angles op) {
  follow_previous();
  int64_t at = int64_t{blockIdx.x} * kThreads + threadIdx.x, row = at / op.half, i = at % op.half;
  if (row >= op.rows) return;
  double angle = op.positions[row] * op.inverse_frequencies[i];
  float* out = op.out + row * 2 * op.half + i;
  out[0] = static_cast<float>(op.magnitude * cos(angle));
  out[op.half] = static_cast<float>(op.magnitude * sin(angle));
}

}  // namespace

st_status rope_angles(st_stream* stream, const st_rope_angles* op) {
  ST_TRY(check(stream, op));
  return launch<rope_angles_kernel>("rope_angles", blocks_for(int64_t{op->rows} * op->half, kThreads), kThreads, 0,
                                    stream, *op);
}

}  // namespace st::cuda
