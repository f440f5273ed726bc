// sample: from logits to concept tokens, with the arithmetic of common/sampling.h and the bits of every other backend.
// Three kernels: maxima of tiles; sums over the whole vocabulary; one block per row that chooses. The k-th largest tile
// maximum bounds the k-th logit from below, so that few tiles are read again. Where many entries may be kept, the block
// searches the row by digits of the keys instead.

#include <algorithm>

#include "cuda/select.cuh"

namespace st::cuda {
namespace {

constexpr int kLogitTile = 128;  // logits whose maximum is kept: a warp's, 4 a lane
constexpr int kChunk = 8192;     // logits that a block sums
constexpr int kThreads = 256, kWarps = kThreads / kWarpSize;
constexpr int kCandidates = 2048;       // keys that a block gathers before it searches by digits
constexpr int kSorted = kNoiseEntries;  // entries that are ever put in order
constexpr int kFirstWant = 64;          // entries that are looked for where no number is given
static_assert(kSorted == ST_MAX_TOPK);

// Sums of a chunk, and of the entries that min-p, or having hardly any mass, cuts off: the first in the order.
struct ChunkSums {
  uint64_t z, s, first_cut;
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

ST_HD Workspace workspace_of(const st_sample& op) {
  auto* chunks = static_cast<ChunkSums*>(op.workspace);
  return {chunks, reinterpret_cast<float*>(chunks + op.rows * chunks_of(op.vocabulary))};
}

// What is known of a row before an entry is chosen.
struct Row {
  const float* logits;
  const float* tiles;
  int64_t vocabulary;
  float maximum, inverse_temperature;
  bool soft;
  float temperature;

