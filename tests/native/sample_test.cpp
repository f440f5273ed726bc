// The filters of the sampler and the mixtures of soft rows. Noise and draws: sample_noise_test.cpp; the thinking state
// machine: sample_state_test.cpp.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "safetensors.h"
#include "sample_support.h"

namespace {

using namespace st::test;

constexpr double kTolerance = 2e-5;

std::vector<std::string> golden_files() {
  const char* root = getenv("SOFTTHINKING_GOLDEN");
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(root && *root ? root : SOFTTHINKING_TEST_DATA) + "/sampler"))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

// Logits of several kinds: spread, flat, tied by rounding, with holes.
std::vector<float> random_row(Random& random, int32_t vocabulary) {
  auto size = static_cast<size_t>(vocabulary);
  const double scales[] = {0.5, 2.0, 4.0, 12.0};
  std::vector<float> row = random.normals(size, scales[random.integer(0, 3)]);
  int32_t kind = random.integer(0, 5);
  if (kind == 0) row = rounded(row, ST_BF16);
  if (kind == 1)
    for (float& each : row) each = std::round(each);
  if (kind == 2)
    for (float& each : row)
      if (random.chance(0.5)) each = -INFINITY;
  if (kind == 3) row.assign(size, 1.25f);
  if (std::all_of(row.begin(), row.end(), [](float each) { return std::isinf(each); })) row[size / 2] = 0.0f;
  return row;
}

st_filter random_filter(Random& random, int32_t vocabulary) {
  const float temperatures[] = {0.0f, 0.1f, 0.6f, 1.0f, 1.7f};
  const float top_ps[] = {0.0f, 0.1f, 0.5f, 0.95f, 1.0f, 1.0f};
  const float min_ps[] = {0.0f, 0.0f, 0.001f, 0.05f, 0.5f};
  const int32_t top_ks[] = {-1, 0, 1, 2, 30, 64, 65, 200, vocabulary, vocabulary + 5};
  return {random.chance(0.3) ? static_cast<float>(random.uniform(0.05, 2.0)) : temperatures[random.integer(0, 4)],
          random.chance(0.3) ? static_cast<float>(random.uniform()) : top_ps[random.integer(0, 5)],
          min_ps[random.integer(0, 4)], top_ks[random.integer(0, 9)]};
}

void expect_slots_hold_the_rows(const SampleStep& step, const SampleResult& result) {
  for (size_t r = 0; r < step.slots.size(); ++r) {
    if (step.slots[r] < 0 || (result.info[r].flags & ST_STEP_BAD_LOGITS)) continue;
    auto at = static_cast<size_t>(step.slots[r] * step.entries);
    auto count = static_cast<size_t>(step.entries);
    ASSERT_TRUE(compare_bits(&result.slot_ids[at], result.row_ids(r).data(), count, sizeof(int32_t)));
    ASSERT_TRUE(compare_bits(&result.slot_weights[at], result.row_weights(r).data(), count, sizeof(float)));
  }
}

// Rows of every sort: soft and plain, greedy, noisy, after thinking, of random filters and seeds.
SampleStep mixed_step(Random& random, int32_t vocabulary, size_t rows, int32_t entries) {
  SampleStep step;
  step.entries = entries;
  for (size_t r = 0; r < rows; ++r) {
    st_sampling sampling = plain_sampling();
    sampling.thinking = random_filter(random, vocabulary);
    sampling.after = random_filter(random, vocabulary);
    sampling.seed = random.bits();
    sampling.max_topk = random.integer(1, entries);
    if (r % 3 == 1) sampling.dirichlet_alpha = static_cast<float>(random.uniform(0.1, 20.0));
    if (r % 4 == 1) sampling.gumbel_temperature = static_cast<float>(random.uniform(0.1, 2.0));
    sampling.entropy_threshold = 0.5f;
    sampling.length_threshold = 2;
    st_sequence_state state = first_state(r % 5 != 2);
    state.step = static_cast<uint32_t>(random.integer(0, 5000));
    step.add(sampling, state, random_row(random, vocabulary));
  }
  step.counts.assign(rows * static_cast<size_t>(vocabulary), 0);
  return step;
}

ST_TEST_EVERY_BACKEND_ONCE(SampleTest);

