#include "support.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <numeric>

#if defined(__SANITIZE_ADDRESS__)
// A request that no machine can meet is a test, not the end of the process.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
#endif

namespace st::test {
namespace {

// AddressSanitizer sees an access beyond the end only where nothing of ours is behind it.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kGuard = 0;
#else
constexpr size_t kGuard = 256;
#endif

// Name and path of each backend, as the build passes them: "cpu=<path>|cuda=<path>". SOFTTHINKING_TEST_BACKENDS
// replaces them, for tests that run where they were not built.
std::vector<std::pair<std::string, std::string>> libraries() {
  std::vector<std::pair<std::string, std::string>> found;
  const char* elsewhere = getenv("SOFTTHINKING_TEST_BACKENDS");
  std::string text = elsewhere && *elsewhere ? elsewhere : SOFTTHINKING_TEST_BACKENDS;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('|', begin), text.size());
    size_t equals = text.find('=', begin);
    found.emplace_back(text.substr(begin, equals - begin), text.substr(equals + 1, end - equals - 1));
    begin = end + 1;
  }
  return found;
}

using GetApi = const st_api* (*)(uint32_t);

GetApi load_library(const std::string& path) {
#if defined(_WIN32)
  HMODULE library = LoadLibraryA(path.c_str());
  return library ? reinterpret_cast<GetApi>(reinterpret_cast<void*>(GetProcAddress(library, "st_get_api"))) : nullptr;
#else
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(dlerror());
  return reinterpret_cast<GetApi>(dlsym(library, "st_get_api"));
#endif
}

void set_environment(const char* name, const char* value) {
#if defined(_WIN32)
  _putenv_s(name, value);
#else
  setenv(name, value, 1);
#endif
}

}  // namespace

// --- backends and devices ------------------------------------------------------------------------------------------

bool is_built(const std::string& backend) {
  for (const auto& [name, path] : libraries())
    if (name == backend) return true;
  return false;
}

std::string why_unsupported(const std::string& backend) {
  const st_api& api = load_backend(backend);
  st_device_options options = {sizeof options, 0, 0, ST_ACTIVATIONS_DEFAULT, 0, 0};
  st_device* device = nullptr;
  st_status status = api.device_open(&options, &device);
  api.device_close(status == ST_OK ? device : nullptr);
  return status == ST_UNSUPPORTED ? api.last_error() : "";
}

std::vector<Target> targets() {
  std::vector<Target> all;
  for (const auto& [name, path] : libraries()) {
    if (name == "cpu")
      for (const char* isa : {"scalar", "avx2", "avx512", "avx512bf16"}) all.push_back({name, isa});
    else if (why_unsupported(name).empty())
      for (int32_t type : {ST_ACTIVATIONS_F32, ST_ACTIVATIONS_F16, ST_ACTIVATIONS_BF16})
        all.push_back({name, "", type});
  }
  return all;
}

std::vector<Target> targets_without_activations() {
  std::vector<Target> once;
  for (const Target& target : targets())
    if (target.activations <= ST_ACTIVATIONS_F32) once.push_back(target);
  return once;
}

static std::string name_of(const Target& target) {
  if (!target.isa.empty()) return target.backend + "_" + target.isa;
  return target.backend + "_" + dtype_name(target.activations - ST_ACTIVATIONS_F32);
}

void PrintTo(const Target& target, std::ostream* out) {
  *out << name_of(target);
}

std::string target_name(const testing::TestParamInfo<Target>& info) {
  return name_of(info.param);
}

void* library_function(const std::string& backend, const char* name) {
#if !defined(_WIN32)
  for (const auto& [each, path] : libraries())
    if (each == backend) return dlsym(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), name);
#endif
  return nullptr;
}

const st_api* get_api(const std::string& backend, uint32_t version) {
  static std::map<std::string, GetApi> loaded;
  if (!loaded.count(backend)) {
    for (const auto& [name, path] : libraries())
      if (name == backend) loaded[backend] = load_library(path);
  }
  GetApi entry = loaded[backend];
  if (!entry) throw std::runtime_error("no backend " + backend);
  return entry(version);
}

