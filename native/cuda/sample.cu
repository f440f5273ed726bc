// sample: from logits to concept tokens, with the strategies of common/strategies.h and the same bits as every other
// backend: statistics of the rows, then one block per row that selects.

#include "common/checks.h"
#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

constexpr int kFirstWant = 64;  // entries that are searched if there is no limit

struct Shared : Search {
  double weights[kSorted];
  int32_t ids[kSorted];
  int32_t drawn[kMostDraws];
  double numbers[2];
  Proposal proposal;
};

// --- choosing ------------------------------------------------------------------------------------------------------

// What the filters keep of the first `available` entries, which stand in order in shared.keys.
struct Prefix {
  int count;
  bool ended;  // a filter ended it, so that no later entry can belong to it
};

__device__ Prefix kept_prefix(const LogitRow& row, const st_filter& filter, uint64_t total, bool top_k_mass,
                              int available, const Shared& shared) {
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

__device__ __forceinline__ Wanted wanted_of(const LogitRow& row, const st_filter& filter, int64_t needed) {
  int64_t limit = filter.top_k <= 0 || filter.top_k > row.vocabulary ? row.vocabulary : filter.top_k;
  return {limit, needed < limit ? needed : limit, limit < row.vocabulary && filter.top_p < 1.0f};
}

// Whether a few candidates determine what is kept; then *count entries are in order in shared.keys.
__device__ bool keep_few(const LogitRow& row, const st_filter& filter, const Wanted& wanted, uint64_t total,
                         Shared& shared, int* count) {
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
__device__ Cut cut_row(const LogitRow& row, const st_filter& filter, const Wanted& wanted, uint64_t total,
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

// What a filter keeps of a row: the first `count` keys in order, or if they are too many, a cut.
struct KeptSet {
  bool few;
  int count;
  Cut cut;
};

__device__ KeptSet find_kept(const LogitRow& row, const st_filter& filter, const Wanted& wanted, const ChunkSums& sums,
                             Shared& shared) {
  KeptSet kept = {false, 0, {0, 0, 0}};
  kept.few = keep_few(row, filter, wanted, sums.at_t.z, shared, &kept.count);
  if (!kept.few) kept.cut = cut_row(row, filter, wanted, sums.at_t.z, sums.first_cut);
  return kept;
}

// --- draws ---------------------------------------------------------------------------------------------------------

// Sums over what is kept. Needs all threads.
__device__ SoftmaxSums sums_of_kept(const LogitRow& row, const KeptSet& kept, const Shared& shared) {
  SoftmaxSums sums = {0, 0};
  auto add = [&](uint64_t key) {
    float x = scaled_logit(key_logit(key), row.maximum, row.inverse_temperature);
    add_mass(sums, x, mass_of(x));
  };
  if (kept.few) {
    for (int i = static_cast<int>(threadIdx.x); i < kept.count; i += kThreads) add(shared.keys[i]);
  } else {
    visit_row(row, [&](uint64_t key) {
      if (kept.cut.keeps(key)) add(key);
    });
  }
  return block_sums(sums);
}

// Draws in a range of masses: calls inside(j, position) for those of the first `count` draws that fall there.
template <typename Inside>
__device__ __forceinline__ void for_each_draw(const RandomStep& random, int count, uint64_t total, uint64_t begin,
                                              uint64_t end, Inside inside) {
  for (int j = 0; j < count; ++j) {
    uint64_t position = draw_mass(random.seed, random.step, static_cast<uint32_t>(j), total);
    if (begin <= position && position < end) inside(j, position);
  }
}

// Among the entries in shared.keys: the first id, in the order of ids, at which the running mass passes the position.
__device__ void draw_few(const LogitRow& row, const RandomStep& random, int draws, int count, uint64_t total,
                         Shared& shared) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads)
    shared.candidates[i] = row.fixed_mass(shared.keys[i]);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    uint32_t id = key_id(shared.keys[i]);
    uint64_t before = 0;
    for (int j = 0; j < count; ++j)
      if (key_id(shared.keys[j]) < id) before += shared.candidates[j];
    for_each_draw(random, draws, total, before, before + shared.candidates[i],
                  [&](int j, uint64_t) { shared.drawn[j] = static_cast<int32_t>(id); });
  }
}

