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
  int64_t row = blockIdx.x, col = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  if (col >= cols) return;
  auto rank = static_cast<int32_t>(((col + 1) * ranks - 1) / cols);
  int64_t begin = shard_begin(cols, rank, ranks), end = shard_begin(cols, rank + 1, ranks);
  const float* sent = gathered + int64_t{rank} * rows * ((cols + ranks - 1) / ranks);
  out[row * cols + col] = sent[row * (end - begin) + col - begin];
}

// The rows of one exchange: all_gather of op.rows rows that fit in the stream's memory. NCCL gathers equal counts, so a
// rank with a column less than others sends from a copy that is long enough.
st_status gather_part(st_stream* stream, const st_all_gather& op) {
  int32_t ranks = op.comm->ranks, rank = op.comm->rank;
  int64_t own = shard_begin(op.cols, rank + 1, ranks) - shard_begin(op.cols, rank, ranks);
  int64_t count = int64_t{op.rows} * ((op.cols + ranks - 1) / ranks);
  auto* gathered = static_cast<float*>(staging(stream));
  const float* sent = op.in;
  if (op.cols % ranks != 0) {
    sent = gathered + rank * count;
    ST_TRY(checked(cudaMemcpyAsync(gathered + rank * count, op.in, static_cast<size_t>(op.rows * own) * sizeof(float),
                                   cudaMemcpyDefault, stream->handle),
                   "all_gather"));
  }
  ST_TRY(exchange("all_gather", stream, op.comm, sent, gathered, count));
  dim3 grid(static_cast<unsigned>(op.rows), blocks_for(op.cols, kThreads));
  return launch("all_gather", place_columns_kernel, grid, kThreads, 0, stream, gathered, op.out, op.rows, op.cols,
                ranks);
}

}  // namespace

st_status all_gather(st_stream* stream, const st_all_gather* op) {
  ST_TRY(check(stream, op));
  int32_t ranks = op->comm->ranks, rank = op->comm->rank;
  ST_REQUIRE(op->cols >= ranks, "all_gather: %d columns over %d ranks", op->cols, ranks);
  ST_REQUIRE(stream->device == op->comm->device, "all_gather: the communicator is of another device");
  cudaSetDevice(stream->device->ordinal);
  if (ranks == 1)
    return op->rows == 0
               ? ST_OK
               : checked(cudaMemcpyAsync(op->out, op->in,
                                         sizeof(float) * static_cast<size_t>(op->cols) * static_cast<size_t>(op->rows),
                                         cudaMemcpyDefault, stream->handle),
                         "all_gather");
  int64_t row_bytes = (int64_t{op->cols} + ranks - 1) / ranks * ranks * static_cast<int64_t>(sizeof(float));
  ST_REQUIRE(row_bytes <= kStagingBytes, "all_gather: rows of %lld bytes, expected up to %lld",
             static_cast<long long>(row_bytes), static_cast<long long>(kStagingBytes));
  int64_t own = shard_begin(op->cols, rank + 1, ranks) - shard_begin(op->cols, rank, ranks);
  int64_t part = kStagingBytes / row_bytes;
  for (int64_t done = 0; done < op->rows; done += part) {
    st_all_gather rows = *op;
    rows.rows = static_cast<int32_t>(std::min(part, op->rows - done));
    rows.in = op->in + done * own;
    rows.out = op->out + done * op->cols;
    ST_TRY(gather_part(stream, rows));
  }
  return ST_OK;
}

}  // namespace st::cuda
