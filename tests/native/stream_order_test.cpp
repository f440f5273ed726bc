// Streams that wait for one another, and handles of others.
#include "support.h"

namespace {

using namespace st::test;

ST_TEST_EVERY_BACKEND_ONCE(StreamOrderTest);

// A second stream of a device, and an event.
struct Second {
  explicit Second(Device& on) : device(on) {
    device.check(device.api.stream_create(device.handle, &stream));
    device.check(device.api.event_create(device.handle, 0, &event));
  }
  ~Second() {
    device.api.event_destroy(event);
    device.api.stream_destroy(stream);
  }
  Device& device;
  st_stream* stream = nullptr;
  st_event* event = nullptr;
};

TEST_P(StreamOrderTest, AStreamWaitsForWorkOfAnother) {
  const st_api& api = device().api;
  constexpr size_t kCount = 1 << 15;
  Second other(device());
  Buffer<int32_t> middle(device(), kCount), end(device(), kCount);
  for (int32_t round = 0; round < 20; ++round) {
    std::vector<int32_t> values(kCount, round);
    device().check(api.copy(other.stream, middle.get(), values.data(), kCount * sizeof(int32_t)));
    device().check(api.event_record(other.stream, other.event));
    device().check(api.event_wait(device().stream, other.event));
    device().check(api.copy(device().stream, end.get(), middle.get(), kCount * sizeof(int32_t)));
    device().synchronize();
    ASSERT_TRUE(same_bits(end.read(), values)) << round;
  }
  EXPECT_EQ(api.stream_synchronize(other.stream), ST_OK);
}

// Each waits for an earlier point of the other.
TEST_P(StreamOrderTest, StreamsMayWaitForOneAnother) {
  const st_api& api = device().api;
  Second other(device()), third(device());
  Buffer<int32_t> value(device(), 1);
  for (int32_t round = 0; round < 50; ++round) {
    device().check(api.copy(other.stream, value.get(), &round, sizeof round));
    device().check(api.event_record(other.stream, other.event));
    device().check(api.event_wait(device().stream, other.event));
    int32_t seen = -1;
    device().check(api.copy(device().stream, &seen, value.get(), sizeof seen));
    device().check(api.event_record(device().stream, third.event));
    device().check(api.event_wait(other.stream, third.event));
    device().check(api.event_synchronize(third.event));
    ASSERT_EQ(seen, round);
    device().check(api.stream_synchronize(other.stream));
  }
}

TEST_P(StreamOrderTest, AnEventWithoutAMarkDelaysNothing) {
  const st_api& api = device().api;
  Second other(device());
  device().check(api.event_wait(device().stream, other.event));
  device().synchronize();
  EXPECT_EQ(api.event_wait(nullptr, other.event), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.event_wait(device().stream, nullptr), ST_INVALID_ARGUMENT);
  // The event, and the stream that it marks, may go before the work that waits.
  device().check(api.event_record(other.stream, other.event));
  device().check(api.event_wait(device().stream, other.event));
  api.event_destroy(other.event);
  other.event = nullptr;
  device().synchronize();
}

TEST_P(StreamOrderTest, TheCpuHasNoHandlesOfOthers) {
  if (GetParam().backend != "cpu") GTEST_SKIP() << "CUDA has them";
  const st_api& api = device().api;
  st_stream* stream = nullptr;
  st_event* event = nullptr;
  EXPECT_EQ(api.stream_adopt(device().handle, &stream, &stream), ST_UNSUPPORTED);
  EXPECT_NE(std::string(api.last_error()).find("CPU"), std::string::npos);
  EXPECT_EQ(api.event_adopt(device().handle, &event, &event), ST_UNSUPPORTED);
  EXPECT_EQ(api.stream_native(device().stream), nullptr);
  EXPECT_EQ(api.memory_check(device().handle, &stream, sizeof stream), ST_OK);
  EXPECT_EQ(api.memory_check(device().handle, nullptr, 4), ST_INVALID_ARGUMENT);
}

}  // namespace
