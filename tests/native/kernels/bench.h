// Benchmarks of single operations of a device backend against their floors. The program needs nothing but the backend's
// library: it is made on one machine and run on another that has a GPU.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "softthinking/backend.h"

namespace st::kernels {

// A published model, as far as the shapes of its operations go.
struct Shape {
  const char* name;
  int32_t hidden, heads, kv_heads, head_dim, ffn, vocabulary;
  int32_t qkv() const { return (heads + 2 * kv_heads) * head_dim; }
};

// What is measured: `bytes` that have to move and `multiply_adds` that have to be done, each at least once.
struct Case {
  std::string operation, name;
  int32_t rows;
  double bytes, multiply_adds;
};

// Which cases are measured.
struct Choice {
  std::string operation;  // empty: all
  std::string part;       // that a case's name has
  int32_t rows = 0;       // 0: all
};

class Bench {
 public:
  Bench(const char* library, Choice choice);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // An emulated device shows that the program works, with sizes that take no time.
  bool tiny() const { return tiny_; }
  const std::vector<Shape>& shapes() const { return shapes_; }
  int32_t vocabulary() const { return tiny_ ? 1500 : 151936; }
  bool wanted(const std::string& operation) const {
    return choice_.operation.empty() || choice_.operation == operation;
  }
  bool wanted(const Case& what) const;
  void check(st_status status) const;

  // Measures run(i), which submits one operation; i counts them, so that they can go through more data than the caches
  // hold. They are recorded as a graph, whose replays are timed by events. Prints a line. Does nothing for a case that
  // is not wanted.
  void measure(const Case& what, const std::function<void(uint64_t i)>& run);

  // Device memory, kept to the end; with random bf16 numbers of about 1, or with values.
  void* memory(uint64_t bytes);
  void* random_memory(uint64_t bytes);
  template <typename T>
  T* array(const std::vector<T>& values) {
    void* device = memory(values.size() * sizeof(T));
    write(device, values.data(), values.size() * sizeof(T));
    return static_cast<T*>(device);
  }
  void write(void* device, const void* host, uint64_t bytes);

  // Bytes that the caches do not hold: what an operation reads is at another place each time, within so much.
  uint64_t beyond_caches() const { return tiny_ ? uint64_t{1} << 16 : uint64_t{256} << 20; }

  const st_api* api = nullptr;
  st_device* device = nullptr;
  st_stream* stream = nullptr;

 private:
  double seconds_of(uint64_t count, const std::function<void(uint64_t)>& run, int replays);

  Choice choice_;
  bool tiny_ = false;
  std::vector<Shape> shapes_;
  st_rates rates_ = {};
  st_event *begin_ = nullptr, *end_ = nullptr;
  std::mt19937 random_{1};
};

void bench_linear(Bench& bench, const Shape& shape);
void bench_attention(Bench& bench, const Shape& shape);
void bench_rows(Bench& bench, const Shape& shape);
void bench_logits(Bench& bench);

}  // namespace st::kernels
