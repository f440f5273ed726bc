// Sharing a device with other code of the process, which uses CUDA's driver: here the emulated device's stand-in.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "../support.h"

namespace {

using namespace st::test;

using Context = void*;
using Address = unsigned long long;

// Calls a function of the driver; its result, 0 for success.
template <typename... A>
int driver(const char* name, A... arguments) {
  auto* function = reinterpret_cast<int (*)(A...)>(library_function("simt", name));
  return function ? function(arguments...) : -1;
}

Context current() {
  Context context = nullptr;
  driver("cuCtxGetCurrent", &context);
  return context;
}

class InteropTest : public testing::Test {
 protected:
  // Another user of device 0: its primary context is current, and it has a stream, an event and memory.
  void SetUp() override {
    ASSERT_EQ(driver("cuDevicePrimaryCtxRetain", &primary_, 0), 0);
    ASSERT_EQ(driver("cuCtxPushCurrent_v2", primary_), 0);
    ASSERT_EQ(driver("cuStreamCreate", &stream_, 1u), 0);
    ASSERT_EQ(driver("cuEventCreate", &event_, 0u), 0);
    ASSERT_EQ(driver("cuMemAlloc_v2", &memory_, size_t{64}), 0);
  }

  void TearDown() override {
    unsetenv("SOFTTHINKING_SIMT_FAULT");
    driver("cuDevicePrimaryCtxReset_v2", 0);
    driver("cuMemFree_v2", memory_);
    driver("cuEventDestroy_v2", event_);
    driver("cuStreamDestroy_v2", stream_);
    driver("cuCtxPopCurrent_v2", &primary_);
  }

  void* address(size_t offset = 0) const { return reinterpret_cast<void*>(static_cast<uintptr_t>(memory_ + offset)); }

