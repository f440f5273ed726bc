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
  constexpr int kEach = (kSorted + kThreads - 1) / kThreads;
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

// Whether the first entries, at most kSorted, determine what is kept; then *count entries are in order in shared.keys.
__device__ bool keep_few(const LogitRow& row, const st_filter& filter, const Wanted& wanted, uint64_t total,
                         Shared& shared, int* count) {
  int64_t want = wanted.top_k_mass ? wanted.limit : wanted.needed < kFirstWant ? wanted.needed : kFirstWant;
  for (; want <= kSorted; want = wanted.needed) {
    int found = sort_first(row, Cut{0, 0, 0}, static_cast<int>(want), shared);
    Prefix prefix = kept_prefix(row, filter, total, wanted.top_k_mass, found, shared);
    if (!prefix.ended && want < wanted.needed) continue;
    *count = prefix.count < wanted.needed ? prefix.count : static_cast<int>(wanted.needed);
    return true;
  }
  return false;
}

// The first entry, in order, that min-p or a negligible mass cuts off; 0 where none is.
__device__ uint64_t first_cut_of(const LogitRow& row, uint64_t min_p) {
  uint64_t first = 0;
  visit_row(row, [&](uint64_t key) {
    float mass = row.mass(key);
    if (to_fixed(mass) < min_p || mass < kSmallestMass) first = Max()(first, key);
  });
  return block_reduce<kWarps>(first, Max());
}

// What the filters keep of the row, whatever it is: searches of the whole row. Where only the masses of the entries
// count, those with a negligible mass need no cut: in fixed point they have none.
__device__ Cut cut_row(const LogitRow& row, const st_filter& filter, const Wanted& wanted, uint64_t total,
                       bool by_order, Shared& shared) {
  uint64_t min_p = min_p_limit(filter.min_p);
  Cut all = {0, 0, 0}, cut = {top_key(row), 0, min_p > 0 || by_order ? first_cut_of(row, min_p) : 0};
  bool by_number = wanted.limit < row.vocabulary;
  auto target = static_cast<uint64_t>(wanted.limit);
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    bool by_mass = pass == 1;
    if (by_mass ? filter.top_p >= 1.0f : !by_number) continue;
    if (by_mass) target = Max()(top_p_limit(filter.top_p, by_number ? mass_of_kept(row, all) : total), uint64_t{1});
    cut.last = Max()(cut.last, key_where(row, all, by_mass, target, shared));
    all.last = cut.last;
  }
  return cut;
}

// What a filter keeps of a row: the first `count` keys in order, or if they are too many, a cut.
struct KeptSet {
  bool few;
  int count;
  Cut cut;
};

// `by_order`: the first of the cut are asked for, not only their masses.
__device__ KeptSet find_kept(const LogitRow& row, const st_filter& filter, const Wanted& wanted, const ChunkSums& sums,
                             bool by_order, Shared& shared) {
  KeptSet kept = {false, 0, {0, 0, 0}};
  kept.few = keep_few(row, filter, wanted, sums.at_t.z, shared, &kept.count);
  if (!kept.few) kept.cut = cut_row(row, filter, wanted, sums.at_t.z, by_order, shared);
  return kept;
}

// --- draws ---------------------------------------------------------------------------------------------------------

__device__ __forceinline__ void add_entry(SoftmaxSums& sums, const LogitRow& row, uint64_t key) {
  float x = scaled_logit(key_logit(key), row.maximum, row.inverse_temperature);
  add_mass(sums, x, mass_of(x));
}

// Sums over the first `count` entries in shared.keys.
__device__ SoftmaxSums sums_of_few(const LogitRow& row, int count, const Shared& shared) {
  SoftmaxSums sums = {0, 0};
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) add_entry(sums, row, shared.keys[i]);
  return block_sums(sums);
}

// Among the entries in shared.keys: the first id, in the order of ids, at which the running mass passes the position.
__device__ void draw_few(const LogitRow& row, const RandomStep& random, int draws, int count, uint64_t total,
                         Shared& shared) {
  uint64_t* masses = shared.keys + kSorted;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) masses[i] = row.fixed_mass(shared.keys[i]);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    uint32_t id = key_id(shared.keys[i]);
    uint64_t before = 0;
    for (int j = 0; j < count; ++j)
      if (key_id(shared.keys[j]) < id) before += masses[j];
    for (int j = 0; j < draws; ++j) {
      uint64_t position = draw_mass(random.seed, random.step, static_cast<uint32_t>(j), total);
      if (before <= position && position < before + masses[i]) shared.drawn[j] = static_cast<int32_t>(id);
    }
  }
}

