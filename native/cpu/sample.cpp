// sample: from logits to concept tokens. The strategies are in common/strategies.h; this file has the CPU's part of a
// row, one thread with the search of logit_row.h.

#include <array>

#include "common/checks.h"
#include "common/strategies.h"
#include "cpu/device.h"
#include "cpu/logit_row.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

// Cost of selecting and mixing, in equivalent multiply-adds.
constexpr int64_t kRowWork = 1 << 17;

// Sums over the first `count` keys.
SoftmaxSums sums_of_first(const LogitRow& row, int64_t count) {
  SoftmaxSums sums = {0, 0};
  row.for_each_mass(count, [&](int64_t i, float mass) {
    float x = scaled_logit(key_logit(row.workspace.keys[i]), row.maximum, row.inverse_temperature);
    add_mass(sums, x, mass);
    return true;
  });
  return sums;
}

// The Row of strategies.h.
class Row {
 public:
  Row(const LogitRow& row, const RowStatistics& statistics)
      : statistics(statistics),
        logits(row.logits),
        entries{ids_.data(), weights_.data(), scores_.data(), bases_.data(), numbers_},
        row_(row) {}

  const RowStatistics& statistics;
  const float* logits;
  const Entries entries;

  int first(int n) {
    int64_t count = select_top(row_, std::min<int64_t>(n, row_.vocabulary));
    while (key_logit(row_.workspace.keys[count - 1]) == -INFINITY) --count;
    return static_cast<int>(count);
  }

  int kept(const st_filter& filter, int n) { return static_cast<int>(keep(row_, filter, n)); }

  int prefix_of_p1(float top_p, int n) { return static_cast<int>(keep(at_1(), {1.0f, top_p, 0.0f, 0}, n)); }

  uint64_t key(int i) const { return row_.workspace.keys[i]; }

  uint64_t load(int count, bool one) {
    const LogitRow& row = one ? at_1() : row_;
    uint64_t total = 0;
    row.for_each_mass(count, [&](int64_t i, float mass) {
      auto place = static_cast<size_t>(i);
      ids_[place] = static_cast<int32_t>(key_id(row.workspace.keys[i]));
      weights_[place] = static_cast<double>(mass);
      total += to_fixed(mass);
      return true;
    });
    return total;
  }

  SoftmaxSums draw(const st_filter& filter, const RandomStep& random, int count) {
    if (!(filter.temperature > 0.0f)) {
      select_top(row_, 1);
      drawn_[0] = static_cast<int32_t>(key_id(key(0)));
      return {static_cast<uint64_t>(kFixedOne), 0};
    }
    int64_t kept = keep(row_, filter, row_.vocabulary);
    SoftmaxSums sums = sums_of_first(row_, kept);
    if (count > 0) draw_of_first(kept, sums.z, random, count);
    return sums;
  }

  int32_t drawn(int j) const { return drawn_[static_cast<size_t>(j)]; }

  template <typename Body>
  void for_each(int count, const Body& body) {
    for (int i = 0; i < count; ++i) body(i);
  }

  template <typename Body>
  void once(const Body& body) {
    body();
  }

  void order(int count) {
    struct Entry {
      double score, base;
      int32_t id;
    };
    std::array<Entry, ST_MAX_TOPK> sorted;
    auto n = static_cast<size_t>(count);
    for (size_t i = 0; i < n; ++i) sorted[i] = {scores_[i], bases_[i], ids_[i]};
    std::sort(sorted.begin(), sorted.begin() + count,
              [](const Entry& a, const Entry& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; });
    for (size_t i = 0; i < n; ++i) {
      scores_[i] = sorted[i].score;
      bases_[i] = sorted[i].base;
      ids_[i] = sorted[i].id;
    }
  }

 private:
  // The row at temperature 1.
  const LogitRow at_1() const {
    LogitRow row = row_;
    row.inverse_temperature = 1.0f;
    row.total = statistics.at_1.z;
    return row;
  }

  // A draw is the first kept id, in the order of ids, at which the running mass passes its position.
  void draw_of_first(int64_t kept, uint64_t mass, const RandomStep& random, int count) {
    uint64_t* keys = row_.workspace.keys;
    std::sort(keys, keys + kept, [](uint64_t a, uint64_t b) { return key_id(a) < key_id(b); });
    struct Position {
      uint64_t mass;
      int place;
    };
    std::array<Position, kMostDraws> positions;
    for (int j = 0; j < count; ++j)
      positions[static_cast<size_t>(j)] = {draw_mass(random.seed, random.step, static_cast<uint32_t>(j), mass), j};
    std::sort(positions.begin(), positions.begin() + count,
              [](const Position& a, const Position& b) { return a.mass < b.mass; });
    uint64_t running = 0;
    int next = 0;
    row_.for_each_mass(kept, [&](int64_t i, float relative) {
      running += to_fixed(relative);
      for (; next < count && running > positions[static_cast<size_t>(next)].mass; ++next)
        drawn_[static_cast<size_t>(positions[static_cast<size_t>(next)].place)] = static_cast<int32_t>(key_id(keys[i]));
      return next < count;
    });
  }

  const LogitRow& row_;
  std::array<int32_t, ST_MAX_TOPK> ids_;
  std::array<double, ST_MAX_TOPK> weights_, scores_, bases_;
  std::array<int32_t, kMostDraws> drawn_;
  double numbers_[2];
};