  __device__ float mass(uint64_t key) const {
    return mass_of(scaled_logit(key_logit(key), maximum, inverse_temperature));
  }
  __device__ uint64_t fixed_mass(uint64_t key) const { return to_fixed(mass(key)); }
  __device__ bool good() const { return maximum > -INFINITY && maximum < INFINITY; }
};

__device__ __forceinline__ const st_filter& filter_of(const st_sampling& sampling, bool soft) {
  return soft ? sampling.thinking : sampling.after;
}

// Needs all threads of a block. The maximum of a row with NaN is NaN.
__device__ __forceinline__ Row open_row(const st_sample& op, int64_t r, int32_t slot) {
  int64_t tiles = logit_tiles(op.vocabulary);
  Row row = {op.logits + r * op.vocabulary, workspace_of(op).tiles + r * tiles, op.vocabulary, 0, 1, false, 0};
  float maximum = -INFINITY;
  int nan = 0;
  for (int64_t t = threadIdx.x; t < tiles; t += kThreads) {
    float value = row.tiles[t];
    nan |= value != value;
    maximum = value > maximum ? value : maximum;
  }
  row.maximum = block_reduce<kWarps>(maximum, Max());
  if (block_reduce<kWarps>(nan, Max())) row.maximum = INFINITY;
  const st_sampling& sampling = op.sampling[slot];
  row.soft = is_soft(sampling, op.states[slot]);
  row.temperature = filter_of(sampling, row.soft).temperature;
  row.inverse_temperature = inverse_of_temperature(row.temperature);
  return row;
}

// Block (tiles, row), a warp per tile. Registers: 32.
__global__ void __launch_bounds__(kThreads) sample_tiles_kernel(st_sample op) {
  int64_t r = blockIdx.y, tiles = logit_tiles(op.vocabulary);
  int64_t tile = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarpSize;
  if (op.slots[r] < 0 || tile >= tiles) return;
  const float* logits = op.logits + r * op.vocabulary;
  float maximum = -INFINITY;
  int nan = 0;
  for (int i = 0; i < kLogitTile / kWarpSize; ++i) {
    int64_t id = tile * kLogitTile + i * kWarpSize + threadIdx.x % kWarpSize;
    if (id >= op.vocabulary) break;
    float logit = logits[id];
    nan |= logit != logit;
    maximum = logit > maximum ? logit : maximum;
  }
  maximum = warp_reduce(maximum, Max());
  if (__any_sync(kWholeWarp, nan)) maximum = float_of(0x7fc00000u);
  if (threadIdx.x % kWarpSize == 0) workspace_of(op).tiles[r * tiles + tile] = maximum;
}

// Block (chunk, row). Registers: 40.
__global__ void __launch_bounds__(kThreads) sample_sums_kernel(st_sample op) {
  int64_t r = blockIdx.y, chunk = blockIdx.x;
  int32_t slot = op.slots[r];
  if (slot < 0) return;
  Row row = open_row(op, r, slot);
  if (!row.good()) return;
  uint64_t limit = min_p_limit(filter_of(op.sampling[slot], row.soft).min_p);
  ChunkSums sums = {0, 0, 0};
  int64_t end = (chunk + 1) * kChunk < op.vocabulary ? (chunk + 1) * kChunk : op.vocabulary;
  for (int64_t id = chunk * kChunk + threadIdx.x; id < end; id += kThreads) {
    float logit = row.logits[id], x = scaled_logit(logit, row.maximum, row.inverse_temperature), mass = mass_of(x);
    uint64_t fixed = to_fixed(mass);
    sums.z += fixed;
    sums.s += to_fixed((x < Exp32::low ? -Exp32::low : -x) * mass);
    if (fixed < limit || mass < kSmallestMass)
      sums.first_cut = Max()(sums.first_cut, order_key(logit, static_cast<uint32_t>(id)));
  }
  sums.z = block_reduce<kWarps>(sums.z, Sum());
  sums.s = block_reduce<kWarps>(sums.s, Sum());
  sums.first_cut = block_reduce<kWarps>(sums.first_cut, Max());
  if (threadIdx.x == 0) workspace_of(op).chunks[r * chunks_of(op.vocabulary) + chunk] = sums;
}

// --- choosing ------------------------------------------------------------------------------------------------------

struct Shared {
  uint64_t candidates[kCandidates];
  uint64_t keys[kSorted];  // what is kept, in order
  double weights[kSorted];
  int32_t ids[kSorted];
  unsigned count;
  int32_t chosen;
  double total;
};

// Entries of a row that are kept: those whose key is `last` or larger and, but for the first entry of all, larger than
// `first_cut`.
struct Cut {
  uint64_t top, last, first_cut;