TEST_P(SampleTest, MatchesGoldenFiles) {
  std::vector<std::string> files = golden_files();
  ASSERT_FALSE(files.empty());
  for (const std::string& path : files) {
    SCOPED_TRACE(path);
    Safetensors golden(path);
    size_t rows = golden.shape("logits").at(0), vocabulary = golden.shape("logits").at(1);
    std::vector<float> logits = golden.f32("logits"), temperature = golden.f32("temperature"),
                       top_p = golden.f32("top_p");
    std::vector<float> min_p = golden.f32("min_p"), entropy = golden.f32("entropy"), probs = golden.f32("topk_probs");
    std::vector<int32_t> top_k = golden.i32("top_k"), indices = golden.i32("topk_indices");
    int32_t max_topk = std::stoi(golden.metadata("max_topk"));
    SampleStep step;
    for (size_t r = 0; r < rows; ++r) {
      st_sampling sampling = plain_sampling();
      sampling.thinking = {temperature[r], top_p[r], min_p[r], top_k[r]};
      sampling.max_topk = max_topk;
      step.add(sampling, first_state(), slice(logits, r * vocabulary, vocabulary));
    }
    step.entries = max_topk;
    SampleResult result = run(device(), step);
    step.entries = ST_MAX_TOPK;
    for (st_sampling& sampling : step.sampling) sampling.max_topk = ST_MAX_TOPK;
    SampleResult wide = run(device(), step);
    for (size_t r = 0; r < rows; ++r) {
      SCOPED_TRACE(testing::Message() << "row " << r);
      ASSERT_EQ(check_token(result, r), "");
      EXPECT_NEAR(static_cast<double>(result.info[r].entropy), static_cast<double>(entropy[r]), kTolerance);
      for (size_t i = 0; i < static_cast<size_t>(max_topk); ++i) {
        size_t at = r * static_cast<size_t>(max_topk) + i;
        EXPECT_NEAR(static_cast<double>(result.weights[at]), static_cast<double>(probs[at]), kTolerance) << i;
        EXPECT_TRUE(probs[at] == 0.0f || result.ids[at] == indices[at]) << i;
      }
      if (!golden.has("filtered")) continue;
      std::vector<float> filtered = slice(golden.f32("filtered"), r * vocabulary, vocabulary);
      // The files end a row where float64 no longer distinguishes the mass before an entry from 1.
      auto counts = [](float p) { return p > 1e-15f; };
      auto support = std::count_if(filtered.begin(), filtered.end(), counts);
      if (support > ST_MAX_TOPK) continue;
      std::vector<float> weights = wide.row_weights(r);
      EXPECT_EQ(std::count_if(weights.begin(), weights.end(), counts), support);
      for (size_t i = 0; i < static_cast<size_t>(support); ++i) {
        auto id = static_cast<size_t>(wide.row_ids(r)[i]);
        EXPECT_NEAR(static_cast<double>(weights[i]), static_cast<double>(filtered[id]), kTolerance);
        EXPECT_GT(filtered[id], 0.0f) << "id " << id << " was filtered away";
      }
    }
  }
}

TEST_P(SampleTest, RandomRowsMatchReference) {
  const std::pair<int32_t, int> sizes[] = {{1, 20},   {2, 60},    {7, 200},    {63, 300},   {64, 300},
                                           {65, 300}, {455, 600}, {2000, 300}, {30000, 20}, {151936, 6}};
  for (auto [vocabulary, all] : sizes) {
    int total = device().emulated() ? std::min(all, 40) : all;
    for (int done = 0; done < total; done += 20) {
      SampleStep step;
      step.entries = done % 40 ? 10 : ST_MAX_TOPK;
      for (int r = 0; r < std::min(20, total - done); ++r) {
        st_sampling sampling = plain_sampling();
        sampling.thinking = random_filter(random, vocabulary);
        sampling.max_topk = random.integer(1, step.entries);
        step.add(sampling, first_state(), random_row(random, vocabulary));
      }
      SampleResult result = run(device(), step);
      expect_slots_hold_the_rows(step, result);
      for (size_t r = 0; r < step.slots.size(); ++r) {
        const st_filter& filter = step.sampling[r].thinking;
        Kept kept = reference_filter(&step.logits[r * static_cast<size_t>(vocabulary)], vocabulary, filter);
        ASSERT_EQ(compare_mixture(result, r, kept, step.sampling[r].max_topk, kTolerance), "")
            << "V " << vocabulary << ", T " << filter.temperature << ", top-k " << filter.top_k << ", top-p "
            << filter.top_p << ", min-p " << filter.min_p << ", margin " << kept.margin;
        ASSERT_EQ(result.info[r].flags, ST_STEP_SOFT | ST_STEP_THINKING | ST_STEP_MIXED);
      }
    }
  }
}

