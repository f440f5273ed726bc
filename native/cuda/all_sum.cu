// all_sum: the partial sums of all ranks, added by each rank in one order.

#include <algorithm>

#include "common/checks.h"
#include "cuda/comm.h"
#include "cuda/numbers.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// out[i] = tree over k of sums[k, i] + bias[(first_col + i) mod cols], i < count, rounded to A at the end. sums is
// [ranks, count], f32. A thread per element; reads 4 N count bytes, writes 2 (4 for f32) per element. Registers: 32.
template <typename A>
__global__ void __launch_bounds__(kThreads)
    add_ranks_kernel(const float* sums, const float* bias, A* out, uint32_t count, uint32_t first_col, uint32_t cols,
                     int32_t ranks) {
  uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  float sum = tree_sum<float>(ranks, [&](int k) { return sums[int64_t{k} * count + i]; });
  if (bias) sum += bias[(first_col + i) % cols];
  out[i] = from_float<A>(sum);
}

// Elements first .. first + count of all rows; sums[ranks, count].
st_status add_ranks(st_stream* stream, const st_all_sum& op, const float* sums, int64_t first, int64_t count) {
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    using A = decltype(activation);
    return launch("all_sum", add_ranks_kernel<A>, blocks_for(count, kThreads), kThreads, 0, stream, sums, op.bias,
                  static_cast<A*>(op.out) + first, static_cast<uint32_t>(count), static_cast<uint32_t>(first % op.cols),
                  static_cast<uint32_t>(op.cols), op.comm->ranks);
  });
}

}  // namespace

st_status all_sum(st_stream* stream, const st_all_sum* op) {
  ST_TRY(check(stream, op));
  ST_REQUIRE(stream->device == op->comm->device, "all_sum: the communicator is of another device");
  int64_t count = int64_t{op->rows} * op->cols, ranks = op->comm->ranks;
  int64_t part = kStagingBytes / static_cast<int64_t>(sizeof(float)) / ranks;
  auto* gathered = static_cast<float*>(staging(stream));
  for (int64_t done = 0; done < count; done += part) {
    int64_t now = std::min(part, count - done);
    if (ranks > 1) ST_TRY(exchange("all_sum", stream, op->comm, op->in + done, gathered, now));
    ST_TRY(add_ranks(stream, *op, ranks > 1 ? gathered : op->in + done, done, now));
  }
  return ST_OK;
}

}  // namespace st::cuda
