// What the random strategies draw, against its distribution, over a million steps and more. On the CPU's fastest
// instruction set: the other devices have the same bits (strategy_bits_test.cpp). Every bound is passed by chance less
// than once in a million times.
#include <cmath>
#include <functional>

#include "sample_support.h"

namespace {

using namespace st::test;

constexpr int kSlots = 4000, kSteps = 256;  // a million steps
static_assert(kSlots * kSteps >= 1000000);

// What a step of one slot returned.
struct Seen {
  const int32_t* ids;
  const float* weights;
  const float* scores;
  const float* log_p1;
  const st_step_info& info;
  const st_step_record& record;
};

// Samples many slots of the same logits for many steps.
class Sampler {
 public:
  Sampler(const st_sampling& sampling, const std::vector<float>& row, int32_t entries)
      : entries_(entries), vocabulary_(static_cast<int32_t>(row.size())) {
    Random random;
    for (int s = 0; s < kSlots; ++s) {
      sampling_.push_back(sampling);
      sampling_.back().seed = random.bits();
      sampling_.back().record = 1;
      slots_.push_back(s);
      logits_.insert(logits_.end(), row.begin(), row.end());
    }
    states_.assign(kSlots, first_state());
    auto places = static_cast<size_t>(kSlots * entries);
    ids_.resize(places), slot_ids_.resize(places), info_.resize(kSlots), record_.resize(kSlots);
    weights_.resize(places), slot_weights_.resize(places), scores_.resize(places), log_p1_.resize(places);
    workspace_.resize(device_.api.sample_workspace_bytes(kSlots, vocabulary_) / sizeof(uint64_t));
  }

  void for_each(const std::function<void(const Seen&)>& seen) {
    st_sample op = {};
    op.size = sizeof op;
    op.rows = kSlots;
    op.vocabulary = vocabulary_;
    op.entries = entries_;
    op.logits = logits_.data();
    op.slots = slots_.data();
    op.sampling = sampling_.data();
    op.states = states_.data();
    op.slot_ids = slot_ids_.data();
    op.slot_weights = slot_weights_.data();
    op.out_ids = ids_.data();
    op.out_weights = weights_.data();
    op.out_info = info_.data();
    op.out_record = record_.data();
    op.out_scores = scores_.data();
    op.out_log_p1 = log_p1_.data();
    op.workspace = workspace_.data();
    for (int step = 0; step < kSteps; ++step) {
      device_.check(device_.api.sample(device_.stream, &op));
      device_.synchronize();
      for (size_t r = 0; r < kSlots; ++r) {
        size_t at = r * static_cast<size_t>(entries_);
        seen({&ids_[at], &weights_[at], &scores_[at], &log_p1_[at], info_[r], record_[r]});
      }
    }
  }

