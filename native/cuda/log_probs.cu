// log_probs and score: log-probabilities of ids under the logits.

#include "common/checks.h"
#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

// One block per row. NaN for an id beyond the vocabulary. Registers: 104.
__global__ void __launch_bounds__(kThreads, 1) log_probs_kernel(st_log_probs op, LogitRows rows) {
  follow_previous();
  ST_DYNAMIC_SHARED(Search, search);
  int64_t r = blockIdx.x;
  int32_t slot = op.slots[r];
  if (slot < 0) return;
  LogitRow row = open_row(rows, r, slot);
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
  RowStatistics statistics = statistics_of(row, row_sums(rows, r));
  auto log_prob = [&](float logit) { return static_cast<float>(log_p1_of(statistics, logit)); };
  if (threadIdx.x == 0) {
    int32_t head = op.info[r].token;
    bool known = head >= 0 && head < op.vocabulary;
    op.head[r] = known ? log_prob(row.logits[head]) : float_of(0x7fc00000u);
  }
  if (count == 0) return;
  int found = sort_first(row, Cut{0, 0, 0}, op.count, *search);
  for (unsigned i = threadIdx.x; i < count; i += kThreads) {
    bool exists = i < static_cast<unsigned>(found);
    top_ids[i] = exists ? static_cast<int32_t>(key_id(search->keys[i])) : 0;
    top[i] = exists ? log_prob(key_logit(search->keys[i])) : -INFINITY;
  }
}

// One block per row. NaN for an id beyond the vocabulary. Registers: 64.
__global__ void __launch_bounds__(kThreads) score_kernel(st_score op, LogitRows rows) {
  follow_previous();
  int64_t r = blockIdx.x;
  LogitRow row = open_row(rows, r, 0);
  RowStatistics statistics = {};
  if (row.good()) statistics = statistics_of(row, row_sums(rows, r));
  int count = op.counts[r] < op.count ? op.counts[r] : op.count;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    int64_t at = r * op.count + i;
    int32_t id = op.ids[at];
    bool known = row.good() && id >= 0 && id < op.vocabulary;
    float logit = known ? row.logits[id] : 0.0f, nan = float_of(0x7fc00000u);
    op.log_p1[at] = known ? static_cast<float>(log_p1_of(statistics, logit)) : nan;
    op.log_pt[at] = known ? static_cast<float>(log_pt_of(statistics, logit)) : nan;
  }
}

}  // namespace

st_status log_probs(st_stream* stream, const st_log_probs* op) {
  ST_TRY(check(stream, op));
  LogitRows rows = {op->logits, op->slots, op->rows, op->vocabulary, op->workspace, nullptr, nullptr, nullptr};
  ST_TRY(logit_statistics("log_probs", stream, rows));
  return launch<log_probs_kernel>("log_probs", static_cast<unsigned>(op->rows), kThreads, sizeof(Search), stream, *op,
                                  rows);
}

st_status score(st_stream* stream, const st_score* op) {
  ST_TRY(check(stream, op));
  LogitRows rows = {op->logits, nullptr, op->rows, op->vocabulary, op->workspace, nullptr, nullptr, op->temperatures};
  ST_TRY(logit_statistics("score", stream, rows));
  return launch<score_kernel>("score", static_cast<unsigned>(op->rows), kThreads, 0, stream, *op, rows);
}

}  // namespace st::cuda
