// attention on tensor cores, for bf16 queries and cache. A unit of work is 16 pairs (row, query head) that share a
// sequence and a KV head: for a decoding sequence its one row with the heads of the group, for a prefill chunk as many
// rows as fill 16. Pairs are rows of mma, so that a pair's sums do not depend on the other pairs.

#include "cuda/attention.cuh"
#include "cuda/mma.cuh"

namespace st::cuda {
namespace {

constexpr int kWarps = 4, kThreads = kWarps * kWarpSize;
constexpr int kPairs = 16;
constexpr int kWarpPositions = kSplit / kWarps;       // of a split
constexpr int kWarpBlocks = kWarpPositions / kBlock;  // blocks of the cache

// The 16 pairs of a block: rows first_row + i / group, heads i % group of the KV head, for i from first_pair on.
struct Unit {
  int32_t sequence;
  int32_t first_row;  // of the sequence
  int32_t first_pair, pairs;
  int32_t top_position;  // the largest of its rows; -1: all idle
};

// The 16 pairs of unit `index`, or none (pairs = 0): the host launches the largest possible number of units.
__device__ __forceinline__ Unit find_unit(const st_batch& batch, int group, int index) {
  for (int32_t s = 0; s < batch.sequences; ++s) {
    int32_t begin = batch.first_row[s], rows = batch.first_row[s + 1] - begin;
    int32_t units = (rows * group + kPairs - 1) / kPairs;
    if (index >= units) {
      index -= units;
      continue;
    }
    Unit unit = {s, begin, index * kPairs, rows * group - index * kPairs, -1};
    if (unit.pairs > kPairs) unit.pairs = kPairs;
    for (int32_t row = unit.first_pair / group; row * group < unit.first_pair + unit.pairs; ++row)
      if (batch.positions[begin + row] > unit.top_position) unit.top_position = batch.positions[begin + row];
    return unit;
  }
  return {0, 0, 0, 0, -1};
}

template <int kHeadDim>
struct Shared {
  float maxima[kWarps][kPairs], totals[kWarps][kPairs];
  float values[kWarps][kPairs][kHeadDim];
};

// A thread's part of the sums of the 16 pairs: pair threadIdx / 8, elements threadIdx % 8 + 8 i.
template <int kHeadDim>
struct Sums {
  float maximum, total;
  float values[kHeadDim / 8];
};

constexpr float kNoScore = -INFINITY;

// A lane's part of the queries: pairs l / 4 and l / 4 + 8. The elements of a head are permuted so that those of a lane
// are adjacent: quarter q has 8 q .. 8 q + 7 of every 32.
template <int kHeadDim>
__device__ __forceinline__ void load_queries(const st_attention& op, const Unit& unit, int kv_head, int lane,
                                             uint32_t (&queries)[kHeadDim / 16][4]) {
  int group = op.heads / op.kv_heads;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int pair = lane / 4 + half * 8, at = unit.first_pair + pair;
    int64_t row = unit.first_row + at / group;
    const auto* q = static_cast<const Bf16*>(op.qkv) +
                    (row * (op.heads + 2 * op.kv_heads) + kv_head * group + at % group) * kHeadDim;
#pragma unroll
    for (int i = 0; i < kHeadDim / 32; ++i) {
      Pack<uint32_t, 4> part = {};
      if (pair < unit.pairs) part = *reinterpret_cast<const Pack<uint32_t, 4>*>(q + i * 32 + lane % 4 * 8);
      queries[2 * i][half] = part.at[0];
      queries[2 * i][2 + half] = part.at[1];
      queries[2 * i + 1][half] = part.at[2];
      queries[2 * i + 1][2 + half] = part.at[3];
    }
  }
}

// Scores of 8 positions of a block of the cache, from `within` on.
template <int kHeadDim>
__device__ __forceinline__ void score_positions(const Bf16* keys, int within, int lane,
                                                const uint32_t (&queries)[kHeadDim / 16][4], float (&scores)[4]) {
  const Bf16* key = keys + (within + lane / 4) * kHeadDim + lane % 4 * 8;
#pragma unroll
  for (int i = 0; i < kHeadDim / 32; ++i) {
    auto part = *reinterpret_cast<const Pack<uint32_t, 4>*>(key + i * 32);
    uint32_t first[2] = {part.at[0], part.at[1]}, second[2] = {part.at[2], part.at[3]};
    mma<Bf16>(scores, queries[2 * i], first);
    mma<Bf16>(scores, queries[2 * i + 1], second);
  }
}

// The sums of one split of positions from `start` on; called by all threads of the block.
template <int kHeadDim>
__device__ __forceinline__ void split_sums(const st_attention& op, const Unit& unit, int kv_head, int32_t start,
                                           Shared<kHeadDim>& shared, Sums<kHeadDim>& sums) {
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  int group = op.heads / op.kv_heads;
  int32_t begin = start + warp * kWarpPositions;
  int32_t limit[2];  // the last position that each of the lane's two pairs attends to
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int pair = lane / 4 + half * 8;
    limit[half] = pair < unit.pairs ? op.batch.positions[unit.first_row + (unit.first_pair + pair) / group] : -1;
  }
  uint32_t queries[kHeadDim / 16][4];  // reloaded for each split to save registers
  load_queries<kHeadDim>(op, unit, kv_head, lane, queries);
  float scores[kWarpBlocks * 2][4] = {}, top[2] = {kNoScore, kNoScore};
#pragma unroll
  for (int b = 0; b < kWarpBlocks * 2; ++b) {
    int32_t first = begin + b * 8;
    if (first <= unit.top_position) {
      int32_t block = block_of(op.batch, op.cache, unit.sequence, first);
      if (block >= 0)
        score_positions<kHeadDim>(
            static_cast<const Bf16*>(op.cache.keys) + kv_offset(block, op.kv_heads, kv_head, kHeadDim), b % 2 * 8, lane,
            queries, scores[b]);
      else
        for (int e = 0; e < 4; ++e) scores[b][e] = float_of(0x7fc00000u);
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      bool attended = first + 2 * (lane % 4) + e % 2 <= limit[e / 2];
      scores[b][e] = attended ? scores[b][e] * op.scale : kNoScore;
      if (scores[b][e] > top[e / 2]) top[e / 2] = scores[b][e];  // NaN propagates to the sums
    }
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    for (int lanes = 1; lanes < 4; lanes *= 2) {
      float other = __shfl_xor_sync(kWholeWarp, top[half], lanes);
      if (other > top[half]) top[half] = other;
    }
    if (lane % 4 == 0) shared.maxima[warp][lane / 4 + half * 8] = top[half];
  }
  __syncthreads();
  // Weights, rounded to the format of the mma operand; the total is the sum of the rounded weights.
  float total[2] = {};
  uint32_t weights[kWarpBlocks][4];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float maximum = shared.maxima[0][lane / 4 + half * 8];
    for (int w = 1; w < kWarps; ++w) maximum = Max()(maximum, shared.maxima[w][lane / 4 + half * 8]);
#pragma unroll
    for (int b = 0; b < kWarpBlocks * 2; ++b) {
      Bf16 pair[2];
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        float score = scores[b][half * 2 + e];
        pair[e] = from_float<Bf16>(score == kNoScore ? 0.0f : weight_of(score - maximum));
        total[half] += to_float(pair[e]);
      }
      weights[b / 2][half + b % 2 * 2] = packed(pair[0], pair[1]);
    }
    for (int lanes = 1; lanes < 4; lanes *= 2) total[half] += __shfl_xor_sync(kWholeWarp, total[half], lanes);
    if (lane % 4 == 0) shared.totals[warp][lane / 4 + half * 8] = total[half];
  }
  float values[kHeadDim / 8][4] = {};
