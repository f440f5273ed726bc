// penalize: repetition, frequency and presence penalties, then biases and held ids.

#include "common/checks.h"
#include "cuda/launch.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kEach = 2, kBlockLogits = kEach * 4 * static_cast<int>(kThreads);

// Counts of four ids; 0 beyond the vocabulary.
struct alignas(16) Counts {
  int32_t at[4];
};

__device__ __forceinline__ Counts load_counts(const int32_t* counts, int64_t first, int64_t vocabulary) {
  Counts loaded = {{0, 0, 0, 0}};
  if (vocabulary % 4 == 0 && reinterpret_cast<uintptr_t>(counts) % sizeof loaded == 0)
    return first < vocabulary ? *reinterpret_cast<const Counts*>(counts + first) : loaded;
  for (int e = 0; e < 4; ++e)
    if (first + e < vocabulary) loaded.at[e] = counts[first + e];
  return loaded;
}

// Biases of one id are added in the order of the list.
__device__ __forceinline__ float penalized(const st_penalties& penalties, bool held, int32_t stored, int64_t id,
                                           float logit) {
  if (stored != 0) {
    logit = logit > 0.0f ? logit / penalties.repetition : logit * penalties.repetition;
    float count = static_cast<float>(stored & ~ST_COUNT_IN_PROMPT);
    if (count > 0.0f) logit -= penalties.frequency * count + penalties.presence;
  }
  for (int32_t i = 0; i < penalties.bias_count; ++i)
    if (penalties.bias_ids[i] == id) logit += penalties.bias_values[i];
  if (held)
    for (int32_t i = 0; i < penalties.held_count; ++i)
      if (penalties.bias_ids[penalties.bias_count + i] == id) logit = -INFINITY;
  return logit;
}

// Row blockIdx.x, two fours a thread. Reads the counts, 4 V bytes a row, and only the logits of fours in which one
// changes. Many rows: bound by memory bandwidth, built for 80 % of it; one row: two latencies. Registers: 64.
__global__ void __launch_bounds__(kThreads) penalize_kernel(st_penalize op) {
  follow_previous();
  int64_t row = blockIdx.x, begin = int64_t{blockIdx.y} * kBlockLogits + threadIdx.x * 4, vocabulary = op.vocabulary;
  int32_t slot = op.slots[row];
  if (slot < 0) return;
  Counts counts[kEach];
#pragma unroll
  for (int n = 0; n < kEach; ++n)
    counts[n] = load_counts(op.counts + slot * vocabulary, begin + n * 4 * int64_t{kThreads}, vocabulary);
  const st_penalties& penalties = op.penalties[slot];
  bool held = op.states[slot].step < penalties.min_tokens;
  int32_t listed = penalties.bias_count + (held ? penalties.held_count : 0);
#pragma unroll
  for (int n = 0; n < kEach; ++n) {
    int64_t first = begin + n * 4 * int64_t{kThreads};
    bool changes = (counts[n].at[0] | counts[n].at[1] | counts[n].at[2] | counts[n].at[3]) != 0;
    for (int32_t i = 0; i < listed; ++i) changes = changes || penalties.bias_ids[i] / 4 == first / 4;
    if (!changes) continue;
    for (int e = 0; e < 4 && first + e < vocabulary; ++e) {
      float& logit = op.logits[row * vocabulary + first + e];
      logit = penalized(penalties, held, counts[n].at[e], first + e, logit);
    }
  }
}

}  // namespace

st_status penalize(st_stream* stream, const st_penalize* op) {
  ST_TRY(check(stream, op));
  dim3 grid(static_cast<unsigned>(op->rows), blocks_for(op->vocabulary, kBlockLogits));
  return launch<penalize_kernel>("penalize", grid, kThreads, 0, stream, *op);
}

}  // namespace st::cuda
