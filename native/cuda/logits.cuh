// Shared by sample, probe, log_probs and score: statistics of the rows of logits, and the search for the largest.
// The k-th largest tile maximum is a lower bound of the k-th logit, so that few tiles are read again. If many entries
// may be kept, a block selects by the digits of the keys (radix select) instead.
#pragma once

#include "common/strategies.h"
#include "cuda/select.cuh"

namespace st::cuda {

constexpr int kLogitTile = 128;  // logits per stored maximum: those of a warp, 4 per lane
constexpr int kChunk = 8192;     // logits that a block sums
constexpr int kThreads = kRowThreads, kWarps = kRowWarps;
constexpr int kCandidates = 2048;       // keys that a block collects before it falls back to radix select
constexpr int kSorted = kNoiseEntries;  // most entries that are sorted
static_assert(kSorted == ST_MAX_TOPK);

// Rows of logits with the temperature of each: that of its slot, or of `temperatures`, or, without either, 1.
struct LogitRows {
  const float* logits;
  const int32_t* slots;  // null: all rows, in slot 0
  int32_t rows, vocabulary;
  void* workspace;
  const st_sampling* sampling;
  const st_sequence_state* states;
  const float* temperatures;

  __device__ int32_t slot(int64_t r) const { return slots ? slots[r] : 0; }
};

// Sums of a chunk at the row's temperature, and at 1 where the row needs them; and the first entry in the order that is
// cut off by min-p or for its negligible mass.
struct ChunkSums {
  SoftmaxSums at_t, at_1;
  uint64_t first_cut;
};

struct Workspace {
  ChunkSums* chunks;  // [rows, chunks of a row]
  float* tiles;       // [rows, tiles of a row]: maxima, NaN where a logit is
};

ST_HD int64_t logit_tiles(int64_t vocabulary) {
  return (vocabulary + kLogitTile - 1) / kLogitTile;
}

ST_HD int64_t chunks_of(int64_t vocabulary) {
  return (vocabulary + kChunk - 1) / kChunk;
}

ST_HD Workspace workspace_of(const LogitRows& op) {
  auto* chunks = static_cast<ChunkSums*>(op.workspace);
  return {chunks, reinterpret_cast<float*>(chunks + op.rows * chunks_of(op.vocabulary))};
}

// Launches the kernels that fill the workspace.
st_status logit_statistics(const char* operation, st_stream* stream, const LogitRows& rows);

// A row before an entry is selected.
struct LogitRow {
  const float* logits;
  const float* tiles;
  int64_t vocabulary;
  float maximum, temperature, inverse_temperature;

  __device__ float mass(uint64_t key) const {
    return mass_of(scaled_logit(key_logit(key), maximum, inverse_temperature));
  }
  __device__ uint64_t fixed_mass(uint64_t key) const { return to_fixed(mass(key)); }
  __device__ bool good() const { return maximum > -INFINITY && maximum < INFINITY; }
};

// The filters of a slot's next token.
__device__ __forceinline__ const st_filter& filter_of_slot(const LogitRows& op, int32_t slot) {
  return filter_of(op.sampling[slot], is_soft(op.sampling[slot], op.states[slot]));
}

// Called by all threads of a block. The maximum of a row with NaN is NaN.
__device__ __forceinline__ LogitRow open_row(const LogitRows& op, int64_t r, int32_t slot) {
  int64_t tiles = logit_tiles(op.vocabulary);
  LogitRow row = {op.logits + r * op.vocabulary, workspace_of(op).tiles + r * tiles, op.vocabulary, 0, 1, 1};
  float maximum = -INFINITY;
  int nan = 0;
  for (int64_t t = threadIdx.x; t < tiles; t += kThreads) {
    float value = row.tiles[t];
    nan |= value != value;
    maximum = value > maximum ? value : maximum;
  }
  row.maximum = block_reduce<kWarps>(maximum, Max());
  if (block_reduce<kWarps>(nan, Max())) row.maximum = INFINITY;
  if (op.sampling)
    row.temperature = filter_of_slot(op, slot).temperature;
  else if (op.temperatures)
    row.temperature = op.temperatures[r];
  row.inverse_temperature = inverse_of_temperature(row.temperature);
  return row;
}

// Over all threads of a block.
__device__ __forceinline__ SoftmaxSums block_sums(SoftmaxSums sums) {
  return {block_reduce<kWarps>(sums.z, Sum()), block_reduce<kWarps>(sums.s, Sum())};
}

// The sums of a row, from those of its chunks.
__device__ __forceinline__ ChunkSums row_sums(const LogitRows& op, int64_t r) {
  int64_t chunks = chunks_of(op.vocabulary);
  ChunkSums sums = {{0, 0}, {0, 0}, 0};
  for (int64_t c = 0; c < chunks; ++c) {
    const ChunkSums& each = workspace_of(op).chunks[r * chunks + c];
    sums = {{sums.at_t.z + each.at_t.z, sums.at_t.s + each.at_t.s},
            {sums.at_1.z + each.at_1.z, sums.at_1.s + each.at_1.s},
            Max()(sums.first_cut, each.first_cut)};
  }
  return sums;
}

__device__ __forceinline__ RowStatistics statistics_of(const LogitRow& row, const ChunkSums& sums) {
  return row_statistics(row.maximum, row.temperature, sums.at_t, sums.at_1);
}

// State of a block's search, in shared memory.
struct Search {
  uint64_t candidates[kCandidates];
  uint64_t keys[kSorted];  // the result, in order
  unsigned count;
};

// Entries of a row that are kept: those whose key is `last` or larger and, but for the first entry of all, larger than
// `first_cut`.
struct Cut {
  uint64_t top, last, first_cut;

