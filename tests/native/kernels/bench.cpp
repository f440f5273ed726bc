#include "bench.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace st::kernels {
namespace {

constexpr Shape kShapes[] = {
    {"qwen2.5-7b", 3584, 28, 4, 128, 18944, 152064},
    {"qwen2.5-0.5b", 896, 14, 2, 64, 4864, 151936},
    {"qwen2.5-1.5b", 1536, 12, 2, 128, 8960, 151936},
    {"llama-3.1-8b", 4096, 32, 8, 128, 14336, 128256},
};
constexpr Shape kTinyShapes[] = {{"tiny", 128, 4, 2, 64, 256, 512}, {"tinier", 64, 2, 1, 64, 128, 256}};

[[noreturn]] void quit(const char* message) {
  fprintf(stderr, "%s\n", message);
  exit(1);
}

const st_api* load(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) quit(dlerror());
  auto get_api = reinterpret_cast<const st_api* (*)(uint32_t)>(dlsym(library, "st_get_api"));
  const st_api* api = get_api ? get_api(ST_ABI_VERSION) : nullptr;
  if (!api) quit("the library is no backend of this version");
  return api;
}

}  // namespace

Bench::Bench(const char* library, Choice choice) : api(load(library)), choice_(std::move(choice)) {
  st_device_options options = {};
  options.size = sizeof options;
  check(api->device_open(&options, &device));
  check(api->stream_create(device, &stream));
  check(api->event_create(device, 1, &begin_));
  check(api->event_create(device, 1, &end_));
  st_device_info info = {};
  info.size = sizeof info;
  check(api->device_query(device, &info));
  tiny_ = strstr(info.name, "emulated") != nullptr;
  if (tiny_)
    shapes_.assign(std::begin(kTinyShapes), std::end(kTinyShapes));
  else
    shapes_.assign(std::begin(kShapes), std::end(kShapes));
  rates_.size = sizeof rates_;
  check(api->measure(device, &rates_));
  printf("{\"device\": \"%s\", \"read_bandwidth_gbps\": %.1f, \"mma_multiply_adds_per_second\": %.4g}\n", info.name,
         rates_.read_bandwidth / 1e9, rates_.multiply_adds_bf16);
}

Bench::~Bench() {
  api->event_destroy(end_);
  api->event_destroy(begin_);
  api->stream_destroy(stream);
  api->device_close(device);
}

void Bench::check(st_status status) const {
  if (status != ST_OK) quit(api->last_error());
}

bool Bench::wanted(const Case& what) const {
  return wanted(what.operation) && what.name.find(choice_.part) != std::string::npos &&
         (choice_.rows == 0 || choice_.rows == what.rows);
}

void* Bench::memory(uint64_t bytes) {
  void* device_memory = nullptr;
  check(api->memory_alloc(device, std::max<uint64_t>(bytes, 1), &device_memory));
  return device_memory;
}

void Bench::write(void* to, const void* host, uint64_t bytes) {
  check(api->copy(stream, to, host, bytes));
  check(api->stream_synchronize(stream));
}

// The first part comes from the host, and each further one from what is already there.
void* Bench::random_memory(uint64_t bytes) {
  std::vector<uint32_t> part(std::min<uint64_t>(bytes, 16 << 20) / 4 + 1);
  for (uint32_t& pair : part) pair = (static_cast<uint32_t>(random_()) & 0x807f807fu) | 0x3f803f80u;
  auto* all = static_cast<char*>(memory(bytes));
  uint64_t done = std::min<uint64_t>(bytes, part.size() * 4);
  write(all, part.data(), done);
  for (; done < bytes; done += std::min(done, bytes - done))
    check(api->copy(stream, all + done, all, std::min(done, bytes - done)));
  check(api->stream_synchronize(stream));
  return all;
}

// Median seconds of one of `count` operations.
double Bench::seconds_of(uint64_t count, const std::function<void(uint64_t)>& run, int replays) {
  st_graph* graph = nullptr;
  check(api->graph_begin(stream));
  for (uint64_t i = 0; i < count; ++i) run(i);
  check(api->graph_end(stream, &graph));
  check(api->graph_launch(stream, graph));
  std::vector<double> seconds(static_cast<size_t>(replays));
  for (double& each : seconds) {
    check(api->event_record(stream, begin_));
    check(api->graph_launch(stream, graph));
    check(api->event_record(stream, end_));
    check(api->event_synchronize(end_));
    check(api->event_elapsed(begin_, end_, &each));
  }
  api->graph_destroy(graph);
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2] / static_cast<double>(count);
}

void Bench::measure(const Case& what, const std::function<void(uint64_t)>& run) {
  if (!wanted(what)) return;
  constexpr double kReplay = 2e-3;  // seconds that a replay should take at least
  run(0);                           // outside a graph, where an error has its message
  check(api->stream_synchronize(stream));
  double once = seconds_of(tiny_ ? 2 : 8, run, 1);
  auto count = static_cast<uint64_t>(std::clamp(kReplay / once, 8.0, 400.0));
  double seconds = tiny_ ? once : seconds_of(count, run, 7);
  double memory = what.bytes / rates_.read_bandwidth, arithmetic = what.multiply_adds / rates_.multiply_adds_bf16;
  printf(
      "{\"operation\": \"%s\", \"case\": \"%s\", \"rows\": %d, \"us\": %.3f, \"bytes\": %.0f, \"multiply_adds\": %.0f, "
      "\"memory_us\": %.3f, \"arithmetic_us\": %.3f, \"fraction\": %.4f}\n",
      what.operation.c_str(), what.name.c_str(), what.rows, 1e6 * seconds, what.bytes, what.multiply_adds, 1e6 * memory,
      1e6 * arithmetic, std::max(memory, arithmetic) / seconds);
  fflush(stdout);
}

}  // namespace st::kernels

int main(int count, char** arguments) {
  st::kernels::Choice choice;
  bool understood = count % 2 == 0;
  for (int i = 2; understood && i < count; i += 2) {
    const std::string option = arguments[i], value = arguments[i + 1];
    if (option == "--only")
      choice.operation = value;
    else if (option == "--case")
      choice.part = value;
    else if (option == "--rows")
      understood = (choice.rows = atoi(value.c_str())) > 0;
    else
      understood = false;
  }
  if (!understood) {
    fprintf(stderr,
            "usage: %s LIBRARY [--only OPERATION] [--case SUBSTRING] [--rows N]\nPrints a JSON object per line.\n",
            arguments[0]);
    return 2;
  }
  st::kernels::Bench bench(arguments[1], choice);
  bool first = true;
  for (const st::kernels::Shape& shape : bench.shapes()) {
    bench_linear(bench, shape);
    bench_attention(bench, shape);
    bench_rows(bench, shape);
    if (first) bench_logits(bench);
    first = false;
  }
}
