#include "support.h"

namespace {

using namespace st::test;

std::vector<float> run(Device& device, size_t cols, const std::vector<float>& in, const std::vector<int32_t>& index) {
  Activations input(device, in), out(device, index.size() * cols);
  Buffer<int32_t> index_buffer(device, index);
  st_gather_rows op = {
      sizeof op, static_cast<int32_t>(index.size()), static_cast<int32_t>(cols), 0, index_buffer.get(), input.get(),
      out.get()};
  device.check(device.api.gather_rows(device.stream, &op));
  return out.read();
}

ST_TEST_EVERY_BACKEND(GatherRowsTest);

TEST_P(GatherRowsTest, CopiesRowsExactly) {
  for (int threads : thread_counts()) {
    auto other = open(threads);
    for (size_t cols : {1, 7, 16, 33, 200}) {
      for (size_t rows : {0, 1, 3, 5, 17}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols);
        std::vector<float> in = random.activations(device(), 9 * cols), expected;
        std::vector<int32_t> index;
        for (size_t r = 0; r < rows; ++r) {
          index.push_back(random.integer(0, 8));
          std::vector<float> row = slice(in, static_cast<size_t>(index.back()) * cols, cols);
          expected.insert(expected.end(), row.begin(), row.end());
        }
        ASSERT_TRUE(same_bits(run(*other, cols, in, index), expected));
      }
    }
  }
}

TEST_P(GatherRowsTest, RefusesMistakes) {
  Activations in(device(), std::vector<float>(8, 1.0f)), out(device(), 4);
  Buffer<int32_t> index(device(), std::vector<int32_t>{1});
  const st_gather_rows good = {sizeof good, 1, 4, 0, index.get(), in.get(), out.get()};
  auto refused = [&](auto change) {
    st_gather_rows op = good;
    change(op);
    return device().api.gather_rows(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.gather_rows(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_gather_rows& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_gather_rows& op) { op.cols = 0; }));
  EXPECT_TRUE(refused([](st_gather_rows& op) { op.index = nullptr; }));
  EXPECT_TRUE(refused([](st_gather_rows& op) { op.in = nullptr; }));
  EXPECT_TRUE(refused([](st_gather_rows& op) { op.out = nullptr; }));
}

}  // namespace
