// The errors that a host sees when CUDA, or its device, is broken or missing. Only an emulated device can be asked to
// fail.
#include <cstdlib>
#include <thread>

#include "../support.h"

namespace {

using namespace st::test;

class FaultTest : public testing::Test {
 protected:
  void TearDown() override {
    for (int device : {0, 1}) reset(device);
    unsetenv("SOFTTHINKING_SIMT_FAULT");
    unsetenv("SOFTTHINKING_SIMT_MEMORY");
    unsetenv("SOFTTHINKING_SIMT_DEVICES");
    unsetenv("SOFTTHINKING_SIMT_MULTIPROCESSORS");
    unsetenv("SOFTTHINKING_SIMT_SHARED");
    unsetenv("SOFTTHINKING_CUBLAS");
    unsetenv("SOFTTHINKING_NCCL");
  }
  // What only an application may do: a failed kernel's error stays in the primary context.
  static void reset(int device) {
    void* function = library_function("simt", "cuDevicePrimaryCtxReset_v2");
    ASSERT_EQ(reinterpret_cast<int (*)(int)>(function)(device), 0);
  }

  const Target target_ = {"simt", "", ST_ACTIVATIONS_BF16};
};

TEST_F(FaultTest, WhatIsMissingIsSaidInOneSentence) {
  const std::pair<const char*, const char*> faults[] = {{"no-driver", "there is no NVIDIA driver"},
                                                        {"old-driver", "driver is for CUDA 10.2"},
                                                        {"no-device", "finds no GPU"},
                                                        {"old-architecture", "compute capability 7.0"}};
  for (auto [fault, words] : faults) {
    setenv("SOFTTHINKING_SIMT_FAULT", fault, 1);
    std::string reason = why_unsupported("simt");
    EXPECT_NE(reason.find(words), std::string::npos) << reason;
  }
}

// Choices of geometry depend on the number, so that tests want to have an H100's.
TEST_F(FaultTest, TheNumberOfMultiprocessorsCanBeSet) {
  EXPECT_EQ(Device(target_, 0).info.threads, 16);
  setenv("SOFTTHINKING_SIMT_MULTIPROCESSORS", "132", 1);
  EXPECT_EQ(Device(target_, 0).info.threads, 132);
}

std::vector<float> product(const Target& target, int32_t dtype, int32_t rows) {
  constexpr int32_t kOutputs = 70, kCols = 530;
  Device device(target, 0);
  Random random(7);
  Matrix w(device, kOutputs, kCols, dtype, rounded(random.normals(kOutputs * kCols), ST_BF16));
  Activations x(device, random.activations(device, static_cast<size_t>(rows) * kCols));
  Activations out(device, static_cast<size_t>(rows) * kOutputs);
  st_linear op = {sizeof op, rows, x.get(), w.get(), nullptr, out.get(), 0, 0, 0, 0, 0, 0};
  device.check(device.api.linear(device.stream, &op));
  return out.read();
}

// The shapes of blocks that a data center's GPU has room for do not fit one for desktops.
TEST_F(FaultTest, WithLittleSharedMemoryMatmulsHaveTheSameBits) {
  for (int32_t dtype : {ST_BF16, ST_INT8}) {
    for (int32_t rows : {8, 64, 130}) {
      unsetenv("SOFTTHINKING_SIMT_SHARED");
      std::vector<float> expected = product(target_, dtype, rows);
      setenv("SOFTTHINKING_SIMT_SHARED", "99", 1);
      EXPECT_TRUE(same_bits(product(target_, dtype, rows), expected)) << "type " << dtype << ", " << rows << " rows";
    }
  }
}

// What a device opened with fast_products reports about the library, and whether it has one.
std::pair<std::string, bool> products() {
  const st_api& api = load_backend("simt");
  st_device_options options = {sizeof options, 0, 0, ST_ACTIVATIONS_BF16, 1, 0};
  st_device* device = nullptr;
  st_device_info info = {};
  info.size = sizeof info;
  EXPECT_EQ(api.device_open(&options, &device), ST_OK);
  EXPECT_EQ(api.device_query(device, &info), ST_OK);
  api.device_close(device);
  return {info.products, info.fast_products == 1};
}

TEST_F(FaultTest, WithoutAMatmulLibraryTheReasonIsReported) {
  setenv("SOFTTHINKING_SIMT_FAULT", "no-cublas", 1);
  EXPECT_EQ(products(), std::pair(std::string("there is no library, as the test wants it"), false));
  // The library is looked for as on a real device.
  setenv("SOFTTHINKING_CUBLAS", "/no/such/libcublas.so.12", 1);
  auto [absent, found] = products();
  EXPECT_FALSE(found);
  EXPECT_NE(absent.find("/no/such/libcublas.so.12"), std::string::npos) << absent;
  setenv("SOFTTHINKING_CUBLAS", "libm.so.6", 1);
  auto [other, other_found] = products();
  EXPECT_FALSE(other_found);
  EXPECT_EQ(other, "libm.so.6 has no cublasCreate_v2");
}

// Where cuBLAS is installed it has every function by the name that is looked for; without a driver it does not start.
TEST_F(FaultTest, CublasHasTheFunctionsThatAreLookedFor) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "cuBLAS itself leaves memory behind when it does not start";
#endif
  setenv("SOFTTHINKING_CUBLAS", "libcublas.so.11", 1);
  auto [told, found] = products();
  if (told.find("cannot open shared object file") != std::string::npos)
    GTEST_SKIP() << told << ". Debian: apt install libcublas11";
  EXPECT_TRUE(found ? told.rfind("cuBLAS 11.", 0) == 0 : told.rfind("libcublas.so.11 does not start: ", 0) == 0)
      << told;
}

