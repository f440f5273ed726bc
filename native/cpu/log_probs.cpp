// log_probs and score: log-probabilities of ids under rows of logits.

#include "common/checks.h"
#include "common/statistics.h"
#include "cpu/device.h"
#include "cpu/logit_row.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

// The statistics of a row whose maximum is known, by this thread alone.
RowStatistics statistics_at(const LogitRow& row, float temperature) {
  auto sums = [&](float inverse) {
    LogitSums found = row.kernels.logit_sums(row.logits, row.vocabulary, row.maximum, inverse);
    return SoftmaxSums{found.z, found.s};
  };
  return row_statistics(row.maximum, temperature, sums(inverse_of_temperature(temperature)), sums(1.0f));
}

void log_probs_row(const Kernels& kernels, const st_log_probs& op, int64_t r) {
  if (op.slots[r] < 0) return;
  LogitRow row = begin_row(kernels, op, r);
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) scan_segment(row, i);
  if (!find_maximum(row)) {
    op.head[r] = 0.0f;
    std::fill_n(op.top_ids + r * op.count, op.count, 0);
    std::fill_n(op.top + r * op.count, op.count, 0.0f);
    return;
  }
  RowStatistics statistics = statistics_at(row, 1.0f);
  auto log_prob = [&](float logit) { return static_cast<float>(log_p1_of(statistics, logit)); };
  op.head[r] = log_prob(row.logits[op.info[r].token]);
  int64_t found = op.count > 0 ? select_top(row, op.count) : 0;  // fewer where the vocabulary is smaller
  for (int64_t i = 0; i < op.count; ++i) {
    int32_t& id = op.top_ids[r * op.count + i];
    float& value = op.top[r * op.count + i];
    if (i >= found) {
      id = 0;
      value = -INFINITY;
      continue;
    }
    id = static_cast<int32_t>(key_id(row.workspace.keys[i]));
    value = log_prob(key_logit(row.workspace.keys[i]));
  }
}

void score_row(const Kernels& kernels, const st_score& op, int64_t r) {
  LogitRow row = begin_row(kernels, op, r);
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) scan_segment(row, i);
  bool good = find_maximum(row);
  RowStatistics statistics = good ? statistics_at(row, op.temperatures[r]) : RowStatistics{};
  for (int64_t i = r * op.count; i < r * op.count + op.counts[r]; ++i) {
    float logit = row.logits[op.ids[i]];
    op.log_p1[i] = good ? static_cast<float>(log_p1_of(statistics, logit)) : NAN;
    op.log_pt[i] = good ? static_cast<float>(log_pt_of(statistics, logit)) : NAN;
  }
}

st_status check_ids(const st_score& op) {
  for (int64_t r = 0; r < op.rows; ++r) {
    ST_REQUIRE(op.counts[r] >= 0 && op.counts[r] <= op.count, "score: %d ids, expected 0..%d", op.counts[r], op.count);
    for (int64_t i = r * op.count; i < r * op.count + op.counts[r]; ++i)
      ST_REQUIRE(op.ids[i] >= 0 && op.ids[i] < op.vocabulary, "score: id %d is outside the vocabulary of %d", op.ids[i],
                 op.vocabulary);
  }
  return ST_OK;
}

}  // namespace

st_status log_probs(st_stream* stream, const st_log_probs* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    for (int64_t r = 0; r < op.rows; ++r) {
      int32_t head = op.slots[r] < 0 ? 0 : op.info[r].token;
      ST_REQUIRE(head >= 0 && head < op.vocabulary, "log_probs: id %d is outside the vocabulary of %d", head,
                 op.vocabulary);
    }
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.vocabulary, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) log_probs_row(device->kernels, op, r);
    });
    return ST_OK;
  });
}

st_status score(st_stream* stream, const st_score* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    ST_TRY(check_ids(op));
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.vocabulary, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) score_row(device->kernels, op, r);
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
