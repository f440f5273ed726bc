// Early exits and what the golden steps do not cover, one sequence at a time; recursions against the golden files.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "common/exits.h"
#include "parameters.h"
#include "safetensors.h"
#include "sample_support.h"

namespace {

using namespace st::test;

Safetensors golden(const std::string& name) {
  const char* root = getenv("SOFTTHINKING_GOLDEN");
  return Safetensors(std::string(root && *root ? root : SOFTTHINKING_TEST_DATA) + "/strategies/exits/" + name +
                     ".safetensors");
}

TEST(StrategyExits, CusumMatchesGoldenFile) {
  Safetensors file = golden("arithmetic-cusum");
  Parameters parameters(file.metadata("parameters"));
  st_cusum cusum = {0.0f, parameters.integer("warmup"), parameters.number("drift"), parameters.number("threshold")};
  st_sequence_state state = {};
  std::vector<float> entropies = file.f32("entropy_1"), sums = file.f32("cusum");
  int32_t stopped = -1;
  for (size_t i = 0; i < entropies.size(); ++i) {
    bool stop = st::cusum_stop(cusum, state, entropies[i]);
    if (stop && stopped < 0) stopped = static_cast<int32_t>(i);
    EXPECT_NEAR(state.cusum, sums[i], 2e-5f * (1.0f + sums[i])) << i;
  }
  EXPECT_EQ(stopped, file.i32("stop_step")[0]);
}

TEST(StrategyExits, DeepconfMatchesGoldenFile) {
  Safetensors file = golden("arithmetic-deepconf");
  std::vector<float> bars = file.f32("bars"), values = file.f32("confidence"), means = file.f32("group_mean");
  for (size_t b = 0; b < bars.size(); ++b) {
    int32_t window = Parameters(file.metadata("parameters")).integer("window");
    std::vector<float> memory(static_cast<size_t>(window), NAN);
    st_deepconf deepconf = {window, bars[b], -1, 0, memory.data()};
    st_sequence_state state = {};
    int32_t stopped = -1;
    for (uint32_t i = 0; i < values.size(); ++i) {
      bool stop = st::deepconf_stop(deepconf, state, i, values[i]);
      if (stop && stopped < 0) stopped = static_cast<int32_t>(i);
      if (i + 1 < static_cast<uint32_t>(window)) continue;
      EXPECT_NEAR(state.confidence_sum / window, static_cast<double>(means[i]), 2e-5) << i;
    }
    EXPECT_EQ(stopped, file.i32("stop_step")[b]);
  }
}

TEST(StrategyExits, EatMatchesGoldenFile) {
  Safetensors file = golden("arithmetic-eat");
  Parameters parameters(file.metadata("parameters"));
  st_eat eat = {1, 0,      parameters.number("alpha"), parameters.number("delta"), parameters.integer("min_probes"),
                0, nullptr};
  st_sequence_state state = {};
  std::vector<float> entropies = file.f32("probe_entropy"), means = file.f32("probe_mean"),
                     variances = file.f32("probe_variance");
  int32_t stopped = -1;
  for (size_t i = 0; i < entropies.size(); ++i) {
    bool stop = st::eat_stop(eat, state, entropies[i]);
    if (stop && stopped < 0) stopped = static_cast<int32_t>(i);
    EXPECT_NEAR(state.eat_mean, means[i], 2e-5f) << i;
    EXPECT_NEAR(state.eat_variance, variances[i], 2e-5f) << i;
  }
  EXPECT_EQ(stopped, file.i32("stop_probe")[0]);
}

// --- one sequence --------------------------------------------------------------------------------------------------

constexpr int32_t kVocabulary = 40, kThinkEnd = 7, kEos = 1;

std::vector<float> peak(int32_t id, float height) {
  std::vector<float> row(kVocabulary, 0.0f);
  row[static_cast<size_t>(id)] = height;
  return row;
}

// Entropy at a temperature, in double precision.
double entropy_of(const std::vector<float>& row, double temperature) {
  double z = 0.0, h = 0.0;
  for (float l : row) z += std::exp(static_cast<double>(l) / temperature);
  for (float l : row)
    h -= std::exp(static_cast<double>(l) / temperature) / z * (static_cast<double>(l) / temperature - std::log(z));
  return h;
}

// -(1/20) sum of the 20 largest ln p.
double confidence_of(std::vector<float> row) {
  double z = 0.0, sum = 0.0;
  for (float l : row) z += std::exp(static_cast<double>(l));
  std::sort(row.rbegin(), row.rend());
  for (size_t i = 0; i < 20; ++i) sum += static_cast<double>(row[i]) - std::log(z);
  return -sum / 20;
}

st_sampling thinking_sampling(int32_t strategy = ST_STRATEGY_SOFT) {
  st_sampling sampling = plain_sampling();
  sampling.strategy = strategy;
  sampling.thinking.temperature = 0.5f;
  sampling.after.temperature = 0.0f;
  sampling.max_topk = 3;
  sampling.think_end_count = 1;
  sampling.think_end[0] = kThinkEnd;
  force_after_end(sampling, {20, 21});
  return sampling;
}

class Sequence {
 public:
  Sequence(Device& device, const st_sampling& sampling, const st_sequence_state& state = first_state())
      : device_(device), values_(device, std::vector<float>(4, NAN)), ids_(device, std::vector<int32_t>{3, 5, 9}) {
    step_.entries = 24;
    step_.vocabulary = kVocabulary;
    step_.slots = {0};
    step_.sampling = {sampling};
    step_.states = {state};
    step_.sampling[0].deepconf.values = values_.get();
    step_.sampling[0].eat.trigger_ids = step_.sampling[0].deer.trigger_ids = ids_.get();
  }

