// penalize and sample: from logits to concept tokens. The arithmetic is in common/sampling.h; this file implements the
// search for the largest logits.

#include <algorithm>
#include <functional>

#include "common/checks.h"
#include "common/sampling.h"
#include "cpu/device.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

// Logits that one task of a pass reads: one row is work for several threads.
constexpr int64_t kSegment = 128 * kLogitTile;

// Cost of selecting and mixing, in equivalent multiply-adds.
constexpr int64_t kRowWork = 1 << 17;

// Results of the passes over a segment.
struct Segment {
  uint64_t z, s;
  float maximum;
  int32_t has_nan;
};

struct Workspace {
  uint64_t* keys;      // [V]
  Segment* segments;   // [V / kSegment, rounded up]
  float* tile_maxima;  // [V / kLogitTile, rounded up]
};

int64_t segments_of(int64_t vocabulary) {
  return (vocabulary + kSegment - 1) / kSegment;
}

int64_t tiles_of(int64_t vocabulary) {
  return (vocabulary + kLogitTile - 1) / kLogitTile;
}

// Per row; a multiple of 8, so that the keys of every row are aligned.
uint64_t row_workspace_bytes(int64_t vocabulary) {
  return static_cast<uint64_t>(vocabulary) * sizeof(uint64_t) +
         static_cast<uint64_t>(segments_of(vocabulary)) * sizeof(Segment) +
         static_cast<uint64_t>(tiles_of(vocabulary) + 1) / 2 * 8;
}

// One row while it is sampled. Probabilities are relative to the maximum: the largest has mass 2^40.
struct Row {
  const Kernels& kernels;
  const float* logits;
  int64_t vocabulary;
  Workspace workspace;
  float maximum;
  float inverse_temperature;
  uint64_t total;  // mass of the whole vocabulary

  // Calls body(i, mass of key i) for the first `count` keys, until it returns false.
  template <typename Body>
  void for_each_mass(int64_t count, const Body& body) const {
    constexpr int64_t kPart = 64;
    float masses[kPart];
    for (int64_t first = 0; first < count; first += kPart) {
      int64_t part = std::min(kPart, count - first);
      for (int64_t i = 0; i < part; ++i) masses[i] = key_logit(workspace.keys[first + i]);
      kernels.masses(masses, part, maximum, inverse_temperature);
      for (int64_t i = 0; i < part; ++i)
        if (!body(first + i, masses[i])) return;
    }
  }

  uint64_t fixed_mass_of_first(int64_t count) const {
    uint64_t sum = 0;
    for_each_mass(count, [&](int64_t, float mass) {
      sum += to_fixed(mass);
      return true;
    });
    return sum;
  }
};

struct Entry {
  int32_t id;
  double weight;
};

// A number that at least `want` logits reach, and usually not many more.
float bound_of_top(const Row& row, int64_t want) {
  const float* maxima = row.workspace.tile_maxima;
  int64_t tiles = tiles_of(row.vocabulary);
  if (want < tiles / 4) {  // the want-th largest tile maximum
    float* scratch = reinterpret_cast<float*>(row.workspace.keys);
    std::copy(maxima, maxima + tiles, scratch);
    std::nth_element(scratch, scratch + want - 1, scratch + tiles, std::greater<float>());
    return scratch[want - 1];
  }
  // Further and further down from the maximum.
  for (float span = 2.0f; span < 1e5f; span *= 1.2f)
    if (row.kernels.count_reaching(row.logits, row.vocabulary, row.maximum - span) >= want) return row.maximum - span;
  return -INFINITY;
}