TEST_F(FaultTest, MemoryThatIsShortIsCounted) {
  setenv("SOFTTHINKING_SIMT_MEMORY", "100000000", 1);
  Device device(target_, 0);
  EXPECT_EQ(device.info.total_memory, 100000000u);
  EXPECT_LT(device.info.free_memory, device.info.total_memory);  // the stream has its scratch memory
  void* pointer = nullptr;
  EXPECT_EQ(device.api.memory_alloc(device.handle, 90000000, &pointer), ST_OUT_OF_MEMORY);
  std::string message = device.api.last_error();
  EXPECT_NE(message.find("90000000 bytes"), std::string::npos) << message;
  EXPECT_NE(message.find(std::to_string(device.info.free_memory) + " of 100000000"), std::string::npos) << message;
  EXPECT_EQ(device.api.memory_alloc(device.handle, 1000, &pointer), ST_OK);
  device.api.memory_free(device.handle, pointer);
  st_stream* stream = nullptr;
  EXPECT_EQ(device.api.memory_alloc(device.handle, 50000000, &pointer), ST_OK);
  EXPECT_EQ(device.api.stream_create(device.handle, &stream), ST_OUT_OF_MEMORY);
  device.api.memory_free(device.handle, pointer);
}

TEST_F(FaultTest, TheKernelThatIsToFailCanBeChosen) {
  setenv("SOFTTHINKING_SIMT_FAULT", "launch-3", 1);
  Device device(target_, 0);
  void* rows = nullptr;
  device.check(device.api.memory_alloc(device.handle, 1024, &rows));
  auto* index = static_cast<int32_t*>(rows);
  st_gather_rows op = {sizeof op, 1, 19, 0, index, index + 64, index + 128};
  for (int kernel = 1; kernel <= 4; ++kernel) {
    device.check(device.api.gather_rows(device.stream, &op));
    EXPECT_EQ(device.api.stream_synchronize(device.stream), kernel < 3 ? ST_OK : ST_INTERNAL) << kernel;
  }
  device.api.memory_free(device.handle, rows);
}

