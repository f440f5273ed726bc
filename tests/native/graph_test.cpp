// Recording the work of a stream, and replaying it.
#include "support.h"

namespace {

using namespace st::test;

constexpr size_t kRows = 3, kCols = 40, kOutputs = 21;

// A norm, then a product, on arrays of the device.
struct Work {
  Activations residual, normed, out;
  Buffer<float> norm;
  Matrix matrix;

  Work(Device& device, Random& random)
      : residual(device, random.activations(device, kRows * kCols)),
        normed(device, kRows * kCols),
        out(device, kRows * kOutputs),
        norm(device, random.normals(kCols)),
        matrix(device, kOutputs, kCols, ST_BF16, rounded(random.normals(kOutputs * kCols), ST_BF16)) {}

  void start(Device& device) const {
    st_rms_norm rms = {sizeof rms, kRows, kCols, 1e-6f, nullptr, residual.get(), norm.get(), normed.get()};
    device.check(device.api.rms_norm(device.stream, &rms));
    st_linear linear = {sizeof linear, kRows, normed.get(), matrix.get(), nullptr, out.get(), 0, 0, 0, 0, 0, 0};
    device.check(device.api.linear(device.stream, &linear));
  }
};

ST_TEST_EVERY_BACKEND(GraphTest);

TEST_P(GraphTest, BackendsWithoutGraphsSaySo) {
  if (device().info.graphs) GTEST_SKIP() << "this backend has graphs";
  const st_api& api = device().api;
  st_graph* graph = nullptr;
  EXPECT_EQ(api.graph_begin(device().stream), ST_UNSUPPORTED);
  EXPECT_EQ(api.graph_end(device().stream, &graph), ST_UNSUPPORTED);
  EXPECT_EQ(api.graph_launch(device().stream, graph), ST_UNSUPPORTED);
  EXPECT_STRNE(api.last_error(), "");
  api.graph_destroy(nullptr);
}

TEST_P(GraphTest, LaunchesDoWhatWasRecorded) {
  if (!device().info.graphs) GTEST_SKIP() << "this backend has no graphs";
  const st_api& api = device().api;
  Work work(device(), random);
  std::vector<uint8_t> untouched = work.out.read_bytes();
  void* host = nullptr;
  device().check(api.host_alloc(device().handle, untouched.size(), &host));
  device().check(api.graph_begin(device().stream));
  work.start(device());
  device().check(api.copy(device().stream, host, work.out.get(), untouched.size()));
  st_graph* graph = nullptr;
  device().check(api.graph_end(device().stream, &graph));
  EXPECT_TRUE(same_bits(work.out.read_bytes(), untouched));
  size_t bytes = kRows * kCols * dtype_bytes(device().info.activation_dtype);
  for (int round = 0; round < 3; ++round) {
    std::vector<uint8_t> input = encoded(random.activations(device(), kRows * kCols), device().info.activation_dtype);
    device().check(api.copy(device().stream, work.residual.get(), input.data(), bytes));
    work.start(device());
    std::vector<uint8_t> expected = work.out.read_bytes();
    device().check(api.copy(device().stream, work.out.get(), untouched.data(), untouched.size()));
    device().check(api.graph_launch(device().stream, graph));
    device().synchronize();
    EXPECT_TRUE(same_bits(work.out.read_bytes(), expected));
    EXPECT_TRUE(compare_bits(host, expected.data(), expected.size(), 1));
  }
  api.graph_destroy(graph);
  api.host_free(device().handle, host);
}

TEST_P(GraphTest, RefusesMistakes) {
  if (!device().info.graphs) GTEST_SKIP() << "this backend has no graphs";
  const st_api& api = device().api;
  st_graph* graph = nullptr;
  EXPECT_EQ(api.graph_begin(nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.graph_end(nullptr, &graph), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.graph_end(device().stream, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.graph_launch(device().stream, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_NE(api.graph_end(device().stream, &graph), ST_OK) << "nothing was begun";
  // Waiting while a graph is recorded spoils it, and the stream is as before.
  device().check(api.graph_begin(device().stream));
  EXPECT_NE(api.stream_synchronize(device().stream), ST_OK);
  EXPECT_NE(api.graph_end(device().stream, &graph), ST_OK);
  device().synchronize();
  Work work(device(), random);
  work.start(device());
  device().synchronize();
}

}  // namespace
