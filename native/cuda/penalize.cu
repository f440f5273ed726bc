// penalize: repetition, frequency and presence penalties, then biases and held ids.

#include "common/checks.h"
#include "cuda/launch.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// Row blockIdx.y, one logit a thread. Biases of one id are added in the order of the list. Registers: 32.
__global__ void __launch_bounds__(kThreads) penalize_kernel(st_penalize op) {
  follow_previous();
  int64_t id = int64_t{blockIdx.y} * kThreads + threadIdx.x, row = blockIdx.x;
  int32_t slot = op.slots[row];
  if (slot < 0 || id >= op.vocabulary) return;
  const st_penalties& penalties = op.penalties[slot];
  int32_t stored = op.counts[int64_t{slot} * op.vocabulary + id];
  float* place = op.logits + row * op.vocabulary + id;
  float logit = *place;
  if (stored != 0) {
    logit = logit > 0.0f ? logit / penalties.repetition : logit * penalties.repetition;
    float count = static_cast<float>(stored & ~ST_COUNT_IN_PROMPT);
    if (count > 0.0f) logit -= penalties.frequency * count + penalties.presence;
  }
  for (int32_t i = 0; i < penalties.bias_count; ++i)
    if (penalties.bias_ids[i] == id) logit += penalties.bias_values[i];
  if (op.states[slot].step < penalties.min_tokens)
    for (int32_t i = 0; i < penalties.held_count; ++i)
      if (penalties.bias_ids[penalties.bias_count + i] == id) logit = -INFINITY;
  *place = logit;
}

}  // namespace

st_status penalize(st_stream* stream, const st_penalize* op) {
  ST_TRY(check(stream, op));
  dim3 grid(static_cast<unsigned>(op->rows), blocks_for(op->vocabulary, kThreads));
  return launch<penalize_kernel>("penalize", grid, kThreads, 0, stream, *op);
}

}  // namespace st::cuda
