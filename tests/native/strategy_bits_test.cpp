// Steps of all strategies on random rows: the bits of the scalar processor on every device, for any batch and number of
// threads, and tokens that are well formed.
#include <algorithm>
#include <cmath>

#include "sample_support.h"

namespace {

using namespace st::test;

constexpr int32_t kEntries = 40;

float pick(Random& random, std::initializer_list<float> values) {
  return values.begin()[random.integer(0, static_cast<int32_t>(values.size()) - 1)];
}

st_sampling random_sampling(Random& random, int32_t vocabulary) {
  st_sampling sampling = plain_sampling();
  for (st_filter* filter : {&sampling.thinking, &sampling.after})
    *filter = {pick(random, {0.0f, 0.3f, 0.6f, 1.0f, 1.7f}), pick(random, {0.4f, 0.95f, 1.0f}),
               pick(random, {0.0f, 0.001f, 0.1f}), random.integer(-1, vocabulary + 2)};
  sampling.seed = random.bits();
  sampling.strategy = random.integer(ST_STRATEGY_SOFT, ST_STRATEGY_SOFT_GRPO);
  sampling.max_topk = random.integer(1, kEntries - 1);
  sampling.record = random.integer(0, 1);
  sampling.gumbel_temperature = pick(random, {0.1f, 0.5f, 2.0f});
  if (sampling.strategy == ST_STRATEGY_SOFT) {
    sampling.dirichlet_alpha = pick(random, {0.0f, 0.5f, 4.0f});
    sampling.gumbel_temperature = pick(random, {0.0f, 0.5f});
  }
  sampling.noise = {pick(random, {0.0f, 0.5f, 1.0f}), -1.5f, 3.0f, random.integer(0, 1)};
  sampling.mixture = {pick(random, {0.0f, 0.5f, 1.0f, 2.0f}), random.integer(0, 1), random.integer(0, 1)};
  sampling.multiplex = {random.integer(0, 1), pick(random, {-1.0f, 0.5f, 2.0f})};
  sampling.router_threshold = pick(random, {0.0f, 0.2f, 0.5f, 1.0f});
  sampling.swireasoning = {4, 0.5f, 0.7f, 1000, random.integer(-1, 2), random.integer(0, 2), 5, 0, nullptr};
  sampling.think_start_count = random.integer(0, 2);
  sampling.think_end_count = random.integer(0, 2);
  sampling.think_end[0] = random.integer(0, vocabulary - 1);
  sampling.think_end[1] = sampling.think_start[1] = vocabulary - 1;
  sampling.forced[0] = 2 | ST_MAY_END;
  sampling.forced[1] = 1;
  sampling.end = sampling.converge = sampling.conclude = {0, 2};
  sampling.entropy_threshold = pick(random, {0.0f, 1.0f});
  sampling.cusum = {2.0f, random.integer(0, 2), 0.1f, pick(random, {0.0f, 0.5f})};
  return sampling;
}

st_sequence_state random_state(Random& random) {
  st_sequence_state state = first_state(random.chance(0.8));
  state.step = static_cast<uint32_t>(random.integer(0, 3));
  state.mode = random.integer(0, 1);
  state.stay = random.integer(0, 6);
  state.switches = random.integer(0, 5);
  state.h_ref = static_cast<float>(random.uniform(0.0, 5.0));
  return state;
}

std::vector<float> random_logits(Random& random, int32_t vocabulary) {
  auto size = static_cast<size_t>(vocabulary);
  std::vector<float> row = random.normals(size, random.uniform(0.1, 6.0));
  int32_t kind = random.integer(0, 4);
  for (float& each : row) {
    if (kind == 0) each = std::round(each);
    if (kind == 1 && random.chance(0.6)) each = -INFINITY;
  }
  row[static_cast<size_t>(random.integer(0, vocabulary - 1))] = 2.0f;
  return row;
}

SampleStep random_step(Random& random, int32_t vocabulary, size_t rows) {
  SampleStep step;
  step.entries = kEntries;
  step.records = true;
  for (size_t r = 0; r < rows; ++r)
    step.add(random_sampling(random, vocabulary), random_state(random), random_logits(random, vocabulary));
  step.counts.assign(rows * static_cast<size_t>(vocabulary), 0);
  return step;
}

ST_TEST_EVERY_BACKEND_ONCE(StrategyBitsTest);

TEST_P(StrategyBitsTest, AreThoseOfTheScalarProcessor) {
  Device cpu({"cpu", "scalar"}, 1);
  for (int32_t vocabulary : {3, 25, 129, 700, 2500}) {
    SCOPED_TRACE(vocabulary);
    SampleStep step = random_step(random, vocabulary, device().emulated() ? 24 : 200);
    SampleResult result = run(device(), step), expected = run(cpu, step);
    // Where nothing is recorded, nothing is written.
    for (size_t r = 0; r < step.slots.size(); ++r)
      EXPECT_EQ(std::isnan(result.record.log_p1[r * kEntries]), step.sampling[r].record == 0);
    expect_same_bits(result, expected);
  }
}

TEST_P(StrategyBitsTest, DoNotDependOnTheBatchAndTheThreads) {
  SampleStep step = random_step(random, 300, device().emulated() ? 6 : 60);
  SampleResult all = run(device(), step);
  for (int threads : thread_counts()) {
    auto other = open(threads);
    for (size_t r = 0; r < step.slots.size(); r += 7) {
      SampleStep one;
      one.entries = kEntries;
      one.add(step.sampling[r], step.states[r], slice(step.logits, r * 300, 300));
      SampleResult alone = run(*other, one);
      EXPECT_TRUE(same_bits(alone.row_ids(0), all.row_ids(r)));
      EXPECT_TRUE(same_bits(alone.row_weights(0), all.row_weights(r)));
      EXPECT_TRUE(compare_bits(&alone.info[0], &all.info[r], 1, sizeof(st_step_info)));
      EXPECT_TRUE(compare_bits(&alone.states[0], &all.states[r], 1, sizeof(st_sequence_state)));
    }
  }
}

// latent-grpo looks only at ids that noise can bring among the first n.
TEST_P(StrategyBitsTest, NoIdThatNoiseLiftsIsMissed) {
  constexpr int32_t kVocabulary = 300;
  constexpr size_t kFew = 3;
  SampleStep many, few;
  many.entries = few.entries = kVocabulary;
  many.records = few.records = true;
  for (int row = 0; row < (device().emulated() ? 24 : 300); ++row) {
    st_sampling sampling = plain_sampling();
    sampling.strategy = ST_STRATEGY_LATENT_GRPO;
    sampling.seed = random.bits();
    sampling.record = 1;
    sampling.gumbel_temperature = 1.0f;
    // Most variables are outside a narrow range: many ids have the smallest or the largest noise.
    float low = pick(random, {-1.5f, 0.3f}), high = low + pick(random, {0.2f, 4.5f});
    sampling.noise = {pick(random, {0.0f, 1.0f, 5.0f}), low, high, random.integer(0, 1)};
    sampling.max_topk = kVocabulary;
    std::vector<float> logits = random_logits(random, kVocabulary);
    many.add(sampling, first_state(), logits);
    sampling.max_topk = kFew;
    few.add(sampling, first_state(), logits);
  }
  SampleResult all = run(device(), many), first = run(device(), few);
  auto first_places = [](const auto& values, size_t r) {
    auto begin = values.begin() + static_cast<std::ptrdiff_t>(r) * kVocabulary;
    return std::vector(begin, begin + kFew);
  };
  for (size_t r = 0; r < few.slots.size(); ++r) {
    EXPECT_TRUE(same_bits(first_places(first.ids, r), first_places(all.ids, r)));
    EXPECT_TRUE(same_bits(first_places(first.record.scores, r), first_places(all.record.scores, r)));
  }
}

TEST_P(StrategyBitsTest, TokensAreWellFormed) {
  SampleStep step = random_step(random, 60, device().emulated() ? 20 : 500);
  SampleResult result = run(device(), step);
  for (size_t r = 0; r < step.slots.size(); ++r) {
    SCOPED_TRACE(testing::Message() << "row " << r << ", strategy " << step.sampling[r].strategy);
    std::vector<float> weights = result.row_weights(r);
    std::vector<int32_t> ids = result.row_ids(r);
    auto count = static_cast<size_t>(result.info[r].count);
    double sum = 0.0;
    for (size_t i = 0; i < weights.size(); ++i) {
      sum += static_cast<double>(weights[i]);
      EXPECT_GE(weights[i], 0.0f);
      EXPECT_TRUE(ids[i] >= 0 && ids[i] < 60);
      EXPECT_TRUE(i < count || (ids[i] == 0 && weights[i] == 0.0f));
    }
    EXPECT_NEAR(sum, 1.0, 1e-5);
    bool plain = count == 1 && weights[0] == 1.0f && ids[0] == result.info[r].token;
    EXPECT_TRUE(plain || (result.info[r].flags & ST_STEP_MIXED));
    EXPECT_EQ(result.counts[r * 60 + static_cast<size_t>(result.info[r].token)], 1);
  }
}

}  // namespace
