// all_sum: the partial sums of all ranks, added in one order, which is the same for every size and way: by each rank,
// or of large sums by each rank its share, whose results are then gathered.

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
  follow_previous();
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
    return launch<add_ranks_kernel<A>>("all_sum", blocks_for(count, kThreads), kThreads, 0, stream, sums, op.bias,
                                       static_cast<A*>(op.out) + first, static_cast<uint32_t>(count),
                                       static_cast<uint32_t>(first % op.cols), static_cast<uint32_t>(op.cols),
                                       op.comm->ranks);
  });
}

int64_t activation_bytes(const st_stream* stream) {
  return static_cast<int64_t>(element_bytes(stream->device->activation_dtype));
}

// Whether adding shares is worth its second operation. With c elements, a rank receives 4 (N - 1) c bytes if it adds
// all, and (4 + a) (N - 1) / N c if it adds a share, a the bytes of an activation. An operation takes about as long as
// 4 MiB take over NVLink (10 us; assumed, not measured).
bool adds_shares(const st_stream* stream, int64_t count, int64_t ranks) {
#if defined(ST_SIMT)
  constexpr int64_t kWorthIt = 1 << 10;  // so that small sums take both ways
#else
  constexpr int64_t kWorthIt = 4 << 20;
#endif
  return (ranks - 1) * (4 * ranks - 4 - activation_bytes(stream)) * count >= kWorthIt * ranks;
}

// `count` elements from `first` on, a multiple of the ranks.
st_status add_share(const Exchange& exchange, const st_all_sum& op, int64_t first, int64_t count) {
  st_stream* stream = exchange.stream;
  int64_t share = count / op.comm->ranks, element = activation_bytes(stream);
  auto* received = static_cast<float*>(staging(stream));
  ST_TRY(exchange.scatter(op.in + first, received, share));
  ST_TRY(add_ranks(stream, op, received, first + op.comm->rank * share, share));
  return exchange.share(static_cast<char*>(op.out) + first * element, share * element);
}

st_status add_all(const Exchange& exchange, const st_all_sum& op, int64_t first, int64_t count) {
  auto* gathered = static_cast<float*>(staging(exchange.stream));
  ST_TRY(exchange.gather(op.in + first, gathered, count));
  return add_ranks(exchange.stream, op, gathered, first, count);
}

}  // namespace

st_status all_sum(st_stream* stream, const st_all_sum* op) {
  ST_TRY(check(stream, op));
  ST_REQUIRE(stream->device == op->comm->device, "all_sum: the communicator is of another device");
  int64_t count = int64_t{op->rows} * op->cols, ranks = op->comm->ranks;
  if (ranks == 1) return count > 0 ? add_ranks(stream, *op, op->in, 0, count) : ST_OK;
  Exchange exchange = {"all_sum", stream, op->comm};
  int64_t staged = kStagingBytes / static_cast<int64_t>(sizeof(float)) / ranks, done = 0;
  if (adds_shares(stream, count, ranks)) {
    for (int64_t now; (now = std::min(staged * ranks, count - done) / ranks * ranks) > 0; done += now)
      ST_TRY(add_share(exchange, *op, done, now));
  }
  for (int64_t now; (now = std::min(staged, count - done)) > 0; done += now) ST_TRY(add_all(exchange, *op, done, now));
  return ST_OK;
}

}  // namespace st::cuda
