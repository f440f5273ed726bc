// What the native tests share: backends and their devices, device arrays, random inputs, comparisons. Everything goes
// through the table of a backend, so that the same tests serve any kind of device.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "softthinking/backend.h"

namespace st::test {

// --- backends and devices ------------------------------------------------------------------------------------------

// A backend; for the CPU one of its instruction sets ("" elsewhere), for others a type of activations.
struct Target {
  std::string backend;
  std::string isa;
  int32_t activations = ST_ACTIVATIONS_DEFAULT;
  int32_t fast_products = 0;
  int32_t blocking_waits = 0;
};

bool is_built(const std::string& backend);
// Why this machine has no device for a backend; empty where it has one.
std::string why_unsupported(const std::string& backend);
// Every backend that was built and has a device, with every instruction set or type of activations that it may have.
std::vector<Target> targets();
// The same with one type of activations each, for operations that see none.
std::vector<Target> targets_without_activations();
void PrintTo(const Target& target, std::ostream* out);
std::string target_name(const testing::TestParamInfo<Target>& info);
// The table of a backend, loaded from its shared library.
const st_api& load_backend(const std::string& backend);
// A function that the library of a backend exports besides; nullptr if it has none of that name.
void* library_function(const std::string& backend, const char* name);
// What the library of a backend answers to a version.
const st_api* get_api(const std::string& backend, uint32_t version);

// This machine cannot run the target: a reason to skip, not to fail.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An open device with one stream. A call that fails is an exception, which GoogleTest reports.
class Device {
 public:
  Device(const Target& target, int threads, int32_t ordinal = 0);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void check(st_status status) const;
  void synchronize() const { check(api.stream_synchronize(stream)); }
  // Enqueues source[count, w.cols] for the rows first_row + i row_step of w.
  st_status pack(const st_matrix& w, int32_t first_row, int32_t row_step, int32_t count, const void* source,
                 int32_t source_dtype, const float* scales = nullptr) const;
  // How far a result may be from the reference where `f32` holds for activations of that type.
  double tolerance(double f32) const { return info.activation_dtype == ST_F32 ? f32 : 2e-2; }
  // An emulated device is some hundred times slower than the processor that it runs on: tests do a part of their
  // work.
  bool emulated() const;
  // Whether matrices can be of this type here.
  bool holds(int32_t dtype) const { return api.matrix_bytes(1, 1, dtype) > 0; }

  const st_api& api;
  st_device* handle = nullptr;
  st_stream* stream = nullptr;
  st_device_info info = {};
};

// --- device memory -------------------------------------------------------------------------------------------------

// Bytes of device memory, filled with poison, between guards that must be intact when the buffer is freed.
class Memory {
 public:
  Memory(Device& device, size_t bytes, int poison);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* get() const { return static_cast<uint8_t*>(base_) + guard_; }
  size_t bytes() const { return bytes_; }
  void write(const void* source, size_t bytes, size_t offset = 0);
  void read(void* destination, size_t bytes, size_t offset = 0) const;
  std::vector<uint8_t> read_bytes() const;

 private:
  Device& device_;
  size_t bytes_, guard_;
  int poison_;
  void* base_ = nullptr;
};

constexpr int kNaNPoison = 0xFF;  // every floating-point type reads it as NaN
constexpr int kIntegerPoison = 0xCB;

// An array of device memory.
template <typename T>
class Buffer {
 public:
  Buffer(Device& device, size_t count)
      : memory_(device, count * sizeof(T), std::is_floating_point_v<T> ? kNaNPoison : kIntegerPoison), count_(count) {}
  Buffer(Device& device, const std::vector<T>& values) : Buffer(device, values.size()) { write(values); }

  T* get() const { return static_cast<T*>(memory_.get()); }
  void write(const std::vector<T>& values) { memory_.write(values.data(), values.size() * sizeof(T)); }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    memory_.read(values.data(), count_ * sizeof(T));
    return values;
  }

 private:
  Memory memory_;
  size_t count_;
};

// An array in the activation type of the device; the host sees f32.
class Activations {
 public:
  Activations(Device& device, size_t count);
  Activations(Device& device, const std::vector<float>& values);

  void* get() const { return memory_.get(); }
  std::vector<float> read() const;
  std::vector<uint8_t> read_bytes() const { return memory_.read_bytes(); }

 private:
  int32_t dtype_;
  size_t count_;
  Memory memory_;
};

// A packed weight matrix.
class Matrix {
 public:
  // `values` [rows, cols] must be numbers that `dtype` holds exactly, see rounded(), except those of blocks, which are
  // rounded as rounded_to_blocks() does.
  Matrix(Device& device, int32_t rows, int32_t cols, int32_t dtype, const std::vector<float>& values);
  const st_matrix& get() const { return matrix_; }
  std::vector<uint8_t> read_bytes() const { return memory_.read_bytes(); }

 private:
  Memory memory_;
  st_matrix matrix_;
};