#pragma unroll
  for (int b = 0; b < kWarpBlocks; ++b) {
    int32_t first = begin + b * kBlock;
    if (first > unit.top_position) continue;
    int32_t block = block_of(op.batch, op.cache, unit.sequence, first);
    if (block < 0) continue;  // its scores are already NaN
    const Bf16* place = static_cast<const Bf16*>(op.cache.values) + kv_offset(block, op.kv_heads, kv_head, kHeadDim) +
                        lane / 4 * kBlock + lane % 4 * 4;
    // Memory beyond the context has undefined content, and 0 times NaN or infinity is not 0.
    int32_t mine = first + 2 * (lane % 4);
    uint32_t keep[2];
#pragma unroll
    for (int e = 0; e < 2; ++e)
      keep[e] = (mine + e * 8 <= unit.top_position ? 0x0000ffffu : 0u) |
                (mine + e * 8 + 1 <= unit.top_position ? 0xffff0000u : 0u);
#pragma unroll
    for (int d = 0; d < kHeadDim / 8; ++d) {
      auto part = *reinterpret_cast<const Pack<uint32_t, 2>*>(place + d * 8 * kBlock);
      uint32_t column[2] = {part.at[0] & keep[0], part.at[1] & keep[1]};
      mma<Bf16>(values[d], weights[b], column);
    }
  }