const st_api& load_backend(const std::string& backend) {
  const st_api* api = get_api(backend, ST_ABI_VERSION);
  if (!api) throw std::runtime_error(backend + " is no backend of this version");
  return *api;
}

Device::Device(const Target& target, int threads, int32_t ordinal) : api(load_backend(target.backend)) {
  st_device_options options = {sizeof options,       ordinal, threads, target.activations, target.fast_products,
                               target.blocking_waits};
  if (!target.isa.empty()) set_environment("SOFTTHINKING_ISA", target.isa.c_str());
  st_status status = api.device_open(&options, &handle);
  if (!target.isa.empty()) set_environment("SOFTTHINKING_ISA", "");
  if (status == ST_UNSUPPORTED) throw Unsupported(api.last_error());
  check(status);
  try {
    check(api.stream_create(handle, &stream));
    info.size = sizeof info;
    check(api.device_query(handle, &info));
  } catch (...) {  // the destructor is not called for what is not constructed
    api.stream_destroy(stream);
    api.device_close(handle);
    throw;
  }
}

bool Device::emulated() const {
  return std::strcmp(api.backend, "simt") == 0;
}

Device::~Device() {
  api.stream_destroy(stream);
  api.device_close(handle);
}

void Device::check(st_status status) const {
  if (status != ST_OK) throw std::runtime_error("status " + std::to_string(status) + ": " + api.last_error());
}

st_status Device::pack(const st_matrix& w, int32_t first_row, int32_t row_step, int32_t count, const void* source,
                       int32_t source_dtype, const float* scales) const {
  st_pack op = {sizeof op, first_row, row_step, count, source_dtype, w.cols, 0, 0, w, source, scales};
  return api.pack(stream, &op);
}

// --- device memory -------------------------------------------------------------------------------------------------

Memory::Memory(Device& device, size_t bytes, int poison)
    : device_(device), bytes_(bytes), guard_(kGuard), poison_(poison) {
  std::vector<uint8_t> all(std::max<size_t>(bytes + 2 * guard_, 1), static_cast<uint8_t>(poison));
  device.check(device.api.memory_alloc(device.handle, all.size(), &base_));
  device.check(device.api.copy(device.stream, base_, all.data(), all.size()));
  device.synchronize();
}

Memory::~Memory() {
  device_.api.stream_synchronize(device_.stream);  // what still uses the memory; its error was returned before
  for (size_t offset : {size_t{0}, guard_ + bytes_}) {
    std::vector<uint8_t> guard(guard_);
    if (guard.empty()) break;
    st_status status =
        device_.api.copy(device_.stream, guard.data(), static_cast<uint8_t*>(base_) + offset, guard.size());
    if (status != ST_OK || device_.api.stream_synchronize(device_.stream) != ST_OK)
      ADD_FAILURE() << "a guard cannot be read: " << device_.api.last_error();
    else if (std::any_of(guard.begin(), guard.end(), [&](uint8_t byte) { return byte != poison_; }))
      ADD_FAILURE() << "something wrote " << (offset == 0 ? "before" : "behind") << " a buffer of " << bytes_
                    << " bytes";
  }
  device_.api.memory_free(device_.handle, base_);
}

void Memory::write(const void* source, size_t bytes, size_t offset) {
  if (offset + bytes > bytes_) throw std::logic_error("a write beyond the buffer");
  if (bytes == 0) return;
  device_.check(device_.api.copy(device_.stream, static_cast<uint8_t*>(get()) + offset, source, bytes));
  device_.synchronize();
}

void Memory::read(void* destination, size_t bytes, size_t offset) const {
  if (offset + bytes > bytes_) throw std::logic_error("a read beyond the buffer");
  if (bytes == 0) return;
  device_.check(device_.api.copy(device_.stream, destination, static_cast<const uint8_t*>(get()) + offset, bytes));
  device_.synchronize();
}

