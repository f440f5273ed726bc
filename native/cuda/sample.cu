// sample: from logits to concept tokens, with the arithmetic of common/sampling.h and the same bits as every other
// backend: statistics of the rows, then one block per row that selects.

#include "common/checks.h"
#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

constexpr int kFirstWant = 64;  // entries that are searched if there is no limit

struct Shared : Search {
  double weights[kSorted];
  int32_t ids[kSorted];
  int32_t chosen;
  double total;
};

// --- choosing ------------------------------------------------------------------------------------------------------

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

// How many entries are requested, and which of top-k and top-p apply.
struct Wanted {
  int64_t limit;    // of top-k
  int64_t needed;   // entries that the caller needs
  bool top_k_mass;  // top-p needs the mass of the first `limit`
};

__device__ __forceinline__ Wanted wanted_of(const Row& row, const st_filter& filter, int64_t needed) {
  int64_t limit = filter.top_k <= 0 || filter.top_k > row.vocabulary ? row.vocabulary : filter.top_k;
  return {limit, needed < limit ? needed : limit, limit < row.vocabulary && filter.top_p < 1.0f};
}

// Whether a few candidates determine what is kept; then *count entries are in order in shared.keys.
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

// --- mixtures ------------------------------------------------------------------------------------------------------

// Weights become e^(weight - largest), reordered: the last step of both kinds of noise. Needs all threads.
__device__ void soften(Shared& shared, int count) {
  double largest = -INFINITY;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) largest = Max()(largest, shared.weights[i]);
  largest = block_reduce<kWarps>(largest, Max());
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads)
    shared.weights[i] = exp64(shared.weights[i] - largest);
  __syncthreads();
  // Sorted into the buffer of the candidates.
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
  // A weight that underflows f32, which noise can cause, is dropped: its entry is unused.
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
    while (count > 1 && static_cast<float>(shared.weights[count - 1]) == 0.0f) --count;
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
__global__ void __launch_bounds__(kThreads) sample_rows_kernel(st_sample op, LogitRows rows) {
  ST_DYNAMIC_SHARED(Shared, memory);
  Shared& shared = *memory;
  int64_t r = blockIdx.x;
  int32_t slot = op.slots[r];
  if (slot < 0) return;
  int32_t* out_ids = op.out_ids + r * op.entries;
  float* out_weights = op.out_weights + r * op.entries;
  auto places = static_cast<unsigned>(op.entries);
  Row row = open_row(rows, r, slot);
  if (!row.good()) {
    write_token(shared, 0, places, out_ids, out_weights);
    if (threadIdx.x == 0) op.out_info[r] = {ST_STEP_BAD_LOGITS, 0.0f, 0, 0};
    return;
  }
  ChunkSums sums = row_sums(rows, r);
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
    op.out_info[r] = {step.flags, entropy, shared.ids[0], static_cast<int32_t>(shared.count)};
  }
  __syncthreads();
  write_token(shared, shared.count, places, out_ids, out_weights);
  write_token(shared, shared.count, places, op.slot_ids + int64_t{slot} * op.entries,
              op.slot_weights + int64_t{slot} * op.entries);
}

}  // namespace

st_status sample(st_stream* stream, const st_sample* op) {
  ST_TRY(check(stream, op));
  LogitRows rows = {op->logits, op->slots, op->rows, op->vocabulary, op->workspace, op->sampling, op->states};
  ST_TRY(logit_statistics("sample", stream, rows));
  static_assert(sizeof(Shared) <= 47 * 1024, "more shared memory than a kernel has without asking");
  return launch("sample", sample_rows_kernel, static_cast<unsigned>(op->rows), kThreads, sizeof(Shared), stream, *op,
                rows);
}

}  // namespace st::cuda