// The `want` first entries of the order, as keys in that order, at workspace.keys.
int64_t select_top(const Row& row, int64_t want) {
  uint64_t* keys = row.workspace.keys;
  float bound = want < row.vocabulary ? bound_of_top(row, want) : -INFINITY;
  int64_t count = 0;
  for (int64_t first = 0; first < row.vocabulary; first += kLogitTile) {
    if (row.workspace.tile_maxima[first / kLogitTile] < bound) continue;
    int64_t size = std::min<int64_t>(kLogitTile, row.vocabulary - first);
    count += row.kernels.keys_reaching(row.logits + first, size, bound, static_cast<uint32_t>(first), keys + count);
  }
  if (count > want) {
    std::nth_element(keys, keys + want, keys + count, std::greater<uint64_t>());
    count = want;
  }
  std::sort(keys, keys + count, std::greater<uint64_t>());
  return count;
}

struct Prefix {
  int64_t count;  // entries kept
  bool ended;     // a filter ended it, so that no later entry can belong to it
};

// How many of the first `available` entries the filters keep. `mass` is the mass that top-k left.
Prefix kept_prefix(const Row& row, const st_filter& filter, uint64_t mass, int64_t available) {
  uint64_t top_p = top_p_limit(filter.top_p, mass), min_p = min_p_limit(filter.min_p), before = 0;
  Prefix prefix = {available, false};
  row.for_each_mass(available, [&](int64_t j, float relative) {
    uint64_t fixed = to_fixed(relative);
    prefix.ended = j > 0 && (before >= top_p || fixed < min_p || relative < kSmallestMass);
    if (prefix.ended) prefix.count = j;
    before += fixed;
    return !prefix.ended;
  });
  return prefix;
}

// The entries that the filters keep, in order at workspace.keys; at most `needed` of them are looked for.
int64_t keep(const Row& row, const st_filter& filter, int64_t needed) {
  int64_t limit = filter.top_k <= 0 ? row.vocabulary : std::min<int64_t>(filter.top_k, row.vocabulary);
  needed = std::min(needed, limit);
  bool top_k_mass = limit < row.vocabulary && filter.top_p < 1.0f;  // top-p needs the mass of the first k
  int64_t want = top_k_mass ? limit : std::min<int64_t>(needed, 64);
  for (;;) {
    int64_t found = select_top(row, want);
    Prefix prefix = kept_prefix(row, filter, top_k_mass ? row.fixed_mass_of_first(found) : row.total, found);
    if (prefix.ended || want >= needed) return std::min(prefix.count, needed);
    want = std::min(needed, want * 16);
  }
}

bool heavier(const Entry& a, const Entry& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

void normalize(Entry* entries, int64_t count) {
  double total = 0.0;
  for (int64_t i = 0; i < count; ++i) total += entries[i].weight;
  for (int64_t i = 0; i < count; ++i) entries[i].weight /= total;
}

// Weights become e^(weight - largest), reordered: the last step of both kinds of noise.
void soften(Entry* entries, int64_t count) {
  double largest = entries[0].weight;
  for (int64_t i = 1; i < count; ++i) largest = std::max(largest, entries[i].weight);
  for (int64_t i = 0; i < count; ++i) entries[i].weight = exp64(entries[i].weight - largest);
  std::sort(entries, entries + count, heavier);
}

// Replaces the weights by a draw of Dirichlet(alpha * weights).
void add_dirichlet_noise(const st_sampling& sampling, uint32_t step, Entry* entries, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    double shape = static_cast<double>(sampling.dirichlet_alpha) * entries[i].weight;
    entries[i].weight = log_gamma_draw(shape, sampling.seed, step, static_cast<uint32_t>(entries[i].id));
  }
  soften(entries, count);
}

// Replaces the weights by softmax((ln w + Gumbel noise) / tau).
void add_gumbel_noise(const st_sampling& sampling, uint32_t step, Entry* entries, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    double noise = gumbel_draw(sampling.seed, step, static_cast<uint32_t>(entries[i].id));
    entries[i].weight = (log64(entries[i].weight) + noise) / static_cast<double>(sampling.gumbel_temperature);
  }
  soften(entries, count);
  normalize(entries, count);
}

// A weight that underflows f32, which noise can cause, is dropped: its entry is unused.
int64_t without_zeros(const Entry* entries, int64_t count) {
  while (count > 1 && static_cast<float>(entries[count - 1].weight) == 0.0f) --count;
  return count;
}

