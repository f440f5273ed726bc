// The strategies against the golden files of steps, and the random numbers against theirs.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "common/noise.h"
#include "safetensors.h"
#include "strategy_support.h"

namespace {

using namespace st::test;

std::string golden_folder() {
  const char* root = getenv("SOFTTHINKING_GOLDEN");
  return std::string(root && *root ? root : SOFTTHINKING_TEST_DATA) + "/strategies";
}

std::vector<std::string> step_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder() + "/steps"))
    files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

// The fields of a golden file that are in the state.
const std::pair<const char*, int32_t st_sequence_state::*> kStateFields[] = {
    {"thinking", &st_sequence_state::thinking},
    {"thinking_steps", &st_sequence_state::thinking_steps},
    {"low_entropy_steps", &st_sequence_state::low_entropy_steps},
    {"mode", &st_sequence_state::mode},
    {"stay", &st_sequence_state::stay},
    {"switches", &st_sequence_state::switches},
    {"answer_left", &st_sequence_state::answer_left}};

const std::pair<const char*, float st_step_record::*> kStatistics[] = {
    {"entropy", &st_step_record::entropy},
    {"entropy_1", &st_step_record::entropy_1},
    {"p_max", &st_step_record::p_max},
    {"p_max_1", &st_step_record::p_max_1},
    {"lse", &st_step_record::lse},
    {"lse_1", &st_step_record::lse_1},
    {"confidence", &st_step_record::confidence},
    {"entropy_top20", &st_step_record::entropy_top20},
    {"entropy_kept", &st_step_record::entropy_kept},
    {"token_log_p1", &st_step_record::token_log_p1},
    {"log_prob", &st_step_record::log_prob}};

// One file: its step and what it expects.
class GoldenStep {
 public:
  explicit GoldenStep(const std::string& path) : golden_(path), parameters_(golden_.metadata("parameters")) {
    rows_ = golden_.shape("logits").at(0);
    vocabulary_ = golden_.shape("logits").at(1);
  }

  SampleResult run(Device& device) {
    std::vector<int32_t> hard = parameters_.ids("hard_ids");
    hard.push_back(INT32_MAX);  // an array of none is no array
    Buffer<int32_t> hard_ids(device, hard);
    SampleStep step;
    step.entries = ST_MAX_TOPK;
    step.records = true;
    std::vector<float> logits = golden_.f32("logits");
    for (size_t r = 0; r < rows_; ++r) {
      st_sampling sampling = strategy_sampling(parameters_);
      sampling.swireasoning.hard_ids = hard_ids.get();
      st_sequence_state state = state_of(r, sampling);
      step.add(sampling, state, slice(logits, r * vocabulary_, vocabulary_));
    }
    sampling_ = step.sampling;
    return st::test::run(device, step);
  }

  void expect(const SampleResult& result) const {
    for (size_t r = 0; r < rows_; ++r) {
      SCOPED_TRACE(testing::Message() << "row " << r);
      expect_token(result, r);
      expect_flags(result.info[r].flags, r);
      expect_statistics(result.record.rows[r], r);
      expect_state(result.states[r], r);
    }
  }

 private:
  int32_t integer(const std::string& name, size_t at) const { return golden_.i32(name).at(at); }

  st_sequence_state state_of(size_t r, st_sampling& sampling) const {
    st_sequence_state state = first_state();
    for (auto [name, field] : kStateFields) state.*field = integer(std::string("in_") + name, r);
    state.step = static_cast<uint32_t>(integer("in_step", r));
    state.h_ref = golden_.f32("in_h_ref")[r];
    std::vector<uint8_t> marks = golden_.u8("in_queue_ends");
    for (size_t i = 0; i < kPendingPlaces; ++i) {
      int32_t id = integer("in_queue", r * kPendingPlaces + i);
      if (id < 0) break;
      sampling.forced[i] = id | (marks[r * kPendingPlaces + i] ? ST_MAY_END : 0);
      state.forced_next = 0;
      state.forced_end = static_cast<int32_t>(i) + 1;
    }
    return state;
  }

  static bool near_logarithm(float actual, float expected) {
    if (std::isinf(expected)) return actual == expected;
    return std::fabs(actual - expected) <= 1e-4f * (1.0f + std::fabs(expected));
  }

  void expect_token(const SampleResult& result, size_t r) const {
    EXPECT_EQ(result.info[r].token, integer("token", r));
    ASSERT_EQ(result.info[r].count, integer("count", r));
    size_t places = golden_.shape("ids").at(1);
    std::vector<float> weights = golden_.f32("weights"), log_p1 = golden_.f32("log_p1"), log_pt = golden_.f32("log_pt"),
                       scores;
    if (golden_.has("scores")) scores = golden_.f32("scores");
    for (size_t i = 0; i < ST_MAX_TOPK; ++i) {
      size_t at = r * ST_MAX_TOPK + i, from = r * places + i;
      bool inside = i < places;
      ASSERT_EQ(result.ids[at], inside ? integer("ids", from) : 0) << "place " << i;
      ASSERT_NEAR(result.weights[at], inside ? weights[from] : 0.0f, 2e-5f) << "place " << i;
      ASSERT_TRUE(near_logarithm(result.record.log_p1[at], inside ? log_p1[from] : 0.0f)) << "place " << i;
      ASSERT_TRUE(near_logarithm(result.record.log_pt[at], inside ? log_pt[from] : 0.0f)) << "place " << i;
      ASSERT_TRUE(near_logarithm(result.record.scores[at], inside && !scores.empty() ? scores[from] : 0.0f))
          << "place " << i << ": " << result.record.scores[at];
    }
  }