// The same among the entries that the cut keeps; a thread has a range of ids.
__device__ void draw_many(const LogitRow& row, const RandomStep& random, int draws, const Cut& cut, Shared& shared) {
  int64_t each = (row.vocabulary + kThreads - 1) / kThreads, begin = threadIdx.x * each;
  int64_t end = begin + each < row.vocabulary ? begin + each : row.vocabulary;
  auto mass_at = [&](int64_t id) {
    uint64_t key = order_key(row.logits[id], static_cast<uint32_t>(id));
    return cut.keeps(key) ? row.fixed_mass(key) : 0;
  };
  uint64_t own = 0, total;
  for (int64_t id = begin; id < end; ++id) own += mass_at(id);
  uint64_t before = block_prefix_sum<kWarps, uint64_t>(own, &total);
  for_each_draw(random, draws, total, before, before + own, [&](int j, uint64_t position) {
    uint64_t running = before;
    int64_t id = begin;
    for (;; ++id) {
      running += mass_at(id);
      if (running > position) break;
    }
    shared.drawn[j] = static_cast<int32_t>(id);
  });
}

// --- one row -------------------------------------------------------------------------------------------------------

// Scores and weights before the noise take the place of the candidates and the keys, which are not needed any more when
// the entries are loaded. The other half of the candidates is room to reorder.
__device__ __forceinline__ Entries entries_of(Shared& shared) {
  static_assert(kCandidates >= 2 * kSorted && sizeof *shared.candidates == sizeof(double));
  return {shared.ids, shared.weights, reinterpret_cast<double*>(shared.candidates),
          reinterpret_cast<double*>(shared.keys), shared.numbers};
}

// The Row of strategies.h: all threads of a block.
class Row {
 public:
  __device__ __forceinline__ Row(const LogitRow& row, const ChunkSums& sums, Shared& shared)
      : statistics(statistics_of(row, sums)),
        logits(row.logits),
        entries(entries_of(shared)),
        row_(row),
        sums_(sums),
        shared_(shared) {}

  RowStatistics statistics;
  const float* logits;
  Entries entries;

  __device__ int first(int n) {
    int found = sort_top(row_, n, shared_), finite = 0;
    for (int i = static_cast<int>(threadIdx.x); i < found; i += kThreads)
      finite += key_logit(shared_.keys[i]) > -INFINITY ? 1 : 0;
    return block_reduce<kWarps>(finite, Sum());
  }

  __device__ int kept(const st_filter& filter, int n) {
    Wanted wanted = wanted_of(row_, filter, n);
    KeptSet set = find_kept(row_, filter, wanted, sums_, shared_);
    return set.few ? set.count : sort_kept(row_, set.cut, wanted.needed, shared_);
  }

  __device__ int prefix_of_p1(float top_p, int n) {
    st_filter filter = {1.0f, top_p, 0.0f, 0};
    int found = sort_top(row_, n, shared_);
    return kept_prefix(at(true), filter, statistics.at_1.z, false, found, shared_).count;
  }

  __device__ __forceinline__ uint64_t key(int i) const { return shared_.keys[i]; }

