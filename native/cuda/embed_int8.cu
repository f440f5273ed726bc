// embed with a table of ST_INT8.

#include "cuda/embed.cuh"
#include "cuda/matrix.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// As embed_kernel, of integers times the f16 scale of their block. Block (r, chunk), a thread for each four columns.
// Reads each entry's row once: 34 bytes for 32 columns. Registers: 56.
template <typename A>
__global__ void __launch_bounds__(kThreads) embed_blocks_kernel(st_embed op) {
  follow_previous();
  int64_t col = (int64_t{blockIdx.y} * kThreads + threadIdx.x) * 4, cols = op.table.cols;
  if (col >= cols) return;
  const auto* values = static_cast<const int8_t*>(op.table.data);
  const auto* scales = reinterpret_cast<const F16*>(values + int8_scales_at(op.table.rows, cols));
  int64_t row = blockIdx.x, token = op.index ? op.index[row] : row;
  bool known = token >= 0 && token < op.tokens;
  float totals[kParts][4] = {};
  for (int i = 0; known && i < op.entries; ++i) {
    float weight = op.weights[token * op.entries + i];
    if (weight == 0.0f) continue;
    int32_t id = op.ids[token * op.entries + i], at = id - op.first_id;
    known = id >= 0 && id < op.vocabulary;
    if (!known) break;
    if (at < 0 || at >= op.table.rows) continue;
    auto four = *reinterpret_cast<const Pack<int8_t, 4>*>(values + int8_place(at, col, cols));
    float scale = to_float(scales[int8_scale_place(at, col / kInt8Block, cols)]);
#pragma unroll
    for (int s = 0; s < kParts; ++s) {
      if (id < part_begin(op.vocabulary, s) || id >= part_begin(op.vocabulary, s + 1)) continue;
      for (int e = 0; e < 4; ++e) totals[s][e] += weight * (static_cast<float>(four.at[e]) * scale);
    }
  }
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    if (col + e >= cols) continue;
    float sum = known ? sum_of_parts([&](int s) { return totals[s][e]; }) : float_of(0x7fc00000u);
    int64_t place = row * cols + col + e;
    if (op.out_f32)
      static_cast<float*>(op.out)[place] = sum;
    else
      static_cast<A*>(op.out)[place] = from_float<A>(sum);
  }
}

}  // namespace

st_status embed_int8(st_stream* stream, const st_embed& op) {
  dim3 grid(static_cast<unsigned>(op.rows), blocks_for((op.table.cols + 3) / 4, kThreads));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    return launch<embed_blocks_kernel<decltype(activation)>>("embed", grid, kThreads, 0, stream, op);
  });
}

}  // namespace st::cuda