// The mixture of a soft row; returns how many of `entries` it has.
int64_t mix(const Row& row, const st_sampling& sampling, uint32_t step, int64_t n, Entry* entries) {
  bool dirichlet = sampling.dirichlet_alpha > 0.0f;
  int64_t count = keep(row, sampling.thinking, dirichlet ? kNoiseEntries : n);
  auto total = static_cast<double>(row.fixed_mass_of_first(count));
  row.for_each_mass(count, [&](int64_t i, float mass) {
    entries[i] = {static_cast<int32_t>(key_id(row.workspace.keys[i])), static_cast<double>(mass) * kFixedOne / total};
    return true;
  });
  if (dirichlet) {
    add_dirichlet_noise(sampling, step, entries, count);
    count = std::min(count, n);
    normalize(entries, count);
  }
  count = without_zeros(entries, count);
  if (sampling.gumbel_temperature > 0.0f) add_gumbel_noise(sampling, step, entries, count);
  return without_zeros(entries, count);
}

// One id from the kept distribution: the first kept id, in the order of ids, at which the running mass passes the draw.
int32_t draw(const Row& row, const st_sampling& sampling, uint32_t step) {
  int64_t count = keep(row, sampling.after, row.vocabulary);
  uint64_t* keys = row.workspace.keys;
  uint64_t target = draw_mass(sampling.seed, step, row.fixed_mass_of_first(count)), running = 0;
  std::sort(keys, keys + count, [](uint64_t a, uint64_t b) { return key_id(a) < key_id(b); });
  int64_t drawn = count - 1;
  row.for_each_mass(count, [&](int64_t i, float mass) {
    running += to_fixed(mass);
    if (running > target) drawn = i;
    return running <= target;
  });
  return static_cast<int32_t>(key_id(keys[drawn]));
}

void write_token(const Entry* entries, int64_t count, int64_t places, int32_t* ids, float* weights) {
  for (int64_t i = 0; i < places; ++i) {
    float weight = i < count ? static_cast<float>(entries[i].weight) : 0.0f;
    ids[i] = weight > 0.0f ? entries[i].id : 0;
    weights[i] = weight;
  }
}

// The row as the passes find it: maximum, temperature and total are not known yet.
template <typename Operation>
Row begin_row(const Kernels& kernels, const Operation& op, int64_t r) {
  uint64_t bytes = row_workspace_bytes(op.vocabulary);
  auto* keys = reinterpret_cast<uint64_t*>(static_cast<char*>(op.workspace) + static_cast<uint64_t>(r) * bytes);
  auto* segments = reinterpret_cast<Segment*>(keys + op.vocabulary);
  auto* maxima = reinterpret_cast<float*>(segments + segments_of(op.vocabulary));
  return {kernels, op.logits + r * op.vocabulary, op.vocabulary, {keys, segments, maxima}, 0, 1, 0};
}

// First pass: computes maxima, and whether a logit is NaN.
void scan_segment(const Row& row, int64_t i) {
  int64_t first = i * kSegment, count = std::min(kSegment, row.vocabulary - first);
  float* maxima = row.workspace.tile_maxima + first / kLogitTile;
  bool good = row.kernels.logit_maxima(row.logits + first, count, maxima);
  row.workspace.segments[i] = {0, 0, *std::max_element(maxima, maxima + tiles_of(count)), good ? 0 : 1};
}

// Finds the maximum; false when the row has NaN, +inf or no finite logit.
bool find_maximum(Row& row) {
  row.maximum = -INFINITY;
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) {
    const Segment& segment = row.workspace.segments[i];
    if (segment.has_nan) return false;
    row.maximum = std::max(row.maximum, segment.maximum);
  }
  return row.maximum > -INFINITY && row.maximum < INFINITY;
}

