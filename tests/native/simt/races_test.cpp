// The race detector of the emulated device: faults that are planted are reported, and the same kernels without them are
// not. This file is compiled as kernels are, so that the detector sees its accesses.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "race_kernels.h"
#include "simt/contexts.h"

namespace {

using namespace st::test;

constexpr unsigned kBlocks = 5;
constexpr size_t kInts = 4096;

class RacesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    in_ = ints();
    out_ = ints();
    std::iota(in_, in_ + kInts, 0);
  }
  void TearDown() override {
    cudaStreamDestroy(stream_);
    for (void* each : memory_) cudaFree(each);
  }

  int* ints() {
    void* pointer = nullptr;
    EXPECT_EQ(cudaMalloc(&pointer, kInts * sizeof(int)), cudaSuccess);
    memory_.push_back(pointer);
    return static_cast<int*>(pointer);
  }

  // What the launch reports; empty if there is no race.
  template <typename... P, typename... A>
  std::string run(void (*kernel)(P...), A... arguments) {
    EXPECT_EQ(st::cuda::start_kernel(kernel, kBlocks, kThreads, 2 * kThreads * sizeof(int), stream_, false,
                                     std::tuple<P...>(arguments...)),
              cudaSuccess);
    const cudaError_t error = cudaStreamSynchronize(stream_);
    const std::string message = error == cudaSuccess ? "" : cudaGetErrorString(error);
    st::simt::reset_device(0);
    return message;
  }
  std::string run(void (*kernel)(const int*, int*)) { return run(kernel, in_, out_); }

  template <Ticket kTicket>
  std::string run_ticket() {
    auto* ticket = reinterpret_cast<unsigned*>(ints());
    *ticket = 0;
    return run(ticket_kernel<kTicket>, in_, ticket, out_);
  }

  static void expect(const std::string& message, std::initializer_list<const char*> words) {
    for (const char* each : words)
      EXPECT_NE(message.find(each), std::string::npos) << each << " is not in: " << message;
  }

  cudaStream_t stream_ = nullptr;
  int *in_ = nullptr, *out_ = nullptr;

 private:
  std::vector<void*> memory_;
};

TEST_F(RacesTest, AMissingBarrier) {
  EXPECT_EQ(run(reverse_kernel<true>), "");
  EXPECT_EQ(out_[0], static_cast<int>(kThreads) - 1);
  expect(run(reverse_kernel<false>), {"a race in reverse_kernel: thread (32,0,0) of block (0,0,0) writes 4 bytes, 128 "
                                      "into 256 bytes of shared memory, "
                                      "at race_kernels.h:",
                                      "; unordered, thread (31,0,0) of block (0,0,0) reads there, at race_kernels.h:"});
  EXPECT_EQ(run(reverse_kernel<true>), "") << "the device works again";
}

TEST_F(RacesTest, ReadsThatAreStillToCome) {
  EXPECT_EQ(run(twice_kernel<true>), "");
  expect(run(twice_kernel<false>), {"a race in twice_kernel", "reads", "writes", "of shared memory"});
}

TEST_F(RacesTest, TwoWrites) {
  EXPECT_EQ(run(both_write_kernel<true>), "");
  expect(run(both_write_kernel<false>),
         {"thread (40,0,0) of block (0,0,0) writes 4 bytes", "thread (7,0,0) of block (0,0,0) writes there"});
}

TEST_F(RacesTest, LanesAreOrderedBySyncWarpAlone) {
  EXPECT_EQ(run(neighbor_kernel<Within::kSyncWarp>), "");
  EXPECT_EQ(run(neighbor_kernel<Within::kSyncPairs>), "");
  expect(run(neighbor_kernel<Within::kNothing>), {"a race in neighbor_kernel", "reads", "writes"});
  expect(run(neighbor_kernel<Within::kShuffle>), {"a race in neighbor_kernel", "reads", "writes"});
  expect(run(other_warp_kernel), {"a race in other_warp_kernel", "reads", "writes"});
}

TEST_F(RacesTest, OperandsOfMma) {
  EXPECT_EQ(run(operands_kernel<true, false>), "");
  EXPECT_EQ(run(operands_kernel<true, true>), "");
  expect(run(operands_kernel<false, false>), {"a race in operands_kernel", "reads", "writes", "of shared memory"});
  expect(run(operands_kernel<false, true>), {"a race in operands_kernel", "reads", "writes", "of shared memory"});
}

TEST_F(RacesTest, AsynchronousCopies) {
  EXPECT_EQ(run(ring_kernel<Ring::kRight>), "");
  EXPECT_EQ(out_[0], 6 * (static_cast<int>(kThreads) - 1) + 15 * static_cast<int>(kThreads));
  expect(run(ring_kernel<Ring::kNoWait>), {"reads 4 bytes", "into 512 bytes of shared memory", "still copies to"});
  expect(run(ring_kernel<Ring::kNoBarrierBehindWait>), {"a race in ring_kernel", "of shared memory"});
  expect(run(ring_kernel<Ring::kRefilledEarly>), {"reads 4 bytes", "still copies to there"});
  expect(run(ring_kernel<Ring::kReadsOwnCopyEarly>),
         {"thread (0,0,0) of block (0,0,0) reads", "thread (0,0,0) of block (0,0,0) still copies to there"});
}

TEST_F(RacesTest, ATicketOrdersBlocks) {
  EXPECT_EQ(run_ticket<Ticket::kRight>(), "");
  EXPECT_EQ(out_[0], 10 + 5);
  EXPECT_EQ(run_ticket<Ticket::kAllFence>(), "");
  const char *reads = "reads 4 bytes", *device = "into 16384 bytes of device memory";
  expect(run_ticket<Ticket::kNoBarrier>(), {"of block (4,0,0)", reads, device});
  expect(run_ticket<Ticket::kNoFence>(), {"of block (4,0,0)", reads, device});
  expect(run_ticket<Ticket::kNoFenceBehind>(), {"of block (4,0,0)", reads, device});
  expect(run_ticket<Ticket::kNoBarrierBehind>(), {reads, "of shared memory"});
  expect(run_ticket<Ticket::kAllFenceNoBarrier>(), {"of block (4,0,0)", reads, device});
  expect(run_ticket<Ticket::kAllFenceNoFenceBehind>(), {"of block (4,0,0)", reads, device});
}

TEST_F(RacesTest, AtomicsAndOtherAccesses) {
  EXPECT_EQ(run(histogram_kernel<true>), "");
  EXPECT_EQ(out_[0], static_cast<int>(kThreads) / 4);
  expect(run(histogram_kernel<false>), {"of shared memory"});
  out_[0] = 0;
  EXPECT_EQ(run(add_kernel<true>), "");
  EXPECT_EQ(out_[0], 10);
  expect(run(add_kernel<false>), {"of block (1,0,0) reads 4 bytes", "thread (0,0,0) of block (0,0,0) writes there"});
}

TEST_F(RacesTest, NeighborsInAWordDoNotMeet) {
  EXPECT_EQ(run(narrow_kernel<uint8_t>), "");
  EXPECT_EQ(run(narrow_kernel<uint16_t>), "");
}

TEST_F(RacesTest, BlocksMayNotOverwriteWhatOthersRead) {
  expect(run(overwritten_kernel, in_, out_), {"of block (4,0,0) writes 4 bytes", "another block reads there"});
}

TEST_F(RacesTest, LaunchesOfAStreamAreOrdered) {
  EXPECT_EQ(run(reverse_kernel<true>, in_, out_), "");
  EXPECT_EQ(run(reverse_kernel<true>, out_, in_), "");
}

}  // namespace
