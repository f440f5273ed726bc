// The emulated device itself: it does what CUDA's words say, and it catches what they forbid. This executable is built
// with AddressSanitizer always, which is what guards the bounds of memory.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "kernels.h"
#include "simt/contexts.h"
#include "simt/grid.h"

namespace {

using namespace st::test;

// Device memory of ints, and one stream.
class SimtTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess); }

  void TearDown() override {
    cudaStreamDestroy(stream_);
    st::simt::reset_device(0);
    for (void* each : memory_) cudaFree(each);
  }

  int* ints(size_t count) {
    void* pointer = nullptr;
    EXPECT_EQ(cudaMalloc(&pointer, count * sizeof(int)), cudaSuccess);
    memory_.push_back(pointer);
    return static_cast<int*>(pointer);
  }

  template <typename... P, typename... A>
  cudaError_t start(void (*kernel)(P...), unsigned blocks, size_t shared, A... arguments) {
    return st::cuda::start_kernel(kernel, blocks, kThreads, shared, stream_, false, std::tuple<P...>(arguments...));
  }

  template <typename... P>
  void load(void (*kernel)(P...)) {
    cudaFuncAttributes attributes;
    EXPECT_EQ(cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(kernel)), cudaSuccess);
  }

  cudaError_t wait() { return cudaStreamSynchronize(stream_); }

  cudaStream_t stream_ = nullptr;

 private:
  std::vector<void*> memory_;
};

constexpr unsigned kBlocks = 5;

std::vector<int> numbers() {
  std::vector<int> all(kBlocks * kThreads);
  std::iota(all.begin(), all.end(), 100);
  return all;
}

std::vector<int> reversed(std::vector<int> all) {
  for (unsigned b = 0; b < kBlocks; ++b) std::reverse(all.begin() + b * kThreads, all.begin() + (b + 1) * kThreads);
  return all;
}

// Runs a kernel of in and out under an order of threads; what it wrote.
class OrderTest : public SimtTest {
 protected:
  std::vector<int> run(void (*kernel)(const int*, int*), uint64_t seed) {
    std::vector<int> in = numbers(), out(in.size(), 0);
    st::simt::Launch launch;
    launch.grid = kBlocks;
    launch.block = kThreads;
    launch.shared_bytes = kThreads * sizeof(int);
    launch.seed = seed;
    launch.body = [&] { kernel(in.data(), out.data()); };
    EXPECT_EQ(st::simt::run_grid(launch), "");
    return out;
  }
};

TEST_F(OrderTest, CorrectKernelsDoNotSeeTheOrder) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(run(reverse_kernel<true>, seed), reversed(numbers())) << seed;
    EXPECT_EQ(run(reverse_async_kernel<true>, seed), reversed(numbers())) << seed;
  }
}

TEST_F(OrderTest, AMissingBarrierShowsInEveryOrder) {
  std::vector<int> first = run(reverse_kernel<false>, 1);
  bool differ = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<int> out = run(reverse_kernel<false>, seed);
    EXPECT_NE(out, reversed(numbers())) << seed;
    differ |= out != first;
  }
  EXPECT_TRUE(differ) << "every order gave the same";
}

TEST_F(OrderTest, ACopyThatIsNotWaitedForShows) {
  for (uint64_t seed = 0; seed < 20; ++seed) EXPECT_NE(run(reverse_async_kernel<false>, seed), reversed(numbers()));
}

class BoundsDeathTest : public SimtTest {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    SimtTest::SetUp();
  }
};

TEST_F(BoundsDeathTest, WritesBehindDeviceMemoryAreCaught) {
  int* out = ints(100);
  EXPECT_EQ(start(count_kernel, 1, 0, out, 99), cudaSuccess);
  EXPECT_EQ(wait(), cudaSuccess);
  EXPECT_DEATH((start(count_kernel, 1, 0, out, 100), wait()), "heap-buffer-overflow");
}

