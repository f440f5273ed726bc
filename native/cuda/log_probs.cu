// log_probs: log-probabilities under the logits, of the first id of the concept token and of the most likely ids.

#include "common/checks.h"
#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

// One block per row. NaN for an id beyond the vocabulary. Registers: 80.
__global__ void __launch_bounds__(kThreads) log_probs_kernel(st_log_probs op, LogitRows rows) {
  ST_DYNAMIC_SHARED(Search, search);
  int64_t r = blockIdx.x;
  int32_t slot = op.slots[r];
  if (slot < 0) return;
  Row row = open_row(rows, r, slot);
  float* top = op.top + r * op.count;
  int32_t* top_ids = op.top_ids + r * op.count;
  auto count = static_cast<unsigned>(op.count);
  if (!row.good()) {
    if (threadIdx.x == 0) op.head[r] = 0.0f;
    for (unsigned i = threadIdx.x; i < count; i += kThreads) {
      top_ids[i] = 0;
      top[i] = 0.0f;
    }
    return;
  }
  double log_z = log64(static_cast<double>(row_sums(rows, r).z) / kFixedOne);
  auto log_prob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - static_cast<double>(row.maximum) - log_z);
  };
  if (threadIdx.x == 0) {
    int32_t head = op.ids[r * op.entries];
    bool known = head >= 0 && head < op.vocabulary;
    op.head[r] = known ? log_prob(row.logits[head]) : float_of(0x7fc00000u);
  }
  if (count == 0) return;
  int found = select_top(row, op.count, *search);
  if (found < 0) found = sort_kept(row, Cut{0, 0, 0}, op.count, *search);
  for (unsigned i = threadIdx.x; i < count; i += kThreads) {
    bool exists = i < static_cast<unsigned>(found);
    top_ids[i] = exists ? static_cast<int32_t>(key_id(search->keys[i])) : 0;
    top[i] = exists ? log_prob(key_logit(search->keys[i])) : -INFINITY;
  }
}

}  // namespace

st_status log_probs(st_stream* stream, const st_log_probs* op) {
  ST_TRY(check(stream, op));
  LogitRows rows = {op->logits, op->slots, op->rows, op->vocabulary, op->workspace, nullptr, nullptr};
  ST_TRY(logit_statistics("log_probs", stream, rows));
  return launch("log_probs", log_probs_kernel, static_cast<unsigned>(op->rows), kThreads, sizeof(Search), stream, *op,
                rows);
}

}  // namespace st::cuda