  // Samples one step and returns its flags, without those that say what sort of token it is.
  int32_t next(const std::vector<float>& logits) {
    step_.logits = logits;
    result_ = run(device_, step_);
    step_.states = result_.states;
    return result_.info[0].flags & ~(ST_STEP_SOFT | ST_STEP_THINKING | ST_STEP_MIXED);
  }

  // Applies a probe's row.
  st_probe_info probe(int32_t kind, const std::vector<float>& row) {
    Buffer<float> logits(device_, row), slot_weights(device_, result_.slot_weights), probe_weights(device_, 24);
    Buffer<int32_t> slots(device_, step_.slots), kinds(device_, std::vector<int32_t>{kind}),
        slot_ids(device_, result_.slot_ids), probe_ids(device_, 24),
        counts(device_, std::vector<int32_t>(kVocabulary, 5));
    Buffer<st_sampling> sampling(device_, step_.sampling);
    Buffer<st_sequence_state> states(device_, step_.states);
    Buffer<st_probe_info> info(device_, 1);
    Memory workspace(device_, device_.api.sample_workspace_bytes(1, kVocabulary), kNaNPoison);
    st_probe op = {sizeof op,       1,
                   kVocabulary,     24,
                   logits.get(),    slots.get(),
                   kinds.get(),     sampling.get(),
                   states.get(),    counts.get(),
                   slot_ids.get(),  slot_weights.get(),
                   probe_ids.get(), probe_weights.get(),
                   info.get(),      workspace.get()};
    device_.check(device_.api.probe(device_.stream, &op));
    step_.states = states.read();
    result_.slot_ids = slot_ids.read();
    result_.slot_weights = slot_weights.read();
    counts_ = counts.read();
    if (kind == ST_PROBE_DEER) {
      EXPECT_EQ(probe_ids.read()[0], info.read()[0].token);
      EXPECT_EQ(probe_weights.read()[0], 1.0f);
    }
    return info.read()[0];
  }

  int32_t token() const { return result_.info[0].token; }
  const SampleResult& result() const { return result_; }
  const std::vector<int32_t>& counts() const { return counts_; }
  const st_sequence_state& state() const { return step_.states[0]; }
  st_sequence_state& state() { return step_.states[0]; }

