#include <cmath>

#include "support.h"

namespace {

using namespace st::test;

std::vector<float> run(Device& device, size_t cols, const std::vector<float>& gate_up) {
  Activations input(device, gate_up), out(device, gate_up.size() / 2);
  st_silu_mul op = {
      sizeof op, static_cast<int32_t>(gate_up.size() / (2 * cols)), static_cast<int32_t>(cols), 0, input.get(),
      out.get()};
  device.check(device.api.silu_mul(device.stream, &op));
  return out.read();
}

std::vector<double> reference(size_t cols, const std::vector<float>& gate_up) {
  std::vector<double> out;
  for (size_t begin = 0; begin < gate_up.size(); begin += 2 * cols) {
    for (size_t i = begin; i < begin + cols; ++i) {
      auto gate = static_cast<double>(gate_up[i]);
      out.push_back(gate / (1.0 + std::exp(-gate)) * static_cast<double>(gate_up[i + cols]));
    }
  }
  return out;
}

ST_TEST_EVERY_BACKEND(SiluMulTest);

TEST_P(SiluMulTest, MatchesReference) {
  for (size_t cols : {1, 7, 15, 16, 17, 64, 100, 199, 200}) {
    for (size_t rows : {0, 1, 3, 5, 17}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << cols);
      std::vector<float> input = random.activations(device(), rows * 2 * cols, 4.0);
      ASSERT_TRUE(near(run(device(), cols, input), reference(cols, input), device().tolerance(2e-6)));
    }
  }
}

// Far out the gate is itself or nothing: neither overflow nor NaN. The odd column goes the scalar way.
TEST_P(SiluMulTest, LargeGatesSaturate) {
  for (float gate : {0.0f, 30.0f, -30.0f, 90.0f, -90.0f, 1e4f, -1e4f, 1e30f, -1e30f}) {
    std::vector<float> input(2 * 17, gate);
    for (size_t i = 17; i < 34; ++i) input[i] = 1.5f;
    input = rounded(input, device().info.activation_dtype);
    if (std::isinf(input[0])) continue;  // the activation type does not have such gates
    std::vector<double> expected = reference(17, input);
    std::vector<float> out = run(device(), 17, input);
    for (size_t i = 0; i < 17; ++i) {
      // e^-x is clamped at e^88, so a result that vanishes does so to within 1e-38 |gate|.
      double allowed = device().tolerance(2e-6) * std::fabs(expected[i]) + 1e-37 * std::fabs(static_cast<double>(gate));
      if (device().info.activation_dtype == ST_F16) allowed += 0x1p-25;  // half of its smallest number
      EXPECT_NEAR(static_cast<double>(out[i]), expected[i], allowed) << "gate " << gate << ", column " << i;
    }
  }
}

TEST_P(SiluMulTest, SameBitsForAnyRowsAndThreads) {
  constexpr size_t kCols = 77, kRows = 17;
  std::vector<float> input = random.activations(device(), kRows * 2 * kCols);
  std::vector<float> expected = run(device(), kCols, input);
  for (int threads : thread_counts()) {
    auto other = open(threads);
    EXPECT_TRUE(same_bits(run(*other, kCols, input), expected)) << threads << " threads";
  }
  for (size_t r = 0; r < kRows; ++r)
    EXPECT_TRUE(
        same_bits(run(device(), kCols, slice(input, r * 2 * kCols, 2 * kCols)), slice(expected, r * kCols, kCols)))
        << "row " << r;
}

TEST_P(SiluMulTest, RefusesMistakes) {
  Activations input(device(), std::vector<float>(8, 1.0f)), out(device(), 4);
  const st_silu_mul good = {sizeof good, 1, 4, 0, input.get(), out.get()};
  auto refused = [&](auto change) {
    st_silu_mul op = good;
    change(op);
    return device().api.silu_mul(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.silu_mul(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_silu_mul& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_silu_mul& op) { op.cols = 0; }));
  EXPECT_TRUE(refused([](st_silu_mul& op) { op.gate_up = nullptr; }));
  EXPECT_TRUE(refused([](st_silu_mul& op) { op.out = nullptr; }));
}

}  // namespace
