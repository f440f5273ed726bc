// Shared by sample, probe, log_probs and score: statistics of the rows of logits, and the search for the largest.
// The k-th largest tile maximum is a lower bound of the k-th logit, so that few tiles are read again. If many entries
// may be kept, a block searches the whole row instead.
#pragma once

#include "common/strategies.h"
#include "cuda/numbers.cuh"
#include "cuda/select.cuh"

namespace st::cuda {

constexpr int kThreads = kRowThreads, kWarps = kRowWarps;
constexpr int kLogitTile = 128;         // logits per stored maximum: those of a warp, 4 per lane
constexpr int kPassThreads = 256;       // of the kernels that pass over all logits
constexpr int kPassTiles = 32;          // tiles of a block that finds maxima
constexpr int kFewRows = 8;             // so many rows are summed by more, smaller blocks
constexpr int kCandidates = 4096;       // keys that a block collects before it searches the whole row
constexpr int kSorted = kNoiseEntries;  // most entries that are sorted
static_assert(kSorted == ST_MAX_TOPK);

using Four = Pack<float, 4>;

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

// Sums of a chunk at the row's temperature, and at 1 where the row needs them.
struct ChunkSums {
  SoftmaxSums at_t, at_1;
};

struct Workspace {
  ChunkSums* chunks;  // [rows, chunks of a row]
  float* maxima;      // [rows, groups of kPassTiles tiles]: NaN where a logit is
  float* tiles;       // [rows, tiles of a row]: the same
};

ST_HD int64_t logit_tiles(int64_t vocabulary) {
  return (vocabulary + kLogitTile - 1) / kLogitTile;
}

ST_HD int64_t groups_of(int64_t vocabulary) {
  return (logit_tiles(vocabulary) + kPassTiles - 1) / kPassTiles;
}

// A block of logit_sums adds a chunk of logits, some fours a thread.
constexpr int kFoursOfFew = 2, kFoursOfMany = 4;

ST_HD int64_t chunks_of(int32_t rows, int64_t vocabulary) {
  constexpr int64_t kFour = 4 * kPassThreads, kFew = kFoursOfFew * kFour, kMany = kFoursOfMany * kFour;
  return rows <= kFewRows ? (vocabulary + kFew - 1) / kFew : (vocabulary + kMany - 1) / kMany;
}

ST_HD Workspace workspace_of(const LogitRows& op) {
  auto* chunks = static_cast<ChunkSums*>(op.workspace);
  auto* maxima = reinterpret_cast<float*>(chunks + op.rows * chunks_of(op.rows, op.vocabulary));
  return {chunks, maxima, maxima + op.rows * groups_of(op.vocabulary)};
}

// Launches the kernels that fill the workspace.
st_status logit_statistics(const char* operation, st_stream* stream, const LogitRows& rows);

// A row before an entry is selected.
struct LogitRow {
  const float* logits;
  const float* tiles;
  int64_t vocabulary;
  bool wide;  // four logits at a time are aligned
  float maximum, temperature, inverse_temperature;

  __device__ float mass(uint64_t key) const {
    return mass_of(scaled_logit(key_logit(key), maximum, inverse_temperature));
  }
  __device__ uint64_t fixed_mass(uint64_t key) const { return to_fixed(mass(key)); }
  __device__ bool good() const { return maximum > -INFINITY && maximum < INFINITY; }

