#include <cmath>

#include "support.h"

namespace {

using namespace st::test;

struct Shape {
  size_t rows, cols, x_stride, out_stride;
};

// Runs the operation on x, and returns all of out, whose gaps are to stay as they were.
std::vector<float> run(Device& device, const Shape& shape, const std::vector<float>& x,
                       const std::vector<float>& before, const std::vector<float>& weight, float epsilon, bool add) {
  Activations x_buffer(device, x), out(device, before);
  Buffer<float> weight_buffer(device, weight);
  st_normalize op = {sizeof op,
                     static_cast<int32_t>(shape.rows),
                     static_cast<int32_t>(shape.cols),
                     epsilon,
                     static_cast<int32_t>(shape.x_stride),
                     static_cast<int32_t>(shape.out_stride),
                     add ? 1 : 0,
                     0,
                     x_buffer.get(),
                     weight_buffer.get(),
                     out.get()};
  device.check(device.api.normalize(device.stream, &op));
  return out.read();
}

std::vector<double> reference(const Shape& shape, const std::vector<float>& x, const std::vector<float>& before,
                              const std::vector<float>& weight, double epsilon, bool add) {
  std::vector<double> out(before.begin(), before.end());
  for (size_t r = 0; r < shape.rows; ++r) {
    double squares = 0.0;
    for (size_t i = 0; i < shape.cols; ++i) squares += std::pow(static_cast<double>(x[r * shape.x_stride + i]), 2);
    double factor = 1.0 / std::sqrt(squares / static_cast<double>(shape.cols) + epsilon);
    for (size_t i = 0; i < shape.cols; ++i) {
      double value = static_cast<double>(x[r * shape.x_stride + i]) * factor * static_cast<double>(weight[i]);
      double& place = out[r * shape.out_stride + i];
      place = add ? place + value : value;
    }
  }
  return out;
}

ST_TEST_EVERY_BACKEND(NormalizeTest);

TEST_P(NormalizeTest, MatchesReference) {
  for (size_t cols : {1, 2, 15, 16, 17, 64, 100, 256, 257, 1031}) {
    for (size_t rows : {0, 1, 3, 17}) {
      for (bool add : {false, true}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols << (add ? ", added" : ""));
        Shape shape = {rows, cols, cols + 5, cols + 3};
        std::vector<float> x = random.activations(device(), rows * shape.x_stride, 3.0);
        std::vector<float> before = random.activations(device(), rows * shape.out_stride);
        std::vector<float> weight = random.normals(cols);
        std::vector<float> out = run(device(), shape, x, before, weight, 1e-6f, add);
        ASSERT_TRUE(near(out, reference(shape, x, before, weight, 1e-6, add), device().tolerance(2e-6)));
        for (size_t r = 0; r < rows; ++r)
          ASSERT_TRUE(
              same_bits(slice(out, r * shape.out_stride + cols, 3), slice(before, r * shape.out_stride + cols, 3)));
      }
    }
  }
}

TEST_P(NormalizeTest, InPlaceAndAloneGiveTheSameBits) {
  Shape shape = {5, 300, 310, 310};
  std::vector<float> x = random.activations(device(), shape.rows * shape.x_stride), weight = random.normals(shape.cols);
  std::vector<float> expected = run(device(), shape, x, x, weight, 1e-5f, false);
  Activations buffer(device(), x);
  Buffer<float> weights(device(), weight);
  st_normalize op = {sizeof op, 5, 300, 1e-5f, 310, 310, 0, 0, buffer.get(), weights.get(), buffer.get()};
  device().check(device().api.normalize(device().stream, &op));
  EXPECT_TRUE(same_bits(buffer.read(), expected));
  for (size_t r = 0; r < shape.rows; ++r) {
    std::vector<float> row = slice(x, r * shape.x_stride, shape.x_stride);
    EXPECT_TRUE(same_bits(run(device(), {1, 300, 310, 310}, row, row, weight, 1e-5f, false),
                          slice(expected, r * shape.out_stride, shape.out_stride)))
        << "row " << r;
  }
}

TEST_P(NormalizeTest, EpsilonKeepsARowOfZerosFinite) {
  std::vector<float> zeros(20, 0.0f), weight(20, 1.0f);
  EXPECT_TRUE(same_bits(run(device(), {1, 20, 20, 20}, zeros, zeros, weight, 1e-5f, false), zeros));
}

TEST_P(NormalizeTest, RefusesMistakes) {
  Activations x(device(), std::vector<float>(4)), out(device(), std::vector<float>(4));
  Buffer<float> weight(device(), 2);
  const st_normalize good = {sizeof good, 2, 2, 1e-6f, 2, 2, 0, 0, x.get(), weight.get(), out.get()};
  auto refused = [&](auto change) {
    st_normalize op = good;
    change(op);
    return device().api.normalize(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.normalize(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_normalize& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_normalize& op) { op.cols = 0; }));
  EXPECT_TRUE(refused([](st_normalize& op) { op.x_stride = 1; }));
  EXPECT_TRUE(refused([](st_normalize& op) { op.out_stride = 1; }));
  EXPECT_TRUE(refused([](st_normalize& op) { op.add = 2; }));
  EXPECT_TRUE(refused([](st_normalize& op) { op.x = nullptr; }));
  EXPECT_TRUE(refused([](st_normalize& op) { op.weight = nullptr; }));
  EXPECT_TRUE(refused([](st_normalize& op) { op.out = nullptr; }));
}

}  // namespace