TEST_F(BoundsDeathTest, AccessesBehindSharedMemoryAreCaught) {
  int* out = ints(1);
  for (auto kernel : {shared_index_kernel, dynamic_index_kernel}) {
    EXPECT_EQ(start(kernel, 1, kThreads * sizeof(int), out, kThreads - 1), cudaSuccess);
    EXPECT_EQ(wait(), cudaSuccess);
    EXPECT_EQ(out[0], kThreads - 1);
    EXPECT_DEATH((start(kernel, 1, kThreads * sizeof(int), out, static_cast<int>(kThreads)), wait()),
                 "heap-buffer-overflow");
  }
}

// A kernel that breaks the rules of barriers ends with an error that names the thread, and leaves the device usable
// after a reset.
TEST_F(SimtTest, BrokenBarriersAreErrors) {
  int* out = ints(kThreads);
  const std::pair<Mistake, const char*> mistakes[] = {{Mistake::kLeaves, "left the kernel"},
                                                      {Mistake::kOtherBarrier, "others at"},
                                                      {Mistake::kOtherMask, "another operation"},
                                                      {Mistake::kAloneInWarp, "never comes"}};
  for (auto [mistake, words] : mistakes) {
    EXPECT_EQ(start(barrier_kernel, 1, 0, out, mistake), cudaSuccess);
    cudaError_t error = wait();
    EXPECT_EQ(error, cudaErrorLaunchFailure);
    std::string message = cudaGetErrorString(error);
    EXPECT_TRUE(message.find(words) != std::string::npos || message.find("after others") != std::string::npos)
        << message;
    EXPECT_NE(message.find("thread ("), std::string::npos) << message;
    EXPECT_EQ(wait(), cudaErrorLaunchFailure) << "the error stays";
    st::simt::reset_device(0);
    EXPECT_EQ(start(barrier_kernel, 1, 0, out, Mistake::kNone), cudaSuccess);
    EXPECT_EQ(wait(), cudaSuccess);
    EXPECT_EQ(out[6], 7);
  }
}

TEST_F(SimtTest, EveryThreadMustWaitForTheKernelAhead) {
  int* out = ints(kThreads);
  EXPECT_EQ(start(late_wait_kernel, 1, 0, out, static_cast<int>(kThreads)), cudaSuccess);
  EXPECT_EQ(wait(), cudaSuccess);
  EXPECT_EQ(start(late_wait_kernel, 1, 0, out, static_cast<int>(kThreads) - 1), cudaSuccess);
  cudaError_t error = wait();
  EXPECT_EQ(error, cudaErrorLaunchFailure);
  EXPECT_NE(std::string(cudaGetErrorString(error)).find("did not call wait_for_previous()"), std::string::npos);
}

TEST_F(SimtTest, AStreamDoesNothingBeforeItIsWaitedFor) {
  int* out = ints(8);
  std::fill(out, out + 8, -1);
  EXPECT_EQ(start(count_kernel, 1, 0, out, 7), cudaSuccess);
  EXPECT_EQ(out[7], -1);
  cudaEvent_t event;
  EXPECT_EQ(cudaEventCreate(&event), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, stream_), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(out, 0, 8 * sizeof(int), stream_), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(out[7], 7);  // work behind the event has not been done
  EXPECT_EQ(wait(), cudaSuccess);
  EXPECT_EQ(out[7], 0);
  cudaEventDestroy(event);
}

TEST_F(SimtTest, AWaitForAnEventRunsWhatIsBeforeItAndNoMore) {
  int* out = ints(8);
  std::fill(out, out + 8, -1);
  cudaStream_t other;
  cudaEvent_t event;
  EXPECT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  EXPECT_EQ(cudaEventCreate(&event), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(out, 1, sizeof(int), other), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, other), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(out + 1, 2, sizeof(int), other), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(out + 2, out, 2 * sizeof(int), cudaMemcpyDefault, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream_, event, 0), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(out + 4, out, 2 * sizeof(int), cudaMemcpyDefault, stream_), cudaSuccess);
  EXPECT_EQ(wait(), cudaSuccess);
  EXPECT_EQ(out[2], -1);
  EXPECT_EQ(out[4], 0x01010101);
  EXPECT_EQ(out[5], -1);
  cudaEventDestroy(event);
  cudaStreamDestroy(other);
}