  __device__ uint64_t load(int count, bool one) {
    LogitRow row = at(one);
    uint64_t total = 0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
      uint64_t key = shared_.keys[i];
      float mass = row.mass(key);
      shared_.ids[i] = static_cast<int32_t>(key_id(key));
      shared_.weights[i] = static_cast<double>(mass);
      total += to_fixed(mass);
    }
    return block_reduce<kWarps>(total, Sum());
  }

  __device__ SoftmaxSums draw(const st_filter& filter, const RandomStep& random, int count) {
    SoftmaxSums sums = {static_cast<uint64_t>(kFixedOne), 0};
    if (!(filter.temperature > 0.0f)) {
      uint64_t top = top_key(row_, shared_);
      if (threadIdx.x == 0) shared_.drawn[0] = static_cast<int32_t>(key_id(top));
    } else {
      KeptSet set = find_kept(row_, filter, wanted_of(row_, filter, row_.vocabulary), sums_, shared_);
      sums = sums_of_kept(row_, set, shared_);
      if (count > 0 && set.few)
        draw_few(row_, random, count, set.count, sums.z, shared_);
      else if (count > 0)
        draw_many(row_, random, count, set.cut, shared_);
    }
    __syncthreads();
    return sums;
  }

  __device__ __forceinline__ int32_t drawn(int j) const { return shared_.drawn[j]; }

  template <typename Body>
  __device__ __forceinline__ void for_each(int count, const Body& body) {
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) body(i);
    __syncthreads();
  }

  template <typename Body>
  __device__ __forceinline__ void once(const Body& body) {
    __syncthreads();  // threads may still read what the body writes
    if (threadIdx.x == 0) body();
    __syncthreads();
  }

  __device__ void order(int count) {
    int ranks[kEach];  // of the thread's entries
    for_each_own(count, [&](int i, int own) {
      double score = entries.scores[i];
      int32_t id = entries.ids[i];
      ranks[own] = 0;
      for (int j = 0; j < count; ++j) {
        bool before = entries.scores[j] != score ? entries.scores[j] > score : entries.ids[j] < id;
        ranks[own] += before ? 1 : 0;
      }
    });
    permute(entries.scores, ranks, count);
    permute(entries.bases, ranks, count);
    permute(entries.ids, ranks, count);
  }

 private:
  __device__ __forceinline__ LogitRow at(bool one) const {
    LogitRow row = row_;
    if (one) row.inverse_temperature = 1.0f;
    return row;
  }

  static constexpr int kEach = kSorted / kThreads;

  // for_each whose body also gets the number of the entry among those of the thread, a constant.
  template <typename Body>
  __device__ __forceinline__ void for_each_own(int count, const Body& body) {
#pragma unroll
    for (int own = 0; own < kEach; ++own) {
      int i = own * kThreads + static_cast<int>(threadIdx.x);
      if (i < count) body(i, own);
    }
    __syncthreads();
  }

  // Moves each entry to the place of its rank.
  template <typename T>
  __device__ __forceinline__ void permute(T* values, const int* ranks, int count) {
    T* moved = reinterpret_cast<T*>(shared_.candidates + kSorted);
    for_each_own(count, [&](int i, int own) { moved[ranks[own]] = values[i]; });
    for_each(count, [&](int i) { values[i] = moved[i]; });
  }

  const LogitRow& row_;
  const ChunkSums& sums_;
  Shared& shared_;
};

__device__ void write_token(const Entries& entries, int count, int places, int32_t* ids, float* weights) {
  for (int i = static_cast<int>(threadIdx.x); i < places; i += kThreads) {
    ids[i] = i < count ? entries.ids[i] : 0;
    weights[i] = i < count ? static_cast<float>(entries.weights[i]) : 0.0f;
  }
}

// The optional outputs of a row.
__device__ void write_record(const st_sample& op, int64_t r, const st_sampling& sampling, const Row& row,
                             const Proposal& proposal, const RowSignals& signals) {
  if (op.out_record && threadIdx.x == 0)
    op.out_record[r] = record_of(sampling, row.statistics, row.logits, proposal, signals);
  for (int i = static_cast<int>(threadIdx.x); i < op.entries; i += kThreads) {
    int64_t at = r * op.entries + i;
    bool used = i < proposal.count;
    float logit = used ? row.logits[row.entries.ids[i]] : 0.0f;
    if (op.out_scores) op.out_scores[at] = used && proposal.scored ? static_cast<float>(row.entries.scores[i]) : 0.0f;
    if (op.out_log_p1) op.out_log_p1[at] = used ? static_cast<float>(log_p1_of(row.statistics, logit)) : 0.0f;
    if (op.out_log_pt) op.out_log_pt[at] = used ? static_cast<float>(log_pt_of(row.statistics, logit)) : 0.0f;
  }
}

