#include <cmath>

#include "support.h"

namespace {

using namespace st::test;

std::vector<double> frequencies(int32_t half, double base) {
  std::vector<double> result;
  for (int32_t i = 0; i < half; ++i) result.push_back(std::pow(base, -static_cast<double>(i) / half));
  return result;
}

std::vector<float> run(Device& device, const std::vector<int32_t>& positions, const std::vector<double>& inverse,
                       double magnitude = 1.0) {
  Buffer<int32_t> position_buffer(device, positions);
  Buffer<double> frequency_buffer(device, inverse);
  Buffer<float> out(device, positions.size() * 2 * inverse.size());
  st_rope_angles op = {sizeof op,
                       static_cast<int32_t>(positions.size()),
                       static_cast<int32_t>(inverse.size()),
                       0,
                       magnitude,
                       position_buffer.get(),
                       frequency_buffer.get(),
                       out.get()};
  device.check(device.api.rope_angles(device.stream, &op));
  return out.read();
}

ST_TEST_EVERY_BACKEND_ONCE(RopeAnglesTest);

// Double precision shows at large positions: an f32 product would be off in the second digit.
TEST_P(RopeAnglesTest, MatchesReference) {
  const std::vector<int32_t> positions = {0, 1, 2, 15, 16, 255, 256, 600, 4095, 32767, 131071, 1000003};
  for (int32_t half : {1, 3, 8, 12, 32, 64, 256}) {
    for (double base : {1e4, 1e6}) {
      SCOPED_TRACE(testing::Message() << half << " frequencies of base " << base);
      double magnitude = base > 1e5 ? 1.1386294361119891 : 1.0;
      std::vector<double> inverse = frequencies(half, base), expected;
      for (int32_t p : positions) {
        for (double f : inverse) expected.push_back(magnitude * std::cos(p * f));
        for (double f : inverse) expected.push_back(magnitude * std::sin(p * f));
      }
      ASSERT_TRUE(near(run(device(), positions, inverse, magnitude), expected, 1e-7));
    }
  }
}

TEST_P(RopeAnglesTest, SameBitsForAnyRowsAndThreads) {
  std::vector<double> inverse = frequencies(24, 1e6);
  std::vector<int32_t> positions;
  for (int r = 0; r < 17; ++r) positions.push_back(random.integer(0, 40000));
  std::vector<float> expected = run(device(), positions, inverse);
  for (int threads : thread_counts()) {
    auto other = open(threads);
    EXPECT_TRUE(same_bits(run(*other, positions, inverse), expected)) << threads << " threads";
  }
  for (size_t r = 0; r < positions.size(); ++r)
    EXPECT_TRUE(same_bits(run(device(), {positions[r]}, inverse), slice(expected, r * 48, 48))) << "row " << r;
  EXPECT_TRUE(run(device(), {}, inverse).empty());
}

TEST_P(RopeAnglesTest, RefusesMistakes) {
  Buffer<int32_t> positions(device(), std::vector<int32_t>{3});
  Buffer<double> inverse(device(), std::vector<double>{1.0, 0.5});
  Buffer<float> out(device(), 4);
  const st_rope_angles good = {sizeof good, 1, 2, 0, 1.0, positions.get(), inverse.get(), out.get()};
  auto refused = [&](auto change) {
    st_rope_angles op = good;
    change(op);
    return device().api.rope_angles(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.rope_angles(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_rope_angles& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_rope_angles& op) { op.half = 0; }));
  EXPECT_TRUE(refused([](st_rope_angles& op) { op.half = ST_MAX_HEAD_DIM; }));
  EXPECT_TRUE(refused([](st_rope_angles& op) { op.magnitude = NAN; }));
  EXPECT_TRUE(refused([](st_rope_angles& op) { op.positions = nullptr; }));
  EXPECT_TRUE(refused([](st_rope_angles& op) { op.inverse_frequencies = nullptr; }));
  EXPECT_TRUE(refused([](st_rope_angles& op) { op.out = nullptr; }));
}

}  // namespace
