// all_gather: the columns that the ranks hold, side by side.

#include <algorithm>

#include "common/checks.h"
#include "cuda/comm.h"
#include "cuda/numbers.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// out[r, begin_k + j] = gathered[k][r, j], k the rank that holds the column: begin_k = floor(k cols / N). What a rank
// sent is [rows, its columns], in a place of rows ceil(cols / N) elements. Block (row, kThreads columns). Reads and
// writes each element once: 8 rows cols bytes. Registers: 32.
__global__ void __launch_bounds__(kThreads)
    place_columns_kernel(const float* gathered, float* out, int32_t rows, int32_t cols, int32_t ranks) {
  follow_previous();
  int64_t row = blockIdx.x, col = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  if (col >= cols) return;
  auto rank = static_cast<int32_t>(((col + 1) * ranks - 1) / cols);
  int64_t begin = shard_begin(cols, rank, ranks), end = shard_begin(cols, rank + 1, ranks);
  const float* sent = gathered + int64_t{rank} * rows * ((cols + ranks - 1) / ranks);
  out[row * cols + col] = sent[row * (end - begin) + col - begin];
}

st_status copy_rows(st_stream* stream, const st_all_gather& op, int64_t cols, float* to) {
  auto bytes = static_cast<size_t>(op.rows * cols) * sizeof(float);
  return checked(cudaMemcpyAsync(to, op.in, bytes, cudaMemcpyDefault, stream->for_other_work()), "all_gather");
}

// The columns of a rank, and the most of any.
int64_t columns_of(const st_all_gather& op, int32_t rank) {
  return shard_begin(op.cols, rank + 1, op.comm->ranks) - shard_begin(op.cols, rank, op.comm->ranks);
}
int64_t most_columns(const st_all_gather& op) {
  return (int64_t{op.cols} + op.comm->ranks - 1) / op.comm->ranks;
}

// As many rows as fit in the stream's memory. NCCL gathers equal counts, so where ranks differ in their columns they
// send from a copy that is long enough for all.
st_status gather_part(st_stream* stream, const st_all_gather& op) {
  int32_t ranks = op.comm->ranks, rank = op.comm->rank;
  int64_t count = op.rows * most_columns(op);
  auto* gathered = static_cast<float*>(staging(stream));
  const float* sent = op.in;
  if (op.cols % ranks != 0) {
    ST_TRY(copy_rows(stream, op, columns_of(op, rank), gathered + rank * count));
    sent = gathered + rank * count;
  }
  Exchange exchange = {"all_gather", stream, op.comm};
  ST_TRY(exchange.gather(sent, gathered, count));
  dim3 grid(static_cast<unsigned>(op.rows), blocks_for(op.cols, kThreads));
  return launch<place_columns_kernel>("all_gather", grid, kThreads, 0, stream, gathered, op.out, op.rows, op.cols,
                                      ranks);
}

}  // namespace

st_status all_gather(st_stream* stream, const st_all_gather* op) {
  ST_TRY(check(stream, op));
  int32_t ranks = op->comm->ranks;
  ST_REQUIRE(op->cols >= ranks, "all_gather: %d columns over %d ranks", op->cols, ranks);
  ST_REQUIRE(stream->device == op->comm->device, "all_gather: the communicator is of another device");
  CurrentContext current(stream->device->context);
  if (op->rows == 0) return ST_OK;
  if (ranks == 1) return copy_rows(stream, *op, op->cols, op->out);
  int64_t row_bytes = ranks * most_columns(*op) * static_cast<int64_t>(sizeof(float));
  constexpr auto kMost = static_cast<int64_t>(kScratchBytes - kTicketBytes);
  ST_REQUIRE(row_bytes <= kMost, "all_gather: rows of %lld bytes, expected up to %lld",
             static_cast<long long>(row_bytes), static_cast<long long>(kMost));
  int64_t part = std::max<int64_t>(kStagingBytes / row_bytes, 1);
  for (int64_t done = 0; done < op->rows; done += part) {
    st_all_gather rows = *op;
    rows.rows = static_cast<int32_t>(std::min(part, op->rows - done));
    rows.in = op->in + done * columns_of(*op, op->comm->rank);
    rows.out = op->out + done * op->cols;
    ST_TRY(gather_part(stream, rows));
  }
  return ST_OK;
}

}  // namespace st::cuda