// The same among the entries that the cut keeps; returns the sums over them.
__device__ SoftmaxSums draw_many(const LogitRow& row, const RandomStep& random, int draws, const Cut& cut,
                                 Shared& shared) {
  SoftmaxSums sums = {0, 0};
  auto add = [&](uint64_t key) {
    uint64_t before = sums.z;
    if (cut.keeps(key)) add_entry(sums, row, key);
    return sums.z - before;
  };
  sum_segments(row, add, shared);
  sums = block_sums(sums);
  find_ids(
      row, [&](uint64_t key) { return cut.keeps(key) ? row.fixed_mass(key) : 0; }, draws,
      [&](int j) { return draw_mass(random.seed, random.step, static_cast<uint32_t>(j), sums.z); }, shared.drawn,
      shared);
  return sums;
}

// --- one row -------------------------------------------------------------------------------------------------------

// Scores and weights before the noise take the place of candidates and keys, which are not needed any more when the
// entries are loaded. The places after them are room to reorder.
__device__ __forceinline__ Entries entries_of(Shared& shared) {
  static_assert(kCandidates >= 3 * kSorted && sizeof *shared.keys == sizeof(double));
  auto* doubles = reinterpret_cast<double*>(shared.keys);
  return {shared.ids, shared.weights, doubles + kSorted, doubles, shared.numbers};
}

// The Row of strategies.h: all threads of a block share one, in shared memory. The searches are calls: they are large,
// and the strategies have many of them.
class Row {
 public:
  RowStatistics statistics;
  const float* logits;
  Entries entries;

  __device__ __forceinline__ void open(const LogitRow& row, const ChunkSums& sums) {
    statistics = statistics_of(row, sums);
    logits = row.logits;
    entries = entries_of(memory());
    row_ = row;
    sums_ = sums;
  }

  ST_CALL int first(int n) {
    Shared& shared = memory();
    int found = sort_first(at(false), Cut{0, 0, 0}, n, shared), finite = 0;
    for (int i = static_cast<int>(threadIdx.x); i < found; i += kThreads)
      finite += key_logit(shared.keys[i]) > -INFINITY ? 1 : 0;
    return block_reduce<kWarps>(finite, Sum());
  }

  ST_CALL int kept(const st_filter& filter, int n) {
    LogitRow row = at(false);
    Wanted wanted = wanted_of(row, filter, n);
    KeptSet set = find_kept(row, filter, wanted, sums_, true, memory());
    return set.few ? set.count : sort_first(row, set.cut, static_cast<int>(wanted.needed), memory());
  }

  ST_CALL int prefix_of_p1(float top_p, int n) {
    st_filter filter = {1.0f, top_p, 0.0f, 0};
    int found = sort_first(at(false), Cut{0, 0, 0}, n, memory());
    return kept_prefix(at(true), filter, statistics.at_1.z, false, found, memory()).count;
  }

  __device__ __forceinline__ uint64_t key(int i) const { return memory().keys[i]; }

  ST_CALL uint64_t load(int count, bool one) {
    Shared& shared = memory();
    LogitRow row = at(one);
    uint64_t total = 0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
      uint64_t key = shared.keys[i];
      float mass = row.mass(key);
      shared.ids[i] = static_cast<int32_t>(key_id(key));
      shared.weights[i] = static_cast<double>(mass);
      total += to_fixed(mass);
    }
    return block_reduce<kWarps>(total, Sum());
  }

  __device__ __forceinline__ SoftmaxSums draw(const st_filter& filter, const RandomStep& random, int count) {
    return draw(filter, random.seed, random.step, count);
  }

  ST_CALL SoftmaxSums draw(const st_filter& filter, uint64_t seed, uint32_t step, int count) {
    RandomStep random = {seed, step};
    Shared& shared = memory();
    LogitRow row = at(false);
    SoftmaxSums sums = {static_cast<uint64_t>(kFixedOne), 0};
    if (!(filter.temperature > 0.0f)) {
      uint64_t top = top_key(row);
      if (threadIdx.x == 0) shared.drawn[0] = static_cast<int32_t>(key_id(top));
    } else {
      KeptSet set = find_kept(row, filter, wanted_of(row, filter, row.vocabulary), sums_, false, shared);
      sums = set.few ? sums_of_few(row, set.count, shared) : draw_many(row, random, count, set.cut, shared);
      if (set.few) draw_few(row, random, count, set.count, sums.z, shared);
    }
    __syncthreads();
    return sums;
  }

  __device__ __forceinline__ int32_t drawn(int j) const { return memory().drawn[j]; }

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

  ST_CALL void order(int count) {
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
  static __device__ __forceinline__ Shared& memory() {
    ST_DYNAMIC_SHARED(Shared, memory);
    return *memory;
  }

  // The row in registers, at its temperature or at 1.
  __device__ __forceinline__ LogitRow at(bool one) const {
    LogitRow row = row_;
    if (one) row.inverse_temperature = 1.0f;
    return row;
  }

  static constexpr int kEach = (kSorted + kThreads - 1) / kThreads;

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
    T* moved = reinterpret_cast<T*>(memory().keys + 2 * kSorted);
    for_each_own(count, [&](int i, int own) { moved[ranks[own]] = values[i]; });
    for_each(count, [&](int i) { values[i] = moved[i]; });
  }

  LogitRow row_;
  ChunkSums sums_;
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

