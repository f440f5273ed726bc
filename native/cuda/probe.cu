// probe: what rows that look ahead of a thought decide about it.

#include "common/checks.h"
#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

// The concept token (id, 1.0) in a row of a table.
__device__ void write_plain(int32_t id, int64_t row, int entries, int32_t* ids, float* weights) {
  for (int i = static_cast<int>(threadIdx.x); i < entries; i += kThreads) {
    ids[row * entries + i] = i == 0 ? id : 0;
    weights[row * entries + i] = i == 0 ? 1.0f : 0.0f;
  }
}

// One block per row. Registers: 80. (One block a multiprocessor is enough: compilers may use more before they spill.)
__global__ void __launch_bounds__(kThreads, 1) probe_kernel(st_probe op, LogitRows rows) {
  follow_previous();
  ST_SHARED(int32_t, emitted, 1);
  int64_t r = blockIdx.x, slot = op.slots[r];
  if (slot < 0) return;
  LogitRow row = open_row(rows, r, op.slots[r]);
  if (!row.good()) {
    if (threadIdx.x == 0) op.out_info[r] = {ST_STEP_BAD_LOGITS, 0, 0, -1, 0.0f, 0.0f, 0.0f, 0};
    return;
  }
  SoftmaxSums sums = row_sums(rows, r).at_t;
  auto token = static_cast<int32_t>(key_id(top_key(row)));
  if (threadIdx.x == 0) {
    st_sequence_state& state = op.states[slot];
    int32_t thought = state.token;
    st_probe_info info =
        advance_probe(op.sampling[slot], state, op.kinds[r], {token, -log_of_sum(sums.z), entropy_of(sums)});
    if (op.counts && (info.flags & ST_STEP_DEER)) {
      op.counts[slot * op.vocabulary + thought] -= 1;
      op.counts[slot * op.vocabulary + info.emitted] += 1;
    }
    op.out_info[r] = info;
    emitted[0] = info.emitted;
  }
  __syncthreads();
  if (op.kinds[r] == ST_PROBE_DEER) write_plain(token, slot, op.entries, op.probe_ids, op.probe_weights);
  if (emitted[0] >= 0) write_plain(emitted[0], slot, op.entries, op.slot_ids, op.slot_weights);
}

}  // namespace

st_status probe(st_stream* stream, const st_probe* op) {
  ST_TRY(check(stream, op));
  LogitRows rows = {op->logits, op->slots, op->rows, op->vocabulary, op->workspace, nullptr, nullptr, nullptr};
  ST_TRY(logit_statistics("probe", stream, rows));
  return launch<probe_kernel>("probe", static_cast<unsigned>(op->rows), kThreads, 0, stream, *op, rows);
}

}  // namespace st::cuda