 private:
  Device device_{{"cpu", ""}, 0};  // whose memory is ordinary memory
  int32_t entries_, vocabulary_;
  std::vector<float> logits_, weights_, slot_weights_, scores_, log_p1_;
  std::vector<int32_t> slots_, ids_, slot_ids_;
  std::vector<st_sampling> sampling_;
  std::vector<st_sequence_state> states_;
  std::vector<st_step_info> info_;
  std::vector<st_step_record> record_;
  std::vector<uint64_t> workspace_;
};

constexpr size_t kVocabulary = 7;
const std::vector<float> kRow = {0.3f, 2.0f, -1.0f, 1.4f, 0.0f, -0.7f, 1.9f};

std::vector<double> softmax(double temperature, std::vector<float> row = kRow) {
  std::vector<double> result;
  double total = 0.0;
  for (float logit : row) total += std::exp(static_cast<double>(logit) / temperature);
  for (float logit : row) result.push_back(std::exp(static_cast<double>(logit) / temperature) / total);
  return result;
}

void expect_distribution(const std::vector<int64_t>& seen, const std::vector<double>& probabilities) {
  ChiSquare test = chi_square(seen, probabilities);
  EXPECT_LT(test.statistic, test.limit);
}

// Counts pairs of ids, against the probability of each pair.
void expect_pairs(Sampler& sampler, const std::function<double(size_t, size_t)>& probability,
                  const std::function<std::pair<int32_t, int32_t>(const Seen&)>& pair_of) {
  std::vector<int64_t> seen(kVocabulary * kVocabulary, 0);
  std::vector<double> expected;
  sampler.for_each([&](const Seen& step) {
    auto [first, second] = pair_of(step);
    seen[static_cast<size_t>(first) * kVocabulary + static_cast<size_t>(second)] += 1;
  });
  for (size_t i = 0; i < kVocabulary; ++i)
    for (size_t j = 0; j < kVocabulary; ++j) expected.push_back(probability(i, j));
  expect_distribution(seen, expected);
}

// The two largest of ln p + Gumbel noise are drawn one after the other without replacement.
double without_replacement(const std::vector<double>& p, size_t i, size_t j) {
  return i == j ? 0.0 : p[i] * p[j] / (1.0 - p[i]);
}

st_sampling strategy(int32_t kind, int32_t n) {
  st_sampling sampling = plain_sampling();
  sampling.strategy = kind;
  sampling.max_topk = n;
  sampling.thinking.temperature = 0.8f;
  sampling.gumbel_temperature = 0.5f;
  sampling.noise = {1.0f, -100.0f, 100.0f, 0};
  return sampling;
}

std::pair<int32_t, int32_t> first_two(const Seen& step) {
  return {step.ids[0], step.ids[1]};
}

TEST(StrategyNoiseTest, MultiplexDrawsIndependently) {
  Sampler sampler(strategy(ST_STRATEGY_MULTIPLEX, 3), kRow, 3);
  std::vector<double> p = softmax(static_cast<double>(0.8f));
  expect_pairs(
      sampler, [&](size_t i, size_t j) { return p[i] * p[j]; },
      [](const Seen& step) { return std::pair(step.ids[1], step.ids[2]); });
}

// The emitted ids of the strategies that feed something else: y = draw(0).
TEST(StrategyNoiseTest, EmittedIdsFollowTheKeptDistribution) {
  for (int32_t kind : {ST_STRATEGY_MIXTURE, ST_STRATEGY_SWIREASONING, ST_STRATEGY_THINK_ROUTER}) {
    SCOPED_TRACE(kind);
    st_sampling sampling = strategy(kind, 3);
    sampling.thinking.top_k = 5;
    sampling.router_threshold = 0.99f;
    Sampler sampler(sampling, kRow, 24);
    std::vector<double> expected = softmax(static_cast<double>(0.8f));
    double kept = 1.0 - expected[2] - expected[5];
    expected[2] = expected[5] = 0.0;  // the two smallest
    for (double& each : expected) each /= kept;
    std::vector<int64_t> seen(kVocabulary, 0);
    sampler.for_each([&](const Seen& step) { seen[static_cast<size_t>(step.info.token)] += 1; });
    expect_distribution(seen, expected);
  }
}

TEST(StrategyNoiseTest, GumbelOrdersLikeDrawsWithoutReplacement) {
  Sampler sampler(strategy(ST_STRATEGY_SOFT, 7), kRow, 7);
  std::vector<double> p = softmax(static_cast<double>(0.8f));
  double sum = 0.0, squares = 0.0, count = 0.0;
  expect_pairs(
      sampler, [&](size_t i, size_t j) { return without_replacement(p, i, j); },
      [&](const Seen& step) {
        auto log_prob = static_cast<double>(step.record.log_prob);
        sum += log_prob, squares += log_prob * log_prob, count += 1.0;
        return first_two(step);
      });
  // The mean log-density of a Gumbel variable is -1 - Euler's constant.
  double mean = sum / count, error = std::sqrt((squares / count - mean * mean) / count);
  EXPECT_NEAR(mean, -1.5772156649015329, 5.0 * error);
}

TEST(StrategyNoiseTest, LatentGrpoOrdersLikeDrawsWithoutReplacement) {
  st_sampling sampling = strategy(ST_STRATEGY_LATENT_GRPO, 3);
  sampling.gumbel_temperature = 1.0f;
  Sampler sampler(sampling, kRow, 3);
  std::vector<double> p = softmax(1.0);  // whatever the temperature
  expect_pairs(
      sampler, [&](size_t i, size_t j) { return without_replacement(p, i, j); }, first_two);
}

TEST(StrategyNoiseTest, SoftGrpoOrdersLikeDrawsWithoutReplacement) {
  Sampler sampler(strategy(ST_STRATEGY_SOFT_GRPO, 7), kRow, 7);
  std::vector<double> p = softmax(static_cast<double>(0.8f));
  for (double& each : p) each = (each + 1e-6) / (1.0 + 7e-6);
  expect_pairs(
      sampler, [&](size_t i, size_t j) { return without_replacement(p, i, j); }, first_two);
}

// The noise of an id by its distribution function exp(-e^-g), both clamped ends included.
TEST(StrategyNoiseTest, NoiseIsAClampedGumbelVariable) {
  st_sampling sampling = strategy(ST_STRATEGY_LATENT_GRPO, 7);
  sampling.noise = {0.5f, -1.5f, 3.0f, 1};
  Sampler sampler(sampling, kRow, 7);
  constexpr int kBins = 18;  // of a quarter, from -1.5 to 3
  std::vector<int64_t> seen(kBins + 2, 0);
  sampler.for_each([&](const Seen& step) {
    size_t place = 0;
    while (step.ids[place] != 4) ++place;  // one id, whatever became of it
    float g = (step.scores[place] - step.log_p1[place]) / 0.5f - 1.5f;
    size_t bin = g <= -1.4999f ? 0 : g >= 2.9999f ? kBins + 1 : static_cast<size_t>((g + 1.5f) * 4.0f) + 1;
    seen[bin] += 1;
  });
  auto below = [](double g) { return std::exp(-std::exp(-g)); };
  std::vector<double> expected = {below(-1.5)};
  for (int i = 0; i < kBins; ++i) expected.push_back(below(-1.25 + 0.25 * i) - below(-1.5 + 0.25 * i));
  expected.push_back(1.0 - below(3.0));
  expect_distribution(seen, expected);
}

// Two equal entries with alpha = 2: shapes of 1, so that the weight of each is uniform, and e^score exponential.
TEST(StrategyNoiseTest, DirichletOfTwoIsUniform) {
  st_sampling sampling = strategy(ST_STRATEGY_SOFT, 2);
  sampling.gumbel_temperature = 0.0f;
  sampling.dirichlet_alpha = 2.0f;
  Sampler sampler(sampling, {1.0f, 1.0f}, 2);
  constexpr size_t kBins = 50;
  std::vector<int64_t> weights(kBins, 0), gammas(kBins, 0);
  sampler.for_each([&](const Seen& step) {
    size_t place = step.ids[0] == 0 ? 0 : 1;  // of id 0
    double weight = static_cast<double>(step.weights[place]), x = static_cast<double>(step.scores[place]);
    weights[std::min(kBins - 1, static_cast<size_t>(weight * kBins))] += 1;
    gammas[std::min(kBins - 1, static_cast<size_t>((1.0 - std::exp(-std::exp(x))) * kBins))] += 1;
  });
  std::vector<double> uniform(kBins, 1.0 / kBins);
  expect_distribution(weights, uniform);
  expect_distribution(gammas, uniform);
}

}  // namespace