std::vector<uint8_t> Memory::read_bytes() const {
  std::vector<uint8_t> result(bytes_);
  read(result.data(), bytes_);
  return result;
}

Activations::Activations(Device& device, size_t count)
    : dtype_(device.info.activation_dtype), count_(count), memory_(device, count * dtype_bytes(dtype_), kNaNPoison) {}

Activations::Activations(Device& device, const std::vector<float>& values) : Activations(device, values.size()) {
  std::vector<uint8_t> bytes = encoded(values, dtype_);
  memory_.write(bytes.data(), bytes.size());
}

std::vector<float> Activations::read() const {
  return decoded(memory_.read_bytes(), dtype_);
}

Matrix::Matrix(Device& device, int32_t rows, int32_t cols, int32_t dtype, const std::vector<float>& values)
    : memory_(device, device.api.matrix_bytes(rows, cols, dtype), kNaNPoison),
      matrix_{memory_.get(), rows, cols, dtype, 0} {
  Source source(values, static_cast<size_t>(cols), dtype);
  device.check(device.pack(matrix_, 0, 1, rows, source.bytes.data(), source.dtype, source.scales.data()));
  device.synchronize();
}

// --- number formats ------------------------------------------------------------------------------------------------

size_t dtype_bytes(int32_t dtype) {
  return dtype == ST_F32 ? 4 : 2;
}

const char* dtype_name(int32_t dtype) {
  return dtype == ST_F32    ? "f32"
         : dtype == ST_F16  ? "f16"
         : dtype == ST_BF16 ? "bf16"
         : dtype == ST_INT8 ? "int8"
                            : "fp8";
}

// The nearest multiple of the spacing that `digits` binary digits leave at this magnitude.
static double round_to_digits(double value, int digits, int least_exponent) {
  int exponent;
  std::frexp(value, &exponent);
  int shift = std::max(exponent, least_exponent) - digits;
  return std::ldexp(std::nearbyint(std::ldexp(value, -shift)), shift);
}

