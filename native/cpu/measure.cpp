// measure: the peak rates of this machine, with all threads of the device.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <iterator>

#include "common/checks.h"
#include "cpu/device.h"

namespace st::cpu {
namespace {

constexpr int64_t kReadBytes = int64_t{512} << 20, kReadPart = int64_t{4} << 20;
constexpr int64_t kMultiplyAdds = int64_t{1} << 30;
constexpr int kPasses = 9;

// Amounts per second of several passes, ascending.
struct Rates {
  double passes[kPasses];

  double median() const { return passes[kPasses / 2]; }
  double best() const { return passes[kPasses - 1]; }
};

template <typename Pass>
Rates rates_of(Pass pass) {
  Rates rates;
  for (double& rate : rates.passes) {
    auto start = std::chrono::steady_clock::now();
    double amount = pass();
    rate = amount / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::sort(std::begin(rates.passes), std::end(rates.passes));
  return rates;
}

Rates read_bandwidth(st_device& device, char* memory) {
  constexpr int64_t kParts = kReadBytes / kReadPart;
  std::atomic<float> kept{0.0f};  // prevents the compiler from removing the loop
  return rates_of([&] {
    device.pool.parallel_for(kParts, kReadBytes, [&](int64_t begin, int64_t end) {
      kept.store(device.kernels.read(memory + begin * kReadPart, (end - begin) * kReadPart));
    });
    return static_cast<double>(kReadBytes);
  });
}

double multiply_add_rate(st_device& device, Operand form) {
  int64_t parts = device.pool.threads() * 16;
  std::atomic<int64_t> done{0};
  Rates rates = rates_of([&] {
    done = 0;
    device.pool.parallel_for(parts, parts * kMultiplyAdds, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) done += device.kernels.multiply_adds(form, kMultiplyAdds / 16);
    });
    return static_cast<double>(done.load());
  });
  return rates.best();
}

}  // namespace

st_status measure(st_device* device, st_rates* rates) {
  ST_TRY(check(device, rates));
  void* memory = nullptr;
  st_status status = memory_alloc(device, kReadBytes, &memory);
  if (status != ST_OK) return status;
  // Written, because all unwritten pages are mapped to the same zero page.
  char* bytes = static_cast<char*>(memory);
  device->pool.parallel_for(kReadBytes / kReadPart, kReadBytes, [&](int64_t begin, int64_t end) {
    memset(bytes + begin * kReadPart, 0x3c, static_cast<size_t>((end - begin) * kReadPart));
  });
  Rates bandwidth = read_bandwidth(*device, bytes);
  memory_free(device, memory);
  bool all = !rates->bandwidth_now;
  rates->read_bandwidth = all ? bandwidth.best() : bandwidth.median();
  rates->multiply_adds_f32 = all ? multiply_add_rate(*device, Operand::kF32) : 0.0;
  rates->multiply_adds_bf16 = all ? multiply_add_rate(*device, Operand::kBf16) : 0.0;
  rates->multiply_adds_int8 = all ? multiply_add_rate(*device, Operand::kInt8) : 0.0;
  return ST_OK;
}

}  // namespace st::cpu
