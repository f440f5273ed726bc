#include "cpu/logit_row.h"

#include <functional>

namespace st::cpu {
namespace {

// The largest maximum of a tile but `larger` ones.
float tile_maximum_after(const LogitRow& row, int64_t larger) {
  int64_t tiles = tiles_of(row.vocabulary);
  float* scratch = reinterpret_cast<float*>(row.workspace.keys);
  std::copy(row.workspace.tile_maxima, row.workspace.tile_maxima + tiles, scratch);
  std::nth_element(scratch, scratch + larger, scratch + tiles, std::greater<float>());
  return scratch[larger];
}

// A number that at least `want` logits reach, and usually not many more.
float bound_of_top(const LogitRow& row, int64_t want) {
  int64_t tiles = tiles_of(row.vocabulary);
  if (want < tiles / 4) return tile_maximum_after(row, want - 1);
  auto reach = [&](float bound) { return row.kernels.count_reaching(row.logits, row.vocabulary, bound) >= want; };
  if (want < 2 * tiles) {
    // If the n largest logits are anywhere, a tile is without one with probability e^(-n / tiles). Some more than
    // wanted, because chance may leave out more.
    double without = std::exp(-1.2 * static_cast<double>(want) / static_cast<double>(tiles));
    float bound = tile_maximum_after(row, static_cast<int64_t>(static_cast<double>(tiles) * (1.0 - without)));
    if (reach(bound)) return bound;
  }
  // Further and further down from the maximum.
  for (float span = 2.0f; span < 1e5f; span *= 1.2f)
    if (reach(row.maximum - span)) return row.maximum - span;
  return -INFINITY;
}

struct Prefix {
  int64_t count;  // entries kept
  bool ended;     // a filter ended it, so that no later entry can belong to it
};

// How many of the first `available` entries the filters keep. `mass` is the mass that top-k left.
Prefix kept_prefix(const LogitRow& row, const st_filter& filter, uint64_t mass, int64_t available) {
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

}  // namespace

void scan_segment(const LogitRow& row, int64_t i) {
  int64_t first = i * kSegment, count = std::min(kSegment, row.vocabulary - first);
  float* maxima = row.workspace.tile_maxima + first / kLogitTile;
  bool good = row.kernels.logit_maxima(row.logits + first, count, maxima);
  row.workspace.segments[i] = {{0, 0}, {0, 0}, *std::max_element(maxima, maxima + tiles_of(count)), good ? 0 : 1};
}

bool find_maximum(LogitRow& row) {
  row.maximum = -INFINITY;
  for (int64_t i = 0; i < segments_of(row.vocabulary); ++i) {
    const Segment& segment = row.workspace.segments[i];
    if (segment.has_nan) return false;
    row.maximum = std::max(row.maximum, segment.maximum);
  }
  return row.maximum > -INFINITY && row.maximum < INFINITY;
}

LogitSums sum_segment(const LogitRow& row, int64_t i, float inverse_temperature) {
  int64_t first = i * kSegment, count = std::min(kSegment, row.vocabulary - first);
  return row.kernels.logit_sums(row.logits + first, count, row.maximum, inverse_temperature);
}

int64_t select_top(const LogitRow& row, int64_t want) {
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

int64_t keep(const LogitRow& row, const st_filter& filter, int64_t needed) {
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

}  // namespace st::cpu