  __device__ bool keeps(uint64_t key) const { return key == top || (key >= last && key > first_cut); }
};

// Calls add(key) for the thread's entries of the row.
template <typename Add>
__device__ __forceinline__ void visit_row(const Row& row, Add add) {
  for (int64_t id = threadIdx.x; id < row.vocabulary; id += kThreads)
    add(order_key(row.logits[id], static_cast<uint32_t>(id)));
}

// The key of the `rank`-th entry of those that the cut keeps; 0 when there are fewer.
__device__ uint64_t key_of_rank(const Row& row, const Cut& cut, uint64_t rank) {
  return descend(
      [&](auto add) { visit_row(row, [&](uint64_t key) { add(key, cut.keeps(key) ? uint64_t{1} : uint64_t{0}); }); },
      rank);
}

__device__ uint64_t mass_of_kept(const Row& row, const Cut& cut) {
  uint64_t mass = 0;
  visit_row(row, [&](uint64_t key) { mass += cut.keeps(key) ? row.fixed_mass(key) : 0; });
  return block_reduce<kWarps>(mass, Sum());
}

// Puts the `want` largest of the candidates, in order, to shared.keys; returns how many there are.
__device__ int sort_candidates(Shared& shared, int want) {
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

// Gathers the keys of a row whose logit reaches `bound`, of those that `keeps` accepts; false: there are too many.
template <typename Keeps>
__device__ bool gather(const Row& row, float bound, Keeps keeps, Shared& shared) {
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

// The `want` first entries of the row, in order, in shared.keys: how many; -1: the candidates were too many.
__device__ int select_top(const Row& row, int want, Shared& shared) {
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

// What the filters keep of the first `available` entries, which stand in order in shared.keys.
struct Prefix {
  int count;
  bool ended;  // a filter ended it, so that no later entry can belong to it
};

__device__ Prefix kept_prefix(const Row& row, const st_filter& filter, uint64_t total, bool top_k_mass, int available,
                              const Shared& shared) {
  constexpr int kEach = kSorted / kThreads;
  int first = static_cast<int>(threadIdx.x) * kEach;
  uint64_t fixed[kEach], own = 0, all;
  for (int i = 0; i < kEach; ++i) {
    fixed[i] = first + i < available ? row.fixed_mass(shared.keys[first + i]) : 0;
    own += fixed[i];
  }
  uint64_t before = block_prefix_sum<kWarps, uint64_t>(own, &all);
  uint64_t top_p = top_p_limit(filter.top_p, top_k_mass ? all : total), min_p = min_p_limit(filter.min_p);
  int end = available;
  for (int i = kEach - 1; i >= 0; --i) {
    uint64_t mass_before = before;
    for (int e = 0; e < i; ++e) mass_before += fixed[e];
    int j = first + i;
    if (j > 0 && j < available &&
        (mass_before >= top_p || fixed[i] < min_p || row.mass(shared.keys[j]) < kSmallestMass))
      end = j;
  }
  end = block_reduce<kWarps>(end, Min());
  return {end, end < available};
}

// How many entries are asked for, and which of top-k and top-p matter.
struct Wanted {
  int64_t limit;    // of top-k
  int64_t needed;   // entries that the caller has use for
  bool top_k_mass;  // top-p asks for the mass of the first `limit`
};

__device__ __forceinline__ Wanted wanted_of(const Row& row, const st_filter& filter, int64_t needed) {
  int64_t limit = filter.top_k <= 0 || filter.top_k > row.vocabulary ? row.vocabulary : filter.top_k;
  return {limit, needed < limit ? needed : limit, limit < row.vocabulary && filter.top_p < 1.0f};
}

// Whether a few candidates tell what is kept; then *count entries stand in order in shared.keys.
__device__ bool keep_few(const Row& row, const st_filter& filter, const Wanted& wanted, uint64_t total, Shared& shared,
                         int* count) {
  int64_t want = wanted.top_k_mass ? wanted.limit : wanted.needed < kFirstWant ? wanted.needed : kFirstWant;
  if (want > kSorted) return false;
  int found = select_top(row, static_cast<int>(want), shared);
  if (found < 0) return false;
  Prefix prefix = kept_prefix(row, filter, total, wanted.top_k_mass, found, shared);
  if (!prefix.ended && want < wanted.needed) return false;
  *count = prefix.count < wanted.needed ? prefix.count : static_cast<int>(wanted.needed);
  return true;
}

// What the filters keep of the row, whatever it is, found by digits.
__device__ Cut cut_row(const Row& row, const st_filter& filter, const Wanted& wanted, uint64_t total,
                       uint64_t first_cut) {
  Cut all = {0, 0, 0}, cut = {key_of_rank(row, all, 1), 0, first_cut};
  if (wanted.limit < row.vocabulary) all.last = cut.last = key_of_rank(row, all, static_cast<uint64_t>(wanted.limit));
  if (filter.top_p < 1.0f) {
    uint64_t target = top_p_limit(filter.top_p, wanted.limit < row.vocabulary ? mass_of_kept(row, all) : total);
    uint64_t last = descend(
        [&](auto add) {
          visit_row(row, [&](uint64_t key) { add(key, all.keeps(key) ? row.fixed_mass(key) : uint64_t{0}); });
        },
        target > 0 ? target : 1);
    cut.last = Max()(cut.last, last);
  }
  return cut;
}

// The first `needed` (<= kSorted) entries of those that the cut keeps, in order, in shared.keys; returns how many.
__device__ int sort_kept(const Row& row, Cut cut, int64_t needed, Shared& shared) {
  uint64_t last = key_of_rank(row, cut, static_cast<uint64_t>(needed));
  cut.last = Max()(cut.last, last);
  gather(
      row, -INFINITY, [&](uint64_t key) { return cut.keeps(key); }, shared);
  return sort_candidates(shared, kSorted);
}

// --- mixtures ------------------------------------------------------------------------------------------------------

// Weights become e^(weight - largest), reordered: the last step of both kinds of noise. Needs all threads.
__device__ void soften(Shared& shared, int count) {
  double largest = -INFINITY;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) largest = Max()(largest, shared.weights[i]);
  largest = block_reduce<kWarps>(largest, Max());
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads)
    shared.weights[i] = exp64(shared.weights[i] - largest);
  __syncthreads();
  // Sorted beside, where the candidates were.
  auto* weights = reinterpret_cast<double*>(shared.candidates);
  auto* ids = reinterpret_cast<int32_t*>(weights + kSorted);
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    double weight = shared.weights[i];
    int32_t id = shared.ids[i];
    int place = 0;
    for (int j = 0; j < count; ++j) {
      bool before = shared.weights[j] != weight ? shared.weights[j] > weight : shared.ids[j] < id;
      place += before ? 1 : 0;
    }
    weights[place] = weight;
    ids[place] = id;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    shared.weights[i] = weights[i];
    shared.ids[i] = ids[i];
  }
  __syncthreads();
}

// Doubles are summed in the order of the entries, by one thread.
__device__ void normalize(Shared& shared, int count) {
  if (threadIdx.x == 0) {
    double total = 0.0;
    for (int i = 0; i < count; ++i) total += shared.weights[i];
    shared.total = total;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) shared.weights[i] /= shared.total;
  __syncthreads();
}

// The mixture of the `count` entries in shared.keys, as ids and weights; returns how many it has.
__device__ int mix(const Row& row, const st_sampling& sampling, uint32_t step, int n, int count, Shared& shared) {
  uint64_t mass = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) mass += row.fixed_mass(shared.keys[i]);
  mass = block_reduce<kWarps>(mass, Sum());
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    uint64_t key = shared.keys[i];
    auto id = static_cast<int32_t>(key_id(key));
    double weight = static_cast<double>(row.mass(key)) * kFixedOne / static_cast<double>(mass);
    if (sampling.dirichlet_alpha > 0.0f)
      weight = log_gamma_draw(static_cast<double>(sampling.dirichlet_alpha) * weight, sampling.seed, step,
                              static_cast<uint32_t>(id));
    shared.ids[i] = id;
    shared.weights[i] = weight;
  }
  __syncthreads();
  if (sampling.dirichlet_alpha > 0.0f) {
    soften(shared, count);
    count = count < n ? count : n;
    normalize(shared, count);
  }
  // A weight that f32 cannot hold (noise makes such) is no weight: the place stays unused.
  while (count > 1 && static_cast<float>(shared.weights[count - 1]) == 0.0f) --count;
  if (sampling.gumbel_temperature > 0.0f) {
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
      double noise = gumbel_draw(sampling.seed, step, static_cast<uint32_t>(shared.ids[i]));
      shared.weights[i] = (log64(shared.weights[i]) + noise) / static_cast<double>(sampling.gumbel_temperature);
    }
    __syncthreads();
    soften(shared, count);
    normalize(shared, count);
  }
  return count;
}

