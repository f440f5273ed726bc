// score: log-probabilities of given ids.
#include <cmath>

#include "sample_support.h"

namespace {

using namespace st::test;

constexpr int32_t kVocabulary = 300, kCount = 6;

struct Scores {
  std::vector<float> log_p1, log_pt;
};

Scores score(Device& device, const std::vector<float>& rows, const std::vector<float>& temperatures,
             const std::vector<int32_t>& counts, const std::vector<int32_t>& ids) {
  auto count = static_cast<int32_t>(temperatures.size());
  Buffer<float> logits(device, rows), temperature(device, temperatures), log_p1(device, ids.size()),
      log_pt(device, ids.size());
  Buffer<int32_t> count_of_row(device, counts), id(device, ids);
  Memory workspace(device, device.api.sample_workspace_bytes(count, kVocabulary), kNaNPoison);
  st_score op = {sizeof op,          count,    kVocabulary,  kCount,       logits.get(),   temperature.get(),
                 count_of_row.get(), id.get(), log_p1.get(), log_pt.get(), workspace.get()};
  device.check(device.api.score(device.stream, &op));
  return {log_p1.read(), log_pt.read()};
}

ST_TEST_EVERY_BACKEND_ONCE(ScoreTest);

TEST_P(ScoreTest, MatchesTheReference) {
  const std::vector<float> temperatures = {0.6f, 1.0f, 0.0f, 2.5f};
  const std::vector<int32_t> counts = {6, 3, 0, 1};
  std::vector<float> logits = random.normals(4 * kVocabulary, 4.0);
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 4 * kCount; ++i) ids.push_back(random.integer(0, kVocabulary - 1));
  logits[static_cast<size_t>(ids[1])] = -INFINITY;
  Scores scores = score(device(), logits, temperatures, counts, ids);
  for (size_t r = 0; r < 4; ++r) {
    for (double t : {1.0, temperatures[r] > 0.0f ? static_cast<double>(temperatures[r]) : 1.0}) {
      double z = 0.0;
      for (size_t i = 0; i < kVocabulary; ++i) z += std::exp(static_cast<double>(logits[r * kVocabulary + i]) / t);
      const std::vector<float>& actual = t == 1.0 ? scores.log_p1 : scores.log_pt;
      for (size_t i = 0; i < kCount; ++i) {
        size_t at = r * kCount + i;
        double logit = static_cast<double>(logits[r * kVocabulary + static_cast<size_t>(ids[at])]);
        double expected = logit / t - std::log(z);
        if (i >= static_cast<size_t>(counts[r]))
          EXPECT_TRUE(std::isnan(actual[at])) << "left as it is";
        else if (std::isinf(expected))
          EXPECT_EQ(actual[at], -INFINITY);
        else
          EXPECT_NEAR(static_cast<double>(actual[at]), expected, 1e-5 * (1.0 + std::fabs(expected)));
      }
    }
  }
}

TEST_P(ScoreTest, HasTheBitsOfTheRecord) {
  SampleStep step;
  step.entries = kCount;
  step.records = true;
  std::vector<float> temperatures;
  for (size_t r = 0; r < 5; ++r) {
    st_sampling sampling = plain_sampling();
    sampling.strategy = ST_STRATEGY_LATENT_SFT;
    sampling.max_topk = kCount;
    sampling.record = 1;
    temperatures.push_back(sampling.thinking.temperature = 0.3f * static_cast<float>(r));
    step.add(sampling, first_state(), random.normals(kVocabulary, 3.0));
  }
  SampleResult result = run(device(), step);
  Scores scores = score(device(), step.logits, temperatures, std::vector<int32_t>(5, kCount), result.ids);
  EXPECT_TRUE(same_bits(scores.log_p1, result.record.log_p1));
  EXPECT_TRUE(same_bits(scores.log_pt, result.record.log_pt));
}

TEST_P(ScoreTest, BadLogitsHaveNoScores) {
  for (float bad : {NAN, INFINITY}) {
    std::vector<float> logits(kVocabulary, 0.0f);
    logits[kVocabulary - 1] = bad;
    Scores scores = score(device(), logits, {1.0f}, {2}, std::vector<int32_t>(kCount, 0));
    EXPECT_TRUE(std::isnan(scores.log_p1[0]) && std::isnan(scores.log_pt[1]));
  }
}

TEST_P(ScoreTest, RefusesMistakes) {
  Memory memory(device(), 1 << 14, 0);
  auto* floats = static_cast<float*>(memory.get());
  auto* ids = static_cast<int32_t*>(memory.get());
  auto refused = [&](auto change) {
    st_score op = {sizeof op, 1, 7, 2, floats, floats, ids, ids, floats, floats, floats};
    change(op);
    return device().api.score(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_TRUE(refused([](st_score& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_score& op) { op.vocabulary = 0; }));
  EXPECT_TRUE(refused([](st_score& op) { op.count = 0; }));
  EXPECT_TRUE(refused([](st_score& op) { op.logits = nullptr; }));
  EXPECT_TRUE(refused([](st_score& op) { op.ids = nullptr; }));
  EXPECT_TRUE(refused([](st_score& op) { op.log_pt = nullptr; }));
  EXPECT_TRUE(refused([](st_score& op) { op.workspace = nullptr; }));
}

}  // namespace