void write_token(const Entries& entries, int count, int64_t places, int32_t* ids, float* weights) {
  for (int64_t i = 0; i < places; ++i) {
    ids[i] = i < count ? entries.ids[i] : 0;
    weights[i] = i < count ? static_cast<float>(entries.weights[i]) : 0.0f;
  }
}

// The optional outputs of a row.
void write_record(const st_sample& op, int64_t r, const Row& row, const Proposal& proposal,
                  const st_step_record& record) {
  if (op.out_record) op.out_record[r] = record;
  for (int64_t i = 0, at = r * op.entries; i < op.entries; ++i, ++at) {
    bool used = i < proposal.count;
    float logit = used ? row.logits[row.entries.ids[i]] : 0.0f;
    if (op.out_scores) op.out_scores[at] = used && proposal.scored ? static_cast<float>(row.entries.scores[i]) : 0.0f;
    if (op.out_log_p1) op.out_log_p1[at] = used ? static_cast<float>(log_p1_of(row.statistics, logit)) : 0.0f;
    if (op.out_log_pt) op.out_log_pt[at] = used ? static_cast<float>(log_pt_of(row.statistics, logit)) : 0.0f;
  }
}

void write_nothing(const st_sample& op, int64_t r, int32_t flags) {
  std::fill_n(op.out_ids + r * op.entries, op.entries, 0);
  std::fill_n(op.out_weights + r * op.entries, op.entries, 0.0f);
  op.out_info[r] = {flags, 0.0f, 0, 0};
}

RowStatistics statistics_of(const LogitRow& row, float temperature) {
  SoftmaxSums at_t = {0, 0}, at_1 = {0, 0};  // integers: any order of the segments gives the same
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) {
    const Segment& segment = row.workspace.segments[i];
    at_t = {at_t.z + segment.at_t.z, at_t.s + segment.at_t.s};
    at_1 = {at_1.z + segment.at_1.z, at_1.s + segment.at_1.s};
  }
  return row_statistics(row.maximum, temperature, at_t, at_1);
}

// What follows the passes.
void sample_row(const Kernels& kernels, const st_sample& op, int64_t r) {
  int32_t slot = op.slots[r];
  const st_sampling& sampling = op.sampling[slot];
  st_sequence_state& state = op.states[slot];
  LogitRow logits = begin_row(kernels, op, r);
  bool good = find_maximum(logits);
  if (!good || state.waiting) return write_nothing(op, r, good ? ST_STEP_WAITING : ST_STEP_BAD_LOGITS);
  float temperature = filter_of(sampling, is_soft(sampling, state)).temperature;
  RowStatistics statistics = statistics_of(logits, temperature);
  logits.inverse_temperature = inverse_of_temperature(temperature);
  logits.total = statistics.at_t.z;
  Row row(logits, statistics);
  RowSignals signals;
  Proposal proposal = propose(row, sampling, state, std::clamp(sampling.max_topk, 1, op.entries), signals);
  int32_t flags = take_step(row, sampling, state, proposal, signals);
  write_token(row.entries, proposal.count, op.entries, op.out_ids + r * op.entries, op.out_weights + r * op.entries);
  write_token(row.entries, proposal.count, op.entries, op.slot_ids + int64_t{slot} * op.entries,
              op.slot_weights + int64_t{slot} * op.entries);
  if (op.counts) op.counts[int64_t{slot} * op.vocabulary + proposal.token] += 1;
  op.out_info[r] = {flags, entropy_of(statistics.at_t), proposal.token, proposal.count};
  if (sampling.record)
    write_record(op, r, row, proposal, record_of(sampling, statistics, row.logits, proposal, signals));
}

// Second pass of a row: the sums, now that the maximum is known. Those at temperature 1 read the segment from the
// cache.
void sum_row_segment(const Kernels& kernels, const st_sample& op, int64_t r, int64_t i) {
  LogitRow row = begin_row(kernels, op, r);
  if (!find_maximum(row)) return;
  const st_sampling& sampling = op.sampling[op.slots[r]];
  const st_sequence_state& state = op.states[op.slots[r]];
  float inverse = inverse_of_temperature(filter_of(sampling, is_soft(sampling, state)).temperature);
  LogitSums at_t = sum_segment(row, i, inverse);
  row.workspace.segments[i].at_t = at_t;
  if (inverse != 1.0f && needs_sums_at_1(sampling, state)) row.workspace.segments[i].at_1 = sum_segment(row, i, 1.0f);
}

}  // namespace

uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary) {
  return rows <= 0 || vocabulary <= 0 ? 0 : size_product(static_cast<uint64_t>(rows), row_workspace_bytes(vocabulary));
}

st_status sample(st_stream* stream, const st_sample* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    for_each_segment(device->pool, op.rows, op.vocabulary, [&](int64_t r, int64_t i) {
      if (op.slots[r] >= 0) scan_segment(begin_row(device->kernels, op, r), i);
    });
    for_each_segment(device->pool, op.rows, op.vocabulary, [&](int64_t r, int64_t i) {
      if (op.slots[r] >= 0) sum_row_segment(device->kernels, op, r, i);
    });
    device->pool.parallel_for(op.rows, op.rows * (int64_t{op.vocabulary} / 4 + kRowWork),
                              [&](int64_t begin, int64_t end) {
                                for (int64_t r = begin; r < end; ++r)
                                  if (op.slots[r] >= 0) sample_row(device->kernels, op, r);
                              });
    return ST_OK;
  });
}

}  // namespace st::cpu