// --- draws ---------------------------------------------------------------------------------------------------------

// Among the `count` entries in shared.keys: the first id, in the order of ids, at which the running mass passes the
// draw.
__device__ void draw_few(const Row& row, const st_sampling& sampling, uint32_t step, int count, Shared& shared) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads)
    shared.candidates[i] = row.fixed_mass(shared.keys[i]);
  __syncthreads();
  uint64_t total = 0;
  for (int i = 0; i < count; ++i) total += shared.candidates[i];
  uint64_t target = draw_mass(sampling.seed, step, total);
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    uint32_t id = key_id(shared.keys[i]);
    uint64_t before = 0;
    for (int j = 0; j < count; ++j)
      if (key_id(shared.keys[j]) < id) before += shared.candidates[j];
    if (before <= target && target < before + shared.candidates[i]) shared.chosen = static_cast<int32_t>(id);
  }
}

// The same among the entries that the cut keeps; a thread has a range of ids.
__device__ void draw_many(const Row& row, const st_sampling& sampling, uint32_t step, const Cut& cut, Shared& shared) {
  int64_t each = (row.vocabulary + kThreads - 1) / kThreads, begin = threadIdx.x * each;
  int64_t end = begin + each < row.vocabulary ? begin + each : row.vocabulary;
  auto mass_at = [&](int64_t id) {
    uint64_t key = order_key(row.logits[id], static_cast<uint32_t>(id));
    return cut.keeps(key) ? row.fixed_mass(key) : 0;
  };
  uint64_t own = 0, total;
  for (int64_t id = begin; id < end; ++id) own += mass_at(id);
  uint64_t before = block_prefix_sum<kWarps, uint64_t>(own, &total);
  uint64_t target = draw_mass(sampling.seed, step, total);
  if (target < before || target >= before + own) return;
  for (int64_t id = begin; id < end; ++id) {
    before += mass_at(id);
    if (before <= target) continue;
    shared.chosen = static_cast<int32_t>(id);
    return;
  }
}

