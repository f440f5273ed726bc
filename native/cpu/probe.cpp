// probe: what rows that look ahead of a thought decide about it.

#include "common/checks.h"
#include "common/statistics.h"
#include "common/thinking.h"
#include "cpu/device.h"
#include "cpu/logit_row.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

// The concept token (id, 1.0) in a row of a table.
void write_plain(int32_t id, int64_t row, int64_t entries, int32_t* ids, float* weights) {
  std::fill_n(ids + row * entries, entries, 0);
  std::fill_n(weights + row * entries, entries, 0.0f);
  ids[row * entries] = id;
  weights[row * entries] = 1.0f;
}

void probe_row(const Kernels& kernels, const st_probe& op, int64_t r) {
  int64_t slot = op.slots[r];
  if (slot < 0) return;
  LogitRow row = begin_row(kernels, op, r);
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) scan_segment(row, i);
  if (!find_maximum(row)) {
    op.out_info[r] = {ST_STEP_BAD_LOGITS, 0, 0, -1, 0.0f, 0.0f, 0.0f, 0};
    return;
  }
  LogitSums found = kernels.logit_sums(row.logits, row.vocabulary, row.maximum, 1.0f);
  SoftmaxSums sums = {found.z, found.s};
  select_top(row, 1);
  auto token = static_cast<int32_t>(key_id(row.workspace.keys[0]));
  st_sequence_state& state = op.states[slot];
  int32_t thought = state.token;
  st_probe_info info =
      advance_probe(op.sampling[slot], state, op.kinds[r], {token, -log_of_sum(sums.z), entropy_of(sums)});
  if (op.kinds[r] == ST_PROBE_DEER) write_plain(token, slot, op.entries, op.probe_ids, op.probe_weights);
  if (info.flags & ST_STEP_DEER) {
    write_plain(info.emitted, slot, op.entries, op.slot_ids, op.slot_weights);
    if (op.counts) {
      op.counts[slot * op.vocabulary + thought] -= 1;
      op.counts[slot * op.vocabulary + info.emitted] += 1;
    }
  }
  op.out_info[r] = info;
}

}  // namespace

st_status probe(st_stream* stream, const st_probe* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.vocabulary, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) probe_row(device->kernels, op, r);
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