 private:
  Device& device_;
  Buffer<float> values_;
  Buffer<int32_t> ids_;
  SampleStep step_;
  SampleResult result_ = {};
  std::vector<int32_t> counts_;
};

constexpr int32_t kStopped = ST_STEP_FORCED | ST_STEP_THINKING_ENDED;

ST_TEST_EVERY_BACKEND_ONCE(StrategyExitsTest);

// With T = 0.5, of which the cold stop reads the entropy, the cumulative sum that at 1.
TEST_P(StrategyExitsTest, CusumReadsTemperatureOne) {
  std::vector<float> row = peak(4, 3.0f);
  double cold = entropy_of(row, 0.5), warm = entropy_of(row, 1.0);
  ASSERT_GT(warm, cold + 0.5);
  st_sampling sampling = thinking_sampling(ST_STRATEGY_LATENT_SFT);
  sampling.cusum = {static_cast<float>(warm + 0.5), 0, 0.25f, 0.6f};
  Sequence sequence(device(), sampling);
  EXPECT_EQ(sequence.next(row), 0);
  EXPECT_NEAR(sequence.state().cusum, 0.25f, 1e-5f);
  EXPECT_EQ(sequence.next(row), 0);
  EXPECT_EQ(sequence.next(row), kStopped | ST_STEP_CUSUM);
  EXPECT_EQ(sequence.token(), kThinkEnd);
  EXPECT_EQ(sequence.next(row), ST_STEP_FORCED);
  EXPECT_EQ(sequence.token(), 20);
  EXPECT_NEAR(sequence.state().cusum, 0.75f, 1e-5f);  // it keeps its last value
}

TEST_P(StrategyExitsTest, TheFirstExitWins) {
  std::vector<float> row = peak(4, 9.0f);
  for (int32_t exits = 1; exits < 16; ++exits) {
    st_sampling sampling = thinking_sampling();
    if (exits & 1) sampling.entropy_threshold = 1.0f;
    if (exits & 2) sampling.cusum = {5.0f, 0, 0.0f, 0.1f};
    if (exits & 8) sampling.max_thinking_tokens = 0;
    st_sequence_state state = first_state();
    state.eat_stop = exits & 4 ? 1 : 0;
    Sequence sequence(device(), sampling, state);
    int32_t first = exits & 1   ? ST_STEP_COLD_STOP
                    : exits & 2 ? ST_STEP_CUSUM
                    : exits & 4 ? ST_STEP_EAT
                                : ST_STEP_BUDGET;
    EXPECT_EQ(sequence.next(row), kStopped | first) << exits;
  }
}

TEST_P(StrategyExitsTest, DeepconfCountsEveryTokenAndEmitsEos) {
  std::vector<float> sure = peak(4, 9.0f), unsure = peak(5, 0.5f);
  double mean = (confidence_of(sure) + 2 * confidence_of(unsure)) / 3;
  for (int32_t eos : {kEos, -1}) {
    for (bool after : {false, true}) {
      SCOPED_TRACE(testing::Message() << eos << after);
      st_sampling sampling = thinking_sampling();
      sampling.deepconf = {3, static_cast<float>(mean + 0.01), eos, 0, nullptr};
      Sequence sequence(device(), sampling, first_state(!after));
      // Two sure tokens in the window keep it above the bar.
      for (const auto& row : {sure, unsure, sure, sure, unsure}) EXPECT_EQ(sequence.next(row), 0);
      int32_t forced = eos >= 0 ? ST_STEP_FORCED : 0;
      EXPECT_EQ(sequence.next(unsure), ST_STEP_LOW_CONFIDENCE | forced);
      EXPECT_EQ(sequence.token(), eos >= 0 ? eos : 5);
      EXPECT_EQ(sequence.result().info[0].count, eos >= 0 || after ? 1 : 3);
    }
  }
}

TEST_P(StrategyExitsTest, DeepconfDoesNotStopBeforeItsWindowIsFull) {
  st_sampling sampling = thinking_sampling();
  sampling.deepconf = {4, 1e6f, kEos, 0, nullptr};
  Sequence sequence(device(), sampling);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sequence.next(peak(4, 1.0f)), 0);
  EXPECT_EQ(sequence.next(peak(4, 1.0f)), ST_STEP_LOW_CONFIDENCE | ST_STEP_FORCED);
}

