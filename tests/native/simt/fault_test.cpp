// The errors that a host sees when CUDA, or its device, is broken or missing. Only an emulated device can be asked to
// fail.
#include <cstdlib>

#include "../support.h"

namespace {

using namespace st::test;

class FaultTest : public testing::Test {
 protected:
  void TearDown() override {
    unsetenv("SOFTTHINKING_SIMT_FAULT");
    unsetenv("SOFTTHINKING_SIMT_MEMORY");
    unsetenv("SOFTTHINKING_CUBLAS");
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

// What a device opened with fast_products reports about the library, and whether it has one.
std::pair<std::string, bool> products() {
  const st_api& api = load_backend("simt");
  st_device_options options = {sizeof options, 0, 0, ST_ACTIVATIONS_BF16, 1};
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

// The error stays until the device is closed; then another can be opened.
TEST_F(FaultTest, AFailedKernelIsReportedAndAReopenedDeviceWorks) {
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
  }
}

}  // namespace
