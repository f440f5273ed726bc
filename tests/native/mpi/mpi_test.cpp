// Runs as every process of a world, which a launcher starts: all ranks run the same tests in the same order, and each
// checks what it received. A test that fails on one rank lets the others end by their time limits.
#include "softthinking/mpi.h"

#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr uint32_t kLimit = 60'000;  // ms; reached only where something hangs
const std::vector<uint64_t> kSizes = {0, 1, 999, 65'537, 10'000'000};

const st_mpi_api& api() {
  static const st_mpi_api* table = st_mpi_get_api(ST_MPI_VERSION);
  return *table;
}

st_mpi_info world() {
  st_mpi_info info = {};
  info.size = sizeof info;
  EXPECT_EQ(api().query(&info), ST_OK) << api().last_error();
  return info;
}

// What a rank contributes to a collective.
std::vector<uint8_t> message(uint64_t bytes, int rank, int turn) {
  std::vector<uint8_t> content(bytes);
  uint32_t state = 1u + 1009u * static_cast<uint32_t>(rank) + 7919u * static_cast<uint32_t>(turn);
  for (uint8_t& each : content) each = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  return content;
}

std::vector<uint8_t> messages(uint64_t bytes, int ranks, int turn) {
  std::vector<uint8_t> all;
  for (int rank = 0; rank < ranks; rank++) {
    std::vector<uint8_t> one = message(bytes, rank, turn);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

const char* gather_control(const void* in, void* out, uint64_t bytes, uint32_t timeout_ms) {
  return api().all_gather(in, out, bytes, timeout_ms) == ST_OK ? nullptr : api().last_error();
}

const char* gather_data(const void* in, void* out, uint64_t bytes, uint32_t timeout_ms) {
  const st_transport* transport = api().transport();
  return transport->all_gather(transport->context, in, out, bytes, timeout_ms);
}

using Gather = const char* (*)(const void*, void*, uint64_t, uint32_t);

// Executes one collective, and returns "", or what is wrong.
std::string gather_and_compare(Gather gather, uint64_t bytes, int turn) {
  const st_mpi_info info = world();
  std::vector<uint8_t> in = message(bytes, info.rank, turn), out(bytes * static_cast<uint64_t>(info.ranks) + 1, 0xCB);
  if (const char* error = gather(in.data(), out.data(), bytes, kLimit)) return error;
  std::vector<uint8_t> expected = messages(bytes, info.ranks, turn);
  expected.push_back(0xCB);
  return out == expected ? "" : "wrong bytes";
}

double processor_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// --- outside the world -----------------------------------------------------------------------------------------------

TEST(OutsideTest, NothingWorksBeforeJoining) {
  EXPECT_EQ(st_mpi_get_api(ST_MPI_VERSION + 1), nullptr);
  st_mpi_info info = {};
  info.size = sizeof info;
  EXPECT_EQ(api().query(&info), ST_INVALID_ARGUMENT);
  char byte = 0, gathered[64];
  EXPECT_EQ(api().broadcast(&byte, 1, kLimit), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api().all_gather(&byte, gathered, 1, kLimit), ST_INVALID_ARGUMENT);
  EXPECT_STREQ(api().last_error(), "all_gather: the process has not joined the world");
  EXPECT_EQ(api().transport(), nullptr);
  EXPECT_EQ(api().leave(kLimit), ST_OK);
  api().abort(3);
}

// --- in the world ----------------------------------------------------------------------------------------------------

class WorldTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(api().join(), ST_OK) << api().last_error(); }
};

TEST_F(WorldTest, JoiningTwiceIsJoiningOnce) {
  st_mpi_info before = world();
  EXPECT_EQ(api().join(), ST_OK);
  st_mpi_info after = world();
  EXPECT_EQ(memcmp(&before, &after, sizeof before), 0);
}

TEST_F(WorldTest, QueryReportsTheLaunchedProcesses) {
  st_mpi_info info = world();
  EXPECT_EQ(std::to_string(info.ranks), getenv("SOFTTHINKING_TEST_RANKS"));
  EXPECT_EQ(info.local_ranks, info.ranks);
  EXPECT_EQ(info.local_rank, info.rank);
  EXPECT_STRNE(info.library, "");
  EXPECT_EQ(strchr(info.library, '\n'), nullptr);

  std::vector<int32_t> gathered(static_cast<size_t>(info.ranks), -1);
  ASSERT_EQ(gather_control(&info.rank, gathered.data(), sizeof info.rank, kLimit), nullptr);
  for (int32_t rank = 0; rank < info.ranks; rank++) EXPECT_EQ(gathered[static_cast<size_t>(rank)], rank);

  info.size = 1;
  EXPECT_EQ(api().query(&info), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api().query(nullptr), ST_INVALID_ARGUMENT);
}

TEST_F(WorldTest, BroadcastBringsTheBytesOfRank0) {
  for (uint64_t bytes : kSizes) {
    std::vector<uint8_t> data = message(bytes, world().rank, 0);
    ASSERT_EQ(api().broadcast(data.data(), bytes, kLimit), ST_OK) << api().last_error();
    EXPECT_EQ(data, message(bytes, 0, 0)) << bytes;
  }
}

TEST_F(WorldTest, AllGatherBringsTheBytesOfEveryRank) {
  for (uint64_t bytes : kSizes) {
    EXPECT_EQ(gather_and_compare(gather_control, bytes, 0), "") << bytes;
    EXPECT_EQ(gather_and_compare(gather_data, bytes, 1), "") << bytes;
  }
}

TEST_F(WorldTest, NullPointersAreRefusedWithoutACollective) {
  char byte = 0;
  EXPECT_EQ(api().broadcast(nullptr, 1, kLimit), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api().all_gather(nullptr, &byte, 1, kLimit), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api().all_gather(&byte, nullptr, 1, kLimit), ST_INVALID_ARGUMENT);
  EXPECT_STREQ(gather_data(nullptr, &byte, 1, kLimit), "all_gather: a pointer is null");
  EXPECT_EQ(gather_and_compare(gather_control, 100, 2), "");
}

TEST_F(WorldTest, ThreadsOfTheTwoCommunicatorsDoNotMeet) {
  std::string of_control, of_data;
  auto gather_often = [](Gather gather, uint64_t bytes, std::string* error) {
    for (int turn = 0; turn < 200 && error->empty(); turn++) *error = gather_and_compare(gather, bytes, turn);
  };
  std::thread other(gather_often, gather_data, 14'336, &of_data);
  gather_often(gather_control, 100, &of_control);
  other.join();
  EXPECT_EQ(of_control, "");
  EXPECT_EQ(of_data, "");
}

TEST_F(WorldTest, IdleBroadcastLeavesTheCoreToOthers) {
  uint8_t byte = 0;
  ASSERT_EQ(gather_and_compare(gather_control, 1, 0), "");  // all begin at about the same time
  if (world().rank == 0) {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    byte = 42;
    ASSERT_EQ(api().broadcast(&byte, 1, kLimit), ST_OK) << api().last_error();
    return;
  }
  double before = processor_seconds();
  ASSERT_EQ(api().broadcast(&byte, 1, kLimit), ST_OK) << api().last_error();
  EXPECT_EQ(byte, 42);
  EXPECT_LT(processor_seconds() - before, 0.4);  // a wait without sleep: 2
}

// --- worlds that break; a process runs one of these tests, and nothing else
// -------------------------------------------

class BrokenWorldTest : public WorldTest {
 protected:
  // Leaves as processes of a broken world cannot: MPI itself is intact here. All ranks are done before one ends.
  void TearDown() override {
    int finalized = 1;
    MPI_Finalized(&finalized);
    ASSERT_EQ(finalized, 0);
    EXPECT_EQ(MPI_Barrier(MPI_COMM_WORLD), MPI_SUCCESS);
    EXPECT_EQ(MPI_Finalize(), MPI_SUCCESS);
  }

  void expect_broken(const std::string& words) {
    uint8_t byte = 0, gathered[64];
    EXPECT_EQ(api().broadcast(&byte, 1, kLimit), ST_INTERNAL);
    EXPECT_EQ(api().last_error(), words);
    EXPECT_EQ(gather_data(&byte, gathered, 1, kLimit), words);
    EXPECT_EQ(api().join(), ST_INTERNAL);
    EXPECT_EQ(api().last_error(), words);
    EXPECT_EQ(api().leave(0), ST_INTERNAL);
    EXPECT_EQ(api().last_error(), words);
    EXPECT_EQ(api().leave(0), ST_OK);
  }
};

// Rank 0 waits on one communicator, and the others on the other one.
TEST_F(BrokenWorldTest, TimeOutBreaksTheWorld) {
  uint8_t byte = 0, gathered[64];
  const char* error = (world().rank == 0 ? gather_control : gather_data)(&byte, gathered, 1, 300);
  ASSERT_NE(error, nullptr);
  EXPECT_STREQ(error, "all_gather: another rank did not come within 300 ms");
  expect_broken(error);
}

TEST_F(BrokenWorldTest, LeaveDoesNotWaitForeverForOthers) {
  if (world().rank != 0) return;
  EXPECT_EQ(api().leave(300), ST_INTERNAL);
  EXPECT_STREQ(api().last_error(), "leave: another rank did not come within 300 ms");
}

// Of two threads that use a communicator at once, one is refused. When it is, the other one waits.
TEST_F(BrokenWorldTest, LeaveDoesNotWaitForAThreadInACollective) {
  std::mutex mutex;
  std::condition_variable ended;
  std::vector<std::string> errors;
  auto gather = [&] {
    uint8_t byte = 0, gathered[64];
    const char* error = gather_control(&byte, gathered, 1, 0);
    std::lock_guard lock(mutex);
    errors.emplace_back(error ? error : "");
    ended.notify_one();
  };
  if (world().rank == 0) {
    std::thread one(gather), other(gather);
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return !errors.empty(); });
    lock.unlock();
    EXPECT_EQ(api().leave(kLimit), ST_INTERNAL);
    one.join();
    other.join();
    EXPECT_EQ(errors[0], "all_gather: another thread is in a collective of this communicator");
    EXPECT_EQ(errors[1], "leave: another thread waits in a collective");
  }
}

}  // namespace

// The tests of an intact world leave it together.
int main(int count, char** arguments) {
  testing::InitGoogleTest(&count, arguments);
  int failed = RUN_ALL_TESTS();
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized || api().leave(kLimit) == ST_OK) return failed;
  fprintf(stderr, "%s\n", api().last_error());
  return 1;
}