float temperature_of(const st_sample& op, int32_t slot) {
  const st_sampling& sampling = op.sampling[slot];
  return is_soft(sampling, op.states[slot]) ? sampling.thinking.temperature : sampling.after.temperature;
}

// Second pass: the sums, now that the maximum is known.
void sum_segment(const st_sample& op, Row& row, int64_t r, int64_t i) {
  if (!find_maximum(row)) return;
  int64_t first = i * kSegment, count = std::min(kSegment, row.vocabulary - first);
  float inverse = inverse_of_temperature(temperature_of(op, op.slots[r]));
  LogitSums sums = row.kernels.logit_sums(row.logits + first, count, row.maximum, inverse);
  row.workspace.segments[i].z = sums.z;
  row.workspace.segments[i].s = sums.s;
}

// What follows the passes.
void sample_row(const Kernels& kernels, const st_sample& op, int64_t r) {
  int32_t slot = op.slots[r];
  Row row = begin_row(kernels, op, r);
  int32_t* out_ids = op.out_ids + r * op.entries;
  float* out_weights = op.out_weights + r * op.entries;
  if (!find_maximum(row)) {
    write_token(nullptr, 0, op.entries, out_ids, out_weights);
    op.out_info[r] = {ST_STEP_BAD_LOGITS, 0.0f, 0, 0};
    return;
  }
  const st_sampling& sampling = op.sampling[slot];
  st_sequence_state& state = op.states[slot];
  bool soft = is_soft(sampling, state);
  float temperature = temperature_of(op, slot);
  row.inverse_temperature = inverse_of_temperature(temperature);
  uint64_t moment = 0;  // integers: any order of the segments gives the same
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) {
    row.total += row.workspace.segments[i].z;
    moment += row.workspace.segments[i].s;
  }
  float entropy = entropy_of(row.total - static_cast<uint64_t>(kFixedOne), moment);

  Entry entries[ST_MAX_TOPK];
  static_assert(sizeof entries / sizeof *entries >= kNoiseEntries, "Dirichlet noise is drawn over these entries");
  int64_t n = std::clamp(sampling.max_topk, 1, op.entries), count = 1;
  if (temperature <= 0.0f) {
    select_top(row, 1);
    entries[0] = {static_cast<int32_t>(key_id(row.workspace.keys[0])), 1.0};
  } else if (soft) {
    count = mix(row, sampling, state.step, n, entries);
  } else {
    entries[0] = {draw(row, sampling, state.step), 1.0};
  }
  Step step = advance(sampling, state, entries[0].id, entropy);
  if (step.forced_id >= 0) {
    entries[0] = {step.forced_id, 1.0};
    count = 1;
  }
  write_token(entries, count, op.entries, out_ids, out_weights);
  write_token(entries, count, op.entries, op.slot_ids + int64_t{slot} * op.entries,
              op.slot_weights + int64_t{slot} * op.entries);
  if (op.counts) op.counts[int64_t{slot} * op.vocabulary + entries[0].id] += 1;
  op.out_info[r] = {step.flags, entropy, entries[0].id, static_cast<int32_t>(count)};
}

void log_probs_row(const Kernels& kernels, const st_log_probs& op, int64_t r) {
  if (op.slots[r] < 0) return;
  Row row = begin_row(kernels, op, r);
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) scan_segment(row, i);
  if (!find_maximum(row)) {
    op.head[r] = 0.0f;
    std::fill_n(op.top_ids + r * op.count, op.count, 0);
    std::fill_n(op.top + r * op.count, op.count, 0.0f);
    return;
  }
  uint64_t z = kernels.logit_sums(row.logits, row.vocabulary, row.maximum, 1.0f).z;
  double log_z = log64(static_cast<double>(z) / kFixedOne);
  auto log_prob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - static_cast<double>(row.maximum) - log_z);
  };
  op.head[r] = log_prob(row.logits[op.ids[r * op.entries]]);
  int64_t found = op.count > 0 ? select_top(row, op.count) : 0;  // fewer where the vocabulary is smaller
  for (int64_t i = 0; i < op.count; ++i) {
    int32_t& id = op.top_ids[r * op.count + i];
    float& value = op.top[r * op.count + i];
    if (i >= found) {
      id = 0;
      value = -INFINITY;
      continue;
    }
    id = static_cast<int32_t>(key_id(row.workspace.keys[i]));
    value = log_prob(key_logit(row.workspace.keys[i]));
  }
}