// Row blockIdx.x, if it is basic as wanted. Which rows are does not depend on the state, which the kernels change.
template <bool kBasic>
__device__ __forceinline__ void sample_row(const st_sample& op, const LogitRows& rows, Shared& shared) {
  int64_t r = blockIdx.x;
  int32_t slot = op.slots[r];
  if (slot < 0 || is_basic(op.sampling[slot]) != kBasic) return;
  int32_t* out_ids = op.out_ids + r * op.entries;
  float* out_weights = op.out_weights + r * op.entries;
  LogitRow logits = open_row(rows, r, slot);
  const st_sampling& sampling = op.sampling[slot];
  st_sequence_state& state = op.states[slot];
  if (!logits.good() || state.waiting) {
    write_token({}, 0, op.entries, out_ids, out_weights);
    if (threadIdx.x == 0) op.out_info[r] = {logits.good() ? ST_STEP_WAITING : ST_STEP_BAD_LOGITS, 0.0f, 0, 0};
    return;
  }
  ChunkSums sums = row_sums(rows, r);
  Row row(logits, sums, shared);
  RowSignals signals = first_signals(state);
  int n = sampling.max_topk < 1 ? 1 : sampling.max_topk > op.entries ? op.entries : sampling.max_topk;
  Proposal proposal = kBasic ? propose_basic(row, sampling, state, n) : propose(row, sampling, state, n, signals);
  row.once([&] {
    int32_t flags = take_step(row, sampling, state, proposal, signals);
    if (op.counts) op.counts[int64_t{slot} * op.vocabulary + proposal.token] += 1;
    op.out_info[r] = {flags, entropy_of(row.statistics.at_t), proposal.token, proposal.count};
    shared.proposal = proposal;
  });
  int count = shared.proposal.count;
  write_token(row.entries, count, op.entries, out_ids, out_weights);
  write_token(row.entries, count, op.entries, op.slot_ids + int64_t{slot} * op.entries,
              op.slot_weights + int64_t{slot} * op.entries);
  if (!kBasic && sampling.record) write_record(op, r, sampling, row, shared.proposal, signals);
}

// One block per row. Registers: 80.
__global__ void __launch_bounds__(kThreads) sample_basic_kernel(st_sample op, LogitRows rows) {
  ST_DYNAMIC_SHARED(Shared, memory);
  sample_row<true>(op, rows, *memory);
}

// One block per row. With two blocks as the aim, ptxas uses up to 128 registers; without one it aims at fewer, and
// spills for sm_90. Registers: 128.
__global__ void __launch_bounds__(kThreads, 2) sample_strategy_kernel(st_sample op, LogitRows rows) {
  ST_DYNAMIC_SHARED(Shared, memory);
  sample_row<false>(op, rows, *memory);
}

}  // namespace

st_status sample(st_stream* stream, const st_sample* op) {
  ST_TRY(check(stream, op));
  LogitRows rows = {op->logits, op->slots, op->rows, op->vocabulary, op->workspace, op->sampling, op->states, nullptr};
  ST_TRY(logit_statistics("sample", stream, rows));
  static_assert(sizeof(Shared) <= 41 * 1024, "with the arrays of the search, more than a kernel has without asking");
  auto blocks = static_cast<unsigned>(op->rows);
  ST_TRY(launch<sample_strategy_kernel>("sample", blocks, kThreads, sizeof(Shared), stream, *op, rows));
  return launch<sample_basic_kernel>("sample", blocks, kThreads, sizeof(Shared), stream, *op, rows);
}

}  // namespace st::cuda