// --- one row -------------------------------------------------------------------------------------------------------

// The concept token of a row, as ids and weights in shared; returns how many entries it has.
__device__ int choose(const st_sample& op, const Row& row, const st_sampling& sampling, uint32_t step,
                      const ChunkSums& sums, Shared& shared) {
  if (row.temperature <= 0.0f) {
    uint64_t top = select_top(row, 1, shared) > 0 ? shared.keys[0] : key_of_rank(row, Cut{0, 0, 0}, 1);
    if (threadIdx.x == 0) shared.chosen = static_cast<int32_t>(key_id(top));
  } else {
    const st_filter& filter = filter_of(sampling, row.soft);
    int n = sampling.max_topk < 1 ? 1 : sampling.max_topk > op.entries ? op.entries : sampling.max_topk;
    int64_t needed = !row.soft ? row.vocabulary : sampling.dirichlet_alpha > 0.0f ? kNoiseEntries : n;
    Wanted wanted = wanted_of(row, filter, needed);
    int count = 0;
    bool few = keep_few(row, filter, wanted, sums.z, shared, &count);
    Cut cut = {0, 0, 0};
    if (!few) cut = cut_row(row, filter, wanted, sums.z, sums.first_cut);
    if (row.soft) {
      if (!few) count = sort_kept(row, cut, wanted.needed, shared);
      return mix(row, sampling, step, n, count, shared);
    }
    if (few)
      draw_few(row, sampling, step, count, shared);
    else
      draw_many(row, sampling, step, cut, shared);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    shared.ids[0] = shared.chosen;
    shared.weights[0] = 1.0;
  }
  return 1;
}

__device__ void write_token(const Shared& shared, unsigned count, unsigned places, int32_t* ids, float* weights) {
  for (unsigned i = threadIdx.x; i < places; i += kThreads) {
    float weight = i < count ? static_cast<float>(shared.weights[i]) : 0.0f;
    ids[i] = weight > 0.0f ? shared.ids[i] : 0;
    weights[i] = weight;
  }
}

