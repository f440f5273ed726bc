// A sampling step of many rows from the host's side, and its expected result, in float64.
#pragma once

#include "support.h"

namespace st::test {

// Everything that a step reads and writes. Rows and slots may differ in number and order.
struct SampleStep {
  int32_t vocabulary = 0;
  int32_t entries = 1;
  std::vector<float> logits;   // [rows, V]
  std::vector<int32_t> slots;  // [rows]
  std::vector<st_sampling> sampling;
  std::vector<st_sequence_state> states;
  std::vector<int32_t> counts;  // [slots, V], or empty: NULL
  bool records = false;         // asks for the optional outputs

  // Adds a slot, and a row with these logits that belongs to it.
  void add(const st_sampling& sampling, const st_sequence_state& state, const std::vector<float>& row);
};

// What a step returns beside its tokens, where it records.
struct SampleRecord {
  std::vector<st_step_record> rows;
  std::vector<float> scores, log_p1, log_pt;  // [rows, entries]
};

struct SampleResult {
  std::vector<int32_t> ids;  // [rows, entries]
  std::vector<float> weights;
  std::vector<st_step_info> info;
  std::vector<int32_t> slot_ids;  // [slots, entries]
  std::vector<float> slot_weights;
  std::vector<st_sequence_state> states;
  std::vector<int32_t> counts;
  int32_t entries;
  SampleRecord record;

  int32_t head(size_t row) const { return ids[row * static_cast<size_t>(entries)]; }
  std::vector<int32_t> row_ids(size_t row) const;
  std::vector<float> row_weights(size_t row) const;
  int32_t used(size_t row) const;  // places with a weight
};

SampleResult run(Device& device, const SampleStep& step);
// Every bit of two results.
void expect_same_bits(const SampleResult& actual, const SampleResult& expected);

// Soft thinking with every filter and every stop off.
st_sampling plain_sampling();
// Lets ids follow the first one of a forced end.
void force_after_end(st_sampling& sampling, const std::vector<int32_t>& ids);
// At the beginning of a sequence.
st_sequence_state first_state(bool thinking = true);

// What the filters keep of a row.
struct Kept {
  std::vector<int32_t> ids;    // in order
  std::vector<double> masses;  // relative to the largest, not normalised
  double entropy;
  double margin;  // how near the boundary of a filter comes to an entry, as a probability

  std::vector<double> weights(size_t count) const;  // of the first `count`, normalised
};

Kept reference_filter(const float* logits, int32_t vocabulary, const st_filter& filter);

// Empty where row `row` of the result is the mixture that the reference keeps; else what is wrong with it.
std::string compare_mixture(const SampleResult& result, size_t row, const Kept& kept, int32_t max_topk,
                            double tolerance);

// Empty where the row is a well-formed concept token: descending, ids of equal weights ascending, weights that sum to
// 1, unused places (0, 0).
std::string check_token(const SampleResult& result, size_t row);

// Sum of (observed - expected)^2 / expected over the cells that expect at least 5 draws; the others are one cell.
struct ChiSquare {
  double statistic;
  double limit;  // passed by chance less than once in a million times
};
ChiSquare chi_square(const std::vector<int64_t>& observed, const std::vector<double>& probabilities);

}  // namespace st::test