TEST_P(StrategyExitsTest, EatWaitsForItsProbes) {
  for (int32_t interval : {0, 2}) {
    SCOPED_TRACE(interval);
    st_sampling sampling = thinking_sampling();
    sampling.eat = {1, interval, 0.5f, 1e-3f, 2, 3, nullptr};
    Sequence sequence(device(), sampling);
    EXPECT_EQ(sequence.next(peak(4, 9.0f)), 0);  // neither a trigger nor the second thought
    EXPECT_EQ(sequence.next(peak(5, 9.0f)), ST_STEP_AWAITS_EAT);
    st_sequence_state before = sequence.state();
    EXPECT_EQ(sequence.next(peak(5, 9.0f)), ST_STEP_WAITING);
    EXPECT_TRUE(compare_bits(&before, &sequence.state(), 1, sizeof before));
    st_probe_info first = sequence.probe(ST_PROBE_EAT, peak(8, 2.0f));
    EXPECT_EQ(first.done, 1);
    EXPECT_EQ(first.stop, 0);  // two are the minimum
    EXPECT_NEAR(static_cast<double>(first.entropy_1), entropy_of(peak(8, 2.0f), 1.0), 2e-5);
    if (interval) {
      EXPECT_EQ(sequence.next(peak(4, 9.0f)), 0);
    }
    EXPECT_EQ(sequence.next(peak(5, 9.0f)), ST_STEP_AWAITS_EAT);
    EXPECT_EQ(sequence.probe(ST_PROBE_EAT, peak(8, 2.0f)).stop, 1);
    EXPECT_EQ(sequence.probe(ST_PROBE_EAT, peak(8, 2.0f)).done, 0);  // it waits no more
    EXPECT_EQ(sequence.next(peak(5, 9.0f)), kStopped | ST_STEP_EAT);
  }
}

st_sampling deer_sampling(bool arithmetic, bool require_end, float threshold) {
  st_sampling sampling = thinking_sampling();
  sampling.deer = {2, 3, threshold, arithmetic, require_end, 3, nullptr};
  const int32_t exit[] = {30, kThinkEnd | ST_MAY_END, 20};
  std::copy_n(exit, 3, sampling.forced + 10);
  sampling.deer_exit = {10, 13};
  return sampling;
}

TEST_P(StrategyExitsTest, DeerReplacesAThoughtByItsExit) {
  std::vector<float> answer = peak(12, 6.0f), end = peak(kThinkEnd, 8.0f);
  auto p = [](double height) { return std::exp(height) / (std::exp(height) + kVocabulary - 1); };
  for (bool arithmetic : {false, true}) {
    double confidence = arithmetic ? (p(6.0) + p(8.0)) / 2 : std::sqrt(p(6.0) * p(8.0));
    for (double margin : {-1e-4, 1e-4}) {
      SCOPED_TRACE(testing::Message() << arithmetic << margin);
      Sequence sequence(device(), deer_sampling(arithmetic, true, static_cast<float>(confidence + margin)));
      EXPECT_EQ(sequence.next(peak(5, 9.0f)), ST_STEP_AWAITS_DEER);
      EXPECT_EQ(sequence.probe(ST_PROBE_DEER, peak(12, 1.0f)).done, 0);  // the first token does not count
      EXPECT_EQ(sequence.probe(ST_PROBE_DEER, answer).token, 12);
      st_probe_info info = sequence.probe(ST_PROBE_DEER, end);
      EXPECT_EQ(info.done, 1);
      EXPECT_NEAR(static_cast<double>(info.confidence), confidence, 2e-5);
      EXPECT_EQ(info.stop, margin < 0 ? 1 : 0);
      if (margin > 0) {
        EXPECT_EQ(info.flags, 0);
        EXPECT_EQ(sequence.result().slot_ids[0], 5);
        EXPECT_EQ(sequence.next(peak(4, 9.0f)), 0);
        continue;
      }
      EXPECT_EQ(info.flags, ST_STEP_DEER | ST_STEP_FORCED | ST_STEP_THINKING | ST_STEP_SOFT);
      EXPECT_EQ(info.emitted, 30);
      EXPECT_EQ(sequence.result().slot_ids[0], 30);
      EXPECT_EQ(sequence.result().slot_weights[0], 1.0f);
      EXPECT_EQ(sequence.result().slot_weights[1], 0.0f);
      EXPECT_EQ(sequence.counts()[5], 4);
      EXPECT_EQ(sequence.counts()[30], 6);
      EXPECT_EQ(sequence.next(peak(5, 9.0f)), kStopped);
      EXPECT_EQ(sequence.token(), kThinkEnd);
      EXPECT_EQ(sequence.next(peak(5, 9.0f)), ST_STEP_FORCED);
      EXPECT_EQ(sequence.token(), 20);
    }
  }
}

