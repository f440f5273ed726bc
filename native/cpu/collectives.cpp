// all_gather and all_sum.

#include <algorithm>
#include <cstring>

#include "common/checks.h"
#include "cpu/comm.h"
#include "cpu/device.h"
#include "cpu/stream.h"
#include "cpu/stretch.h"

namespace st::cpu {
namespace {

// Runs a collective of the stream, even after failed work: the other ranks would wait for this one.
template <typename Body>
st_status enqueue_collective(st_stream* stream, st_comm* comm, const Body& body) {
  auto run = [stream, comm, body] {
    const char* failure = stream->queue.failure();
    if (!failure) return body();
    comm_abort(comm, ("rank " + std::to_string(comm->rank) + ": " + failure).c_str());
    return ST_OK;
  };
  stream->queue.push(run, true);
  return ST_OK;
}

// Most rows of `row_bytes` that one exchange takes.
int64_t rows_at_once(const st_comm& comm, int64_t rows, uint64_t row_bytes) {
  if (!comm.transport) return std::max<int64_t>(rows, 1);
  return static_cast<int64_t>(comm.received.size() / static_cast<uint64_t>(comm.ranks) / row_bytes);
}

st_status gather(st_device& device, const st_all_gather& op) {
  st_comm& comm = *op.comm;
  auto begin = [&](int rank) { return shard_begin(op.cols, rank, comm.ranks); };
  int64_t own = begin(comm.rank + 1) - begin(comm.rank), most = (op.cols + comm.ranks - 1) / comm.ranks;
  int64_t step = rows_at_once(comm, op.rows, static_cast<uint64_t>(most) * sizeof(float));
  ST_REQUIRE(step > 0, "all_gather: rows of %d columns are too long", op.cols);
  for (int64_t first = 0; first < op.rows; first += step) {
    int64_t rows = std::min(step, op.rows - first);
    const void* parts[ST_MAX_RANKS];
    auto bytes = [&](int64_t cols) { return static_cast<uint64_t>(rows * cols) * sizeof(float); };
    ST_TRY(comm.exchange(op.in + first * own, bytes(own), bytes(most), parts));
    device.pool.parallel_for(rows, rows * op.cols, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; ++r) {
        for (int k = 0; k < comm.ranks; ++k) {
          int64_t cols = begin(k + 1) - begin(k);
          memcpy(op.out + (first + r) * op.cols + begin(k), static_cast<const float*>(parts[k]) + r * cols,
                 static_cast<size_t>(cols) * sizeof(float));
        }
      }
    });
    ST_TRY(comm.end());
  }
  return ST_OK;
}

// One row of the sum; `place` is that of its first element in the parts.
void sum_row(const st_all_sum& op, const void* const* parts, int64_t place, float* out) {
  for (int64_t first = 0; first < op.cols; first += kStretch) {
    int64_t count = std::min<int64_t>(kStretch, op.cols - first);
    size_t bytes = static_cast<size_t>(count) * sizeof(float);
    auto part = [&](int k) {
      Stretch values;
      memcpy(values.at, static_cast<const float*>(parts[k]) + place + first, bytes);
      return values;
    };
    Stretch sum = tree_sum<Stretch>(op.comm->ranks, part);
    for (int64_t i = 0; i < count; ++i) out[first + i] = op.bias ? sum.at[i] + op.bias[first + i] : sum.at[i];
  }
}

st_status sum(st_device& device, const st_all_sum& op) {
  int64_t cols = op.cols, step = rows_at_once(*op.comm, op.rows, static_cast<uint64_t>(cols) * sizeof(float));
  ST_REQUIRE(step > 0, "all_sum: rows of %d columns are too long", op.cols);
  for (int64_t first = 0; first < op.rows; first += step) {
    int64_t rows = std::min(step, op.rows - first);
    auto bytes = static_cast<uint64_t>(rows * cols) * sizeof(float);
    const void* parts[ST_MAX_RANKS];
    ST_TRY(op.comm->exchange(op.in + first * cols, bytes, bytes, parts));
    device.pool.parallel_for(rows, rows * cols * op.comm->ranks, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        sum_row(op, parts, r * cols, static_cast<float*>(op.out) + (first + r) * cols);
    });
    ST_TRY(op.comm->end());
  }
  return ST_OK;
}

}  // namespace

st_status all_gather(st_stream* stream, const st_all_gather* op) {
  ST_TRY(check(stream, op));
  ST_REQUIRE(op->cols >= op->comm->ranks, "all_gather: %d columns of %d ranks", op->cols, op->comm->ranks);
  return enqueue_collective(stream, op->comm, [device = stream->device, op = *op] { return gather(*device, op); });
}

st_status all_sum(st_stream* stream, const st_all_sum* op) {
  ST_TRY(check(stream, op));
  return enqueue_collective(stream, op->comm, [device = stream->device, op = *op] { return sum(*device, op); });
}

}  // namespace st::cpu