  __device__ bool keeps(uint64_t key) const { return key == top || (key >= last && key > first_cut); }
};

// Calls add(key) for the thread's entries of the row.
template <typename Add>
__device__ __forceinline__ void visit_row(const LogitRow& row, Add add) {
  for (int64_t id = threadIdx.x; id < row.vocabulary; id += kThreads)
    add(order_key(row.logits[id], static_cast<uint32_t>(id)));
}

// The key of the `rank`-th entry of those that the cut keeps; 0 when there are fewer.
inline __device__ uint64_t key_of_rank(const LogitRow& row, const Cut& cut, uint64_t rank) {
  return descend(
      [&](auto add) { visit_row(row, [&](uint64_t key) { add(key, cut.keeps(key) ? uint64_t{1} : uint64_t{0}); }); },
      rank);
}

inline __device__ uint64_t mass_of_kept(const LogitRow& row, const Cut& cut) {
  uint64_t mass = 0;
  visit_row(row, [&](uint64_t key) { mass += cut.keeps(key) ? row.fixed_mass(key) : 0; });
  return block_reduce<kWarps>(mass, Sum());
}

// Sorts the `want` largest candidates into shared.keys; returns their number.
inline __device__ int sort_candidates(Search& shared, int want) {
  int count = static_cast<int>(shared.count);
  __syncthreads();
  for_each_rank(
      shared.candidates, count, [](uint64_t a, uint64_t b) { return a > b; },
      [&](int i, int rank) {
        if (rank < want) shared.keys[rank] = shared.candidates[i];
      });
  __syncthreads();
  return count < want ? count : want;
}

// Collects the keys of a row that `keeps` accepts and whose logit is at least `bound`; false if there are too many.
template <typename Keeps>
inline __device__ bool gather(const LogitRow& row, float bound, Keeps keeps, Search& shared) {
  __syncthreads();
  if (threadIdx.x == 0) shared.count = 0;
  __syncthreads();
  int lane = static_cast<int>(threadIdx.x % kWarpSize);
  for (int64_t tile = threadIdx.x / kWarpSize; tile < logit_tiles(row.vocabulary); tile += kWarps) {
    if (!(row.tiles[tile] >= bound)) continue;
    for (int i = 0; i < kLogitTile / kWarpSize; ++i) {
      int64_t id = tile * kLogitTile + i * kWarpSize + lane;
      if (id >= row.vocabulary || !(row.logits[id] >= bound)) continue;
      uint64_t key = order_key(row.logits[id], static_cast<uint32_t>(id));
      if (!keeps(key)) continue;
      unsigned place = atomicAdd(&shared.count, 1u);
      if (place < kCandidates) shared.candidates[place] = key;
    }
  }
  __syncthreads();
  return shared.count <= kCandidates;
}

// Sorts the first `want` entries of the row into shared.keys; returns their number, or -1 for too many candidates.
inline __device__ int select_top(const LogitRow& row, int want, Search& shared) {
  int64_t tiles = logit_tiles(row.vocabulary);
  float bound = want == 1 ? row.maximum : -INFINITY;
  if (want > 1 && want < tiles) {
    uint64_t key = descend(
        [&](auto add) {
          for (int64_t t = threadIdx.x; t < tiles; t += kThreads)
            add(order_key(row.tiles[t], static_cast<uint32_t>(t)), 1);
        },
        static_cast<uint64_t>(want));
    bound = key_logit(key);
  }
  if (!gather(
          row, bound, [](uint64_t) { return true; }, shared))
    return -1;
  return sort_candidates(shared, want);
}

// Sorts the first `needed` (<= kSorted) entries that the cut keeps into shared.keys; returns their number.
inline __device__ int sort_kept(const LogitRow& row, Cut cut, int64_t needed, Search& shared) {
  uint64_t last = key_of_rank(row, cut, static_cast<uint64_t>(needed));
  cut.last = Max()(cut.last, last);
  gather(
      row, -INFINITY, [&](uint64_t key) { return cut.keeps(key); }, shared);
  return sort_candidates(shared, kSorted);
}

// Sorts the first `want` (<= kSorted) entries of the row into shared.keys, whatever the row is; returns their number.
inline __device__ int sort_top(const LogitRow& row, int want, Search& shared) {
  int found = select_top(row, want, shared);
  return found >= 0 ? found : sort_kept(row, Cut{0, 0, 0}, want, shared);
}

// The first entry of the order.
inline __device__ uint64_t top_key(const LogitRow& row, Search& shared) {
  return select_top(row, 1, shared) > 0 ? shared.keys[0] : key_of_rank(row, Cut{0, 0, 0}, 1);
}

}  // namespace st::cuda