// By the library with the race detector, which Simt.Races runs this on. Two blocks swap rows in place.
TEST_F(FaultTest, ARaceIsReported) {
  Device device(target_, 0);
  void* memory = nullptr;
  device.check(device.api.memory_alloc(device.handle, 1024, &memory));
  const int32_t swapped[2] = {1, 0};
  auto* index = static_cast<int32_t*>(memory);
  device.check(device.api.copy(device.stream, index, swapped, sizeof swapped));
  st_gather_rows op = {sizeof op, 2, 19, 0, index, index + 64, index + 64};
  device.check(device.api.gather_rows(device.stream, &op));
  if (!getenv("SOFTTHINKING_TEST_RACES")) {
    EXPECT_EQ(device.api.stream_synchronize(device.stream), ST_OK);
  } else {
    EXPECT_EQ(device.api.stream_synchronize(device.stream), ST_INTERNAL);
    const std::string message = device.api.last_error();
    EXPECT_NE(message.find("a race in gather_rows_kernel: thread (0,0,0) of block (1,0,0)"), std::string::npos)
        << message;
  }
  device.api.memory_free(device.handle, memory);
}

TEST_F(FaultTest, DevicesHaveTheirOwnMemoryAndErrors) {
  setenv("SOFTTHINKING_SIMT_DEVICES", "2", 1);
  setenv("SOFTTHINKING_SIMT_MEMORY", "100000000", 1);
  EXPECT_THROW(Device(target_, 0, 2), std::runtime_error);
  Device first(target_, 0, 0), second(target_, 0, 1);
  void *large = nullptr, *other = nullptr;
  first.check(first.api.memory_alloc(first.handle, 50000000, &large));
  second.check(second.api.memory_alloc(second.handle, 50000000, &other));
  EXPECT_EQ(first.api.memory_alloc(first.handle, 50000000, &large), ST_OUT_OF_MEMORY);
  auto* index = static_cast<int32_t*>(other);
  st_gather_rows op = {sizeof op, 1, 19, 0, index, index + 64, index + 128};
  setenv("SOFTTHINKING_SIMT_FAULT", "launch-1", 1);
  second.check(second.api.gather_rows(second.stream, &op));
  EXPECT_EQ(second.api.stream_synchronize(second.stream), ST_INTERNAL);
  EXPECT_EQ(first.api.stream_synchronize(first.stream), ST_OK);
  first.api.memory_free(first.handle, large);
  second.api.memory_free(second.handle, other);
}

// What comm_create says of ranks that need NCCL.
std::pair<st_status, std::string> connected(const Device& device, int32_t ranks) {
  st_comm_options options = {};
  options.size = sizeof options;
  options.ranks = ranks;
  options.timeout_ms = 50;
  st_comm* comm = nullptr;
  st_status status = device.api.comm_create(device.handle, &options, &comm);
  device.api.comm_destroy(comm);
  return {status, status == ST_OK ? "" : device.api.last_error()};
}

TEST_F(FaultTest, WithoutNcclTheReasonIsReported) {
  Device device(target_, 0);
  const std::string nccl = "comm_create: there is no NCCL: ";
  setenv("SOFTTHINKING_SIMT_FAULT", "no-nccl", 1);
  EXPECT_EQ(connected(device, 2), std::pair(ST_UNSUPPORTED, nccl + "there is no library, as the test wants it"));
  EXPECT_EQ(connected(device, 1).first, ST_OK) << "one rank needs none";
  uint8_t id[ST_COMM_ID_BYTES];
  EXPECT_EQ(device.api.comm_id(device.handle, id), ST_UNSUPPORTED);
  // The library is looked for as on a real device.
  setenv("SOFTTHINKING_NCCL", "/no/such/libnccl.so.2", 1);
  EXPECT_NE(connected(device, 2).second.find("/no/such/libnccl.so.2"), std::string::npos);
  setenv("SOFTTHINKING_NCCL", "libm.so.6", 1);
  EXPECT_EQ(connected(device, 2), std::pair(ST_UNSUPPORTED, nccl + "libm.so.6 has no ncclGetVersion"));
}

