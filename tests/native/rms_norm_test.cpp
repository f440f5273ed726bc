#include <cmath>

#include "support.h"

namespace {

using namespace st::test;

struct Result {
  std::vector<float> residual, out;
};

Result run(Device& device, size_t cols, const std::vector<float>& residual, const std::vector<float>* delta,
           const std::vector<float>& weight, float epsilon) {
  Activations residual_buffer(device, residual), out(device, residual.size());
  Activations delta_buffer(device, delta ? *delta : std::vector<float>());
  Buffer<float> weight_buffer(device, weight);
  st_rms_norm op = {sizeof op,
                    static_cast<int32_t>(residual.size() / cols),
                    static_cast<int32_t>(cols),
                    epsilon,
                    delta ? delta_buffer.get() : nullptr,
                    residual_buffer.get(),
                    weight_buffer.get(),
                    out.get()};
  device.check(device.api.rms_norm(device.stream, &op));
  return {residual_buffer.read(), out.read()};
}

void expect_reference(const Device& device, const Result& result, size_t cols, const std::vector<float>& residual,
                      const std::vector<float>* delta, const std::vector<float>& weight, double epsilon) {
  std::vector<double> sums(residual.size()), out(residual.size());
  for (size_t begin = 0; begin < residual.size(); begin += cols) {
    double squares = 0.0;
    for (size_t i = begin; i < begin + cols; ++i) {
      sums[i] = static_cast<double>(residual[i]) + (delta ? static_cast<double>((*delta)[i]) : 0.0);
      squares += sums[i] * sums[i];
    }
    double factor = 1.0 / std::sqrt(squares / static_cast<double>(cols) + epsilon);
    for (size_t i = begin; i < begin + cols; ++i) out[i] = sums[i] * factor * static_cast<double>(weight[i - begin]);
  }
  ASSERT_TRUE(near(result.residual, sums, device.tolerance(1e-6)));
  ASSERT_TRUE(near(result.out, out, device.tolerance(2e-6)));
}

ST_TEST_EVERY_BACKEND(RmsNormTest);

TEST_P(RmsNormTest, MatchesReference) {
  for (size_t cols : {1, 2, 15, 16, 17, 64, 100, 128, 199, 200, 1031}) {
    for (size_t rows : {0, 1, 3, 5, 17}) {
      for (bool with_delta : {false, true}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols << (with_delta ? " with" : " without") << " delta");
        std::vector<float> residual = random.activations(device(), rows * cols, 3.0);
        std::vector<float> delta = random.activations(device(), rows * cols), weight = random.normals(cols);
        const std::vector<float>* passed = with_delta ? &delta : nullptr;
        Result result = run(device(), cols, residual, passed, weight, 1e-6f);
        expect_reference(device(), result, cols, residual, passed, weight, 1e-6);
      }
    }
  }
}

TEST_P(RmsNormTest, EpsilonKeepsARowOfZerosFinite) {
  std::vector<float> zeros(40, 0.0f), weight(20, 1.0f);
  Result result = run(device(), 20, zeros, nullptr, weight, 1e-5f);
  EXPECT_TRUE(same_bits(result.out, zeros));
}

TEST_P(RmsNormTest, WithoutDeltaTheResidualKeepsItsBits) {
  std::vector<float> residual = random.activations(device(), 3 * 37), weight = random.normals(37);
  EXPECT_TRUE(same_bits(run(device(), 37, residual, nullptr, weight, 1e-6f).residual, residual));
}

TEST_P(RmsNormTest, SameBitsForAnyRowsAndThreads) {
  constexpr size_t kCols = 173, kRows = 17;
  std::vector<float> residual = random.activations(device(), kRows * kCols);
  std::vector<float> delta = random.activations(device(), kRows * kCols), weight = random.normals(kCols);
  Result expected = run(device(), kCols, residual, &delta, weight, 1e-6f);
  for (int threads : thread_counts()) {
    auto other = open(threads);
    Result result = run(*other, kCols, residual, &delta, weight, 1e-6f);
    EXPECT_TRUE(same_bits(result.out, expected.out)) << threads << " threads";
    EXPECT_TRUE(same_bits(result.residual, expected.residual)) << threads << " threads";
  }
  for (size_t r = 0; r < kRows; ++r) {
    std::vector<float> one = slice(delta, r * kCols, kCols);
    Result result = run(device(), kCols, slice(residual, r * kCols, kCols), &one, weight, 1e-6f);
    EXPECT_TRUE(same_bits(result.out, slice(expected.out, r * kCols, kCols))) << "row " << r;
  }
}

TEST_P(RmsNormTest, RefusesMistakes) {
  Activations residual(device(), std::vector<float>(4, 1.0f)), out(device(), 4);
  Buffer<float> weight(device(), std::vector<float>(4, 1.0f));
  const st_rms_norm good = {sizeof good, 1, 4, 1e-6f, nullptr, residual.get(), weight.get(), out.get()};
  auto refused = [&](auto change) {
    st_rms_norm op = good;
    change(op);
    return device().api.rms_norm(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.rms_norm(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_rms_norm& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_rms_norm& op) { op.cols = 0; }));
  EXPECT_TRUE(refused([](st_rms_norm& op) { op.residual = nullptr; }));
  EXPECT_TRUE(refused([](st_rms_norm& op) { op.weight = nullptr; }));
  EXPECT_TRUE(refused([](st_rms_norm& op) { op.out = nullptr; }));
}

}  // namespace
