// The searches of the sampler on rows that are hard to search: ties, few and many kept entries, boundaries of masses,
// and logits that lie together or far apart. The bits of the scalar processor on every device.
#include <algorithm>
#include <cmath>

#include "sample_support.h"

namespace {

using namespace st::test;

enum RowKind { kEqual, kTwoValues, kFlat, kTogether, kFarApart, kHalves, kHoles, kTopTies, kKinds };

std::vector<float> row_of(Random& random, int kind, int32_t vocabulary) {
  std::vector<float> row = random.normals(static_cast<size_t>(vocabulary), 0.5);
  for (size_t i = 0; i < row.size(); ++i) {
    float& each = row[i];
    if (kind == kEqual) each = -3.25f;
    if (kind == kTwoValues) each = random.chance(0.5) ? 1.0f : 0.9375f;
    if (kind == kTogether) each = 20.0f + std::round(each * 64.0f) * 0x1p-18f;  // one bin, with ties
    if (kind == kFarApart) each *= 1e4f;
    if (kind == kHalves) each = -0.6931472f * static_cast<float>(i * 7 % 31);
    if (kind == kHoles && random.chance(0.9)) each = -INFINITY;
    if (kind == kTopTies) each = each > 0.7f ? 3.0f : i % 3 == 0 ? -0.0f : 0.0f;
  }
  row[row.size() / 2] = std::max(row[row.size() / 2], -4.0f);  // finite
  return row;
}

// The filters that lead to different searches: of few entries, of a number or a mass beyond them, or of both.
std::vector<st_filter> filters_of(int32_t vocabulary) {
  return {{0.6f, 0.95f, 0.001f, 30},
          {1.0f, 1.0f, 0.0f, 0},
          {1.0f, 0.999999f, 0.0f, 0},
          {1.3f, 0.5f, 0.0f, 0},
          {1.0f, 0.75f, 0.0f, 0},
          {0.7f, 0.9f, 0.0f, vocabulary - 1},
          {1.0f, 1.0f, 0.0f, vocabulary / 2},
          {2.0f, 1.0f, 0.3f, 0},
          {1.0f, 0.8f, 0.2f, 1500},
          {1e-4f, 0.9f, 0.0f, 0},
          {0.0f, 0.5f, 0.0f, 10}};
}

// What asks for many entries in order, or draws from all that are kept.
constexpr int kUses = 6;
st_sampling use_of(Random& random, int use, const st_filter& filter) {
  st_sampling sampling = plain_sampling();
  sampling.thinking = sampling.after = filter;
  sampling.seed = random.bits();
  sampling.max_topk = use == 1 ? 10 : ST_MAX_TOPK;
  if (use == 0) sampling.soft = 0;
  if (use == 2) sampling.dirichlet_alpha = 4.0f;
  if (use == 3) sampling.strategy = ST_STRATEGY_MULTIPLEX;
  if (use == 4) sampling.strategy = ST_STRATEGY_LATENT_SFT;
  if (use == 5) {
    sampling.strategy = ST_STRATEGY_MIXTURE;
    sampling.record = 1;
    sampling.mixture = {1.0f, 0, 0};
  }
  return sampling;
}

void expect_bits_of_the_processor(Device& device, const SampleStep& step) {
  Device cpu({"cpu", "scalar"}, 1);
  expect_same_bits(run(device, step), run(cpu, step));
}

ST_TEST_EVERY_BACKEND_ONCE(SampleSearchTest);

TEST_P(SampleSearchTest, HardRowsHaveTheBitsOfTheScalarProcessor) {
  for (int32_t vocabulary : {1, 2, 127, 128, 129, 1500, 5001, 20480}) {
    SCOPED_TRACE(testing::Message() << "V " << vocabulary);
    std::vector<st_filter> filters = filters_of(vocabulary);
    for (int kind = 0; kind < kKinds; ++kind) {
      SCOPED_TRACE(testing::Message() << "kind " << kind);
      SampleStep step;
      step.entries = ST_MAX_TOPK;
      step.records = true;
      for (size_t f = 0; f < filters.size(); ++f) {
        // Long rows in part, another part in every run.
        if (vocabulary > 5000 && device().emulated() && !random.chance(0.15)) continue;
        int use = random.integer(0, kUses - 1);
        step.add(use_of(random, use, filters[f]), first_state(), row_of(random, kind, vocabulary));
      }
      if (!step.slots.empty()) expect_bits_of_the_processor(device(), step);
    }
  }
}

TEST_P(SampleSearchTest, FlatRowsOfALargeVocabulary) {
  constexpr int32_t kVocabulary = 152064;
  SampleStep step;
  step.entries = ST_MAX_TOPK;
  for (int use : {0, 2}) {
    step.add(use_of(random, use, {1.0f, 0.999999f, 0.0f, 0}), first_state(), row_of(random, kFlat, kVocabulary));
    step.add(use_of(random, use, {1.0f, 1.0f, 0.0f, 0}), first_state(), row_of(random, kTogether, kVocabulary));
  }
  step.add(use_of(random, 0, {1.0f, 0.999999f, 0.0f, 0}), first_state(), row_of(random, kEqual, kVocabulary));
  step.add(use_of(random, 4, {1.0f, 0.9f, 0.0f, 0}), first_state(), row_of(random, kFlat, kVocabulary));
  step.add(use_of(random, 0, {1.0f, 0.5f, 0.0f, 70000}), first_state(), row_of(random, kTwoValues, kVocabulary));
  expect_bits_of_the_processor(device(), step);
}

// Each of n equal logits has the mass 1/n: a top-p of j/n ends after j of them, in the order of ids.
TEST_P(SampleSearchTest, ATopPThatEndsAmongTiesKeepsTheFirstIds) {
  constexpr int32_t kVocabulary = 8192, kKept = 3072;
  SampleStep step;
  constexpr int kRows = 24;
  for (int r = 0; r < kRows; ++r) {
    st_sampling sampling = plain_sampling();
    sampling.soft = 0;
    sampling.after = {1.0f, static_cast<float>(kKept) / kVocabulary, 0.0f, 0};
    sampling.seed = random.bits();
    step.add(sampling, first_state(false), std::vector<float>(kVocabulary, 2.5f));
  }
  SampleResult result = run(device(), step);
  int late = 0;
  for (size_t r = 0; r < kRows; ++r) {
    EXPECT_LT(result.head(r), kKept);
    late += result.head(r) >= kKept / 2 ? 1 : 0;
  }
  EXPECT_GT(late, 0);      // by chance once in 2^24 runs
  EXPECT_LT(late, kRows);  // the same
}

TEST_P(SampleSearchTest, RowsWithNaNAreBadWhereverItStands) {
  for (int32_t vocabulary : {127, 5001, 20480}) {
    for (float bad : {NAN, -NAN, INFINITY}) {
      SampleStep step;
      for (int32_t at : {0, vocabulary / 2, vocabulary - 1, random.integer(0, vocabulary - 1)}) {
        std::vector<float> row = row_of(random, kFlat, vocabulary);
        row[static_cast<size_t>(at)] = bad;
        step.add(plain_sampling(), first_state(), row);
      }
      for (const st_step_info& info : run(device(), step).info) EXPECT_EQ(info.flags, ST_STEP_BAD_LOGITS);
    }
  }
}

}  // namespace
