// penalize: repetition, frequency and presence penalties, then biases and held ids.

#include "common/checks.h"
#include "cpu/device.h"
#include "cpu/logit_row.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

void penalize_range(const st_penalize& op, int64_t r, int64_t begin, int64_t end) {
  int32_t slot = op.slots[r];
  if (slot < 0) return;
  const st_penalties& penalties = op.penalties[slot];
  float* logits = op.logits + r * op.vocabulary;
  const int32_t* counts = op.counts + int64_t{slot} * op.vocabulary;
  for (int64_t i = begin; i < end; ++i) {
    if (counts[i] == 0) continue;
    float count = static_cast<float>(counts[i] & ~ST_COUNT_IN_PROMPT);
    logits[i] = logits[i] > 0.0f ? logits[i] / penalties.repetition : logits[i] * penalties.repetition;
    if (count > 0.0f) logits[i] -= penalties.frequency * count + penalties.presence;
  }
  for (int32_t i = 0; i < penalties.bias_count; ++i)
    if (penalties.bias_ids[i] >= begin && penalties.bias_ids[i] < end)
      logits[penalties.bias_ids[i]] += penalties.bias_values[i];
  if (op.states[slot].step >= penalties.min_tokens) return;
  const int32_t* held = penalties.bias_ids + penalties.bias_count;
  for (int32_t i = 0; i < penalties.held_count; ++i)
    if (held[i] >= begin && held[i] < end) logits[held[i]] = -INFINITY;
}

}  // namespace

st_status penalize(st_stream* stream, const st_penalize* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    for_each_segment(device->pool, op.rows, op.vocabulary, [&](int64_t r, int64_t i) {
      penalize_range(op, r, i * kSegment, std::min<int64_t>(op.vocabulary, (i + 1) * kSegment));
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
