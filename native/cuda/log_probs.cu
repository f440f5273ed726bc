// log_probs: of the sampled head and of the likeliest ids. Asked for now and then, so simple: one block per row, which
// reads the row once for each of the few ids that are told.

#include "common/sampling.h"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpSize;

// The maximum of a row; +inf where the row cannot be sampled.
__device__ float maximum_of(const float* logits, int64_t vocabulary) {
  float maximum = -INFINITY;
  int nan = 0;
  for (int64_t id = threadIdx.x; id < vocabulary; id += kThreads) {
    nan |= logits[id] != logits[id];
    maximum = logits[id] > maximum ? logits[id] : maximum;
  }
  maximum = block_reduce<kWarps>(maximum, Max());
  return block_reduce<kWarps>(nan, Max()) || maximum == -INFINITY ? INFINITY : maximum;
}

__device__ uint64_t mass_at_one(const float* logits, int64_t vocabulary, float maximum) {
  uint64_t mass = 0;
  for (int64_t id = threadIdx.x; id < vocabulary; id += kThreads)
    mass += to_fixed(mass_of(scaled_logit(logits[id], maximum, 1.0f)));
  return block_reduce<kWarps>(mass, Sum());
}

// The largest key below `limit`; 0 where there is none.
__device__ uint64_t largest_below(const float* logits, int64_t vocabulary, uint64_t limit) {
  uint64_t largest = 0;
  for (int64_t id = threadIdx.x; id < vocabulary; id += kThreads) {
    uint64_t key = order_key(logits[id], static_cast<uint32_t>(id));
    if (key < limit && key > largest) largest = key;
  }
  return block_reduce<kWarps>(largest, Max());
}

// Block: row. log p(id) = logit - maximum - ln Z, Z = sum of e^(logit - maximum). Registers: 48.
__global__ void __launch_bounds__(kThreads) log_probs_kernel(st_log_probs op) {
  int64_t r = blockIdx.x;
  if (op.slots[r] < 0) return;
  const float* logits = op.logits + r * op.vocabulary;
  float maximum = maximum_of(logits, op.vocabulary);
  bool good = maximum < INFINITY;
  uint64_t z = good ? mass_at_one(logits, op.vocabulary, maximum) : 0;
  double log_z = good ? log64(static_cast<double>(z) / kFixedOne) : 0.0;
  auto log_prob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - static_cast<double>(maximum) - log_z);
  };
  if (threadIdx.x == 0) {
    int32_t head = op.ids[r * op.entries];
    bool known = good && head >= 0 && head < op.vocabulary;
    op.head[r] = known ? log_prob(logits[head]) : 0.0f;
  }
  uint64_t key = UINT64_MAX;
  for (int i = 0; i < op.count; ++i) {
    if (good && i < op.vocabulary) key = largest_below(logits, op.vocabulary, key);
    if (threadIdx.x > 0) continue;
    bool there = good && i < op.vocabulary;
    op.top_ids[r * op.count + i] = there ? static_cast<int32_t>(key_id(key)) : 0;
    op.top[r * op.count + i] = there ? log_prob(key_logit(key)) : good ? -INFINITY : 0.0f;
  }
}

}  // namespace

st_status log_probs(st_stream* stream, const st_log_probs* op) {
  ST_REQUIRE_OPERATION("log_probs", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->vocabulary > 0, "log_probs: %d x %d", op->rows, op->vocabulary);
  ST_REQUIRE(op->entries >= 1 && op->entries <= ST_MAX_TOPK, "log_probs: %d entries, expected 1..%d", op->entries,
             ST_MAX_TOPK);
  ST_REQUIRE(op->count >= 0 && op->count <= ST_MAX_LOG_PROBS, "log_probs: %d ids, expected 0..%d", op->count,
             ST_MAX_LOG_PROBS);
  ST_REQUIRE(op->logits && op->slots && op->ids && op->head && op->workspace, "log_probs: a pointer is null");
  ST_REQUIRE(op->count == 0 || (op->top_ids && op->top), "log_probs: a pointer is null");
  return launch("log_probs", log_probs_kernel, static_cast<unsigned>(op->rows), kThreads, 0, stream, *op);
}

}  // namespace st::cuda