uint16_t to_bf16(float value) {
  auto nearest = static_cast<float>(round_to_digits(static_cast<double>(value), 8, -125));
  uint32_t bits;
  memcpy(&bits, &nearest, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

float from_bf16(uint16_t value) {
  uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

uint16_t to_f16(float value) {
  double nearest = round_to_digits(static_cast<double>(value), 11, -13);
  auto sign = static_cast<uint16_t>(std::signbit(nearest) ? 0x8000 : 0);
  double magnitude = std::fabs(nearest);
  if (magnitude >= 65536.0) return static_cast<uint16_t>(sign | 0x7C00);
  if (magnitude < 0x1p-14) return static_cast<uint16_t>(sign | static_cast<uint16_t>(magnitude * 0x1p24));
  int exponent;
  double fraction = std::frexp(magnitude, &exponent);  // in [0.5, 1)
  auto mantissa = static_cast<uint32_t>(fraction * 2048.0) - 1024u;
  return static_cast<uint16_t>(sign | static_cast<uint32_t>(exponent + 14) << 10 | mantissa);
}

float from_f16(uint16_t value) {
  int exponent = (value >> 10) & 31, mantissa = value & 1023;
  double magnitude = exponent == 31  ? (mantissa ? std::nan("") : INFINITY)
                     : exponent == 0 ? std::ldexp(mantissa, -24)
                                     : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>(value & 0x8000 ? -magnitude : magnitude);
}

std::vector<uint8_t> encoded(const std::vector<float>& values, int32_t dtype) {
  std::vector<uint8_t> bytes(values.size() * dtype_bytes(dtype));
  if (dtype == ST_F32) {
    if (!values.empty()) memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half = dtype == ST_F16 ? to_f16(values[i]) : to_bf16(values[i]);
    memcpy(bytes.data() + 2 * i, &half, 2);
  }
  return bytes;
}

std::vector<float> decoded(const std::vector<uint8_t>& bytes, int32_t dtype) {
  std::vector<float> values(bytes.size() / dtype_bytes(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == ST_F32) {
      memcpy(&values[i], bytes.data() + 4 * i, 4);
    } else {
      uint16_t half;
      memcpy(&half, bytes.data() + 2 * i, 2);
      values[i] = dtype == ST_F16 ? from_f16(half) : from_bf16(half);
    }
  }
  return values;
}

std::vector<float> rounded(const std::vector<float>& values, int32_t dtype) {
  return decoded(encoded(values, dtype), dtype);
}

uint8_t to_e4m3(float value) {
  double magnitude = std::min(std::fabs(round_to_digits(static_cast<double>(value), 4, -5)), 448.0);
  auto sign = std::signbit(value) ? 0x80u : 0u;
  if (magnitude < 0x1p-6) return static_cast<uint8_t>(sign | static_cast<uint32_t>(magnitude * 0x1p9));
  int exponent;
  double fraction = std::frexp(magnitude, &exponent);  // in [0.5, 1)
  return static_cast<uint8_t>(sign | static_cast<uint32_t>(exponent + 6) << 3 |
                              (static_cast<uint32_t>(fraction * 16.0) - 8u));
}

double from_e4m3(uint8_t code) {
  int exponent = code >> 3 & 15, mantissa = code & 7;
  double magnitude = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
  return code & 0x80 ? -magnitude : magnitude;
}

bool has_blocks(int32_t dtype) {
  return dtype == ST_INT8 || dtype == ST_FP8;
}

Source::Source(const std::vector<float>& values, size_t cols, int32_t matrix_dtype)
    : dtype(matrix_dtype == ST_INT8 ? ST_F32 : matrix_dtype) {
  if (dtype != ST_FP8) {
    bytes = encoded(values, dtype);
    return;
  }
  for (size_t row = 0; row < values.size(); row += cols) {
    for (size_t first = row; first < row + cols; first += 128) {
      size_t end = std::min(first + 128, row + cols);
      float largest = 0.0f;
      for (size_t i = first; i < end; ++i) largest = std::max(largest, std::fabs(values[i]));
      scales.push_back(largest > 0.0f ? largest / 448.0f : 1.0f);
      for (size_t i = first; i < end; ++i) bytes.push_back(to_e4m3(values[i] / scales.back()));
    }
  }
}

std::vector<float> rounded_to_fp8(const std::vector<float>& values, size_t cols) {
  Source source(values, cols, ST_FP8);
  size_t blocks = (cols + 127) / 128;
  std::vector<float> result;
  for (size_t i = 0; i < values.size(); ++i)
    result.push_back(static_cast<float>(from_e4m3(source.bytes[i]) *
                                        static_cast<double>(source.scales[i / cols * blocks + i % cols / 128])));
  return result;
}

std::vector<float> rounded_to_blocks(const std::vector<float>& values, size_t cols, int32_t dtype) {
  return dtype == ST_INT8 ? rounded_to_int8(values, cols) : dtype == ST_FP8 ? rounded_to_fp8(values, cols) : values;
}

std::vector<float> rounded_to_int8(const std::vector<float>& values, size_t cols) {
  std::vector<float> result;
  for (size_t row = 0; row < values.size(); row += cols) {
    for (size_t first = row; first < row + cols; first += 32) {
      size_t end = std::min(first + 32, row + cols);
      float largest = 0.0f;
      for (size_t i = first; i < end; ++i) largest = std::max(largest, std::fabs(values[i]));
      float scale = from_f16(to_f16(largest / 127.0f)), inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
      for (size_t i = first; i < end; ++i)
        result.push_back(std::clamp(std::nearbyint(values[i] * inverse), -127.0f, 127.0f) * scale + 0.0f);  // no -0
    }
  }
  return result;
}

// --- random inputs -------------------------------------------------------------------------------------------------

uint64_t base_seed() {
  const char* text = getenv("SOFTTHINKING_TEST_SEED");
  return text && *text ? std::strtoull(text, nullptr, 10) : 2505;
}

double Random::uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
}

double Random::normal() {
  return std::normal_distribution<double>()(engine_);
}

int32_t Random::integer(int32_t low, int32_t high) {
  return low + static_cast<int32_t>(engine_() % static_cast<uint64_t>(int64_t{high} - low + 1));
}

std::vector<float> Random::normals(size_t count, double scale) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(scale * normal());
  return values;
}

std::vector<float> Random::activations(const Device& device, size_t count, double scale) {
  return rounded(normals(count, scale), device.info.activation_dtype);
}

std::vector<int32_t> Random::permutation(int32_t count) {
  std::vector<int32_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), engine_);
  return order;
}