// One block per row. Registers: 80.
__global__ void __launch_bounds__(kThreads) sample_rows_kernel(st_sample op) {
  ST_DYNAMIC_SHARED(Shared, memory);
  Shared& shared = *memory;
  int64_t r = blockIdx.x;
  int32_t slot = op.slots[r];
  if (slot < 0) return;
  int32_t* out_ids = op.out_ids + r * op.entries;
  float* out_weights = op.out_weights + r * op.entries;
  auto places = static_cast<unsigned>(op.entries);
  Row row = open_row(op, r, slot);
  if (!row.good()) {
    write_token(shared, 0, places, out_ids, out_weights);
    if (threadIdx.x == 0) op.out_info[r] = {ST_STEP_BAD_LOGITS, 0.0f};
    return;
  }
  int64_t chunks = chunks_of(op.vocabulary);
  ChunkSums sums = {0, 0, 0};
  for (int64_t c = 0; c < chunks; ++c) {
    const ChunkSums& each = workspace_of(op).chunks[r * chunks + c];
    sums = {sums.z + each.z, sums.s + each.s, Max()(sums.first_cut, each.first_cut)};
  }
  float entropy = entropy_of(sums.z - static_cast<uint64_t>(kFixedOne), sums.s);
  const st_sampling& sampling = op.sampling[slot];
  int count = choose(op, row, sampling, op.states[slot].step, sums, shared);
  __syncthreads();
  if (threadIdx.x == 0) {
    Step step = advance(sampling, op.states[slot], shared.ids[0], entropy);
    shared.count = static_cast<unsigned>(count);
    if (step.forced_id >= 0) {
      shared.ids[0] = step.forced_id;
      shared.weights[0] = 1.0;
      shared.count = 1;
    }
    if (op.counts) op.counts[int64_t{slot} * op.vocabulary + shared.ids[0]] += 1;
    op.out_info[r] = {step.flags, entropy};
  }
  __syncthreads();
  write_token(shared, shared.count, places, out_ids, out_weights);
  write_token(shared, shared.count, places, op.slot_ids + int64_t{slot} * op.entries,
              op.slot_weights + int64_t{slot} * op.entries);
}

}  // namespace

uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary) {
  if (rows <= 0 || vocabulary <= 0) return 0;
  uint64_t row = static_cast<uint64_t>(chunks_of(vocabulary)) * sizeof(ChunkSums) +
                 static_cast<uint64_t>(logit_tiles(vocabulary)) * sizeof(float);
  return size_product(static_cast<uint64_t>(rows), row);
}

st_status sample(st_stream* stream, const st_sample* op) {
  ST_REQUIRE_OPERATION("sample", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->vocabulary > 0, "sample: %d x %d", op->rows, op->vocabulary);
  ST_REQUIRE(op->entries >= 1 && op->entries <= ST_MAX_TOPK, "sample: %d entries, expected 1..%d", op->entries,
             ST_MAX_TOPK);
  ST_REQUIRE(op->logits && op->slots && op->sampling && op->states && op->slot_ids && op->slot_weights && op->out_ids &&
                 op->out_weights && op->out_info && op->workspace,
             "sample: a pointer is null");
  auto rows = static_cast<unsigned>(op->rows);
  dim3 tiles(blocks_for(logit_tiles(op->vocabulary), kWarps), rows), chunks(blocks_for(op->vocabulary, kChunk), rows);
  st_status status = launch("sample", sample_tiles_kernel, tiles, kThreads, 0, stream, *op);
  if (status == ST_OK) status = launch("sample", sample_sums_kernel, chunks, kThreads, 0, stream, *op);
  static_assert(sizeof(Shared) <= 47 * 1024, "more shared memory than a kernel has without asking");
  if (status == ST_OK) status = launch("sample", sample_rows_kernel, rows, kThreads, sizeof(Shared), stream, *op);
  return status;
}

}  // namespace st::cuda