  void expect_flags(int32_t flags, size_t r) const {
    auto expect = [&](const char* name, int value) { EXPECT_EQ(golden_.u8(name)[r], value) << name; };
    auto has = [&](int32_t flag) { return (flags & flag) != 0 ? 1 : 0; };
    expect("soft", has(ST_STEP_SOFT));
    expect("mixed", has(ST_STEP_MIXED));
    expect("forced", has(ST_STEP_FORCED));
    expect("finished", has(ST_STEP_ANSWER_SPENT) + 2 * has(ST_STEP_LOW_CONFIDENCE));
    expect("switch", has(ST_STEP_TO_HARD) + 2 * has(ST_STEP_TO_SOFT));
    expect("stop", has(ST_STEP_COLD_STOP) + 2 * has(ST_STEP_CUSUM) + 3 * has(ST_STEP_LOW_CONFIDENCE) +
                       4 * has(ST_STEP_EAT) + 5 * has(ST_STEP_DEER) + 6 * has(ST_STEP_BUDGET));
  }

  void expect_statistics(const st_step_record& record, size_t r) const {
    for (auto [name, field] : kStatistics) {
      float expected = golden_.f32(name)[r];
      std::string kind = name;
      bool logarithm = kind == "token_log_p1" || kind == "log_prob";
      float tolerance = kind.substr(0, 3) == "lse" ? 2e-5f * (1.0f + std::fabs(expected)) : 2e-5f;
      if (logarithm)
        EXPECT_TRUE(near_logarithm(record.*field, expected)) << name << ": " << record.*field << ", " << expected;
      else
        EXPECT_NEAR(record.*field, expected, tolerance) << name;
    }
  }

  void expect_state(const st_sequence_state& state, size_t r) const {
    for (auto [name, field] : kStateFields) EXPECT_EQ(state.*field, integer(std::string("out_") + name, r)) << name;
    EXPECT_EQ(state.step, static_cast<uint32_t>(integer("out_step", r)));
    EXPECT_NEAR(state.h_ref, golden_.f32("out_h_ref")[r], 2e-5f);
    std::vector<uint8_t> marks = golden_.u8("out_queue_ends");
    int32_t at = state.forced_next;
    for (size_t i = r * kPendingPlaces; i < (r + 1) * kPendingPlaces; ++i) {
      bool pending = at >= 0 && at < state.forced_end;
      int32_t forced = pending ? sampling_[r].forced[at++] : -1;
      EXPECT_EQ(pending ? forced & ~ST_MAY_END : -1, integer("out_queue", i));
      EXPECT_EQ(pending && (forced & ST_MAY_END) ? 1 : 0, marks[i]);
    }
  }

  Safetensors golden_;
  Parameters parameters_;
  std::vector<st_sampling> sampling_;
  size_t rows_, vocabulary_;
};

ST_TEST_EVERY_BACKEND_ONCE(StrategyGoldenTest);

TEST_P(StrategyGoldenTest, StepsMatch) {
  std::vector<std::string> files = step_files();
  ASSERT_GT(files.size(), 40u);
  for (const std::string& path : files) {
    SCOPED_TRACE(std::filesystem::path(path).filename());
    GoldenStep golden(path);
    golden.expect(golden.run(device()));
  }
}

TEST_P(StrategyGoldenTest, StepsHaveTheBitsOfTheScalarProcessor) {
  for (const std::string& path : step_files()) {
    SCOPED_TRACE(std::filesystem::path(path).filename());
    Device cpu({"cpu", "scalar"}, 1);
    expect_same_bits(GoldenStep(path).run(device()), GoldenStep(path).run(cpu));
  }
}

TEST(StrategyRandomness, MatchesGoldenFile) {
  Safetensors golden(golden_folder() + "/randomness.safetensors");
  std::vector<int32_t> key = golden.i32("key"), counter = golden.i32("counter"), words = golden.i32("words"),
                       step = golden.i32("step"), id = golden.i32("id");
  auto bits = [](int32_t value) { return static_cast<uint32_t>(value); };
  for (size_t i = 0; i < step.size(); ++i) {
    uint64_t seed = uint64_t{bits(key[2 * i + 1])} << 32 | bits(key[2 * i]);
    const int32_t* c = &counter[4 * i];
    st::Philox drawn = st::philox(seed, bits(c[0]), bits(c[1]), bits(c[2]), bits(c[3]));
    for (size_t word = 0; word < 4; ++word) EXPECT_EQ(drawn.word[word], bits(words[4 * i + word]));
    auto near = [&](double actual, const char* name) {
      float expected = golden.f32(name)[i];
      EXPECT_LE(std::fabs(actual - static_cast<double>(expected)), 1e-5 * (1 + std::fabs(expected))) << name;
    };
    near(st::unit_interval(drawn.word[0], drawn.word[1]), "unit");
    uint64_t whole = uint64_t{1} << 63;
    near(std::ldexp(static_cast<double>(st::draw_mass(seed, bits(step[i]), 0, whole)), -63), "draw_0");
    near(std::ldexp(static_cast<double>(st::draw_mass(seed, bits(step[i]), 1, whole)), -63), "draw_1");
    near(st::gumbel_draw(seed, bits(step[i]), bits(id[i])), "gumbel");
    auto shape = static_cast<double>(golden.f32("gamma_shape")[i]);
    near(st::log_gamma_draw(shape, seed, bits(step[i]), bits(id[i])), "log_gamma");
  }
}

}  // namespace
