#include "sample_support.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace st::test {

void SampleStep::add(const st_sampling& one, const st_sequence_state& state, const std::vector<float>& row) {
  slots.push_back(static_cast<int32_t>(sampling.size()));
  sampling.push_back(one);
  states.push_back(state);
  logits.insert(logits.end(), row.begin(), row.end());
  vocabulary = static_cast<int32_t>(row.size());
}

std::vector<int32_t> SampleResult::row_ids(size_t row) const {
  auto begin = ids.begin() + static_cast<std::ptrdiff_t>(row) * entries;
  return {begin, begin + entries};
}

std::vector<float> SampleResult::row_weights(size_t row) const {
  auto begin = weights.begin() + static_cast<std::ptrdiff_t>(row) * entries;
  return {begin, begin + entries};
}

int32_t SampleResult::used(size_t row) const {
  std::vector<float> all = row_weights(row);
  return static_cast<int32_t>(std::count_if(all.begin(), all.end(), [](float weight) { return weight > 0.0f; }));
}

SampleResult run(Device& device, const SampleStep& step) {
  size_t rows = step.slots.size(), slots = step.sampling.size(), entries = static_cast<size_t>(step.entries);
  Buffer<float> logits(device, step.logits), slot_weights(device, slots * entries), weights(device, rows * entries);
  Buffer<int32_t> slot_of_row(device, step.slots), counts(device, step.counts), slot_ids(device, slots * entries);
  Buffer<int32_t> ids(device, rows * entries);
  Buffer<st_sampling> sampling(device, step.sampling);
  Buffer<st_sequence_state> states(device, step.states);
  Buffer<st_step_info> info(device, rows);
  auto row_count = static_cast<int32_t>(rows);
  Memory workspace(device, device.api.sample_workspace_bytes(row_count, step.vocabulary), kNaNPoison);
  Buffer<st_step_record> record(device, rows);
  Buffer<float> scores(device, rows * entries), log_p1(device, rows * entries), log_pt(device, rows * entries);
  st_sample op = {};
  op.size = sizeof op;
  op.rows = row_count;
  op.vocabulary = step.vocabulary;
  op.entries = step.entries;
  op.logits = logits.get();
  op.slots = slot_of_row.get();
  op.sampling = sampling.get();
  op.states = states.get();
  op.counts = step.counts.empty() ? nullptr : counts.get();
  op.slot_ids = slot_ids.get();
  op.slot_weights = slot_weights.get();
  op.out_ids = ids.get();
  op.out_weights = weights.get();
  op.out_info = info.get();
  op.workspace = workspace.get();
  if (step.records) {
    op.out_record = record.get();
    op.out_scores = scores.get();
    op.out_log_p1 = log_p1.get();
    op.out_log_pt = log_pt.get();
  }
  device.check(device.api.sample(device.stream, &op));
  SampleRecord recorded;
  if (step.records) recorded = {record.read(), scores.read(), log_p1.read(), log_pt.read()};
  return {ids.read(),    weights.read(), info.read(),  slot_ids.read(), slot_weights.read(),
          states.read(), counts.read(),  step.entries, recorded};
}

void expect_same_bits(const SampleResult& actual, const SampleResult& expected) {
  EXPECT_TRUE(same_bits(actual.ids, expected.ids));
  EXPECT_TRUE(same_bits(actual.weights, expected.weights));
  EXPECT_TRUE(same_bits(actual.info, expected.info));
  EXPECT_TRUE(same_bits(actual.slot_ids, expected.slot_ids));
  EXPECT_TRUE(same_bits(actual.slot_weights, expected.slot_weights));
  EXPECT_TRUE(same_bits(actual.states, expected.states));
  EXPECT_TRUE(same_bits(actual.counts, expected.counts));
  EXPECT_TRUE(same_bits(actual.record.rows, expected.record.rows));
  EXPECT_TRUE(same_bits(actual.record.scores, expected.record.scores));
  EXPECT_TRUE(same_bits(actual.record.log_p1, expected.record.log_p1));
  EXPECT_TRUE(same_bits(actual.record.log_pt, expected.record.log_pt));
}

st_sampling plain_sampling() {
  st_sampling sampling = {};
  sampling.thinking = sampling.after = {1.0f, 1.0f, 0.0f, 0};
  sampling.seed = 1;
  sampling.soft = 1;
  sampling.max_topk = 10;
  sampling.length_threshold = 1;
  sampling.max_thinking_tokens = -1;
  sampling.multiplex.mask_threshold = -1.0f;
  sampling.swireasoning.window = sampling.swireasoning.max_tokens = 1;
  sampling.swireasoning.start_blend_id = -1;
  sampling.deepconf.eos = -1;
  return sampling;
}

void force_after_end(st_sampling& sampling, const std::vector<int32_t>& ids) {
  std::copy(ids.begin(), ids.end(), sampling.forced);
  sampling.end = {0, static_cast<int32_t>(ids.size())};
}

st_sequence_state first_state(bool thinking) {
  st_sequence_state state = {};
  state.thinking = thinking;
  state.forced_next = -1;
  state.opening = -1;
  state.answer_left = -1;
  return state;
}

std::vector<double> Kept::weights(size_t count) const {
  std::vector<double> result(masses.begin(),
                             masses.begin() + static_cast<std::ptrdiff_t>(std::min(count, masses.size())));
  double total = 0.0;
  for (double each : result) total += each;
  for (double& each : result) each /= total;
  return result;
}

