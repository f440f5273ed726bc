#include <cmath>

#include "support.h"

namespace {

using namespace st::test;

struct Slot {
  float repetition = 1.0f, frequency = 0.0f, presence = 0.0f;
  std::vector<int32_t> bias_ids;
  std::vector<float> bias_values;
  std::vector<int32_t> held_ids;
  uint32_t min_tokens = 0, step = 0;
};

struct Case {
  int32_t vocabulary;
  std::vector<Slot> slots;
  std::vector<int32_t> counts;  // [slots, V]
  std::vector<int32_t> rows;    // slot of each row
  std::vector<float> logits;    // [rows, V]

  Case(Random& random, int32_t v, size_t slot_count, size_t row_count) : vocabulary(v) {
    auto size = static_cast<size_t>(v);
    for (size_t s = 0; s < slot_count; ++s) {
      Slot slot = {static_cast<float>(random.uniform(0.8, 1.6)),
                   static_cast<float>(random.uniform(-0.5, 0.5)),
                   static_cast<float>(random.uniform(-0.5, 0.5)),
                   {},
                   {},
                   {},
                   static_cast<uint32_t>(random.integer(0, 3)),
                   static_cast<uint32_t>(random.integer(0, 3))};
      for (int32_t i = random.integer(0, 4); i > 0; --i) {
        slot.bias_ids.push_back(random.integer(0, v - 1));
        slot.bias_values.push_back(static_cast<float>(random.uniform(-5.0, 5.0)));
      }
      for (int32_t i = random.integer(0, 3); i > 0; --i) slot.held_ids.push_back(random.integer(0, v - 1));
      slots.push_back(slot);
      for (size_t i = 0; i < size; ++i) {
        int32_t count = random.chance(0.2) ? random.integer(1, 9) : 0;
        counts.push_back(count + (random.chance(0.2) ? ST_COUNT_IN_PROMPT : 0));
      }
    }
    std::vector<int32_t> order = random.permutation(static_cast<int32_t>(slot_count));
    rows.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(row_count));
    logits = random.normals(row_count * size, 4.0);
    for (float& each : logits)
      if (random.chance(0.05)) each = -INFINITY;
  }

  std::vector<float> row(size_t r) const {
    auto size = static_cast<size_t>(vocabulary);
    return slice(logits, r * size, size);
  }

  std::vector<float> run(Device& device) const {
    std::vector<std::unique_ptr<Buffer<int32_t>>> ids;
    std::vector<std::unique_ptr<Buffer<float>>> values;
    std::vector<st_penalties> penalties;
    std::vector<st_sequence_state> states;
    for (const Slot& slot : slots) {
      std::vector<int32_t> biased_and_held = slot.bias_ids;
      biased_and_held.insert(biased_and_held.end(), slot.held_ids.begin(), slot.held_ids.end());
      ids.push_back(std::make_unique<Buffer<int32_t>>(device, biased_and_held));
      states.emplace_back();
      states.back().step = slot.step;
      values.push_back(std::make_unique<Buffer<float>>(device, slot.bias_values));
      penalties.push_back({slot.repetition, slot.frequency, slot.presence, static_cast<int32_t>(slot.bias_ids.size()),
                           static_cast<int32_t>(slot.held_ids.size()), slot.min_tokens, ids.back()->get(),
                           values.back()->get()});
    }
    Buffer<st_penalties> penalty_buffer(device, penalties);
    Buffer<st_sequence_state> state_buffer(device, states);
    Buffer<int32_t> count_buffer(device, counts), row_buffer(device, rows);
    Buffer<float> logit_buffer(device, logits);
    st_penalize op = {sizeof op,
                      static_cast<int32_t>(rows.size()),
                      vocabulary,
                      0,
                      logit_buffer.get(),
                      row_buffer.get(),
                      penalty_buffer.get(),
                      count_buffer.get(),
                      state_buffer.get()};
    device.check(device.api.penalize(device.stream, &op));
    EXPECT_TRUE(same_bits(count_buffer.read(), counts));
    return logit_buffer.read();
  }

  std::vector<double> reference() const {
    std::vector<double> out(logits.begin(), logits.end());
    auto size = static_cast<size_t>(vocabulary);
    for (size_t r = 0; r < rows.size(); ++r) {
      auto slot = static_cast<size_t>(rows[r]);
      const Slot& penalties = slots[slot];
      for (size_t i = 0; i < size; ++i) {
        int32_t count = counts[slot * size + i];
        if (count == 0) continue;
        double& logit = out[r * size + i];
        auto repetition = static_cast<double>(penalties.repetition);
        logit = logit > 0.0 ? logit / repetition : logit * repetition;
        int32_t heads = count % ST_COUNT_IN_PROMPT;
        if (heads > 0)
          logit -= static_cast<double>(penalties.frequency) * heads + static_cast<double>(penalties.presence);
      }
      for (size_t i = 0; i < penalties.bias_ids.size(); ++i)
        out[r * size + static_cast<size_t>(penalties.bias_ids[i])] += static_cast<double>(penalties.bias_values[i]);
      if (penalties.step < penalties.min_tokens)
        for (int32_t id : penalties.held_ids) out[r * size + static_cast<size_t>(id)] = -INFINITY;
    }
    return out;
  }
};