  const Target target_ = {"simt", "", ST_ACTIVATIONS_F32};
  Context primary_ = nullptr;
  void* stream_ = nullptr;
  void* event_ = nullptr;
  Address memory_ = 0;
};

TEST_F(InteropTest, WorkOfBothRunsOnAnAdoptedStreamInItsOrder) {
  Device device(target_, 0);
  st_stream* ours = nullptr;
  device.check(device.api.stream_adopt(device.handle, stream_, &ours));
  EXPECT_EQ(device.api.stream_native(ours), stream_);
  int written = 42, read = 0;
  driver("cuMemcpyHtoDAsync_v2", memory_, static_cast<const void*>(&written), sizeof written, stream_);
  device.check(device.api.copy(ours, &read, address(), sizeof read));
  device.check(device.api.stream_synchronize(ours));
  EXPECT_EQ(read, 42);
  // Its end leaves the stream to its owner.
  device.api.stream_destroy(ours);
  written = 43;
  driver("cuMemcpyHtoDAsync_v2", memory_, static_cast<const void*>(&written), sizeof written, stream_);
  EXPECT_EQ(driver("cuStreamSynchronize", stream_), 0);
  EXPECT_EQ(*static_cast<int*>(address()), 43);
}

TEST_F(InteropTest, WorkOfOthersIsNotRecordedInAGraph) {
  Device device(target_, 0);
  st_stream* ours = nullptr;
  device.check(device.api.stream_adopt(device.handle, stream_, &ours));
  int first = 1, second = 2;
  st_graph* graph = nullptr;
  device.check(device.api.graph_begin(ours));
  EXPECT_EQ(device.api.stream_native(ours), stream_) << "also while a graph is recorded";
  device.check(device.api.copy(ours, address(4), address(), sizeof first));
  driver("cuMemcpyHtoDAsync_v2", memory_, static_cast<const void*>(&first), sizeof first, stream_);
  EXPECT_EQ(driver("cuStreamSynchronize", stream_), 0) << "the owner may wait meanwhile";
  device.check(device.api.graph_end(ours, &graph));
  EXPECT_EQ(*static_cast<int*>(address()), 1);
  driver("cuMemcpyHtoDAsync_v2", memory_, static_cast<const void*>(&second), sizeof second, stream_);
  device.check(device.api.graph_launch(ours, graph));
  device.check(device.api.stream_synchronize(ours));
  EXPECT_EQ(*static_cast<int*>(address()), 2) << "the graph wrote nothing of the owner's";
  EXPECT_EQ(*static_cast<int*>(address(4)), 2);
  device.api.graph_destroy(graph);
  device.api.stream_destroy(ours);
}

// The value that our stream copies from what another one writes, with and without the wait.
int copied(const Device& device, void* stream, void* event, Address memory, bool waits) {
  static int written;
  written = 7;
  int read = 0;
  st_event* ready = nullptr;
  device.check(device.api.event_adopt(device.handle, event, &ready));
  driver("cuMemcpyHtoDAsync_v2", memory, static_cast<const void*>(&written), sizeof written, stream);
  driver("cuEventRecord", event, stream);
  if (waits) device.check(device.api.event_wait(device.stream, ready));
  void* source = reinterpret_cast<void*>(static_cast<uintptr_t>(memory));
  device.check(device.api.copy(device.stream, &read, source, sizeof read));
  device.synchronize();
  device.api.event_destroy(ready);
  return read;
}

TEST_F(InteropTest, AMissingWaitForAForeignStreamIsSeen) {
  Device device(target_, 0);
  EXPECT_EQ(copied(device, stream_, event_, memory_, false), -1) << "poison";
  EXPECT_EQ(copied(device, stream_, event_, memory_, true), 7);
}

// A foreign stream that reads what ours writes.
TEST_F(InteropTest, AMissingWaitOfAForeignStreamIsSeen) {
  for (bool waits : {false, true}) {
    Device device(target_, 0);
    int written = 9, read = 0;
    st_event* event = nullptr;
    device.check(device.api.event_adopt(device.handle, event_, &event));
    device.check(device.api.copy(device.stream, address(8), &written, sizeof written));
    device.check(device.api.event_record(device.stream, event));
    if (waits) driver("cuStreamWaitEvent", stream_, event_, 0u);
    driver("cuMemcpyDtoHAsync_v2", static_cast<void*>(&read), memory_ + 8, sizeof read, stream_);
    EXPECT_EQ(driver("cuStreamSynchronize", stream_), 0);
    EXPECT_EQ(read, waits ? 9 : -1);
    device.synchronize();
    memset(address(8), 0xFF, sizeof read);
    device.api.event_destroy(event);
  }
}

// Orders in which a device may run the streams: only what waits is always right.
TEST_F(InteropTest, EveryOrderOfTheStreamsKeepsToTheWaits) {
  int wrong = 0;
  for (int seed = 1; seed <= 40; ++seed) {
    setenv("SOFTTHINKING_SIMT_STREAMS", std::to_string(seed).c_str(), 1);
    Device device(target_, 0);
    memset(address(), 0xFF, sizeof(int));
    EXPECT_EQ(copied(device, stream_, event_, memory_, true), 7) << seed;
    EXPECT_EQ(driver("cuStreamSynchronize", stream_), 0);
    memset(address(), 0xFF, sizeof(int));
    wrong += copied(device, stream_, event_, memory_, false) != 7;
    EXPECT_EQ(driver("cuStreamSynchronize", stream_), 0);
  }
  unsetenv("SOFTTHINKING_SIMT_STREAMS");
  EXPECT_GT(wrong, 0);
  EXPECT_LT(wrong, 40) << "some orders hide the mistake";
}

// Every function of ours leaves the thread with the context that it had, and works in the primary one.
TEST_F(InteropTest, AnotherContextStaysCurrentAndDoesNotMatter) {
  Context other = nullptr;
  ASSERT_EQ(driver("cuCtxCreate_v2", &other, 0u, 0), 0);
  {
    Device device(target_, 0);
    EXPECT_EQ(current(), other);
    Activations in(device, std::vector<float>{1, 2, 3, 4}), out(device, 4);
    Buffer<int32_t> index(device, std::vector<int32_t>{0});
    st_gather_rows op = {sizeof op, 1, 4, 0, index.get(), in.get(), out.get()};
    device.check(device.api.gather_rows(device.stream, &op));
    EXPECT_EQ(current(), other);
    EXPECT_TRUE(same_bits(out.read(), in.read()));
    st_stream* ours = nullptr;
    device.check(device.api.stream_adopt(device.handle, stream_, &ours));
    device.api.stream_destroy(ours);
    EXPECT_EQ(current(), other);
    // Handles of the other context are refused.
    void* stream = nullptr;
    Address memory = 0;
    ASSERT_EQ(driver("cuStreamCreate", &stream, 1u), 0);
    ASSERT_EQ(driver("cuMemAlloc_v2", &memory, size_t{16}), 0);
    EXPECT_EQ(device.api.stream_adopt(device.handle, stream, &ours), ST_INVALID_ARGUMENT);
    EXPECT_NE(std::string(device.api.last_error()).find("primary context of device 0"), std::string::npos);
    EXPECT_EQ(device.api.memory_check(device.handle, reinterpret_cast<void*>(static_cast<uintptr_t>(memory)), 16),
              ST_INVALID_ARGUMENT);
    EXPECT_NE(std::string(device.api.last_error()).find("another context"), std::string::npos);
    driver("cuMemFree_v2", memory);
    driver("cuStreamDestroy_v2", stream);
  }
  EXPECT_EQ(current(), other);
  EXPECT_EQ(driver("cuCtxDestroy_v2", other), 0);
  EXPECT_EQ(current(), primary_);
}

TEST_F(InteropTest, RefusesMistakes) {
  Device device(target_, 0), second(target_, 0, 1);
  const st_api& api = device.api;
  st_stream* stream = nullptr;
  st_event* event = nullptr;
  EXPECT_EQ(api.stream_adopt(nullptr, stream_, &stream), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.stream_adopt(device.handle, stream_, nullptr), ST_INVALID_ARGUMENT);
  for (void* handle : {static_cast<void*>(nullptr), reinterpret_cast<void*>(1), reinterpret_cast<void*>(2)})
    EXPECT_EQ(api.stream_adopt(device.handle, handle, &stream), ST_INVALID_ARGUMENT) << "a default stream";
  EXPECT_NE(api.stream_adopt(device.handle, &stream, &stream), ST_OK) << "no stream";
  EXPECT_EQ(api.stream_adopt(second.handle, stream_, &stream), ST_INVALID_ARGUMENT) << "of another device";
  EXPECT_EQ(api.event_adopt(device.handle, nullptr, &event), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.event_adopt(device.handle, event_, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.event_adopt(device.handle, &event, &event), ST_INVALID_ARGUMENT) << "no event";
  EXPECT_EQ(api.memory_check(device.handle, address(), 64), ST_OK);
  EXPECT_EQ(api.memory_check(device.handle, address(), 65), ST_INVALID_ARGUMENT) << "beyond the end";
  EXPECT_EQ(api.memory_check(device.handle, &stream, 8), ST_INVALID_ARGUMENT) << "of the host";
  EXPECT_EQ(api.memory_check(second.handle, address(), 8), ST_INVALID_ARGUMENT) << "of another device";
  EXPECT_NE(std::string(api.last_error()).find("another device"), std::string::npos);
  device.check(api.event_adopt(device.handle, event_, &event));
  device.check(api.graph_begin(device.stream));
  EXPECT_EQ(api.event_wait(device.stream, event), ST_INVALID_ARGUMENT) << "while a graph is recorded";
  st_graph* graph = nullptr;
  device.check(api.graph_end(device.stream, &graph));
  api.graph_destroy(graph);
  api.event_destroy(event);
}

// Closing, also after a failed kernel, is no business of the other user's: its stream and memory are as before, and it
// alone makes the device usable again.
TEST_F(InteropTest, ClosingLeavesTheContextToOthers) {
  for (bool fails : {false, true}) {
    int value = 5, back = 0;
    driver("cuMemcpyHtoDAsync_v2", memory_, static_cast<const void*>(&value), sizeof value, stream_);
    {
      Device device(target_, 0);
      Buffer<int32_t> index(device, std::vector<int32_t>(256));
      if (fails) setenv("SOFTTHINKING_SIMT_FAULT", "launch", 1);
      st_gather_rows op = {sizeof op, 1, 19, 0, index.get(), index.get() + 64, index.get() + 128};
      device.check(device.api.gather_rows(device.stream, &op));
      EXPECT_EQ(device.api.stream_synchronize(device.stream), fails ? ST_INTERNAL : ST_OK);
      unsetenv("SOFTTHINKING_SIMT_FAULT");
      driver("cuDevicePrimaryCtxReset_v2",
             fails ? 1 : 0);  // of the other device, if this one failed: the guards are read
      if (fails) driver("cuDevicePrimaryCtxReset_v2", 0);
    }
    EXPECT_EQ(current(), primary_);
    driver("cuMemcpyDtoHAsync_v2", static_cast<void*>(&back), memory_, sizeof back, stream_);
    EXPECT_EQ(driver("cuStreamSynchronize", stream_), 0);
    EXPECT_EQ(back, 5);
  }
}

TEST_F(InteropTest, AFailedKernelStaysUntilTheApplicationResetsTheContext) {
  setenv("SOFTTHINKING_SIMT_FAULT", "launch", 1);
  st_device_options options = {sizeof options, 0, 0, ST_ACTIVATIONS_F32, 0, 0};
  const st_api& api = load_backend("simt");
  st_device* device = nullptr;
  st_stream* stream = nullptr;
  void* memory = nullptr;
  ASSERT_EQ(api.device_open(&options, &device), ST_OK);
  ASSERT_EQ(api.stream_create(device, &stream), ST_OK);
  ASSERT_EQ(api.memory_alloc(device, 4096, &memory), ST_OK);
  auto* index = static_cast<int32_t*>(memory);
  st_gather_rows op = {sizeof op, 1, 19, 0, index, index + 64, index + 128};
  EXPECT_EQ(api.gather_rows(stream, &op), ST_OK);
  EXPECT_EQ(api.stream_synchronize(stream), ST_INTERNAL);
  api.memory_free(device, memory);
  api.stream_destroy(stream);
  api.device_close(device);
  unsetenv("SOFTTHINKING_SIMT_FAULT");
  EXPECT_NE(driver("cuStreamSynchronize", stream_), 0) << "the other user sees the error, too";
  EXPECT_THROW(Device(target_, 0), std::runtime_error) << "a device that is opened again has it";
  EXPECT_EQ(driver("cuDevicePrimaryCtxReset_v2", 0), 0);
  Device again(target_, 0);
  again.synchronize();
}

}  // namespace
