// The thinking state machine, driven step by step.
#include <algorithm>
#include <array>
#include <cmath>

#include "sample_support.h"

namespace {

using namespace st::test;

constexpr int32_t kVocabulary = 40, kEntries = 4, kThinkEnd = 7;

// Logits with this head: nearly certain of it, or hardly.
std::vector<float> low(int32_t head) {
  std::vector<float> row(kVocabulary, 0.0f);
  row[static_cast<size_t>(head)] = 20.0f;
  return row;
}
std::vector<float> high(int32_t head) {
  std::vector<float> row(kVocabulary, 0.0f);
  row[static_cast<size_t>(head)] = 0.5f;
  return row;
}

st_sampling thinking_sampling() {
  st_sampling sampling = plain_sampling();
  sampling.think_end_count = 1;
  sampling.think_end[0] = kThinkEnd;
  sampling.max_topk = kEntries;
  sampling.after.temperature = 0.0f;  // so that the head after thinking is known
  return sampling;
}

// One sequence in slot 1 of 3.
class Sequence {
 public:
  Sequence(Device& device, const st_sampling& sampling, const st_sequence_state& state = first_state())
      : device_(device) {
    step_.entries = kEntries;
    step_.vocabulary = kVocabulary;
    step_.slots = {1};
    step_.sampling.assign(3, sampling);
    step_.states.assign(3, state);
    step_.counts.assign(3 * kVocabulary, 0);
  }

  // Samples one step and returns its flags, without ST_STEP_THINKING and ST_STEP_MIXED, which follow from the rest.
  int32_t next(const std::vector<float>& logits) {
    step_.logits = logits;
    result_ = run(device_, step_);
    EXPECT_EQ(check_token(result_, 0), "");
    EXPECT_TRUE(compare_bits(&result_.slot_ids[kEntries], result_.ids.data(), kEntries, sizeof(int32_t)));
    EXPECT_TRUE(compare_bits(&result_.slot_weights[kEntries], result_.weights.data(), kEntries, sizeof(float)));
    step_.counts[static_cast<size_t>(kVocabulary + result_.head(0))] += 1;
    EXPECT_TRUE(same_bits(result_.counts, step_.counts));
    EXPECT_EQ(result_.states[1].step, step_.states[1].step + 1);
    for (size_t other : {0, 2})
      EXPECT_TRUE(compare_bits(&result_.states[other], &step_.states[other], 1, sizeof(st_sequence_state)));
    const st_step_info& info = result_.info[0];
    EXPECT_EQ(info.token, result_.head(0));
    EXPECT_EQ(info.count, result_.used(0));
    bool thinking = step_.states[1].thinking || result_.states[1].thinking;
    EXPECT_EQ((info.flags & ST_STEP_THINKING) != 0, thinking);
    step_.states = result_.states;
    bool mixed = step_.sampling[1].soft && thinking && !(info.flags & (ST_STEP_FORCED | ST_STEP_THINKING_ENDED));
    EXPECT_EQ((info.flags & ST_STEP_MIXED) != 0, mixed);
    return info.flags & ~(ST_STEP_THINKING | ST_STEP_MIXED);
  }

  int32_t head() const { return result_.head(0); }
  bool plain() const { return result_.used(0) == 1 && result_.weights[0] == 1.0f; }
  const st_sequence_state& state() const { return step_.states[1]; }