  // For `descend`: bins of equal width in x, down to where no entry is kept, then the bits of the logit. Rounding may
  // move an entry to the next bin, but never past a larger logit.
  __device__ uint32_t first_digit(uint64_t key) const {
    constexpr float kLowest = -41.0f, kScale = static_cast<float>(kBins - 1) / -kLowest;
    float x = scaled_logit(key_logit(key), maximum, inverse_temperature);
    return static_cast<uint32_t>(((x > kLowest ? x : kLowest) - kLowest) * kScale);
  }
  __device__ uint64_t code(uint64_t key) const { return uint64_t{first_digit(key)} << 3 * kDigitBits | key >> 32 << 1; }
};

__device__ __forceinline__ LogitRow row_at(const LogitRows& op, int64_t r) {
  const float* logits = op.logits + r * op.vocabulary;
  bool wide = op.vocabulary % 4 == 0 && reinterpret_cast<uintptr_t>(logits) % sizeof(Four) == 0;
  return {logits, workspace_of(op).tiles + r * logit_tiles(op.vocabulary), op.vocabulary, wide, 0, 1, 1};
}

// The logits from each of the ids on, which are multiples of 4; NaN beyond the vocabulary. All loads are in flight
// together.
template <int N>
__device__ __forceinline__ void load_fours(const LogitRow& row, const int64_t (&ids)[N], Four (&fours)[N]) {
  constexpr float kNone = __builtin_nanf("");
  if (row.wide) {
#pragma unroll
    for (int n = 0; n < N; ++n)
      fours[n] = ids[n] < row.vocabulary ? *reinterpret_cast<const Four*>(row.logits + ids[n])
                                         : Four{{kNone, kNone, kNone, kNone}};
    return;
  }
#pragma unroll
  for (int n = 0; n < N; ++n)
    for (int e = 0; e < 4; ++e) fours[n].at[e] = ids[n] + e < row.vocabulary ? row.logits[ids[n] + e] : kNone;
}

// Calls add(logit, id) for the four entries from `first` on.
template <typename Add>
__device__ __forceinline__ void visit_four(const LogitRow& row, int64_t first, Add add) {
  int64_t ids[1] = {first};
  Four four[1];
  load_fours(row, ids, four);
  for (int e = 0; e < 4; ++e)
    if (four[0].at[e] == four[0].at[e]) add(four[0].at[e], static_cast<uint32_t>(first + e));
}

// The filters of a slot's next token.
__device__ __forceinline__ const st_filter& filter_of_slot(const LogitRows& op, int32_t slot) {
  return filter_of(op.sampling[slot], is_soft(op.sampling[slot], op.states[slot]));
}

// The larger, or NaN where one is.
struct MaxOrNan {
  __device__ __forceinline__ float operator()(float a, float b) const { return b > a || b != b ? b : a; }
};

// Called by whole warps; each finds the maximum, without a barrier. That of a row with NaN is infinite.
__device__ __forceinline__ LogitRow open_row(const LogitRows& op, int64_t r, int32_t slot) {
  LogitRow row = row_at(op, r);
  int64_t groups = groups_of(op.vocabulary);
  float maximum = -INFINITY;
  const float* maxima = workspace_of(op).maxima + r * groups;
#pragma unroll 1
  for (int64_t g = threadIdx.x % kWarpSize; g < groups; g += 2 * kWarpSize) {  // once, up to 262,144 logits
    float other = g + kWarpSize < groups ? maxima[g + kWarpSize] : -INFINITY;
    maximum = MaxOrNan()(maximum, MaxOrNan()(maxima[g], other));
  }
  maximum = warp_reduce(maximum, MaxOrNan());
  row.maximum = maximum == maximum ? maximum : INFINITY;
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

// Over the lanes of a warp.
__device__ __forceinline__ SoftmaxSums warp_sums(SoftmaxSums sums) {
  return {warp_reduce(sums.z, Sum()), warp_reduce(sums.s, Sum())};
}

// The sums of a row, from those of its chunks. Every warp adds all, without a barrier.
__device__ __forceinline__ ChunkSums row_sums(const LogitRows& op, int64_t r) {
  int64_t chunks = chunks_of(op.rows, op.vocabulary);
  const ChunkSums* of_row = workspace_of(op).chunks + r * chunks;
  ChunkSums sums = {{0, 0}, {0, 0}};
  for (int64_t c = threadIdx.x % kWarpSize; c < chunks; c += kWarpSize) {
    ChunkSums chunk = of_row[c];
    sums = {{sums.at_t.z + chunk.at_t.z, sums.at_t.s + chunk.at_t.s},
            {sums.at_1.z + chunk.at_1.z, sums.at_1.s + chunk.at_1.s}};
  }
  return {warp_sums(sums.at_t), warp_sums(sums.at_1)};
}

__device__ __forceinline__ RowStatistics statistics_of(const LogitRow& row, const ChunkSums& sums) {
  return row_statistics(row.maximum, row.temperature, sums.at_t, sums.at_1);
}

// State of a block's search, in shared memory. `keys` are candidates, then the result: the first entries, in order.
// Before that the place may hold the bins of a search of the whole row, or sums of its segments.
struct Search {
  union {
    uint64_t keys[kCandidates];
    Bins bins;
  };
  unsigned count;

  __device__ __forceinline__ void add(uint64_t key) {
    unsigned place = atomicAdd(&count, 1u);
    if (place < kCandidates) keys[place] = key;
  }
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
  constexpr int kFlight = 2;  // fours that a thread loads together
#pragma unroll 1
  for (int64_t first = threadIdx.x * 4; first < row.vocabulary; first += kFlight * kThreads * 4) {
    int64_t ids[kFlight];
    Four fours[kFlight];
    for (int n = 0; n < kFlight; ++n) ids[n] = first + n * kThreads * 4;
    load_fours(row, ids, fours);
    for (int n = 0; n < kFlight; ++n)
      for (int e = 0; e < 4; ++e)
        if (fours[n].at[e] == fours[n].at[e]) add(order_key(fours[n].at[e], static_cast<uint32_t>(ids[n] + e)));
  }
}

// --- ids by running sums -------------------------------------------------------------------------------------------

constexpr int kSegmentTiles = 4;  // that a warp loads together

// Segments of a row: whole tiles, a warp each.
__device__ __forceinline__ int64_t tiles_per_segment(const LogitRow& row) {
  constexpr int kAll = kCandidates * kSegmentTiles;
  return (logit_tiles(row.vocabulary) + kAll - 1) / kAll * kSegmentTiles;
}

__device__ __forceinline__ int64_t segments_of(const LogitRow& row) {
  return (logit_tiles(row.vocabulary) + tiles_per_segment(row) - 1) / tiles_per_segment(row);
}

// Sums weight(key) over each segment of the row into shared.keys.
template <typename Weight>
__device__ __forceinline__ void sum_segments(const LogitRow& row, Weight weight, Search& shared) {
  int64_t lane = threadIdx.x % kWarpSize, size = tiles_per_segment(row) * kLogitTile;
  __syncthreads();
  for (int64_t segment = threadIdx.x / kWarpSize; segment < segments_of(row); segment += kWarps) {
    uint64_t sum = 0;
    for (int64_t first = segment * size; first < (segment + 1) * size; first += kSegmentTiles * kLogitTile) {
      int64_t ids[kSegmentTiles];
      Four fours[kSegmentTiles];
      for (int n = 0; n < kSegmentTiles; ++n) ids[n] = first + n * kLogitTile + lane * 4;
      load_fours(row, ids, fours);
      for (int n = 0; n < kSegmentTiles; ++n)
        for (int e = 0; e < 4; ++e)
          if (fours[n].at[e] == fours[n].at[e])
            sum += weight(order_key(fours[n].at[e], static_cast<uint32_t>(ids[n] + e)));
    }
    sum = warp_reduce(sum, Sum());
    if (lane == 0) shared.keys[segment] = sum;
  }
  __syncthreads();
}

// By one warp: the first id from `begin` on at which the running weight exceeds `position`.
template <typename Weight>
__device__ __forceinline__ int32_t id_in_segment(const LogitRow& row, Weight weight, int64_t begin, uint64_t position) {
  for (;; begin += kLogitTile) {
    int64_t first[1] = {begin + threadIdx.x % kWarpSize * 4};
    Four four[1];
    load_fours(row, first, four);
    uint64_t weights[4], own = 0;
    for (int e = 0; e < 4; ++e) {
      float logit = four[0].at[e];
      weights[e] = logit == logit ? weight(order_key(logit, static_cast<uint32_t>(first[0] + e))) : 0;
      own += weights[e];
    }
    uint64_t end = warp_running_sum(own), running = end - own;
    auto id = static_cast<int32_t>(first[0]);
    for (int e = 0; e < 3; ++e) {
      running += weights[e];
      if (running <= position) id += 1;
    }
    int lane = __popc(__ballot_sync(kWholeWarp, end <= position));
    if (lane < kWarpSize) return __shfl_sync(kWholeWarp, id, lane);
    position -= __shfl_sync(kWholeWarp, end, kWarpSize - 1);
  }
}

// The first ids at which the running weight of the row exceeds position(j), for all j < count; `weight` is that of
// sum_segments before, and the positions are below the sum.
template <typename Weight, typename Position>
__device__ __forceinline__ void find_ids(const LogitRow& row, Weight weight, int count, Position position, int32_t* ids,
                                         Search& shared) {
  constexpr int kEach = (kCandidates + kThreads - 1) / kThreads;
  int first = static_cast<int>(threadIdx.x) * kEach, segments = static_cast<int>(segments_of(row));
  uint64_t own = 0, all;
  for (int s = first; s < first + kEach && s < segments; ++s) own += shared.keys[s];
  uint64_t begin = block_prefix_sum<kWarps, uint64_t>(own, &all), end = begin + own;
  for (int s = first; s < first + kEach && s < segments; ++s) {  // sums become those of the segments before
    uint64_t sum = shared.keys[s];
    shared.keys[s] = begin;
    begin += sum;
  }
  __syncthreads();
  for (int j = 0; j < count; ++j) {
    uint64_t at = position(j);
    if (at < end - own || at >= end) continue;
    int s = first;
    while (s + 1 < first + kEach && s + 1 < segments && shared.keys[s + 1] <= at) ++s;
    ids[j] = s;
  }
  __syncthreads();
  for (int j = static_cast<int>(threadIdx.x) / kWarpSize; j < count; j += kWarps) {
    int segment = ids[j];
    int64_t size = tiles_per_segment(row) * kLogitTile;
    int32_t id = id_in_segment(row, weight, segment * size, position(j) - shared.keys[segment]);
    __syncwarp();  // all lanes have read what one of them replaces
    if (threadIdx.x % kWarpSize == 0) ids[j] = id;
  }
  __syncthreads();
}

// --- searches of the whole row -------------------------------------------------------------------------------------

// The key of the first of the entries with the logit of `tie`, in the order of ids, at which their running weight
// reaches `target`; each has the weight `of_one`.
inline __device__ uint64_t key_of_tie(const LogitRow& row, uint64_t tie, uint64_t of_one, uint64_t target,
                                      Search& shared) {
  ST_SHARED(int32_t, id, 1);
  auto weight = [&](uint64_t key) { return key >> 32 == tie >> 32 ? of_one : 0; };
  sum_segments(row, weight, shared);
  find_ids(
      row, weight, 1, [&](int) { return target - 1; }, id, shared);
  return tie | (0xffffffffu - static_cast<uint32_t>(id[0]));
}

// Collects the keys that the cut keeps and whose code begins with `digit`; false if there are too many.
inline __device__ bool gather_bin(const LogitRow& row, const Cut& cut, uint64_t digit, Search& shared) {
  __syncthreads();
  if (threadIdx.x == 0) shared.count = 0;
  __syncthreads();
  visit_row(row, [&](uint64_t key) {
    if (row.first_digit(key) == digit && cut.keeps(key)) shared.add(key);
  });
  __syncthreads();
  return shared.count <= kCandidates;
}

// The first of the keys in shared.keys, in order, at which their weights reach `target`, which their sum does.
template <typename Weight>
__device__ __forceinline__ uint64_t key_among_few(Weight weight, uint64_t target, Search& shared) {
  ST_SHARED(uint64_t, found, 1);
  constexpr int kEach = (kCandidates + kThreads - 1) / kThreads;
  int count = static_cast<int>(shared.count), first = static_cast<int>(threadIdx.x) * kEach;
  int last = first + kEach < count ? first + kEach : count;
  sort_keys(shared.keys, count);
  uint64_t own = 0, all;
  for (int i = first; i < last; ++i) own += weight(shared.keys[i]);
  uint64_t before = block_prefix_sum<kWarps, uint64_t>(own, &all);
  for (int i = first; i < last && before < target; ++i) {
    before += weight(shared.keys[i]);
    if (before >= target) found[0] = shared.keys[i];
  }
  __syncthreads();
  return found[0];
}

// The key of the entry at which those that the cut keeps reach `target`, by mass or in number; where all entries of a
// logit are needed, that or the smallest key of the logit; 0 when the total does not reach the target. Two walks, but
// where too many entries share the first digit of their code.
inline __device__ uint64_t key_where(const LogitRow& row, const Cut& cut, bool by_mass, uint64_t target,
                                     Search& shared) {
  auto weight = [&](uint64_t key) { return by_mass ? row.fixed_mass(key) : 1; };
  Reached reached = descend(
      1,
      [&](auto add) {
        visit_row(row, [&](uint64_t key) {
          if (cut.keeps(key)) add(row.first_digit(key), [&] { return weight(key); });
        });
      },
      target, shared.bins);
  if (reached.weight == 0) return 0;
  if (gather_bin(row, cut, reached.code, shared)) return key_among_few(weight, reached.left, shared);
  reached = descend(
      4,
      [&](auto add) {
        visit_row(row, [&](uint64_t key) {
          if (cut.keeps(key)) add(row.code(key), [&] { return weight(key); });
        });
      },
      target, shared.bins);
  uint64_t tie = (reached.code >> 1) << 32, of_one = weight(tie);
  bool all = reached.left + of_one > reached.weight;
  return all ? tie : key_of_tie(row, tie, of_one, reached.left, shared);
}

inline __device__ uint64_t mass_of_kept(const LogitRow& row, const Cut& cut) {
  uint64_t mass = 0;
  visit_row(row, [&](uint64_t key) { mass += cut.keeps(key) ? row.fixed_mass(key) : 0; });
  return block_reduce<kWarps>(mass, Sum());
}

// --- searches of a few entries -------------------------------------------------------------------------------------

// Tiles of a warp, a bit each.
struct TileSet {
  static constexpr int kWords = 4, kTiles = kWords * kWarpSize;
  unsigned words[kWords];

  __device__ __forceinline__ bool empty() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }

  // Takes out the first.
  __device__ __forceinline__ int take() {
    int first = 0;
    bool taken = false;
#pragma unroll
    for (int n = 0; n < kWords; ++n) {
      if (taken || words[n] == 0) continue;
      first = n * kWarpSize + __popc((words[n] & -words[n]) - 1);
      words[n] &= words[n] - 1;
      taken = true;
    }
    return first;
  }
};

// Collects the keys that the cut keeps and whose logit is at least `bound`; false if there are too many. At V = 151,936
// each warp looks at its tile maxima together, then at its tiles: two latencies if few reach the bound.
inline __device__ bool gather(const LogitRow& row, float bound, const Cut& cut, Search& shared) {
  constexpr int kFlight = 4;  // tiles that a warp reads together
  __syncthreads();
  if (threadIdx.x == 0) shared.count = 0;
  __syncthreads();
  int64_t lane = threadIdx.x % kWarpSize, tiles = logit_tiles(row.vocabulary);
#pragma unroll 1
  for (int64_t group = threadIdx.x / kWarpSize * TileSet::kTiles; group < tiles; group += kWarps * TileSet::kTiles) {
    TileSet hits;
    float maxima[TileSet::kWords];
    for (int n = 0; n < TileSet::kWords; ++n) {
      int64_t tile = group + n * kWarpSize + lane;
      maxima[n] = tile < tiles ? row.tiles[tile] : __builtin_nanf("");
    }
    for (int n = 0; n < TileSet::kWords; ++n) hits.words[n] = __ballot_sync(kWholeWarp, maxima[n] >= bound);
#pragma unroll 1
    while (!hits.empty()) {
      int64_t ids[kFlight];
      Four fours[kFlight];
#pragma unroll
      for (int n = 0; n < kFlight; ++n)
        ids[n] = hits.empty() ? row.vocabulary : (group + hits.take()) * kLogitTile + lane * 4;
      load_fours(row, ids, fours);
#pragma unroll
      for (int n = 0; n < kFlight; ++n) {
        for (int e = 0; e < 4; ++e) {
          if (!(fours[n].at[e] >= bound)) continue;
          uint64_t key = order_key(fours[n].at[e], static_cast<uint32_t>(ids[n] + e));
          if (cut.keeps(key)) shared.add(key);
        }
      }
    }
  }
  __syncthreads();
  return shared.count <= kCandidates;
}

// A lower bound of the `want`-th logit, from the `want`-th tile maximum: by the distance to the maximum, in units of
// 2^-16 up to 64, of which the first digit, of 1/32, is enough where few tiles share it. The bound is a unit lower,
// which is more than rounding moves a distance.
inline __device__ float near_bound_of(const LogitRow& row, int want, Search& shared) {
  constexpr float kUnit = 0x1p-16f;
  constexpr unsigned kFar = (1u << 2 * kDigitBits) - 1;
  constexpr uint64_t kFewTiles = 16;
  int64_t tiles = logit_tiles(row.vocabulary);
  Reached reached = descend(
      2,
      [&](auto add) {
        for (int64_t t = threadIdx.x; t < tiles; t += kThreads) {
          float distance = (row.maximum - row.tiles[t]) / kUnit;
          unsigned units = distance < static_cast<float>(kFar) ? static_cast<unsigned>(distance) : kFar;
          add(uint64_t{kFar - units}, [] { return One(); });
        }
      },
      static_cast<uint64_t>(want), shared.bins, kFewTiles);
  if (reached.code == 0) return -INFINITY;
  return row.maximum - static_cast<float>(kFar + 2 - static_cast<unsigned>(reached.code)) * kUnit;
}

// The same wherever the tile maxima lie.
inline __device__ float bound_of(const LogitRow& row, int want, Search& shared) {
  int64_t tiles = logit_tiles(row.vocabulary);
  if (want == 1) return row.maximum;
  if (want >= tiles) return -INFINITY;
  float near = near_bound_of(row, want, shared);
  if (near > -INFINITY) return near;
  Reached reached = descend(
      3,
      [&](auto add) {
        for (int64_t t = threadIdx.x; t < tiles; t += kThreads)
          add(order_key(row.tiles[t], 0) >> 32 << 1, [] { return One(); });
      },
      static_cast<uint64_t>(want), shared.bins);
  return key_logit(reached.code >> 1 << 32);
}

// Sorts the first `want` (<= kSorted) entries that the cut keeps into shared.keys; returns their number. Looks in few
// tiles, or in the whole row where the cut is not that of all entries or too many of them reach the bound: behind that
// search `want` entries reach it, so that the loop ends.
inline __device__ int sort_first(const LogitRow& row, Cut cut, int want, Search& shared) {
  bool whole = cut.top != 0;
  float bound = whole ? 0.0f : bound_of(row, want, shared);
#pragma unroll 1
  while (whole || !gather(row, bound, cut, shared)) {
    uint64_t last = key_where(row, cut, false, static_cast<uint64_t>(want), shared);
    cut.last = Max()(cut.last, last);
    bound = cut.last > 0 ? key_logit(cut.last) : -INFINITY;
    whole = false;
  }
  int count = static_cast<int>(shared.count);
  sort_keys(shared.keys, count);
  return count < want ? count : want;
}

// The first entry of the order: in the first tile with the maximum the first id that has it.
inline __device__ uint64_t top_key(const LogitRow& row) {
  int64_t tiles = logit_tiles(row.vocabulary), tile = tiles;
  for (int64_t t = threadIdx.x; t < tiles && tile == tiles; t += kThreads)
    if (row.tiles[t] == row.maximum) tile = t;
  tile = block_reduce<kWarps>(tile, Min());
  uint64_t key = 0;
  visit_four(row, tile * kLogitTile + threadIdx.x % kWarpSize * 4,
             [&](float logit, uint32_t id) { key = Max()(key, order_key(logit, id)); });
  return warp_reduce(key, Max());
}

}  // namespace st::cuda