Kept reference_filter(const float* logits, int32_t vocabulary, const st_filter& filter) {
  Kept kept = {};
  kept.margin = INFINITY;
  auto at = [&](int32_t id) { return static_cast<double>(logits[id]); };
  std::vector<int32_t> order;
  double top = -INFINITY;
  for (int32_t id = 0; id < vocabulary; ++id) {
    top = std::max(top, at(id));
    if (!std::isinf(at(id))) order.push_back(id);
  }
  double temperature = filter.temperature > 0.0f ? static_cast<double>(filter.temperature) : 1.0;
  auto mass_of = [&](int32_t id) { return std::exp((at(id) - top) / temperature); };
  double z = 0.0, moment = 0.0;
  for (int32_t id : order) {
    double x = (at(id) - top) / temperature;
    z += std::exp(x);
    moment -= x * std::exp(x);
  }
  kept.entropy = std::log(z) + moment / z;

  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  if (filter.temperature <= 0.0f) order.resize(1);
  if (filter.top_k > 0 && static_cast<size_t>(filter.top_k) < order.size())
    order.resize(static_cast<size_t>(filter.top_k));
  double total = 0.0, before = 0.0;
  for (int32_t id : order) total += mass_of(id);
  for (size_t j = 0; j < order.size(); ++j) {
    double mass = mass_of(order[j]);
    auto top_p = static_cast<double>(filter.top_p), min_p = static_cast<double>(filter.min_p);
    if (j > 0) {
      if (top_p < 1.0) kept.margin = std::min(kept.margin, std::fabs(before / total - top_p));
      kept.margin = std::min(kept.margin, std::fabs(mass - min_p));
      // What double precision cannot see is not kept.
      if ((top_p < 1.0 && before >= top_p * total) || mass < min_p || mass < 0x1p-59) break;
    }
    kept.ids.push_back(order[j]);
    kept.masses.push_back(mass);
    before += mass;
  }
  return kept;
}

std::string compare_mixture(const SampleResult& result, size_t row, const Kept& kept, int32_t max_topk,
                            double tolerance) {
  std::ostringstream problem;
  std::string malformed = check_token(result, row);
  if (!malformed.empty()) return malformed;
  std::vector<int32_t> ids = result.row_ids(row);
  std::vector<float> weights = result.row_weights(row);
  // Weights at the end of what is kept, 2^-59 = 1.7e-18, may be there or not.
  constexpr double kVanishing = 2e-18;
  auto used = static_cast<size_t>(std::count_if(weights.begin(), weights.end(),
                                                [](float weight) { return static_cast<double>(weight) > kVanishing; }));
  size_t expected = std::min(kept.ids.size(), static_cast<size_t>(std::min(max_topk, result.entries)));
  bool at_boundary = kept.margin < 1e-6 && (used + 1 == expected || used == expected + 1);
  std::vector<double> all = kept.weights(expected);
  while (expected > 1 && all[expected - 1] <= kVanishing) --expected;
  if (used != expected && !at_boundary) problem << used << " entries, expected " << expected << "; ";
  size_t count = std::min(used, expected);
  std::vector<double> wanted = kept.weights(used);
  for (size_t i = 0; i < count; ++i) {
    if (ids[i] != kept.ids[i]) problem << "id " << i << " is " << ids[i] << ", expected " << kept.ids[i] << "; ";
    if (!at_boundary && !(std::fabs(static_cast<double>(weights[i]) - wanted[i]) <= tolerance))
      problem << "weight " << i << " is " << weights[i] << ", expected " << wanted[i] << "; ";
  }
  double entropy = static_cast<double>(result.info[row].entropy);
  if (!(std::fabs(entropy - kept.entropy) <= tolerance))
    problem << "entropy " << entropy << ", expected " << kept.entropy << "; ";
  return problem.str();
}

std::string check_token(const SampleResult& result, size_t row) {
  std::vector<int32_t> ids = result.row_ids(row);
  std::vector<float> weights = result.row_weights(row);
  double total = 0.0;
  for (size_t i = 0; i < ids.size(); ++i) {
    total += static_cast<double>(weights[i]);
    if (!(weights[i] >= 0.0f)) return "a weight below 0";
    if (weights[i] == 0.0f && ids[i] != 0) return "an unused place has an id";
    if (i > 0 && weights[i] > weights[i - 1]) return "weights ascend at " + std::to_string(i);
  }
  if (std::fabs(total - 1.0) > 1e-5) return "weights sum to " + std::to_string(total);
  return "";
}

ChiSquare chi_square(const std::vector<int64_t>& observed, const std::vector<double>& probabilities) {
  double draws = 0.0, statistic = 0.0, rest_expected = 0.0, rest_observed = 0.0;
  for (int64_t each : observed) draws += static_cast<double>(each);
  int cells = 0;
  auto add = [&](double seen, double expected) {
    statistic += (seen - expected) * (seen - expected) / expected;
    ++cells;
  };
  for (size_t i = 0; i < observed.size(); ++i) {
    double expected = draws * probabilities[i];
    if (expected >= 5.0) {
      add(static_cast<double>(observed[i]), expected);
    } else {
      rest_expected += expected;
      rest_observed += static_cast<double>(observed[i]);
    }
  }
  if (rest_expected > 0.5)
    add(rest_observed, rest_expected);
  else if (rest_observed > 8.0)
    statistic = INFINITY;
  // Wilson and Hilferty's cube of a normal variable, at 4.8 standard deviations.
  double degrees = std::max(cells - 1, 1), spread = 2.0 / (9.0 * degrees);
  return {statistic, degrees * std::pow(1.0 - spread + 4.8 * std::sqrt(spread), 3.0)};
}

}  // namespace st::test