// The error of a rank that sums with another one, after a kernel if `works_before`. As a host does, it ends the other
// when it has failed.
std::string sum_error(const Device& device, st_comm_options options, int32_t rank, bool works_before) {
  const st_api& api = device.api;
  options.rank = rank;
  st_comm* comm = nullptr;
  void* memory = nullptr;
  if (api.comm_create(device.handle, &options, &comm) != ST_OK) return api.last_error();
  std::string error;
  if (api.memory_alloc(device.handle, 4096, &memory) == ST_OK) {
    auto* values = static_cast<float*>(memory);
    auto* index = static_cast<int32_t*>(memory);
    st_gather_rows gather = {sizeof gather, 1, 19, 0, index, index + 64, index + 128};
    st_all_sum sum = {sizeof sum, 1, 8, 0, comm, values + 256, nullptr, values + 512};
    bool done = (!works_before || api.gather_rows(device.stream, &gather) == ST_OK) &&
                api.all_sum(device.stream, &sum) == ST_OK && api.stream_synchronize(device.stream) == ST_OK;
    if (!done) error = api.last_error();
  }
  if (!error.empty()) api.comm_abort(comm, ("rank " + std::to_string(rank) + " failed").c_str());
  api.memory_free(device.handle, memory);
  api.comm_destroy(comm);
  return error;
}

// A kernel fails on one of two ranks: it never comes to its collective. The host, which sees that, ends the other.
TEST_F(FaultTest, AFailedKernelEndsTheOtherRanks) {
  for (const char* fault : {"launch-1", "", "launch-1"}) {
    Device first(target_, 0, 0), second(target_, 0, 1);
    st_comm_options options = {};
    options.size = sizeof options;
    options.ranks = 2;
    options.timeout_ms = 60000;
    first.check(first.api.comm_id(first.handle, options.id));
    setenv("SOFTTHINKING_SIMT_FAULT", fault, 1);
    std::string errors[2];
    std::thread other([&] { errors[1] = sum_error(second, options, 1, true); });
    errors[0] = sum_error(first, options, 0, false);
    other.join();
    for (int device : {0, 1}) reset(device);
    EXPECT_EQ(errors[0].find("rank 1 failed") != std::string::npos, *fault != 0) << errors[0];
    EXPECT_EQ(errors[1].find("as the test wants it") != std::string::npos, *fault != 0) << errors[1];
  }
}

// The error stays until the application resets the context; then a device can be opened.
TEST_F(FaultTest, AFailedKernelIsReportedAndADeviceWorksAfterAReset) {
  for (bool fails : {true, false}) {
    Device device(target_, 0);
    void* rows = nullptr;
    device.check(device.api.memory_alloc(device.handle, 1024, &rows));
    auto* index = static_cast<int32_t*>(rows);
    st_gather_rows op = {sizeof op, 1, 19, 0, index, index + 64, index + 128};
    device.check(device.api.gather_rows(device.stream, &op));
    device.synchronize();
    if (fails) {
      setenv("SOFTTHINKING_SIMT_FAULT", "launch", 1);
      device.check(device.api.gather_rows(device.stream, &op));
      EXPECT_EQ(device.api.stream_synchronize(device.stream), ST_INTERNAL);
      EXPECT_NE(std::string(device.api.last_error()).find("as the test wants it"), std::string::npos);
      unsetenv("SOFTTHINKING_SIMT_FAULT");
      EXPECT_EQ(device.api.stream_synchronize(device.stream), ST_INTERNAL);
    }
    device.api.memory_free(device.handle, rows);
    reset(0);
  }
}

}  // namespace
