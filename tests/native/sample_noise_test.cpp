// Draws, Dirichlet noise and Gumbel-softmax noise: their distributions, and what they may depend on.
#include <algorithm>
#include <cmath>

#include "common/noise.h"
#include "sample_support.h"

namespace {

using namespace st::test;

// Many slots that sample the same logits with seeds of their own.
SampleStep many(Random& random, const st_sampling& sampling, const std::vector<float>& row, size_t slots, bool thinking,
                int32_t entries) {
  SampleStep step;
  step.entries = entries;
  for (size_t s = 0; s < slots; ++s) {
    st_sampling each = sampling;
    each.seed = random.bits();
    step.add(each, first_state(thinking), row);
  }
  return step;
}

// Whether statistics are left to the other backends: an emulated device would draw for minutes. It shows the same bits
// as the CPU instead, in one step of some of the rows.
bool emulated_as_on_cpu(Device& device, SampleStep step) {
  if (!device.emulated()) return false;
  step.slots.resize(std::min<size_t>(step.slots.size(), 40));
  step.logits.resize(step.slots.size() * static_cast<size_t>(step.vocabulary));
  Device cpu({"cpu", "scalar"}, 1);
  expect_same_bits(run(device, step), run(cpu, step));
  return true;
}

// Runs steps one after another and calls seen(result, row) for every row.
template <typename Seen>
void repeat(Device& device, SampleStep step, int times, Seen seen) {
  for (int i = 0; i < times; ++i) {
    SampleResult result = run(device, step);
    for (size_t r = 0; r < step.slots.size(); ++r) seen(result, r);
    step.states = result.states;
  }
}

// Steps of a test of goodness of fit. Its limit holds for any number; how little it notices is for the build without
// sanitizers, which computes the same draws sooner.
#if defined(__SANITIZE_ADDRESS__)
constexpr int kSteps = 20;
#else
constexpr int kSteps = 200;
#endif

ST_TEST_EVERY_BACKEND_ONCE(SampleNoiseTest);

TEST_P(SampleNoiseTest, DrawsFollowTheKeptDistribution) {
  const st_filter filters[] = {{0.8f, 0.95f, 0.0f, 40}, {1.5f, 1.0f, 0.0f, 0}, {1.0f, 0.7f, 0.02f, 0}};
  for (const st_filter& filter : filters) {
    std::vector<float> row = random.normals(60, 1.5);
    st_sampling sampling = plain_sampling();
    sampling.after = filter;
    Kept kept = reference_filter(row.data(), 60, filter);
    std::vector<double> expected(60, 0.0), weights = kept.weights(60);
    for (size_t i = 0; i < kept.ids.size(); ++i) expected[static_cast<size_t>(kept.ids[i])] = weights[i];
    std::vector<int64_t> seen(60, 0);
    SampleStep step = many(random, sampling, row, 2000, false, 1);
    if (emulated_as_on_cpu(device(), step)) continue;
    repeat(device(), step, kSteps * 11 / 20,
           [&](const SampleResult& result, size_t r) { ++seen[static_cast<size_t>(result.head(r))]; });
    for (size_t id = 0; id < 60; ++id) EXPECT_TRUE(expected[id] > 0.0 || seen[id] == 0) << "a filtered id was drawn";
    ChiSquare test = chi_square(seen, expected);
    EXPECT_LT(test.statistic, test.limit);
  }
}

// The draw is the id, in the order of ids, at which the running mass passes the random number of (seed, step).
TEST_P(SampleNoiseTest, DrawIsThatOfTheRandomNumber) {
  for (int32_t vocabulary : {7, 455, 5000}) {
    SampleStep step;
    for (int r = 0; r < (device().emulated() ? 40 : 150); ++r) {
      st_sampling sampling = plain_sampling();
      sampling.soft = 0;
      sampling.seed = random.bits();
      sampling.after = {static_cast<float>(random.uniform(0.3, 2.0)), static_cast<float>(random.uniform(0.3, 1.2)),
                        0.0f, random.chance(0.5) ? 0 : random.integer(1, vocabulary)};
      st_sequence_state state = first_state();
      state.step = static_cast<uint32_t>(random.bits());
      step.add(sampling, state, random.normals(static_cast<size_t>(vocabulary), 2.0));
    }
    SampleResult result = run(device(), step);
    for (size_t r = 0; r < step.slots.size(); ++r) {
      ASSERT_EQ(result.info[r].flags, ST_STEP_THINKING);
      EXPECT_EQ(result.weights[r], 1.0f);
      Kept kept =
          reference_filter(&step.logits[r * static_cast<size_t>(vocabulary)], vocabulary, step.sampling[r].after);
      if (kept.margin < 1e-6) continue;
      st::Philox words = st::philox(step.sampling[r].seed, step.states[r].step, st::kRandomDraw, 0, 0);
      double target = static_cast<double>(st::philox_u64(words)) * 0x1p-64, running = 0.0, nearest = 1.0;
      std::vector<double> weights = kept.weights(kept.ids.size());
      std::vector<std::pair<int32_t, double>> by_id;
      for (size_t i = 0; i < weights.size(); ++i) by_id.emplace_back(kept.ids[i], weights[i]);
      std::sort(by_id.begin(), by_id.end());
      int32_t expected = -1;
      for (auto [id, weight] : by_id) {
        running += weight;
        nearest = std::min(nearest, std::fabs(running - target));
        if (expected < 0 && running > target) expected = id;
      }
      EXPECT_TRUE(nearest <= 1e-6 || result.head(r) == expected) << "row " << r;
    }
  }
}

TEST_P(SampleNoiseTest, DirichletNoiseHasItsMoments) {
  const std::vector<double> p = {0.4, 0.3, 0.15, 0.1, 0.05};
  std::vector<float> row(30, -INFINITY);
  for (size_t i = 0; i < p.size(); ++i) row[5 * i + 2] = static_cast<float>(std::log(p[i]));
  for (float alpha : {0.5f, 4.0f, 60.0f}) {
    st_sampling sampling = plain_sampling();
    sampling.dirichlet_alpha = alpha;
    std::vector<double> sum(30, 0.0), squares(30, 0.0);
    double draws = 0.0;
    SampleStep step = many(random, sampling, row, 500, true, 5);
    if (emulated_as_on_cpu(device(), step)) continue;
    repeat(device(), step, 80, [&](const SampleResult& result, size_t r) {
      ASSERT_EQ(check_token(result, r), "");
      draws += 1.0;
      for (size_t i = 0; i < 5; ++i) {
        auto weight = static_cast<double>(result.weights[5 * r + i]);
        auto id = static_cast<size_t>(result.ids[5 * r + i]);
        sum[id] += weight;
        squares[id] += weight * weight;
      }
    });
    for (size_t i = 0; i < p.size(); ++i) {
      double mean = sum[5 * i + 2] / draws, variance = squares[5 * i + 2] / draws - mean * mean;
      double expected = p[i] * (1.0 - p[i]) / (static_cast<double>(alpha) + 1.0);
      EXPECT_NEAR(mean, p[i], 4.5 * std::sqrt(expected / draws)) << "alpha " << alpha << ", entry " << i;
      EXPECT_NEAR(variance / expected, 1.0, 0.08) << "alpha " << alpha << ", entry " << i;
    }
  }
}

TEST_P(SampleNoiseTest, DirichletNoiseStaysWithinWhatIsKept) {
  st_sampling sampling = plain_sampling();
  sampling.thinking.top_k = 20;
  sampling.max_topk = 6;
  for (float alpha : {1e-6f, 1e-3f, 1.0f, 1e6f}) {
    sampling.dirichlet_alpha = alpha;
    std::vector<float> row = random.normals(500, 3.0);
    Kept kept = reference_filter(row.data(), 500, sampling.thinking);
    size_t slots = device().emulated() ? 20 : 200;
    repeat(device(), many(random, sampling, row, slots, true, 10), 1, [&](const SampleResult& result, size_t r) {
      ASSERT_EQ(check_token(result, r), "") << alpha;
      ASSERT_LE(result.used(r), 6);
      for (int32_t i = 0; i < result.used(r); ++i)
        ASSERT_TRUE(std::count(kept.ids.begin(), kept.ids.end(), result.row_ids(r)[static_cast<size_t>(i)]));
    });
  }
  // With more than 1,024 kept, the noise is drawn over the first 1,024.
  sampling.thinking.top_k = 0;
  sampling.dirichlet_alpha = 1e4f;
  std::vector<float> row(3000, 0.5f);
  for (size_t id = 0; id < 700; ++id) row[id] = 0.25f;
  repeat(device(), many(random, sampling, row, device().emulated() ? 10 : 100, true, 10), 1,
         [&](const SampleResult& result, size_t r) {
           ASSERT_EQ(result.used(r), 6);
           for (size_t i = 0; i < 6; ++i) {
             ASSERT_GE(result.row_ids(r)[i], 700);
             ASSERT_LT(result.row_ids(r)[i], 700 + 1024);
           }
         });
}

// The largest of ln w + Gumbel noise is an id with probability w.
TEST_P(SampleNoiseTest, GumbelHeadsFollowTheWeights) {
  std::vector<float> row = random.normals(50, 1.5);
  st_sampling sampling = plain_sampling();
  sampling.gumbel_temperature = 0.5f;
  sampling.max_topk = 12;
  Kept kept = reference_filter(row.data(), 50, sampling.thinking);
  std::vector<double> expected(50, 0.0), weights = kept.weights(12);
  for (size_t i = 0; i < 12; ++i) expected[static_cast<size_t>(kept.ids[i])] = weights[i];
  std::vector<int64_t> seen(50, 0);
  SampleStep step = many(random, sampling, row, 1000, true, 12);
  if (emulated_as_on_cpu(device(), step)) return;
  repeat(device(), step, kSteps,
         [&](const SampleResult& result, size_t r) { ++seen[static_cast<size_t>(result.head(r))]; });
  ChiSquare test = chi_square(seen, expected);
  EXPECT_LT(test.statistic, test.limit);
}

TEST_P(SampleNoiseTest, GumbelWeightsMatchReference) {
  std::vector<float> row = random.normals(300, 2.0);
  for (float tau : {0.05f, 0.5f, 3.0f}) {
    st_sampling sampling = plain_sampling();
    sampling.gumbel_temperature = tau;
    SampleStep step = many(random, sampling, row, 50, true, 10);
    SampleResult result = run(device(), step);
    Kept kept = reference_filter(row.data(), 300, sampling.thinking);
    std::vector<double> w = kept.weights(10);
    for (size_t r = 0; r < 50; ++r) {
      ASSERT_EQ(check_token(result, r), "");
      std::vector<std::pair<double, int32_t>> noisy;
      double total = 0.0, top = -INFINITY;
      for (size_t i = 0; i < 10; ++i) {
        st::Philox words =
            st::philox(step.sampling[r].seed, 0, st::kRandomGumbel, static_cast<uint32_t>(kept.ids[i]), 0);
        double noise = -std::log(-std::log(st::unit_interval(words.word[0], words.word[1])));
        noisy.emplace_back((std::log(w[i]) + noise) / static_cast<double>(tau), kept.ids[i]);
        top = std::max(top, noisy.back().first);
      }
      for (auto& [weight, id] : noisy) total += weight = std::exp(weight - top);
      std::sort(noisy.rbegin(), noisy.rend());
      for (size_t i = 0; i < 10; ++i) {
        EXPECT_NEAR(static_cast<double>(result.weights[10 * r + i]), noisy[i].first / total, 1e-4) << tau;
        EXPECT_TRUE(noisy[i].first / total < 1e-3 || result.ids[10 * r + i] == noisy[i].second) << tau;
      }
    }
  }
}

// A request has the same result in any slot and row and with any other requests in the batch.
TEST_P(SampleNoiseTest, NoiseDependsOnSeedAndStepAlone) {
  std::vector<float> row = random.normals(455, 1.5);
  for (int kind = 0; kind < 3; ++kind) {
    st_sampling sampling = plain_sampling();
    sampling.seed = 0x123456789abcdef0u;
    sampling.dirichlet_alpha = kind == 1 ? 3.0f : 0.0f;
    sampling.gumbel_temperature = kind == 2 ? 0.7f : 0.0f;
    st_sequence_state state = first_state(kind != 0);
    state.step = 77;
    SampleStep alone;
    alone.entries = 10;
    alone.add(sampling, state, row);
    SampleResult expected = run(device(), alone);
    EXPECT_EQ(expected.states[0].step, 78u);

    for (size_t place = 0; place < 5; ++place) {
      SampleStep step;
      step.entries = 10;
      for (size_t s = 0; s < 5; ++s) {
        st_sampling other = sampling;
        other.seed = random.bits();
        step.add(s == place ? sampling : other, state, s == place ? row : random.normals(455));
      }
      // Rows in the opposite order of the slots.
      std::reverse(step.slots.begin(), step.slots.end());
      std::vector<float> reversed;
      for (size_t r = 5; r-- > 0;) {
        std::vector<float> one = slice(step.logits, r * 455, 455);
        reversed.insert(reversed.end(), one.begin(), one.end());
      }
      step.logits = reversed;
      SampleResult result = run(device(), step);
      EXPECT_TRUE(same_bits(result.row_ids(4 - place), expected.row_ids(0)));
      EXPECT_TRUE(same_bits(result.row_weights(4 - place), expected.row_weights(0)));
    }

    // Another step or another seed makes another draw, mostly.
    int equal = 0;
    for (uint32_t i = 1; i <= 20; ++i) {
      SampleStep other = alone;
      if (i % 2)
        other.states[0].step += i;
      else
        other.sampling[0].seed += uint64_t{i} << (i % 4 ? 32 : 0);
      SampleResult result = run(device(), other);
      equal += result.row_ids(0) == expected.row_ids(0) && result.row_weights(0) == expected.row_weights(0);
    }
    EXPECT_LT(equal, 6) << "kind " << kind;
  }
}

}  // namespace
