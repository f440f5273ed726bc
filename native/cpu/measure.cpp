// measure: the ceilings of this machine, with all threads of the device.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "cpu/device.h"

namespace st::cpu {
namespace {

constexpr int64_t kReadBytes = int64_t{512} << 20, kReadPart = int64_t{4} << 20;
constexpr int64_t kMultiplyAdds = int64_t{1} << 30;
constexpr int kPasses = 9;

// Amount per second of the fastest pass.
template <typename Pass>
double best_rate(Pass pass) {
  double best = 0.0;
  for (int i = 0; i < kPasses; ++i) {
    auto start = std::chrono::steady_clock::now();
    double amount = pass();
    best = std::max(best, amount / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double read_bandwidth(st_device& device, char* memory) {
  constexpr int64_t kParts = kReadBytes / kReadPart;
  std::atomic<float> kept{0.0f};  // or the loop would be needless
  return best_rate([&] {
    device.pool.parallel_for(kParts, kReadBytes, [&](int64_t begin, int64_t end) {
      kept.store(device.kernels.read(memory + begin * kReadPart, (end - begin) * kReadPart));
    });
    return static_cast<double>(kReadBytes);
  });
}

double multiply_add_rate(st_device& device, Operand form) {
  int64_t parts = device.pool.threads() * 16;
  std::atomic<int64_t> done{0};
  return best_rate([&] {
    done = 0;
    device.pool.parallel_for(parts, parts * kMultiplyAdds, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) done += device.kernels.multiply_adds(form, kMultiplyAdds / 16);
    });
    return static_cast<double>(done.load());
  });
}

}  // namespace

st_status measure(st_device* device, st_rates* rates) {
  ST_REQUIRE(device && rates, "measure: a pointer is null");
  ST_REQUIRE(rates->size == sizeof *rates, "measure: the struct has %u bytes, this backend expects %zu", rates->size,
             sizeof *rates);
  void* memory = nullptr;
  st_status status = memory_alloc(device, kReadBytes, &memory);
  if (status != ST_OK) return status;
  // Written, because pages that never were are all the same one.
  char* bytes = static_cast<char*>(memory);
  device->pool.parallel_for(kReadBytes / kReadPart, kReadBytes, [&](int64_t begin, int64_t end) {
    memset(bytes + begin * kReadPart, 0x3c, static_cast<size_t>((end - begin) * kReadPart));
  });
  rates->read_bandwidth = read_bandwidth(*device, bytes);
  memory_free(device, memory);
  rates->multiply_adds_f32 = multiply_add_rate(*device, Operand::kF32);
  rates->multiply_adds_bf16 = multiply_add_rate(*device, Operand::kBf16);
  rates->multiply_adds_int8 = multiply_add_rate(*device, Operand::kInt8);
  return ST_OK;
}

}  // namespace st::cpu