TEST_P(SampleTest, GreedySelectsTheFirstOfTheLargest) {
  SampleStep step;
  step.entries = 4;
  std::vector<float> row = rounded(random.normals(455), ST_BF16);
  row[17] = row[300] = row[454] = 9.0f;
  for (int soft = 0; soft < 2; ++soft) {
    st_sampling sampling = plain_sampling();
    sampling.soft = soft;
    sampling.thinking.temperature = sampling.after.temperature = 0.0f;
    sampling.dirichlet_alpha = sampling.gumbel_temperature = 1.0f;  // greedy rows have no noise
    step.add(sampling, first_state(), row);
  }
  SampleResult result = run(device(), step);
  for (size_t r = 0; r < 2; ++r) {
    EXPECT_EQ(result.row_ids(r), (std::vector<int32_t>{17, 0, 0, 0}));
    EXPECT_EQ(result.row_weights(r), (std::vector<float>{1.0f, 0.0f, 0.0f, 0.0f}));
    EXPECT_NEAR(static_cast<double>(result.info[r].entropy),
                reference_filter(row.data(), 455, {1.0f, 1.0f, 0.0f, 0}).entropy, kTolerance);  // at temperature 1
  }
}

// A temperature whose inverse f32 does not hold leaves only the largest logits.
TEST_P(SampleTest, VanishingTemperaturesAreGreedy) {
  for (float temperature : {1e-30f, 1e-38f, 1e-40f, 1e-45f}) {
    SampleStep step;
    step.entries = 3;
    for (int soft = 0; soft < 2; ++soft) {
      st_sampling sampling = plain_sampling();
      sampling.soft = soft;
      sampling.thinking.temperature = sampling.after.temperature = temperature;
      std::vector<float> row = random.normals(100);
      row[42] = 9.0f;
      step.add(sampling, first_state(), row);
    }
    SampleResult result = run(device(), step);
    for (size_t r = 0; r < 2; ++r) {
      EXPECT_EQ(result.head(r), 42) << temperature;
      EXPECT_EQ(check_token(result, r), "") << temperature;
      EXPECT_EQ(result.info[r].entropy, 0.0f) << temperature;
    }
  }
}

TEST_P(SampleTest, SmallEntropyKeepsItsDigits) {
  for (double gap : {5.0, 10.0, 15.0, 20.0, 25.0}) {
    std::vector<float> row(40, -INFINITY);
    row[30] = 3.0f;
    row[3] = static_cast<float>(3.0 - gap);
    SampleStep step;
    step.add(plain_sampling(), first_state(), row);
    double z = std::exp(-gap), expected = std::log1p(z) + gap * z / (1.0 + z);
    EXPECT_NEAR(static_cast<double>(run(device(), step).info[0].entropy), expected, 2e-12 + 5e-7 * expected) << gap;
  }
}

TEST_P(SampleTest, BadRowsEndAlone) {
  for (int32_t vocabulary : {7, 64, 455}) {
    auto size = static_cast<size_t>(vocabulary);
    SampleStep good = mixed_step(random, vocabulary, 4, 5);
    SampleResult expected = run(device(), good);
    std::vector<std::vector<float>> bad(1, std::vector<float>(size, -INFINITY));
    for (float value : {NAN, -NAN, INFINITY}) {
      for (size_t at : {size_t{0}, size / 2, size - 1}) {
        bad.push_back(random.normals(size));
        bad.back()[at] = value;
      }
    }
    for (const std::vector<float>& row : bad) {
      SampleStep step = good;
      std::copy(row.begin(), row.end(), step.logits.begin() + static_cast<std::ptrdiff_t>(size));
      SampleResult result = run(device(), step);
      EXPECT_EQ(result.info[1].flags, ST_STEP_BAD_LOGITS);
      EXPECT_TRUE(compare_bits(&result.states[1], &step.states[1], 1, sizeof(st_sequence_state)));
      EXPECT_TRUE(compare_bits(&result.counts[size], &step.counts[size], size, sizeof(int32_t)));
      for (size_t r : {0, 2, 3}) {
        EXPECT_TRUE(same_bits(result.row_ids(r), expected.row_ids(r)));
        EXPECT_TRUE(same_bits(result.row_weights(r), expected.row_weights(r)));
        EXPECT_TRUE(compare_bits(&result.info[r], &expected.info[r], 1, sizeof(st_step_info)));
        EXPECT_TRUE(compare_bits(&result.states[r], &expected.states[r], 1, sizeof(st_sequence_state)));
      }
    }
  }
}

