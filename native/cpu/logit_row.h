// A row of logits on the CPU: its workspace, the passes over it, and the search for its largest logits.
#pragma once

#include <algorithm>
#include <cmath>

#include "common/sampling.h"
#include "cpu/kernels.h"
#include "cpu/thread_pool.h"

namespace st::cpu {

// Logits that one task of a pass reads: one row is work for several threads.
constexpr int64_t kSegment = 128 * kLogitTile;

// Results of the passes over a segment.
struct Segment {
  LogitSums at_t, at_1;  // the latter where the row needs it
  float maximum;
  int32_t has_nan;
};

struct RowWorkspace {
  uint64_t* keys;      // [V]
  Segment* segments;   // [V / kSegment, rounded up]
  float* tile_maxima;  // [V / kLogitTile, rounded up]
};

inline int64_t segments_of(int64_t vocabulary) {
  return (vocabulary + kSegment - 1) / kSegment;
}

inline int64_t tiles_of(int64_t vocabulary) {
  return (vocabulary + kLogitTile - 1) / kLogitTile;
}

// Per row; a multiple of 8, so that the keys of every row are aligned.
inline uint64_t row_workspace_bytes(int64_t vocabulary) {
  return static_cast<uint64_t>(vocabulary) * sizeof(uint64_t) +
         static_cast<uint64_t>(segments_of(vocabulary)) * sizeof(Segment) +
         static_cast<uint64_t>(tiles_of(vocabulary) + 1) / 2 * 8;
}

// One row while it is sampled. Probabilities are relative to the maximum: the largest has mass 2^40.
struct LogitRow {
  const Kernels& kernels;
  const float* logits;
  int64_t vocabulary;
  RowWorkspace workspace;
  float maximum;
  float inverse_temperature;
  uint64_t total;  // mass of the whole vocabulary at this temperature

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

// The row as the passes find it: maximum, temperature and total are not known yet.
template <typename Operation>
LogitRow begin_row(const Kernels& kernels, const Operation& op, int64_t r) {
  uint64_t bytes = row_workspace_bytes(op.vocabulary);
  auto* keys = reinterpret_cast<uint64_t*>(static_cast<char*>(op.workspace) + static_cast<uint64_t>(r) * bytes);
  auto* segments = reinterpret_cast<Segment*>(keys + op.vocabulary);
  auto* maxima = reinterpret_cast<float*>(segments + segments_of(op.vocabulary));
  return {kernels, op.logits + r * op.vocabulary, op.vocabulary, {keys, segments, maxima}, 0, 1, 0};
}

// Calls body(row, segment) for all of them, shared among the threads.
template <typename Body>
void for_each_segment(ThreadPool& pool, int64_t rows, int64_t vocabulary, const Body& body) {
  int64_t segments = segments_of(vocabulary);
  pool.parallel_for(rows * segments, rows * vocabulary, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) body(task / segments, task % segments);
  });
}

// First pass over segment i: computes maxima, and whether a logit is NaN.
void scan_segment(const LogitRow& row, int64_t i);
// Finds the maximum; false when the row has NaN, +inf or no finite logit.
bool find_maximum(LogitRow& row);
// Second pass over segment i, when the maximum is known.
LogitSums sum_segment(const LogitRow& row, int64_t i, float inverse_temperature);

// The `want` first entries of the order, as keys in that order, at workspace.keys; returns their number.
int64_t select_top(const LogitRow& row, int64_t want);
// The entries that the filters keep, in order at workspace.keys; at most `needed` of them are looked for.
int64_t keep(const LogitRow& row, const st_filter& filter, int64_t needed);

}  // namespace st::cpu