// The concept token of a row, in its place of the outputs.
__device__ __forceinline__ void write_output(const st_sample& op, const Entries& entries, int count) {
  int64_t at = int64_t{blockIdx.x} * op.entries;
  write_token(entries, count, op.entries, op.out_ids + at, op.out_weights + at);
}

// Row blockIdx.x, whose slot is basic as it says.
template <bool kBasic>
__device__ __forceinline__ void sample_row(const st_sample& op, const LogitRows& rows, int32_t slot, Shared& shared) {
  ST_SHARED(Row, of_block, 1);
  int64_t r = blockIdx.x;
  const st_sampling& sampling = op.sampling[slot];
  st_sequence_state& state = op.states[slot];
  LogitRow logits = open_row(rows, r, slot);
  if (!logits.good() || state.waiting) {
    write_output(op, {}, 0);
    if (threadIdx.x == 0) op.out_info[r] = {logits.good() ? ST_STEP_WAITING : ST_STEP_BAD_LOGITS, 0.0f, 0, 0};
    return;
  }
  Row& row = of_block[0];
  ChunkSums sums = row_sums(rows, r);
  if (threadIdx.x == 0) row.open(logits, sums);
  __syncthreads();
  RowSignals signals = first_signals(state);
  int n = sampling.max_topk < 1 ? 1 : sampling.max_topk > op.entries ? op.entries : sampling.max_topk;
  Proposal proposal = kBasic ? propose_basic(row, sampling, state, n) : propose(row, sampling, state, n, signals);
  row.once([&] {
    int32_t flags = take_step(row, sampling, state, proposal, signals);
    if (op.counts) op.counts[int64_t{slot} * op.vocabulary + proposal.token] += 1;
    op.out_info[blockIdx.x] = {flags, entropy_of(row.statistics.at_t), proposal.token, proposal.count};
    shared.proposal = proposal;
  });
  int count = shared.proposal.count;
  write_output(op, row.entries, count);
  write_token(row.entries, count, op.entries, op.slot_ids + int64_t{slot} * op.entries,
              op.slot_weights + int64_t{slot} * op.entries);
  if (!kBasic && sampling.record) write_record(op, blockIdx.x, sampling, row, shared.proposal, signals);
}

// One block per row. A row of which few entries are kept reads the tile maxima (V / 32 bytes) and about as many tiles
// as it keeps entries (512 bytes each); it is bound by some twenty barriers and latencies, one after another. A row
// that draws from more than those it can sort walks over its logits (4 V bytes, from the second-level cache) once for
// the draw, twice to find where top-p ends, and as often for a top-k above 1,024: bound by the arithmetic and the
// atomics of one SM, about 20 instructions a logit, and 45 where e^x is needed: in the first walk of a search by mass,
// and in the draw. Min-p costs one walk more, and four where more than 4,096 entries lie where the search ends.
// Rows that are not basic have code of their own. Registers: 168.
__global__ void __launch_bounds__(kThreads, 1) sample_kernel(st_sample op, LogitRows rows) {
  follow_previous();
  ST_DYNAMIC_SHARED(Shared, memory);
  int32_t slot = op.slots[blockIdx.x];
  if (slot < 0) return;
  if (is_basic(op.sampling[slot]))
    sample_row<true>(op, rows, slot, *memory);
  else
    sample_row<false>(op, rows, slot, *memory);
}

}  // namespace

st_status sample(st_stream* stream, const st_sample* op) {
  ST_TRY(check(stream, op));
  LogitRows rows = {op->logits, op->slots, op->rows, op->vocabulary, op->workspace, op->sampling, op->states, nullptr};
  ST_TRY(logit_statistics("sample", stream, rows));
  static_assert(sizeof(Shared) <= 46 * 1024, "with the static arrays, more than a kernel has without asking");
  return launch<sample_kernel>("sample", static_cast<unsigned>(op->rows), kThreads, sizeof(Shared), stream, *op, rows);
}

}  // namespace st::cuda