// --- number formats ------------------------------------------------------------------------------------------------

size_t dtype_bytes(int32_t dtype);
const char* dtype_name(int32_t dtype);
uint16_t to_bf16(float value);
uint16_t to_f16(float value);
float from_bf16(uint16_t value);
float from_f16(uint16_t value);
// The values as stored in `dtype`, and back.
std::vector<uint8_t> encoded(const std::vector<float>& values, int32_t dtype);
std::vector<float> decoded(const std::vector<uint8_t>& bytes, int32_t dtype);
// The nearest numbers that `dtype` holds.
std::vector<float> rounded(const std::vector<float>& values, int32_t dtype);

// Rows of `cols` numbers as ST_INT8 holds them: blocks of 32 with an f16 scale.
std::vector<float> rounded_to_int8(const std::vector<float>& values, size_t cols);

uint8_t to_e4m3(float value);
double from_e4m3(uint8_t code);
// And as ST_FP8 does: blocks of 128 with an f32 scale, with which the largest becomes 448.
std::vector<float> rounded_to_fp8(const std::vector<float>& values, size_t cols);

// Whether numbers of the type are stored in blocks; and as these hold them, or unchanged.
bool has_blocks(int32_t dtype);
std::vector<float> rounded_to_blocks(const std::vector<float>& values, size_t cols, int32_t dtype);

// What pack reads for a matrix of `dtype`.
struct Source {
  int32_t dtype;
  std::vector<uint8_t> bytes;
  std::vector<float> scales;

  Source(const std::vector<float>& values, size_t cols, int32_t matrix_dtype);
};

// --- random inputs -------------------------------------------------------------------------------------------------

// Fixed, unless SOFTTHINKING_TEST_SEED says otherwise.
uint64_t base_seed();

class Random {
 public:
  explicit Random(uint64_t stream = 0) : engine_(base_seed() * 0x9E3779B97F4A7C15u + stream) {}

  uint64_t bits() { return engine_(); }
  double uniform(double low = 0.0, double high = 1.0);
  double normal();
  int32_t integer(int32_t low, int32_t high);  // both ends included
  bool chance(double probability) { return uniform() < probability; }
  std::vector<float> normals(size_t count, double scale = 1.0);
  // Normal numbers that the activation type, and bf16 where `bf16`, hold exactly.
  std::vector<float> activations(const Device& device, size_t count, double scale = 1.0);
  std::vector<int32_t> permutation(int32_t count);

 private:
  std::mt19937_64 engine_;
};

// --- comparisons ---------------------------------------------------------------------------------------------------

testing::AssertionResult compare_bits(const void* a, const void* b, size_t count, size_t element);

template <typename T>
testing::AssertionResult same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << a.size() << " elements, not " << b.size();
  return compare_bits(a.data(), b.data(), a.size(), sizeof(T));
}

// |actual - expected| <= tolerance (1 + |expected|) for every element.
testing::AssertionResult near(const std::vector<float>& actual, const std::vector<double>& expected, double tolerance);

// |actual - expected| <= bound, and the rounding of a result of that size, for every element.
testing::AssertionResult within(const std::vector<float>& actual, const std::vector<double>& expected,
                                const std::vector<double>& bounds);

// The sum of the values first .. end - 1, each an array, by the tree of backend.h: the first P of them, P the largest
// power of two below their number, plus the others, each likewise.
std::vector<float> tree(const std::vector<std::vector<float>>& values, size_t first, size_t end);

std::vector<float> slice(const std::vector<float>& values, size_t first, size_t count);

// --- fixture -------------------------------------------------------------------------------------------------------

// A test that runs on every target; where the machine lacks it, it is skipped with the reason.
class BackendTest : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override;
  void TearDown() override;

  Device& device() { return *device_; }
  // Numbers of threads that must not show; one, where a device has no such choice.
  static std::vector<int> thread_counts() {
    return GetParam().backend == "cpu" ? std::vector<int>{1, 2, 3, 5} : std::vector<int>{1};
  }
  std::unique_ptr<Device> open(int threads) { return std::make_unique<Device>(GetParam(), threads); }

  Random random;

 private:
  std::unique_ptr<Device> device_;
};

constexpr int32_t kWeightTypes[] = {ST_F32, ST_F16, ST_BF16};  // that hold a checkpoint's numbers as they are

#define ST_TEST_EVERY_BACKEND(suite)             \
  class suite : public st::test::BackendTest {}; \
  INSTANTIATE_TEST_SUITE_P(Native, suite, testing::ValuesIn(st::test::targets()), st::test::target_name)

#define ST_TEST_EVERY_BACKEND_ONCE(suite)                                                             \
  class suite : public st::test::BackendTest {};                                                      \
  INSTANTIATE_TEST_SUITE_P(Native, suite, testing::ValuesIn(st::test::targets_without_activations()), \
                           st::test::target_name)

}  // namespace st::test
