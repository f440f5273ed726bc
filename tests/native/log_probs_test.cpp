#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.h"

namespace {

using namespace st::test;

struct Case {
  int32_t vocabulary, count;
  std::vector<float> logits;   // [rows, V]
  std::vector<int32_t> slots;  // [rows]
  std::vector<int32_t> ids;    // [rows]

  Case(Random& random, int32_t v, int32_t rows, int32_t top) : vocabulary(v), count(top) {
    auto size = static_cast<size_t>(v);
    for (int32_t r = 0; r < rows; ++r) {
      std::vector<float> row = random.normals(size, random.uniform(0.0, 6.0));
      for (float& each : row)
        if (random.chance(0.1)) each = random.chance(0.5) ? -INFINITY : row[0];  // ties
      row[static_cast<size_t>(random.integer(0, v - 1))] = 1.0f;                 // one is finite
      logits.insert(logits.end(), row.begin(), row.end());
      slots.push_back(random.chance(0.2) ? -1 : r);
      ids.push_back(random.integer(0, v - 1));
    }
  }

  const float* row(size_t r) const { return logits.data() + r * static_cast<size_t>(vocabulary); }
  int32_t head(size_t r) const { return ids[r]; }
};

struct Result {
  std::vector<float> head;
  std::vector<int32_t> top_ids;
  std::vector<float> top;
};

Result run(Device& device, const Case& given) {
  size_t rows = given.slots.size(), top = rows * static_cast<size_t>(given.count);
  Buffer<float> logits(device, given.logits), head(device, rows), values(device, top);
  Buffer<int32_t> slots(device, given.slots), top_ids(device, top);
  std::vector<st_step_info> emitted;
  for (int32_t id : given.ids) emitted.push_back({0, 0.0f, id, 1});
  Buffer<st_step_info> info(device, emitted);
  Memory workspace(device, device.api.sample_workspace_bytes(static_cast<int32_t>(rows), given.vocabulary), 0xFF);
  st_log_probs op = {sizeof op,        static_cast<int32_t>(rows),
                     given.vocabulary, given.count,
                     logits.get(),     slots.get(),
                     info.get(),       head.get(),
                     top_ids.get(),    values.get(),
                     workspace.get()};
  device.check(device.api.log_probs(device.stream, &op));
  return {head.read(), top_ids.read(), values.read()};
}

// ln of the sum of e^logit.
double log_sum(const float* row, int32_t vocabulary) {
  double maximum = *std::max_element(row, row + vocabulary), total = 0.0;
  for (int32_t i = 0; i < vocabulary; ++i) total += std::exp(static_cast<double>(row[i]) - maximum);
  return maximum + std::log(total);
}

void expect_reference(const Case& given, const Result& result) {
  auto count = static_cast<size_t>(given.count);
  for (size_t r = 0; r < given.slots.size(); ++r) {
    if (given.slots[r] < 0) {
      EXPECT_TRUE(std::isnan(result.head[r])) << "an idle row is left alone";
      continue;
    }
    const float* row = given.row(r);
    double total = log_sum(row, given.vocabulary);
    auto near = [&](float actual, int32_t id) {
      double expected = static_cast<double>(row[id]) - total;
      return std::isinf(expected) ? actual == expected : std::abs(actual - expected) <= 1e-5 * (1 + std::abs(expected));
    };
    EXPECT_TRUE(near(result.head[r], given.head(r))) << "row " << r << ": " << result.head[r];
    std::vector<int32_t> order(static_cast<size_t>(given.vocabulary));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
    for (size_t i = 0; i < count; ++i) {
      float value = result.top[r * count + i];
      if (i >= order.size()) {
        EXPECT_EQ(value, -INFINITY);
        continue;
      }
      EXPECT_EQ(result.top_ids[r * count + i], order[i]) << "row " << r << ", place " << i;
      EXPECT_TRUE(near(value, order[i])) << "row " << r << ", place " << i << ": " << value;
    }
  }
}

ST_TEST_EVERY_BACKEND_ONCE(LogProbsTest);

TEST_P(LogProbsTest, AreThoseOfTheSoftmax) {
  for (int32_t vocabulary : {1, 7, 127, 128, 129, 1000, 4099})
    for (int32_t count : {0, 1, 5, 20}) {
      SCOPED_TRACE(testing::Message() << vocabulary << ", " << count);
      Case given(random, vocabulary, 5, count);
      expect_reference(given, run(device(), given));
    }
}

TEST_P(LogProbsTest, LargeVocabulary) {
  Case given(random, 151936, 2, 20);
  given.slots = {1, 0};
  expect_reference(given, run(device(), given));
}

TEST_P(LogProbsTest, SameBitsForAnyRowsAndThreads) {
  Case given(random, 3001, 6, 20);
  std::fill(given.slots.begin(), given.slots.end(), 0);
  Result all = run(device(), given);
  for (int threads : thread_counts()) {
    auto other = open(threads);
    for (size_t r = 0; r < given.slots.size(); ++r) {
      Case one = given;
      one.logits.assign(given.row(r), given.row(r) + given.vocabulary);
      one.slots = {0};
      one.ids = {given.head(r)};
      Result alone = run(*other, one);
      EXPECT_TRUE(same_bits(alone.head, slice(all.head, r, 1)));
      EXPECT_TRUE(same_bits(alone.top, slice(all.top, 20 * r, 20)));
    }
  }
}

TEST_P(LogProbsTest, BadLogitsReportNothing) {
  for (float bad : {NAN, INFINITY}) {
    Case given(random, 300, 2, 3);
    given.slots = {0, 1};
    given.logits[17] = bad;
    Result result = run(device(), given);
    EXPECT_EQ(result.head[0], 0.0f);
    EXPECT_TRUE(same_bits(slice(result.top, 0, 3), std::vector<float>(3, 0.0f)));
    EXPECT_LT(result.head[1], 0.0f);
  }
}

TEST_P(LogProbsTest, RefusesMistakes) {
  Case given(random, 10, 1, 2);
  Buffer<float> values(device(), given.logits);
  Buffer<int32_t> ids(device(), std::vector<int32_t>(10, 0));
  Buffer<st_step_info> info(device(), 1);
  auto refused = [&](auto change) {
    st_log_probs op = {sizeof op,    1,         10,           2,           values.get(), ids.get(), info.get(),
                       values.get(), ids.get(), values.get(), values.get()};
    change(op);
    return device().api.log_probs(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_TRUE(refused([](st_log_probs& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.vocabulary = 0; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.count = -1; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.count = ST_MAX_LOG_PROBS + 1; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.logits = nullptr; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.slots = nullptr; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.info = nullptr; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.head = nullptr; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.top_ids = nullptr; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.top = nullptr; }));
  EXPECT_TRUE(refused([](st_log_probs& op) { op.workspace = nullptr; }));
}

}  // namespace