TEST_F(SimtTest, AKernelNeedsTheContextOfItsStream) {
  std::vector<CUctx_st*>& contexts = st::simt::contexts_of_thread();
  CUctx_st other{0};
  contexts.push_back(&other);
  EXPECT_EQ(start(count_kernel, 1, 0, ints(8), 7), cudaErrorInvalidResourceHandle);
  contexts.pop_back();
}

TEST_F(SimtTest, GraphsRepeatWhatWasRecorded) {
  int *out = ints(8), *copy = ints(8);
  std::fill(out, out + 8, -1);
  load(count_kernel);
  EXPECT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(start(count_kernel, 1, 0, out, 7), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(copy, out, 8 * sizeof(int), cudaMemcpyDefault, stream_), cudaSuccess);
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphInstantiateWithFlags(&executable, graph, 0), cudaSuccess);
  EXPECT_EQ(wait(), cudaSuccess);
  EXPECT_EQ(out[7], -1);
  for (int round = 0; round < 3; ++round) {
    std::fill(out, out + 8, -1);
    std::fill(copy, copy + 8, -1);
    EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaSuccess);
    EXPECT_EQ(wait(), cudaSuccess);
    EXPECT_EQ(copy[7], 7);
  }
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

// What a thread may not do while it captures, each of which spoils the capture.
TEST_F(SimtTest, ACaptureIsSpoiltByWhatIsIllegalMeanwhile) {
  int* out = ints(kThreads);
  void* memory = nullptr;
  cudaEvent_t event;
  EXPECT_EQ(cudaEventCreate(&event), cudaSuccess);
  const std::function<cudaError_t()> illegal[] = {
      [&] { return wait(); },
      [&] { return cudaDeviceSynchronize(); },
      [&] { return cudaMalloc(&memory, 8); },
      [&] { return cudaHostAlloc(&memory, 8, cudaHostAllocDefault); },
      [&] { return cudaFree(out); },
      [&] { return cudaEventQuery(event); },
      [&] { return cudaEventSynchronize(event); },
      [&] { return start(unloaded_kernel, 1, 0, out); },
  };
  cudaGraph_t graph = nullptr;
  for (const auto& call : illegal) {
    EXPECT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    EXPECT_EQ(call(), cudaErrorStreamCaptureUnsupported);
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureInvalidated);
  }
  cudaEventDestroy(event);
  load(unloaded_kernel);
  EXPECT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(start(unloaded_kernel, 1, 0, out), cudaSuccess);
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
}

// Without an attribute 48 KiB, of both kinds together; with one, what it says of the dynamic kind, for all launches.
TEST_F(SimtTest, SharedMemoryNeedsAnAttribute) {
  constexpr size_t kMost = 48 << 10, kStatic = kThreads * sizeof(int);
  const void* kernel = reinterpret_cast<const void*>(two_kinds_kernel);
  int* out = ints(kThreads);
  EXPECT_EQ(start(two_kinds_kernel, 1, kMost + 4, out), cudaErrorInvalidValue);
  EXPECT_EQ(start(two_kinds_kernel, 1, kMost - kStatic, out), cudaSuccess);
  EXPECT_EQ(wait(), cudaSuccess);
  EXPECT_EQ(start(two_kinds_kernel, 1, kMost - kStatic + 4, out), cudaSuccess);
  EXPECT_EQ(wait(), cudaErrorLaunchFailure);
  EXPECT_NE(std::string(cudaGetErrorString(cudaErrorLaunchFailure)).find("49156 bytes of shared memory"),
            std::string::npos);
  st::simt::reset_device(0);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000), cudaSuccess);
  EXPECT_EQ(start(two_kinds_kernel, 1, 60000, out), cudaSuccess);
  EXPECT_EQ(wait(), cudaSuccess);
  EXPECT_EQ(start(two_kinds_kernel, 1, 60004, out), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000), cudaSuccess);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 50000), cudaErrorInvalidValue);
}

}  // namespace

namespace st::cuda {

st_status checked(cudaError_t error, const char* what) {
  return error == cudaSuccess ? ST_OK : fail(ST_INTERNAL, "%s: %s", what, cudaGetErrorString(error));
}

}  // namespace st::cuda