// -inf must come back as -inf; everything else is compared as numbers.
void expect_near(const std::vector<float>& actual, std::vector<double> expected) {
  std::vector<float> finite = actual;
  for (size_t i = 0; i < finite.size(); ++i) {
    if (!std::isinf(expected[i])) continue;
    ASSERT_EQ(actual[i], -INFINITY) << i;
    finite[i] = 0.0f;
    expected[i] = 0.0;
  }
  ASSERT_TRUE(near(finite, expected, 1e-6));
}

ST_TEST_EVERY_BACKEND_ONCE(PenalizeTest);

TEST_P(PenalizeTest, MatchesReference) {
  for (int32_t vocabulary : {1, 7, 455, 4099}) {
    for (size_t rows : {0, 1, 3, 5, 17}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << vocabulary);
      Case test(random, vocabulary, rows + 2, rows);
      expect_near(test.run(device()), test.reference());
    }
  }
  Case large(random, 151936, 3, 2);
  expect_near(large.run(device()), large.reference());
}

TEST_P(PenalizeTest, OffMeansUntouched) {
  Case test(random, 455, 3, 3);
  test.slots.assign(3, Slot());
  std::vector<float> out = test.run(device());
  EXPECT_TRUE(same_bits(out, test.logits));
}

// An id of the prompt alone is repeated, but was never a head of the output.
TEST_P(PenalizeTest, PromptCountsForRepetitionOnly) {
  Case test(random, 4, 1, 1);
  test.slots[0] = {2.0f, 10.0f, 100.0f, {}, {}, {}};
  test.counts = {0, ST_COUNT_IN_PROMPT, 3, ST_COUNT_IN_PROMPT + 1};
  test.logits = {1.0f, 1.0f, -1.0f, 4.0f};
  EXPECT_EQ(test.run(device()), (std::vector<float>{1.0f, 0.5f, -2.0f - 130.0f, 2.0f - 110.0f}));
}

TEST_P(PenalizeTest, BiasesOfOneIdAddUp) {
  Case test(random, 7, 1, 1);
  test.slots[0] = {1.0f, 0.0f, 0.0f, {3, 3, 6}, {1.5f, 2.0f, -INFINITY}, {}};
  test.logits.assign(7, 1.0f);
  EXPECT_EQ(test.run(device()), (std::vector<float>{1, 1, 1, 4.5f, 1, 1, -INFINITY}));
}

// An id that is held and biased is held; from step min_tokens on it is as any other.
TEST_P(PenalizeTest, HeldIdsAreImpossibleUntilMinTokens) {
  Case test(random, 7, 1, 1);
  test.logits.assign(7, 1.0f);
  test.counts.assign(7, 0);
  for (uint32_t step : {0u, 1u, 2u, 3u}) {
    test.slots[0] = {1.0f, 0.0f, 0.0f, {3}, {2.0f}, {3, 5}, 2, step};
    float held = step < 2 ? -INFINITY : 1.0f;
    EXPECT_EQ(test.run(device()), (std::vector<float>{1, 1, 1, step < 2 ? held : 3.0f, 1, held, 1})) << step;
  }
}

TEST_P(PenalizeTest, SameBitsForAnyRowsAndThreads) {
  Case test(random, 455, 17, 17);
  std::vector<float> expected = test.run(device());
  for (int threads : thread_counts()) {
    auto other = open(threads);
    EXPECT_TRUE(same_bits(test.run(*other), expected)) << threads << " threads";
  }
  for (size_t r = 0; r < 17; ++r) {
    Case one = test;
    one.rows = {test.rows[r]};
    one.logits = test.row(r);
    EXPECT_TRUE(same_bits(one.run(device()), slice(expected, r * 455, 455))) << "row " << r;
  }
}

TEST_P(PenalizeTest, RefusesMistakes) {
  Buffer<float> logits(device(), std::vector<float>(4, 0.0f));
  Buffer<int32_t> slots(device(), std::vector<int32_t>{0}), counts(device(), std::vector<int32_t>(4, 0));
  Buffer<st_penalties> penalties(device(), std::vector<st_penalties>{{1.0f, 0.0f, 0.0f, 0, 0, 0, nullptr, nullptr}});
  Buffer<st_sequence_state> states(device(), std::vector<st_sequence_state>(1));
  const st_penalize good = {sizeof good,  1,           4, 0, logits.get(), slots.get(), penalties.get(),
                            counts.get(), states.get()};
  auto refused = [&](auto change) {
    st_penalize op = good;
    change(op);
    return device().api.penalize(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.penalize(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_penalize& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_penalize& op) { op.vocabulary = 0; }));
  EXPECT_TRUE(refused([](st_penalize& op) { op.logits = nullptr; }));
  EXPECT_TRUE(refused([](st_penalize& op) { op.slots = nullptr; }));
  EXPECT_TRUE(refused([](st_penalize& op) { op.penalties = nullptr; }));
  EXPECT_TRUE(refused([](st_penalize& op) { op.counts = nullptr; }));
  EXPECT_TRUE(refused([](st_penalize& op) { op.states = nullptr; }));
}

}  // namespace