TEST_P(SampleTest, IdleRowsTouchNothing) {
  SampleStep step = mixed_step(random, 65, 3, 4);
  SampleResult expected = run(device(), step);
  step.slots[1] = -1;
  SampleResult result = run(device(), step);
  EXPECT_EQ(result.row_ids(1), std::vector<int32_t>(4, static_cast<int32_t>(0xCBCBCBCB)));
  EXPECT_EQ(result.slot_ids[4], static_cast<int32_t>(0xCBCBCBCB));
  EXPECT_TRUE(compare_bits(&result.states[1], &step.states[1], 1, sizeof(st_sequence_state)));
  for (size_t r : {0, 2}) EXPECT_TRUE(same_bits(result.row_weights(r), expected.row_weights(r)));
}

TEST_P(SampleTest, HeadsAreCounted) {
  SampleStep step = mixed_step(random, 455, 6, 3);
  for (int32_t& count : step.counts) count = random.chance(0.1) ? ST_COUNT_IN_PROMPT + 2 : 0;
  SampleResult result = run(device(), step);
  std::vector<int32_t> expected = step.counts;
  for (size_t r = 0; r < 6; ++r) expected[r * 455 + static_cast<size_t>(result.head(r))] += 1;
  EXPECT_TRUE(same_bits(result.counts, expected));
  step.counts.clear();  // NULL: the result is the same
  EXPECT_TRUE(same_bits(run(device(), step).weights, result.weights));
}

TEST_P(SampleTest, SameBitsForAnyRowsThreadsAndInstructionSets) {
  std::vector<Target> others = targets();
  for (auto [vocabulary, rows] : {std::pair<int32_t, size_t>{7, 17}, {455, 17}, {2000, 40}, {151936, 5}}) {
    SCOPED_TRACE(testing::Message() << "V " << vocabulary);
    SampleStep step = mixed_step(random, vocabulary, rows, vocabulary == 2000 ? ST_MAX_TOPK : 12);
    SampleResult expected = run(device(), step);
    expect_slots_hold_the_rows(step, expected);
    for (int threads : thread_counts()) {
      auto other = open(threads);
      expect_same_bits(run(*other, step), expected);
    }
    // The scalar kernels are the reference of every other.
    Device scalar({"cpu", "scalar"}, 1);
    expect_same_bits(run(scalar, step), expected);
    auto size = static_cast<size_t>(vocabulary);
    for (size_t r = 0; r < rows; ++r) {
      SampleStep one = step;
      one.slots = {step.slots[r]};
      one.logits = slice(step.logits, r * size, size);
      SampleResult result = run(device(), one);
      EXPECT_TRUE(same_bits(result.row_ids(0), expected.row_ids(r))) << "row " << r;
      EXPECT_TRUE(same_bits(result.row_weights(0), expected.row_weights(r))) << "row " << r;
      EXPECT_TRUE(compare_bits(&result.info[0], &expected.info[r], 1, sizeof(st_step_info))) << "row " << r;
    }
  }
}

TEST_P(SampleTest, NoRowsAreFine) {
  SampleStep step = mixed_step(random, 7, 2, 3);
  step.slots.clear();
  EXPECT_TRUE(run(device(), step).ids.empty());
}

TEST_P(SampleTest, RefusesMistakes) {
  Memory memory(device(), 1 << 16, 0);
  auto* p = memory.get();
  const st_sample good = {sizeof good,
                          0,
                          7,
                          3,
                          static_cast<float*>(p),
                          static_cast<int32_t*>(p),
                          static_cast<st_sampling*>(p),
                          static_cast<st_sequence_state*>(p),
                          nullptr,
                          static_cast<int32_t*>(p),
                          static_cast<float*>(p),
                          static_cast<int32_t*>(p),
                          static_cast<float*>(p),
                          static_cast<st_step_info*>(p),
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          p};
  auto refused = [&](auto change) {
    st_sample op = good;
    change(op);
    return device().api.sample(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.sample(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_sample& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.vocabulary = 0; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.entries = 0; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.entries = ST_MAX_TOPK + 1; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.logits = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.slots = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.sampling = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.states = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.slot_ids = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.slot_weights = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.out_ids = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.out_weights = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.out_info = nullptr; }));
  EXPECT_TRUE(refused([](st_sample& op) { op.workspace = nullptr; }));
}

}  // namespace