#pragma unroll
  for (int d = 0; d < kHeadDim / 8; ++d)
#pragma unroll
    for (int e = 0; e < 4; ++e)
      shared.values[warp][lane / 4 + e / 2 * 8][d * 8 + 2 * (lane % 4) + e % 2] = values[d][e];
  __syncthreads();
  int pair = static_cast<int>(threadIdx.x) / 8, element = static_cast<int>(threadIdx.x) % 8;
  sums.maximum = shared.maxima[0][pair];
  sums.total = shared.totals[0][pair];
  for (int w = 1; w < kWarps; ++w) {
    sums.maximum = Max()(sums.maximum, shared.maxima[w][pair]);
    sums.total += shared.totals[w][pair];
  }
#pragma unroll
  for (int i = 0; i < kHeadDim / 8; ++i) {
    sums.values[i] = shared.values[0][pair][element + 8 * i];
    for (int w = 1; w < kWarps; ++w) sums.values[i] += shared.values[w][pair][element + 8 * i];
  }
  __syncthreads();  // before the next split writes there
}

// Merges the sums with those of the next split, unless the pair attends to no position there. (A sum that is NaN is
// merged.)
template <int kHeadDim>
__device__ __forceinline__ void add_split(Sums<kHeadDim>& sums, const Sums<kHeadDim>& next) {
  if (next.maximum == kNoScore && next.total == 0.0f) return;
  Merge merge = merge_of(sums.maximum, next.maximum);
  sums.maximum = merge.top;
  sums.total = sums.total * merge.scale_before + next.total * merge.scale_next;
#pragma unroll
  for (int i = 0; i < kHeadDim / 8; ++i)
    sums.values[i] = sums.values[i] * merge.scale_before + next.values[i] * merge.scale_next;
}

template <int kHeadDim>
__device__ __forceinline__ void write_pair(const st_attention& op, const Unit& unit, int kv_head,
                                           const Sums<kHeadDim>& sums) {
  int pair = static_cast<int>(threadIdx.x) / 8, group = op.heads / op.kv_heads, at = unit.first_pair + pair;
  if (pair >= unit.pairs) return;
  int64_t row = unit.first_row + at / group;
  bool idle = op.batch.positions[row] < 0;
  auto* out = static_cast<Bf16*>(op.out) + (row * op.heads + kv_head * group + at % group) * kHeadDim + threadIdx.x % 8;
  for (int i = 0; i < kHeadDim / 8; ++i) out[8 * i] = from_float<Bf16>(idle ? 0.0f : sums.values[i] / sums.total);
}

// Block (unit, KV head): all splits in order. Registers: 168.
template <int kHeadDim>
__global__ void __launch_bounds__(kThreads) attention_whole_kernel(st_attention op) {
  ST_DYNAMIC_SHARED(Shared<kHeadDim>, shared);
  int kv_head = static_cast<int>(blockIdx.y);
  Unit unit = find_unit(op.batch, op.heads / op.kv_heads, static_cast<int>(blockIdx.x));
  if (unit.pairs == 0) return;
  Sums<kHeadDim> sums = {kNoScore, 0.0f, {}}, next;
  for (int32_t start = 0; start <= unit.top_position; start += kSplit) {
    split_sums<kHeadDim>(op, unit, kv_head, start, *shared, next);
    add_split(sums, next);
  }
  write_pair(op, unit, kv_head, sums);
}