void penalize_range(const st_penalize& op, int64_t r, int64_t begin, int64_t end) {
  int32_t slot = op.slots[r];
  if (slot < 0) return;
  const st_penalties& penalties = op.penalties[slot];
  float* logits = op.logits + r * op.vocabulary;
  const int32_t* counts = op.counts + int64_t{slot} * op.vocabulary;
  for (int64_t i = begin; i < end; ++i) {
    if (counts[i] == 0) continue;
    float count = static_cast<float>(counts[i] & ~ST_COUNT_IN_PROMPT);
    logits[i] = logits[i] > 0.0f ? logits[i] / penalties.repetition : logits[i] * penalties.repetition;
    if (count > 0.0f) logits[i] -= penalties.frequency * count + penalties.presence;
  }
  for (int32_t i = 0; i < penalties.bias_count; ++i)
    if (penalties.bias_ids[i] >= begin && penalties.bias_ids[i] < end)
      logits[penalties.bias_ids[i]] += penalties.bias_values[i];
  if (op.states[slot].step >= penalties.min_tokens) return;
  const int32_t* held = penalties.bias_ids + penalties.bias_count;
  for (int32_t i = 0; i < penalties.held_count; ++i)
    if (held[i] >= begin && held[i] < end) logits[held[i]] = -INFINITY;
}

// Calls body(row, segment) for all of them, shared among the threads.
template <typename Body>
void for_each_segment(ThreadPool& pool, int64_t rows, int64_t vocabulary, const Body& body) {
  int64_t segments = segments_of(vocabulary);
  pool.parallel_for(rows * segments, rows * vocabulary, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) body(task / segments, task % segments);
  });
}

}  // namespace

uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary) {
  return rows <= 0 || vocabulary <= 0 ? 0 : size_product(static_cast<uint64_t>(rows), row_workspace_bytes(vocabulary));
}

st_status penalize(st_stream* stream, const st_penalize* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    for_each_segment(device->pool, op.rows, op.vocabulary, [&](int64_t r, int64_t i) {
      penalize_range(op, r, i * kSegment, std::min<int64_t>(op.vocabulary, (i + 1) * kSegment));
    });
    return ST_OK;
  });
}

st_status sample(st_stream* stream, const st_sample* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    for_each_segment(device->pool, op.rows, op.vocabulary, [&](int64_t r, int64_t i) {
      if (op.slots[r] >= 0) scan_segment(begin_row(device->kernels, op, r), i);
    });
    for_each_segment(device->pool, op.rows, op.vocabulary, [&](int64_t r, int64_t i) {
      if (op.slots[r] < 0) return;
      Row row = begin_row(device->kernels, op, r);
      sum_segment(op, row, r, i);
    });
    device->pool.parallel_for(op.rows, op.rows * (int64_t{op.vocabulary} / 4 + kRowWork),
                              [&](int64_t begin, int64_t end) {
                                for (int64_t r = begin; r < end; ++r)
                                  if (op.slots[r] >= 0) sample_row(device->kernels, op, r);
                              });
    return ST_OK;
  });
}

st_status log_probs(st_stream* stream, const st_log_probs* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    for (int64_t r = 0; r < op.rows; ++r) {
      int32_t head = op.slots[r] < 0 ? 0 : op.ids[r * op.entries];
      ST_REQUIRE(head >= 0 && head < op.vocabulary, "log_probs: id %d is outside the vocabulary of %d", head,
                 op.vocabulary);
    }
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.vocabulary, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) log_probs_row(device->kernels, op, r);
    });
    return ST_OK;
  });
}

}  // namespace st::cpu
