// What is not an operation: versions, devices, memory, streams, errors.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "support.h"

namespace {

using namespace st::test;

ST_TEST_EVERY_BACKEND(DeviceTest);

// The library loads on any machine, and where it cannot work it says why in one sentence.
TEST(CudaTest, DeviceOpensOrSaysWhyNot) {
  if (!is_built("cuda"))
    GTEST_SKIP() << "the CUDA backend was not built: nvcc is not installed. Debian: apt install nvidia-cuda-toolkit";
  std::string reason = why_unsupported("cuda");
  if (reason.empty()) return;
  EXPECT_EQ(reason.find('\n'), std::string::npos);
  EXPECT_TRUE(reason.find("driver") != std::string::npos || reason.find("capability") != std::string::npos) << reason;
  GTEST_SKIP() << "tests of the CUDA backend need a GPU: " << reason;
}

TEST_P(DeviceTest, TableNamesItselfAndHasEveryFunction) {
  const st_api& api = device().api;
  EXPECT_EQ(api.version, ST_ABI_VERSION);
  EXPECT_EQ(api.size, sizeof(st_api));
  EXPECT_EQ(api.backend, GetParam().backend);
  // The functions follow the name, and nothing else does.
  const char* table = reinterpret_cast<const char*>(&api);
  for (size_t at = offsetof(st_api, last_error); at < sizeof api; at += sizeof(void*)) {
    void* function;
    memcpy(&function, table + at, sizeof function);
    EXPECT_NE(function, nullptr) << "at " << at;
  }
}

TEST_P(DeviceTest, QueryReportsWhatWasOpened) {
  for (int threads : thread_counts()) {
    auto other = open(threads);
    EXPECT_TRUE(other->info.activation_dtype == ST_F32 || other->info.activation_dtype == ST_BF16 ||
                other->info.activation_dtype == ST_F16);
    EXPECT_GT(other->info.total_memory, 0u);
    EXPECT_GT(other->info.free_memory, 0u);
    EXPECT_LE(other->info.free_memory, other->info.total_memory);
    EXPECT_STRNE(other->info.name, "");
    EXPECT_EQ(other->info.own_memory, GetParam().backend == "cpu" ? 0 : 1);
    if (GetParam().backend != "cpu") continue;
    EXPECT_EQ(other->info.threads, threads);
    EXPECT_EQ(other->info.graphs, 0);
    EXPECT_EQ(other->info.instruction_set, GetParam().isa);
    EXPECT_EQ(other->info.activation_dtype, ST_F32);
  }
  EXPECT_GE(open(0)->info.threads, 1);
}

TEST_P(DeviceTest, OpenAndQueryRefuseMistakes) {
  const st_api& api = device().api;
  auto opened = [&](st_device_options options) {
    st_device* handle = nullptr;
    st_status status = api.device_open(&options, &handle);
    EXPECT_TRUE(status == ST_OK || *api.last_error() != 0);
    api.device_close(handle);
    return status;
  };
  constexpr uint32_t kSize = sizeof(st_device_options);
  const int32_t type = GetParam().activations;
  EXPECT_EQ(opened({kSize, 0, 1, type, 0, 0}), ST_OK);
  EXPECT_EQ(opened({kSize, 0, 1, type, 0, 1}), ST_OK);
  EXPECT_EQ(opened({kSize, 0, 1, type, 0, 2}), ST_INVALID_ARGUMENT);
  EXPECT_EQ(opened({kSize - 4, 0, 1, type, 0, 0}), ST_INVALID_ARGUMENT);
  EXPECT_EQ(opened({kSize + 4, 0, 1, type, 0, 0}), ST_INVALID_ARGUMENT);
  EXPECT_NE(opened({kSize, -1, 1, type, 0, 0}), ST_OK);
  EXPECT_NE(opened({kSize, 1 << 20, 1, type, 0, 0}), ST_OK);
  EXPECT_EQ(opened({kSize, 0, -1, type, 0, 0}), ST_INVALID_ARGUMENT);
  EXPECT_EQ(opened({kSize, 0, 1025, type, 0, 0}), ST_INVALID_ARGUMENT);
  EXPECT_EQ(opened({kSize, 0, 1, -1, 0, 0}), ST_INVALID_ARGUMENT);
  EXPECT_EQ(opened({kSize, 0, 1, type, 2, 0}), ST_INVALID_ARGUMENT);
  EXPECT_EQ(opened({kSize, 0, 1, 4, 0, 0}), ST_INVALID_ARGUMENT);
  EXPECT_EQ(opened({kSize, 0, 1, ST_ACTIVATIONS_BF16, 0, 0}), GetParam().backend == "cpu" ? ST_UNSUPPORTED : ST_OK);
  st_device* handle = nullptr;
  st_device_options options = {kSize, 0, 1, type, 0, 0};
  EXPECT_EQ(api.device_open(nullptr, &handle), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.device_open(&options, nullptr), ST_INVALID_ARGUMENT);

  st_device_info info = {};
  EXPECT_EQ(api.device_query(device().handle, &info), ST_INVALID_ARGUMENT);
  info.size = sizeof info;
  EXPECT_EQ(api.device_query(nullptr, &info), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.device_query(device().handle, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.stream_create(nullptr, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.stream_synchronize(nullptr), ST_INVALID_ARGUMENT);
  api.device_close(nullptr);
  api.stream_destroy(nullptr);
  api.memory_free(device().handle, nullptr);
}

TEST_P(DeviceTest, UnknownInstructionSetIsUnsupported) {
  if (GetParam().backend != "cpu") GTEST_SKIP() << "only the CPU backend has instruction sets to choose from";
  EXPECT_THROW(Device({"cpu", "sse9"}, 1), Unsupported);
  EXPECT_NE(std::string(device().api.last_error()).find("SOFTTHINKING_ISA"), std::string::npos);
}

TEST_P(DeviceTest, MemoryIsZeroedAndAligned) {
  const st_api& api = device().api;
  for (uint64_t bytes : {1, 63, 64, 65, 4097, 1 << 20}) {
    void* pointer = nullptr;
    ASSERT_EQ(api.memory_alloc(device().handle, bytes, &pointer), ST_OK);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pointer) % 64, 0u);
    std::vector<uint8_t> content(bytes, 1);
    device().check(api.copy(device().stream, content.data(), pointer, bytes));
    device().synchronize();
    EXPECT_TRUE(same_bits(content, std::vector<uint8_t>(bytes, 0)));
    api.memory_free(device().handle, pointer);
  }
}

TEST_P(DeviceTest, MemoryThatCannotBeIsRefused) {
  const st_api& api = device().api;
  void* pointer = nullptr;
  EXPECT_EQ(api.memory_alloc(device().handle, 0, &pointer), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.memory_alloc(device().handle, 16, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.memory_alloc(nullptr, 16, &pointer), ST_INVALID_ARGUMENT);
  for (uint64_t bytes : {uint64_t{1} << 50, UINT64_MAX / 2, UINT64_MAX - 64, UINT64_MAX}) {
    st_status status = api.memory_alloc(device().handle, bytes, &pointer);
    EXPECT_TRUE(status == ST_OUT_OF_MEMORY || status == ST_INVALID_ARGUMENT) << bytes << ": " << status;
    EXPECT_STRNE(api.last_error(), "");
  }
}

// More multiply-adds, of operands of so many bytes, than any core of today does in a second: 6 GHz times two units of
// the instruction set's width; for "scalar", which is what the compiler makes of plain C++, four units of 128 bits.
double most_per_core(const std::string& isa, int bytes) {
  double lanes = isa == "scalar" ? 16.0 : isa == "avx2" ? 2 * 8.0 : 2 * 16.0;
  return 6e9 * lanes * 4 / bytes;
}

TEST_P(DeviceTest, MeasuresItsCeilings) {
  const st_api& api = device().api;
  st_rates rates = {};
  EXPECT_EQ(api.measure(device().handle, &rates), ST_INVALID_ARGUMENT);
  rates.size = sizeof rates;
  EXPECT_EQ(api.measure(nullptr, &rates), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.measure(device().handle, nullptr), ST_INVALID_ARGUMENT);
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "with a sanitizer it takes minutes and measures nothing";
#endif
  auto one = open(1);
  one->check(api.measure(one->handle, &rates));
  EXPECT_GT(rates.read_bandwidth, 1e8);
  EXPECT_GT(rates.multiply_adds_f32, 1e7);
  if (GetParam().backend != "cpu") {
    EXPECT_GT(rates.multiply_adds_bf16, 0.0);
    EXPECT_GT(rates.multiply_adds_int8, 0.0);
    return;
  }
  const std::string& isa = GetParam().isa;
  bool dot_products = isa == "avx512bf16";
  EXPECT_EQ(rates.multiply_adds_bf16 > 0.0, dot_products);
  EXPECT_EQ(rates.multiply_adds_int8 > 0.0, dot_products);
  // Load can only lower a rate, so these bounds hold on any machine and at any time.
  EXPECT_LE(rates.multiply_adds_f32, most_per_core(isa, 4));
  EXPECT_LE(rates.multiply_adds_bf16, most_per_core(isa, 2));
  EXPECT_LE(rates.multiply_adds_int8, most_per_core(isa, 1));
}

template <typename Operation>
void expect_refused(Device& device, st_status (*run)(st_stream*, const Operation*), const char* name) {
  SCOPED_TRACE(name);
  Operation operation = {};
  EXPECT_EQ(run(nullptr, &operation), ST_INVALID_ARGUMENT);
  EXPECT_EQ(run(device.stream, nullptr), ST_INVALID_ARGUMENT);
  for (uint32_t size :
       {uint32_t{0}, static_cast<uint32_t>(sizeof operation) - 8, static_cast<uint32_t>(sizeof operation) + 8}) {
    operation.size = size;
    EXPECT_EQ(run(device.stream, &operation), ST_INVALID_ARGUMENT);
    EXPECT_NE(std::string(device.api.last_error()).find(name), std::string::npos) << device.api.last_error();
  }
  operation.size = sizeof operation;  // everything else is null
  EXPECT_EQ(run(device.stream, &operation), ST_INVALID_ARGUMENT);
}

TEST_P(DeviceTest, OperationsRefuseStructsThatTheyDoNotKnow) {
  const st_api& api = device().api;
  expect_refused(device(), api.embed, "embed");
  expect_refused(device(), api.rms_norm, "rms_norm");
  expect_refused(device(), api.linear, "linear");
  expect_refused(device(), api.rope_angles, "rope_angles");
  expect_refused(device(), api.set_blocks, "set_blocks");
  expect_refused(device(), api.qkv_epilogue, "qkv_epilogue");
  expect_refused(device(), api.attention, "attention");
  expect_refused(device(), api.gather_rows, "gather_rows");
  expect_refused(device(), api.penalize, "penalize");
  expect_refused(device(), api.sample, "sample");
  expect_refused(device(), api.log_probs, "log_probs");
  expect_refused(device(), api.pack, "pack");
  expect_refused(device(), api.all_gather, "all_gather");
  expect_refused(device(), api.all_sum, "all_sum");
}

TEST_P(DeviceTest, LastErrorBelongsToTheThread) {
  const st_api& api = device().api;
  EXPECT_EQ(api.stream_synchronize(nullptr), ST_INVALID_ARGUMENT);
  std::string here = api.last_error();
  EXPECT_NE(here, "");
  std::string fresh = "?", there;
  std::thread([&] {
    fresh = api.last_error();
    api.device_query(nullptr, nullptr);
    there = api.last_error();
  }).join();
  EXPECT_EQ(fresh, "");
  EXPECT_NE(there, "");
  EXPECT_NE(there, here);
  EXPECT_EQ(api.last_error(), here);
}

TEST_P(DeviceTest, EventsMarkWorkThatIsDone) {
  const st_api& api = device().api;
  constexpr size_t kCount = 1 << 16;
  void *host = nullptr, *memory = nullptr;
  device().check(api.host_alloc(device().handle, kCount * sizeof(uint32_t), &host));
  device().check(api.memory_alloc(device().handle, kCount * sizeof(uint32_t), &memory));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(host) % 64, 0u);
  st_event* event = nullptr;
  device().check(api.event_create(device().handle, 0, &event));
  device().check(api.event_synchronize(event));  // never recorded
  uint32_t* values = static_cast<uint32_t*>(host);
  for (uint32_t round = 1; round < 50; ++round) {
    for (size_t i = 0; i < kCount; ++i) values[i] = round + static_cast<uint32_t>(i);
    std::vector<uint32_t> back(kCount);
    device().check(api.copy(device().stream, memory, host, kCount * sizeof(uint32_t)));
    device().check(api.copy(device().stream, back.data(), memory, kCount * sizeof(uint32_t)));
    device().check(api.event_record(device().stream, event));
    device().check(api.event_synchronize(event));
    ASSERT_EQ(back[0], round);
    ASSERT_EQ(back[kCount - 1], round + kCount - 1);
  }
  EXPECT_EQ(api.event_create(device().handle, 0, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.event_record(device().stream, nullptr), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.event_synchronize(nullptr), ST_INVALID_ARGUMENT);
  api.event_destroy(event);
  api.event_destroy(nullptr);
  api.memory_free(device().handle, memory);
  api.host_free(device().handle, host);
  api.host_free(device().handle, nullptr);
}

TEST_P(DeviceTest, EventsMeasureTheTimeBetweenThem) {
  const st_api& api = device().api;
  st_event *before = nullptr, *after = nullptr, *untimed = nullptr;
  device().check(api.event_create(device().handle, 1, &before));
  device().check(api.event_create(device().handle, 1, &after));
  device().check(api.event_create(device().handle, 0, &untimed));
  double seconds = -1.0;
  EXPECT_EQ(api.event_elapsed(before, after, &seconds), ST_INVALID_ARGUMENT) << "never recorded";
  std::vector<char> from(1 << 20), to(from.size());
  auto start = std::chrono::steady_clock::now();
  device().check(api.event_record(device().stream, before));
  for (int i = 0; i < 50; ++i) device().check(api.copy(device().stream, to.data(), from.data(), from.size()));
  device().check(api.event_record(device().stream, after));
  device().check(api.event_synchronize(after));
  double all = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  device().check(api.event_elapsed(before, after, &seconds));
  EXPECT_GT(seconds, 0.0);
  EXPECT_LE(seconds, all * 1.001);
  device().check(api.event_record(device().stream, untimed));
  device().synchronize();
  EXPECT_EQ(api.event_elapsed(before, untimed, &seconds), ST_INVALID_ARGUMENT);
  api.event_destroy(untimed);
  device().check(api.event_elapsed(before, before, &seconds));
  EXPECT_EQ(seconds, 0.0);
  EXPECT_EQ(api.event_elapsed(nullptr, after, &seconds), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.event_elapsed(before, nullptr, &seconds), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.event_elapsed(before, after, nullptr), ST_INVALID_ARGUMENT);
  // An event may go before the work that it marks.
  device().check(api.copy(device().stream, to.data(), from.data(), from.size()));
  device().check(api.event_record(device().stream, before));
  api.event_destroy(before);
  device().synchronize();
  api.event_destroy(after);
}

TEST_P(DeviceTest, WaitsThatSleepAreWaits) {
  Target target = GetParam();
  target.blocking_waits = 1;
  Device sleeper(target, 1);
  const st_api& api = sleeper.api;
  st_event* event = nullptr;
  sleeper.check(api.event_create(sleeper.handle, 0, &event));
  Buffer<uint32_t> memory(sleeper, 1);
  for (uint32_t round = 1; round < 20; ++round) {
    uint32_t back = 0;
    sleeper.check(api.copy(sleeper.stream, memory.get(), &round, sizeof round));
    sleeper.check(api.copy(sleeper.stream, &back, memory.get(), sizeof back));
    if (round % 2 == 0) {
      sleeper.check(api.event_record(sleeper.stream, event));
      sleeper.check(api.event_synchronize(event));
    } else {
      sleeper.synchronize();
    }
    ASSERT_EQ(back, round);
  }
  api.event_destroy(event);
}

// More work than a queue holds, enqueued faster than it is done.
TEST_P(DeviceTest, LongQueuesAreDoneInOrder) {
  const st_api& api = device().api;
  std::vector<uint32_t> source(5000), back(source.size());
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<uint32_t>(i * 7);
  Buffer<uint32_t> place(device(), 1);
  for (size_t i = 0; i < source.size(); ++i) {
    device().check(api.copy(device().stream, place.get(), &source[i], sizeof source[i]));
    device().check(api.copy(device().stream, &back[i], place.get(), sizeof back[i]));
  }
  device().synchronize();
  EXPECT_TRUE(same_bits(source, back));
}

TEST_P(DeviceTest, AsynchronousErrorsAreReportedOnce) {
  if (GetParam().backend != "cpu") GTEST_SKIP() << "only the CPU backend looks at what arrays hold";
  const st_api& api = device().api;
  Matrix table(device(), 5, 8, ST_F32, random.normals(5 * 8));
  Buffer<int32_t> ids(device(), std::vector<int32_t>{5});
  Buffer<float> weights(device(), std::vector<float>{1.0f});
  Activations out(device(), 8);
  st_embed op = {sizeof op, 1, 1, 1, 5, 0, 0, 0, table.get(), ids.get(), weights.get(), nullptr, out.get()};
  float untouched = 1.0f, other = 2.0f;
  EXPECT_EQ(api.embed(device().stream, &op), ST_OK);
  EXPECT_EQ(api.copy(device().stream, &untouched, &other, sizeof other), ST_OK);
  EXPECT_EQ(api.stream_synchronize(device().stream), ST_INVALID_ARGUMENT);
  EXPECT_NE(std::string(api.last_error()).find("id 5"), std::string::npos) << api.last_error();
  EXPECT_EQ(untouched, 1.0f);
  EXPECT_EQ(api.copy(device().stream, &untouched, &other, sizeof other), ST_OK);
  EXPECT_EQ(api.stream_synchronize(device().stream), ST_OK);
  EXPECT_EQ(untouched, 2.0f);
}

TEST_P(DeviceTest, UnknownVersionsHaveNoTable) {
  EXPECT_EQ(get_api(GetParam().backend, ST_ABI_VERSION - 1), nullptr);
  EXPECT_EQ(get_api(GetParam().backend, ST_ABI_VERSION + 1), nullptr);
}

// One device, a stream per host thread: no thread gets another's result.
TEST_P(DeviceTest, StreamsOfSeveralThreadsDoNotMeet) {
  constexpr int kHostThreads = 4, kRounds = 30;
  for (int threads : {1, 3}) {
    auto shared = open(threads);
    const st_api& api = shared->api;
    std::vector<float> weights = random.normals(97 * 40);
    Matrix matrix(*shared, 97, 40, ST_F32, weights);
    std::vector<std::vector<float>> inputs, expected;
    std::vector<std::unique_ptr<Activations>> x, out;
    auto start = [&](st_stream* stream, size_t i) {
      st_linear op = {sizeof op, 3, x[i]->get(), matrix.get(), nullptr, out[i]->get(), 0, 0, 0, 0, 0, 0};
      return api.linear(stream, &op);
    };
    for (size_t i = 0; i < kHostThreads; ++i) {
      inputs.push_back(random.activations(*shared, 3 * 40));
      x.push_back(std::make_unique<Activations>(*shared, inputs.back()));
      out.push_back(std::make_unique<Activations>(*shared, 3 * 97));
      shared->check(start(shared->stream, i));
      expected.push_back(out.back()->read());
    }
    std::vector<int> wrong(kHostThreads, 0);
    std::vector<std::thread> hosts;
    for (size_t i = 0; i < kHostThreads; ++i) {
      hosts.emplace_back([&, i] {
        st_stream* stream = nullptr;
        bool good = api.stream_create(shared->handle, &stream) == ST_OK;
        std::vector<uint8_t> poison(3 * 97 * dtype_bytes(shared->info.activation_dtype), 0xFF), bytes = poison;
        for (int round = 0; good && round < kRounds; ++round) {
          good = api.copy(stream, out[i]->get(), poison.data(), poison.size()) == ST_OK && start(stream, i) == ST_OK &&
                 api.copy(stream, bytes.data(), out[i]->get(), bytes.size()) == ST_OK &&
                 api.stream_synchronize(stream) == ST_OK;
          if (!good || !same_bits(decoded(bytes, shared->info.activation_dtype), expected[i])) ++wrong[i];
        }
        api.stream_destroy(stream);
      });
    }
    for (std::thread& host : hosts) host.join();
    EXPECT_EQ(wrong, std::vector<int>(kHostThreads, 0)) << threads << " threads";
  }
}

// Devices of several engines share the processor's cores, and nothing else.
TEST_P(DeviceTest, DevicesOfSeveralThreadsDoNotMeet) {
  constexpr size_t kHosts = 3;
  const int rounds = device().emulated() ? 20 : 100;
  std::vector<float> weights = random.normals(400 * 640), x = random.activations(device(), 640);
  auto product = [&](Device& each) {
    Matrix matrix(each, 400, 640, ST_F32, weights);
    Activations input(each, x), out(each, 400);
    st_linear op = {sizeof op, 1, input.get(), matrix.get(), nullptr, out.get(), 0, 0, 0, 0, 0, 0};
    std::vector<float> last;
    for (int round = 0; round < rounds; ++round) {
      each.check(each.api.linear(each.stream, &op));
      std::vector<float> now = out.read();
      if (round > 0 && !same_bits(now, last)) throw std::runtime_error("two rounds differ");
      last = now;
    }
    return last;
  };
  std::vector<float> expected = product(device());
  std::vector<std::vector<float>> results(kHosts);
  std::vector<std::unique_ptr<Device>> devices;
  for (size_t i = 0; i < kHosts; ++i) devices.push_back(open(static_cast<int>(i) + 1));
  std::vector<std::thread> hosts;
  for (size_t i = 0; i < kHosts; ++i) {
    hosts.emplace_back([&, i] {
      try {
        results[i] = product(*devices[i]);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (std::thread& host : hosts) host.join();
  for (const auto& result : results) EXPECT_TRUE(same_bits(result, expected));
}

TEST_P(DeviceTest, ManyDevicesComeAndGo) {
  std::vector<float> values = random.activations(device(), 5 * 19), weight(19, 1.0f);
  for (int round = 0; round < 40; ++round) {
    auto first = open(1 + round % 5), second = open(2);
    if (round % 2) {  // a device that did no work must close as well as one that did
      for (Device* each : {first.get(), second.get()}) {
        Activations residual(*each, values), out(*each, values.size());
        Buffer<float> weights(*each, weight);
        st_rms_norm op = {sizeof op, 5, 19, 1e-6f, nullptr, residual.get(), weights.get(), out.get()};
        each->check(each->api.rms_norm(each->stream, &op));
        each->synchronize();
      }
    }
    if (round % 3 == 0) first.reset();
  }
}

}  // namespace