// Block (unit, KV head, split): sums to scratch memory; the last block of a unit and KV head to arrive merges them in
// order. partial: [unit, KV head, split] of the sums of each thread; tickets [unit, KV head] are 0 before and after.
// Registers: 128.
template <int kHeadDim>
__global__ void __launch_bounds__(kThreads)
    attention_split_kernel(st_attention op, Sums<kHeadDim>* partial, unsigned* tickets) {
  ST_DYNAMIC_SHARED(Shared<kHeadDim>, shared);
  ST_SHARED(unsigned, ticket, 1);
  int kv_head = static_cast<int>(blockIdx.y);
  Unit unit = find_unit(op.batch, op.heads / op.kv_heads, static_cast<int>(blockIdx.x));
  if (unit.pairs == 0) return;
  int32_t start = static_cast<int32_t>(blockIdx.z) * kSplit, splits = unit.top_position / kSplit + 1;
  if (start > (unit.top_position < 0 ? 0 : unit.top_position)) return;
  int64_t of_unit = int64_t{blockIdx.x} * op.kv_heads + kv_head;
  Sums<kHeadDim> sums = {kNoScore, 0.0f, {}};
  if (unit.top_position >= 0) split_sums<kHeadDim>(op, unit, kv_head, start, *shared, sums);
  if (splits <= 1) {
    Sums<kHeadDim> first = {kNoScore, 0.0f, {}};
    add_split(first, sums);
    return write_pair(op, unit, kv_head, first);
  }
  Sums<kHeadDim>* place = partial + of_unit * gridDim.z * kThreads + threadIdx.x;
  place[int64_t{blockIdx.z} * kThreads] = sums;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) ticket[0] = atomicAdd(&tickets[of_unit], 1u);
  __syncthreads();
  if (ticket[0] != static_cast<unsigned>(splits - 1)) return;
  __threadfence();
  sums = {kNoScore, 0.0f, {}};
  for (int32_t split = 0; split < splits; ++split) {
    Sums<kHeadDim> next = place[int64_t{split} * kThreads];
    add_split(sums, next);
  }
  write_pair(op, unit, kv_head, sums);
  if (threadIdx.x == 0) tickets[of_unit] = 0;
}

}  // namespace

// If the pairs alone do not fill the device, their splits are distributed over blocks, as long as their sums fit in
// scratch memory; otherwise each block processes its whole context and writes no sums. The results are bit-identical.
template <int kHeadDim>
st_status attention_mma(st_stream* stream, const st_attention& op) {
  int64_t group = op.heads / op.kv_heads;
  int64_t units = (op.batch.rows * group + kPairs - 1) / kPairs + op.batch.sequences;
  int64_t splits = (int64_t{op.batch.blocks_per_sequence} * kBlock + kSplit - 1) / kSplit;
  int64_t tickets = units * op.kv_heads;
  auto bytes = static_cast<uint64_t>(tickets * splits) * kThreads * sizeof(Sums<kHeadDim>);
  dim3 grid(static_cast<unsigned>(units), static_cast<unsigned>(op.kv_heads));
  if (op.batch.rows == 0) return ST_OK;
  constexpr size_t kShared = sizeof(Shared<kHeadDim>);
  static_assert(kShared <= 48 * 1024, "more shared memory than a kernel has without asking");
  bool fills_device = tickets >= 2 * stream->device->multiprocessors;
  if (fills_device || bytes > kScratchBytes - kTicketBytes ||
      static_cast<uint64_t>(tickets) * sizeof(unsigned) > kTicketBytes)
    return launch<attention_whole_kernel<kHeadDim>>("attention", grid, kThreads, kShared, stream, op);
  grid.z = static_cast<unsigned>(splits);
  auto* partial = reinterpret_cast<Sums<kHeadDim>*>(static_cast<char*>(stream->scratch) + kTicketBytes);
  return launch<attention_split_kernel<kHeadDim>>("attention", grid, kThreads, kShared, stream, op, partial,
                                                  static_cast<unsigned*>(stream->scratch));
}

template st_status attention_mma<64>(st_stream*, const st_attention&);
template st_status attention_mma<128>(st_stream*, const st_attention&);

}  // namespace st::cuda