TEST_P(StrategyExitsTest, DeerWithoutAnEndOrASecondTokenIsNotConfident) {
  std::vector<float> sure = peak(12, 20.0f);
  for (bool require_end : {false, true}) {
    Sequence sequence(device(), deer_sampling(false, require_end, 0.5f));
    EXPECT_EQ(sequence.next(peak(5, 9.0f)), ST_STEP_AWAITS_DEER);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(sequence.probe(ST_PROBE_DEER, sure).done, 0);
    st_probe_info info = sequence.probe(ST_PROBE_DEER, sure);  // the limit of tokens
    EXPECT_EQ(info.done, 1);
    EXPECT_EQ(info.stop, require_end ? 0 : 1);
  }
  Sequence sequence(device(), deer_sampling(false, false, 0.5f));
  for (int probes = 0; probes < 2; ++probes) {
    EXPECT_EQ(sequence.next(peak(5, 9.0f)), ST_STEP_AWAITS_DEER);
    st_probe_info info = sequence.probe(ST_PROBE_DEER, peak(kThinkEnd, 20.0f));  // an end at once
    EXPECT_EQ(info.done, 1);
    EXPECT_EQ(info.confidence, 0.0f);
  }
  EXPECT_EQ(sequence.next(peak(5, 9.0f)), 0);  // two were the maximum
}

// --- what strategies do at the ends of their ranges ----------------------------------------------------------------

TEST_P(StrategyExitsTest, LargestTiesGoToTheLowerId) {
  std::vector<float> row(kVocabulary, 0.0f);
  row[9] = row[23] = row[31] = 4.0f;
  for (int32_t kind = ST_STRATEGY_SOFT; kind <= ST_STRATEGY_SOFT_GRPO; ++kind) {
    st_sampling sampling = thinking_sampling(kind);
    sampling.thinking.temperature = 0.0f;
    sampling.gumbel_temperature = kind >= ST_STRATEGY_LATENT_GRPO ? 1.0f : 0.0f;
    Sequence sequence(device(), sampling);
    sequence.next(row);
    EXPECT_EQ(sequence.token(), 9) << kind;
  }
}

// The candidates of latent-grpo end at 1,024 of 1,500 equal logits: without noise the first n of them are the result.
TEST_P(StrategyExitsTest, CandidatesAreBounded) {
  for (bool noise : {false, true}) {
    SampleStep step;
    step.entries = ST_MAX_TOPK;
    st_sampling sampling = plain_sampling();
    sampling.strategy = ST_STRATEGY_LATENT_GRPO;
    sampling.max_topk = ST_MAX_TOPK;
    sampling.gumbel_temperature = 1.0f;
    sampling.noise = {noise ? 1.0f : 0.0f, -1.5f, 3.0f, 1};
    step.add(sampling, first_state(), std::vector<float>(1500, 0.25f));
    SampleResult result = run(device(), step);
    EXPECT_EQ(result.info[0].count, ST_MAX_TOPK);
    std::vector<int32_t> ids = result.row_ids(0), first(ST_MAX_TOPK);
    std::iota(first.begin(), first.end(), 0);
    EXPECT_EQ(ids != first, noise);
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(ids, first);
  }
}

}  // namespace