// --- comparisons ---------------------------------------------------------------------------------------------------

testing::AssertionResult compare_bits(const void* a, const void* b, size_t count, size_t element) {
  if (count == 0 || memcmp(a, b, count * element) == 0) return testing::AssertionSuccess();
  const auto *left = static_cast<const uint8_t*>(a), *right = static_cast<const uint8_t*>(b);
  size_t first = 0, different = 0;
  for (size_t i = count; i-- > 0;) {
    if (memcmp(left + i * element, right + i * element, element) == 0) continue;
    first = i;
    ++different;
  }
  return testing::AssertionFailure() << different << " of " << count << " elements differ in their bits, first element "
                                     << first;
}

testing::AssertionResult near(const std::vector<float>& actual, const std::vector<double>& expected, double tolerance) {
  if (actual.size() != expected.size())
    return testing::AssertionFailure() << actual.size() << " elements, expected " << expected.size();
  size_t worst = 0;
  double worst_error = -1.0;
  for (size_t i = 0; i < actual.size(); ++i) {
    double error = std::fabs(static_cast<double>(actual[i]) - expected[i]) / (1.0 + std::fabs(expected[i]));
    if (std::isnan(error)) error = INFINITY;
    if (error > worst_error) {
      worst = i;
      worst_error = error;
    }
  }
  if (worst_error <= tolerance) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "element " << worst << " of " << actual.size() << " is " << actual[worst]
                                     << ", expected " << expected[worst] << ": off by " << worst_error;
}

testing::AssertionResult within(const std::vector<float>& actual, const std::vector<double>& expected,
                                const std::vector<double>& bounds) {
  if (actual.size() != expected.size() || bounds.size() != expected.size())
    return testing::AssertionFailure() << actual.size() << " elements, not " << expected.size();
  for (size_t i = 0; i < actual.size(); ++i)
    if (!(std::fabs(static_cast<double>(actual[i]) - expected[i]) <= bounds[i] + 0x1p-22 * std::fabs(expected[i])))
      return testing::AssertionFailure() << "element " << i << " is " << actual[i] << ", not " << expected[i]
                                         << " within " << bounds[i];
  return testing::AssertionSuccess();
}

std::vector<float> tree(const std::vector<std::vector<float>>& values, size_t first, size_t end) {
  if (end - first == 1) return values[first];
  size_t half = 1;
  while (2 * half < end - first) half *= 2;
  std::vector<float> sum = tree(values, first, first + half), others = tree(values, first + half, end);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += others[i];
  return sum;
}

std::vector<float> slice(const std::vector<float>& values, size_t first, size_t count) {
  return {values.begin() + static_cast<std::ptrdiff_t>(first),
          values.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

// --- fixture -------------------------------------------------------------------------------------------------------

void BackendTest::SetUp() {
  try {
    device_ = open(2);
  } catch (const Unsupported& reason) {
    GTEST_SKIP() << name_of(GetParam()) << ": " << reason.what();
  }
}

void BackendTest::TearDown() {
  if (HasFailure()) std::cerr << "SOFTTHINKING_TEST_SEED=" << base_seed() << "\n";
}

}  // namespace st::test