 private:
  Device& device_;
  SampleStep step_;
  SampleResult result_ = {};
};

constexpr int32_t kForcedEnd = ST_STEP_SOFT | ST_STEP_FORCED | ST_STEP_THINKING_ENDED;

ST_TEST_EVERY_BACKEND_ONCE(SampleStateTest);

TEST_P(SampleStateTest, NaturalEndOfThinking) {
  Sequence sequence(device(), thinking_sampling());
  EXPECT_EQ(sequence.next(high(3)), ST_STEP_SOFT);
  EXPECT_FALSE(sequence.plain());
  EXPECT_EQ(sequence.state().thinking, 1);
  EXPECT_EQ(sequence.state().thinking_steps, 1);
  // Its mixture had more entries; the end is a plain token.
  EXPECT_EQ(sequence.next(high(kThinkEnd)), ST_STEP_SOFT | ST_STEP_THINKING_ENDED);
  EXPECT_EQ(sequence.head(), kThinkEnd);
  EXPECT_TRUE(sequence.plain());
  EXPECT_EQ(sequence.state().thinking, 0);
  EXPECT_EQ(sequence.next(high(9)), 0);
  EXPECT_EQ(sequence.head(), 9);
  EXPECT_TRUE(sequence.plain());
  // The id means nothing any more.
  EXPECT_EQ(sequence.next(high(kThinkEnd)), 0);
}

TEST_P(SampleStateTest, NaturalEndQueuesNoForcedIds) {
  st_sampling sampling = thinking_sampling();
  force_after_end(sampling, {11, 0});
  Sequence sequence(device(), sampling);
  sequence.next(high(kThinkEnd));
  EXPECT_EQ(sequence.next(low(5)), 0);
  EXPECT_EQ(sequence.head(), 5);
}

TEST_P(SampleStateTest, BudgetLetsItsThoughtsPass) {
  for (int32_t budget : {0, 1, 3}) {
    SCOPED_TRACE(budget);
    st_sampling sampling = thinking_sampling();
    sampling.max_thinking_tokens = budget;
    force_after_end(sampling, {11, 12, 11});
    Sequence sequence(device(), sampling);
    for (int32_t i = 0; i < budget; ++i) {
      EXPECT_EQ(sequence.next(high(3)), ST_STEP_SOFT);
      EXPECT_EQ(sequence.state().thinking_steps, i + 1);
    }
    EXPECT_EQ(sequence.next(high(3)), kForcedEnd | ST_STEP_BUDGET);
    EXPECT_EQ(sequence.head(), kThinkEnd);
    EXPECT_TRUE(sequence.plain());
    for (int32_t id : {11, 12, 11}) {
      EXPECT_EQ(sequence.next(high(3)), ST_STEP_FORCED);
      EXPECT_EQ(sequence.head(), id);
      EXPECT_TRUE(sequence.plain());
    }
    EXPECT_EQ(sequence.next(high(3)), 0);
    EXPECT_EQ(sequence.head(), 3);
  }
}

TEST_P(SampleStateTest, AllForcedIdsAreEmitted) {
  st_sampling sampling = thinking_sampling();
  sampling.max_thinking_tokens = 0;
  std::vector<int32_t> forced;
  for (int32_t i = 0; i < ST_MAX_FORCED; ++i) forced.push_back((i * 7) % kVocabulary);
  force_after_end(sampling, forced);
  Sequence sequence(device(), sampling);
  sequence.next(low(1));
  for (int32_t i = 0; i < ST_MAX_FORCED; ++i) {
    EXPECT_EQ(sequence.next(low(1)), ST_STEP_FORCED);
    EXPECT_EQ(sequence.head(), (i * 7) % kVocabulary);
  }
  EXPECT_EQ(sequence.next(low(1)), 0);
}

TEST_P(SampleStateTest, ColdStopCountsStepsInARow) {
  st_sampling sampling = thinking_sampling();
  sampling.entropy_threshold = 0.5f;
  sampling.length_threshold = 3;
  force_after_end(sampling, {20});
  Sequence sequence(device(), sampling);
  const std::pair<bool, int32_t> steps[] = {{true, 1}, {true, 2}, {false, 0}, {true, 1}, {true, 2}};
  for (auto [cold, count] : steps) {
    EXPECT_EQ(sequence.next(cold ? low(3) : high(3)), ST_STEP_SOFT);
    EXPECT_EQ(sequence.state().low_entropy_steps, count);
  }
  EXPECT_EQ(sequence.next(low(3)), kForcedEnd | ST_STEP_COLD_STOP);
  EXPECT_EQ(sequence.head(), kThinkEnd);
  EXPECT_TRUE(sequence.plain());
  EXPECT_EQ(sequence.state().low_entropy_steps, 0);
  EXPECT_EQ(sequence.next(low(3)), ST_STEP_FORCED);
  EXPECT_EQ(sequence.head(), 20);
  // The reference stops a sequence after thinking too; here that is a choice of its own.
  for (int i = 0; i < 8; ++i) EXPECT_EQ(sequence.next(low(3)), 0);
}

TEST_P(SampleStateTest, ColdStopIsOffWithoutAThreshold) {
  for (float threshold : {0.0f, -1.0f}) {
    st_sampling sampling = thinking_sampling();
    sampling.entropy_threshold = threshold;
    sampling.cold_stop_after_thinking = 1;
    Sequence sequence(device(), sampling);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(sequence.next(low(3)), ST_STEP_SOFT);
    sequence.next(low(kThinkEnd));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(sequence.next(low(3)), 0);
  }
}

TEST_P(SampleStateTest, ColdStopAfterThinkingFinishes) {
  st_sampling sampling = thinking_sampling();
  sampling.entropy_threshold = 0.5f;
  sampling.length_threshold = 3;
  sampling.cold_stop_after_thinking = 1;
  Sequence sequence(device(), sampling);
  // Low entropy before the end of thinking does not count after it.
  EXPECT_EQ(sequence.next(low(3)), ST_STEP_SOFT);
  EXPECT_EQ(sequence.next(low(kThinkEnd)), ST_STEP_SOFT | ST_STEP_THINKING_ENDED);
  EXPECT_EQ(sequence.state().low_entropy_steps, 0);
  EXPECT_EQ(sequence.next(low(3)), 0);
  EXPECT_EQ(sequence.next(low(3)), 0);
  EXPECT_EQ(sequence.next(high(4)), 0);
  EXPECT_EQ(sequence.next(low(3)), 0);
  EXPECT_EQ(sequence.next(low(3)), 0);
  EXPECT_EQ(sequence.next(low(3)), ST_STEP_FINISHED);
  EXPECT_EQ(sequence.head(), 3);
}

// The first exit in their order stops the thinking.
TEST_P(SampleStateTest, ColdStopGoesBeforeTheBudget) {
  st_sampling sampling = thinking_sampling();
  sampling.entropy_threshold = 0.5f;
  sampling.length_threshold = 2;
  sampling.max_thinking_tokens = 1;
  Sequence sequence(device(), sampling);
  EXPECT_EQ(sequence.next(low(3)), ST_STEP_SOFT);
  EXPECT_EQ(sequence.next(low(3)), kForcedEnd | ST_STEP_COLD_STOP);
  EXPECT_EQ(sequence.next(low(3)), 0);
}

// A vocabulary without an end of thinking has nothing to force.
TEST_P(SampleStateTest, WithoutAThinkEndNothingIsForced) {
  st_sampling sampling = thinking_sampling();
  sampling.think_end_count = 0;
  sampling.entropy_threshold = 0.5f;
  sampling.max_thinking_tokens = 1;
  force_after_end(sampling, {0});
  Sequence sequence(device(), sampling);
  for (int i = 0; i < 4; ++i) {
    int32_t flags = sequence.next(low(3));
    EXPECT_EQ(flags & (kForcedEnd | ST_STEP_FINISHED), ST_STEP_SOFT);
    EXPECT_EQ(sequence.head(), 3);
    EXPECT_EQ(sequence.state().thinking, 1);
  }
}

// Thinking in plain tokens: the same machine, one id per step, and the filters of after thinking.
TEST_P(SampleStateTest, PlainThinkingStopsAlike) {
  st_sampling sampling = thinking_sampling();
  sampling.soft = 0;
  sampling.max_thinking_tokens = 2;
  Sequence sequence(device(), sampling);
  EXPECT_EQ(sequence.next(high(3)), 0);
  EXPECT_TRUE(sequence.plain());
  EXPECT_EQ(sequence.head(), 3);
  EXPECT_EQ(sequence.next(high(4)), 0);
  EXPECT_EQ(sequence.next(high(5)), ST_STEP_BUDGET | ST_STEP_FORCED | ST_STEP_THINKING_ENDED);
  EXPECT_EQ(sequence.head(), kThinkEnd);
}

// A marker of several ids ends the thinking with its last one; a beginning that breaks off does not.
TEST_P(SampleStateTest, EndMarkerOfSeveralIds) {
  st_sampling sampling = thinking_sampling();
  sampling.think_end_count = 3;
  std::copy_n(std::array{7, 7, 8}.begin(), 3, sampling.think_end);
  Sequence sequence(device(), sampling);
  for (int32_t id : {7, 3, 7, 7, 7}) EXPECT_EQ(sequence.next(high(id)), ST_STEP_SOFT) << id;
  EXPECT_EQ(sequence.state().ending, 2);  // 7 7 of the three
  EXPECT_FALSE(sequence.plain());
  EXPECT_EQ(sequence.next(high(8)), ST_STEP_SOFT | ST_STEP_THINKING_ENDED);
  EXPECT_TRUE(sequence.plain());
  EXPECT_EQ(sequence.state().thinking, 0);
  EXPECT_EQ(sequence.next(high(3)), 0);
}

// A forced end emits the whole marker, whatever the model had begun of it, then the text; thoughts until its last id.
TEST_P(SampleStateTest, ForcedEndMarkerOfSeveralIds) {
  st_sampling sampling = thinking_sampling();
  sampling.think_end_count = 3;
  std::copy_n(std::array{7, 7, 8}.begin(), 3, sampling.think_end);
  sampling.max_thinking_tokens = 2;
  force_after_end(sampling, {7 | ST_MAY_END, 8 | ST_MAY_END, 11});
  Sequence sequence(device(), sampling);
  EXPECT_EQ(sequence.next(high(7)), ST_STEP_SOFT);
  EXPECT_EQ(sequence.next(high(7)), ST_STEP_SOFT);
  EXPECT_EQ(sequence.next(high(8)), ST_STEP_SOFT | ST_STEP_FORCED | ST_STEP_BUDGET);
  EXPECT_EQ(sequence.head(), 7);
  EXPECT_EQ(sequence.next(high(3)), ST_STEP_SOFT | ST_STEP_FORCED);
  EXPECT_EQ(sequence.head(), 7);
  EXPECT_EQ(sequence.state().thinking, 1);
  EXPECT_EQ(sequence.next(high(3)), kForcedEnd);
  EXPECT_EQ(sequence.head(), 8);
  EXPECT_EQ(sequence.state().thinking_steps, 5);
  EXPECT_EQ(sequence.next(high(3)), ST_STEP_FORCED);
  EXPECT_EQ(sequence.head(), 11);
  EXPECT_EQ(sequence.next(high(3)), 0);
}

// The model opens a thought with its first ids or not at all.
TEST_P(SampleStateTest, TheModelOpensAThought) {
  st_sampling sampling = thinking_sampling();
  sampling.soft = 0;
  sampling.max_thinking_tokens = 3;
  sampling.think_start_count = 2;
  std::copy_n(std::array{5, 6}.begin(), 2, sampling.think_start);
  st_sequence_state unopened = first_state(false);
  unopened.opening = 0;
  Sequence opened(device(), sampling, unopened), other(device(), sampling, unopened);
  EXPECT_EQ(opened.next(high(5)), 0);
  EXPECT_EQ(opened.state().thinking, 0);
  EXPECT_EQ(opened.next(high(6)), 0);
  EXPECT_EQ(opened.state().thinking, 1);
  EXPECT_EQ(opened.state().thinking_steps, 2);  // the marker counts
  EXPECT_EQ(opened.next(high(3)), 0);
  EXPECT_EQ(opened.next(high(3)), ST_STEP_BUDGET | ST_STEP_FORCED | ST_STEP_THINKING_ENDED);
  for (int32_t id : {5, 5, 6}) EXPECT_EQ(other.next(high(id)), 0) << id;
  EXPECT_EQ(other.state().thinking, 0);
}

TEST_P(SampleStateTest, FiltersFollowTheState) {
  st_sampling sampling = thinking_sampling();
  sampling.thinking.top_k = 2;
  Sequence thinking(device(), sampling), after(device(), sampling, first_state(false));
  std::vector<float> row = high(3);
  row[4] = 0.4f;
  row[5] = 0.3f;
  EXPECT_EQ(thinking.next(row), ST_STEP_SOFT);
  EXPECT_FALSE(thinking.plain());
  EXPECT_EQ(after.next(row), 0);  // greedy after thinking
  EXPECT_EQ(after.head(), 3);
  EXPECT_TRUE(after.plain());
}

}  // namespace
