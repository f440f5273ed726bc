// route: the experts of each row, and the rows of each expert.

#include "common/checks.h"
#include "common/experts.h"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int kWarps = kThreads / kWarpSize, kMostWords = ST_MAX_EXPERTS / 32;

// Bits of a word below bit i.
__device__ __forceinline__ unsigned below(int i) {
  return (1u << i) - 1;
}

// The number of experts before `expert` in a set, a bit each.
__device__ __forceinline__ int count_before(const unsigned* set, int expert) {
  int count = __popc(set[expert / 32] & below(expert % 32));
  for (int word = 0; word < expert / 32; ++word) count += __popc(set[word]);
  return count;
}

// ids[r], weights[r] of a row: expert e is chosen if fewer than k have a larger key, which its thread counts. A block a
// row. Reads 4 E bytes and writes 8 k. Bound by latency: E / 128 passes of E comparisons in shared memory.
// Registers: 48.
__global__ void __launch_bounds__(kThreads) choose_experts_kernel(st_route op) {
  follow_previous();
  ST_SHARED(uint64_t, keys, ST_MAX_EXPERTS);
  ST_SHARED(unsigned, chosen, kMostWords);
  int thread = static_cast<int>(threadIdx.x), stride = static_cast<int>(kThreads);
  int64_t row = blockIdx.x, out = row * op.per_row;
  const float* logits = op.logits + row * op.experts;
  if (op.positions[row] < 0) {
    for (int i = thread; i < op.per_row; i += stride) {
      op.ids[out + i] = -1;
      op.weights[out + i] = 0.0f;
    }
    return;
  }
  uint64_t first = 0;
  for (int e = thread; e < op.experts; e += stride) {
    keys[e] = expert_key(logits[e], e);
    first = Max()(first, keys[e]);
  }
  float largest = logits[expert_of(block_reduce<kWarps>(first, Max()))];
  float all = 0.0f, of_chosen = 0.0f;
  for (int begin = 0; begin < op.experts; begin += stride) {
    int e = begin + thread;
    bool is_chosen = false;
    if (e < op.experts) {
      uint64_t key = keys[e];
      int larger = 0;
      for (int other = 0; other < op.experts; ++other) larger += keys[other] > key;
      is_chosen = larger < op.per_row;
      float mass = exp32(logits[e] - largest);
      all += mass;
      if (is_chosen) of_chosen += mass;
    }
    unsigned lanes = __ballot_sync(kWholeWarp, is_chosen);
    if (thread % kWarpSize == 0 && e / 32 < kMostWords) chosen[e / 32] = lanes;
  }
  all = block_reduce<kWarps>(all, Sum());
  of_chosen = block_reduce<kWarps>(of_chosen, Sum());
  for (int e = thread; e < op.experts; e += stride) {
    if (!(chosen[e / 32] >> e % 32 & 1)) continue;
    int64_t at = out + count_before(chosen, e);
    op.ids[at] = e;
    op.weights[at] = expert_weight(exp32(logits[e] - largest), all, of_chosen, op.normalize == 1);
  }
}

// What a block's expert needs to know of all rows.
struct Counts {
  int32_t before, own, all;  // pairs of held experts: of those before the block's, of the block's, of all
};

__device__ __forceinline__ Counts count_pairs(const st_route& op, int32_t expert, int32_t pairs, unsigned* used) {
  Counts counts = {};
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < pairs; i += static_cast<int32_t>(kThreads)) {
    int32_t id = op.ids[i] - op.first_expert;
    if (id < 0 || id >= op.held) continue;
    atomicOr(&used[id / 32], 1u << id % 32);
    ++counts.all;
    counts.before += id < expert;
    counts.own += id == expert;
  }
  counts.before = block_reduce<kWarps>(counts.before, Sum());
  counts.own = block_reduce<kWarps>(counts.own, Sum());
  counts.all = block_reduce<kWarps>(counts.all, Sum());
  return counts;
}

// The group of a held expert: a block each. It reads the ids of all rows twice, 4 rows k bytes, which are in the
// second-level cache, and writes the places of its pairs in their order. Bound by latency up to about a thousand rows.
// Registers: 40.
__global__ void __launch_bounds__(kThreads) group_rows_kernel(st_route op) {
  follow_previous();
  ST_SHARED(unsigned, used, kMostWords);
  int32_t expert = static_cast<int32_t>(blockIdx.x), pairs = op.rows * op.per_row;
  int thread = static_cast<int>(threadIdx.x);
  for (int word = thread; word < kMostWords; word += static_cast<int>(kThreads)) used[word] = 0;
  __syncthreads();
  Counts counts = count_pairs(op, expert, pairs, used);  // its barriers also complete `used`
  if (thread == 0) {
    int with_rows = count_before(used, expert), all_with_rows = 0;
    for (int word = 0; word < kMostWords; ++word) all_with_rows += __popc(used[word]);
    bool has_rows = counts.own > 0;
    int group = has_rows ? with_rows : all_with_rows + expert - with_rows;
    op.group_experts[group] = expert;
    op.group_places[group] = has_rows ? counts.before : counts.all;
    if (expert == 0) op.group_places[op.held] = counts.all;
  }
  int32_t place = counts.before;
  for (int32_t begin = 0; begin < pairs; begin += static_cast<int32_t>(kThreads)) {
    int32_t i = begin + thread, id = i < pairs ? op.ids[i] - op.first_expert : -1, found;
    int32_t at = place + block_prefix_sum<kWarps>(static_cast<int32_t>(id == expert), &found);
    place += found;
    if (id == expert) {
      op.places[i] = at;
      op.row_of[at] = i / op.per_row;
    }
    bool is_held = id >= 0 && id < op.held;
    if (expert == 0 && i < pairs) {  // what belongs to no group
      if (!is_held) op.places[i] = -1;
      if (i >= counts.all) op.row_of[i] = 0;
    }
  }
}

}  // namespace

st_status route(st_stream* stream, const st_route* op) {
  ST_TRY(check(stream, op));
  ST_TRY(launch<choose_experts_kernel>("route", static_cast<unsigned>(op->rows), kThreads, 0, stream, *op));
  return launch<group_rows_kernel>("route", static_cast<unsigned>(op->held), kThreads, 0, stream, *op);
}

}  // namespace st::cuda
