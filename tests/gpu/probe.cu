// Facts about a GPU that the design of the kernels rests on, each as a JSON object on a line: read bandwidth, the gap
// between the nodes of a graph with and without programmatic dependent launch, whether a graph keeps that, whether the
// columns of mma.sync are independent, how it rounds, and what a bin of a histogram costs. It needs nothing but the
// driver. The exit status is 1 if something could not be found out.

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "../native/mma_model.h"

namespace {

int failures = 0;

bool ok(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return true;
  printf("{\"probe\": \"%s\", \"error\": \"%s\"}\n", what, cudaGetErrorString(error));
  cudaGetLastError();
  ++failures;
  return false;
}

// Everything that a probe calls must work: one that does not is reported, and the probe left.
#define TRY(call) \
  if (!ok(call, __func__)) return

template <typename T>
T* memory(size_t count) {
  void* pointer = nullptr;
  return cudaMalloc(&pointer, count * sizeof(T)) == cudaSuccess ? static_cast<T*>(pointer) : nullptr;
}

cudaStream_t stream;

// Median milliseconds of run(), after one that warms up.
template <typename Run>
float median_ms(Run run) {
  constexpr int kPasses = 9;
  cudaEvent_t begin, end;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  float ms[kPasses + 1];
  for (float& each : ms) {
    cudaEventRecord(begin, stream);
    run();
    cudaEventRecord(end, stream);
    cudaEventSynchronize(end);
    cudaEventElapsedTime(&each, begin, end);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::sort(ms + 1, ms + 1 + kPasses);
  return ms[1 + kPasses / 2];
}

// --- bandwidth -----------------------------------------------------------------------------------------------------

__global__ void __launch_bounds__(256) read_kernel(const uint4* data, size_t count, unsigned* out) {
  const size_t threads = size_t{gridDim.x} * blockDim.x;
  unsigned sum = 0;
  for (size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += 4 * threads) {
    uint4 parts[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) parts[k] = i + k * threads < count ? data[i + k * threads] : uint4{};
#pragma unroll
    for (int k = 0; k < 4; ++k) sum += parts[k].x ^ parts[k].y ^ parts[k].z ^ parts[k].w;
  }
  if (sum == 0x5eed5eedu) *out = sum;
}

void probe_bandwidth(int multiprocessors) {
  constexpr size_t kBytes = size_t{4} << 30;
  auto* data = memory<uint4>(kBytes / sizeof(uint4));
  auto* out = memory<unsigned>(1);
  if (!ok(data && out ? cudaSuccess : cudaErrorMemoryAllocation, "bandwidth")) return;
  cudaMemsetAsync(data, 1, kBytes, stream);
  for (int blocks : {2, 4, 8, 16}) {
    float ms = median_ms([&] { read_kernel<<<multiprocessors * blocks, 256, 0, stream>>>(data, kBytes / 16, out); });
    printf("{\"probe\": \"read_bandwidth\", \"blocks_per_multiprocessor\": %d, \"gbps\": %.1f}\n", blocks,
           static_cast<double>(kBytes) / ms / 1e6);
  }
  cudaFree(data);
  cudaFree(out);
}

// --- graphs and programmatic dependent launch ----------------------------------------------------------------------

__device__ void begin_next() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ void wait_for_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__global__ void small_kernel(unsigned* out) {
  begin_next();
  wait_for_previous();
  if (threadIdx.x == 0 && blockIdx.x == 0) *out += 1;
}

// Waits, but not for ever, until a kernel behind it has begun: that can only be where they overlap.
__global__ void waiting_kernel(volatile unsigned* begun, unsigned* overlapped) {
  begin_next();
  unsigned seen = 0;
  for (int i = 0; i < 1000000 && !seen; ++i) seen = *begun;
  *overlapped = seen;
}

__global__ void beginning_kernel(volatile unsigned* begun) {
  *begun = 1;
}

template <typename... P, typename... A>
cudaError_t launch(void (*kernel)(P...), unsigned blocks, bool programmatic, A... arguments) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(128);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = programmatic ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, P(arguments)...);
}

// Before a driver of 12.3 a kernel cannot be loaded while a stream is captured.
template <typename... P>
bool load(void (*kernel)(P...)) {
  cudaFuncAttributes attributes;
  return ok(cudaFuncGetAttributes(&attributes, kernel), "load");
}

// Records what submit() submits; nullptr where that fails.
template <typename Submit>
cudaGraphExec_t recorded(Submit submit, const char* what) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  if (!ok(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), what)) return nullptr;
  cudaError_t submitted = submit(), ended = cudaStreamEndCapture(stream, &graph);
  if (ok(submitted, what) && ok(ended, what)) ok(cudaGraphInstantiateWithFlags(&executable, graph, 0), what);
  if (graph) cudaGraphDestroy(graph);
  return executable;
}

void probe_graph_gap(int multiprocessors, bool programmatic) {
  constexpr int kNodes = 1000;
  auto* out = memory<unsigned>(1);
  for (int blocks : {1, multiprocessors}) {
    auto submit = [&] {
      cudaError_t error = cudaSuccess;
      for (int i = 0; i < kNodes && error == cudaSuccess; ++i)
        error = launch(small_kernel, static_cast<unsigned>(blocks), programmatic && i > 0, out);
      return error;
    };
    cudaGraphExec_t graph = recorded(submit, "graph_gap");
    if (!graph) return;
    float ms = median_ms([&] { cudaGraphLaunch(graph, stream); });
    printf("{\"probe\": \"graph_gap\", \"programmatic\": %s, \"blocks\": %d, \"us_per_node\": %.3f}\n",
           programmatic ? "true" : "false", blocks, 1e3 * ms / kNodes);
    cudaGraphExecDestroy(graph);
  }
  cudaFree(out);
}

// Whether a kernel begins before the one ahead of it has ended, on a stream and in a graph that was captured from it.
void probe_programmatic_edge() {
  auto* flags = memory<unsigned>(2);
  auto submit = [&] {
    cudaError_t error = launch(waiting_kernel, 1, false, flags, flags + 1);
    return error == cudaSuccess ? launch(beginning_kernel, 1, true, flags) : error;
  };
  bool overlapped[2] = {};
  for (bool graphed : {false, true}) {
    TRY(cudaMemsetAsync(flags, 0, 2 * sizeof(unsigned), stream));
    if (graphed) {
      cudaGraphExec_t graph = recorded(submit, "programmatic_edge");
      if (!graph) return;
      TRY(cudaGraphLaunch(graph, stream));
      TRY(cudaStreamSynchronize(stream));
      cudaGraphExecDestroy(graph);
    } else {
      TRY(submit());
      TRY(cudaStreamSynchronize(stream));
    }
    unsigned host[2];
    TRY(cudaMemcpy(host, flags, sizeof host, cudaMemcpyDefault));
    overlapped[graphed] = host[1] != 0;
  }
  printf("{\"probe\": \"programmatic_edge\", \"runtime\": %d, \"overlaps_on_stream\": %s, \"overlaps_in_graph\": %s}\n",
         CUDART_VERSION, overlapped[0] ? "true" : "false", overlapped[1] ? "true" : "false");
  cudaFree(flags);
}

// --- mma.sync ------------------------------------------------------------------------------------------------------

constexpr int kRows = 16, kCols = 8, kDepth = 16;

// d = a b + c for a product of a warp: a[16, 16] and b[8 columns, 16] in bf16, c and d [16, 8].
__global__ void mma_kernel(const uint16_t* a, const uint16_t* b, const float* c, float* d) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, q = lane % 4;
  a += blockIdx.x * kRows * kDepth;
  b += blockIdx.x * kCols * kDepth;
  c += blockIdx.x * kRows * kCols;
  d += blockIdx.x * kRows * kCols;
  auto pair = [](const uint16_t* at) { return static_cast<uint32_t>(at[0]) | static_cast<uint32_t>(at[1]) << 16; };
  uint32_t fa[4], fb[2];
  for (int i = 0; i < 4; ++i) fa[i] = pair(a + (g + i % 2 * 8) * kDepth + 2 * q + i / 2 * 8);
  for (int i = 0; i < 2; ++i) fb[i] = pair(b + g * kDepth + 2 * q + i * 8);
  float s[4];
  for (int i = 0; i < 4; ++i) s[i] = c[(g + i / 2 * 8) * kCols + 2 * q + i % 2];
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3])
      : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * kCols + 2 * q + i % 2] = s[i];
}

std::mt19937 engine(12345);

// bf16 numbers of any sign, between 2^-spread and 2.
std::vector<uint16_t> random_bf16(size_t count, uint32_t spread) {
  std::vector<uint16_t> all(count);
  for (uint16_t& each : all) {
    auto bits = static_cast<uint32_t>(engine());
    each = static_cast<uint16_t>((bits & 0x807f) | (127 - (bits >> 16) % (spread + 1)) << 7);
  }
  return all;
}

float from_bf16(uint16_t value) {
  uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

struct Products {
  std::vector<uint16_t> a, b;
  std::vector<float> c, d;

  Products(size_t count, uint32_t spread)
      : a(random_bf16(count * kRows * kDepth, spread)),
        b(random_bf16(count * kCols * kDepth, spread)),
        c(count * kRows * kCols),
        d(c.size()) {
    for (float& each : c) each = std::ldexp(static_cast<float>(static_cast<int32_t>(engine())), -30);
  }

  template <typename T>
  static T* sent(const std::vector<T>& values) {
    T* all = memory<T>(values.size());
    cudaMemcpy(all, values.data(), values.size() * sizeof(T), cudaMemcpyDefault);
    return all;
  }

  bool run() {
    uint16_t *da = sent(a), *db = sent(b);
    float *dc = sent(c), *dd = memory<float>(d.size());
    mma_kernel<<<static_cast<unsigned>(d.size() / (kRows * kCols)), 32, 0, stream>>>(da, db, dc, dd);
    cudaError_t error = cudaStreamSynchronize(stream);
    if (error == cudaSuccess) error = cudaMemcpy(d.data(), dd, d.size() * sizeof(float), cudaMemcpyDefault);
    for (void* each : {static_cast<void*>(da), static_cast<void*>(db), static_cast<void*>(dc), static_cast<void*>(dd)})
      cudaFree(each);
    return ok(error, "mma");
  }
};

// Column j of every product again, among other columns: random ones, and NaN.
void probe_columns() {
  constexpr size_t kCount = 4096;
  Products first(kCount, 12);
  if (!first.run()) return;
  size_t different = 0;
  for (int j = 0; j < kCols; ++j) {
    for (bool nan : {false, true}) {
      Products other = first;
      std::vector<uint16_t> noise = random_bf16(other.b.size(), 12);
      for (size_t i = 0; i < other.b.size(); ++i)
        if (static_cast<int>(i / kDepth) % kCols != j) other.b[i] = nan ? 0x7fc0 : noise[i];
      if (!other.run()) return;
      for (size_t i = 0; i < other.d.size(); ++i)
        different += static_cast<int>(i) % kCols == j && memcmp(&other.d[i], &first.d[i], sizeof(float)) != 0;
    }
  }
  printf("{\"probe\": \"mma_columns\", \"results\": %zu, \"different\": %zu}\n", 2 * first.d.size(), different);
}

// How many results each model gives, bit for bit, and whether the bound of all models holds.
void probe_rounding() {
  constexpr size_t kCount = 512;
  Products products(kCount, 12);
  if (!products.run()) return;
  const size_t results = products.d.size();
  auto operands = [&](size_t i, float* a, float* b) {
    const size_t product = i / (kRows * kCols), row = i / kCols % kRows, col = i % kCols;
    for (size_t k = 0; k < kDepth; ++k) {
      a[k] = from_bf16(products.a[(product * kRows + row) * kDepth + k]);
      b[k] = from_bf16(products.b[(product * kCols + col) * kDepth + k]);
    }
  };
  float a[kDepth], b[kDepth];
  for (size_t step : {4, 8, 16}) {
    for (int extra = 0; extra <= 4; ++extra) {
      for (bool nearest : {false, true}) {
        const st::test::MmaModel model = {step, extra, nearest};
        size_t equal = 0;
        for (size_t i = 0; i < results; ++i) {
          operands(i, a, b);
          float value = model(a, b, kDepth, products.c[i]);
          equal += memcmp(&value, &products.d[i], sizeof value) == 0;
        }
        printf(
            "{\"probe\": \"mma_rounding\", \"products_of_a_step\": %zu, \"extra_bits\": %d, \"nearest\": %s, "
            "\"equal\": "
            "%.5f}\n",
            step, extra, nearest ? "true" : "false", static_cast<double>(equal) / static_cast<double>(results));
      }
    }
  }
  size_t beyond = 0;
  double worst = 0.0;
  for (size_t i = 0; i < results; ++i) {
    operands(i, a, b);
    double exact = products.c[i], magnitude = std::fabs(exact);
    for (size_t k = 0; k < kDepth; ++k) {
      exact += static_cast<double>(a[k]) * static_cast<double>(b[k]);
      magnitude += std::fabs(static_cast<double>(a[k]) * static_cast<double>(b[k]));
    }
    const double error = std::fabs(exact - static_cast<double>(products.d[i])) / magnitude * 0x1p23;
    worst = std::max(worst, error);
    beyond += error > 4 * 6;  // 4 steps that lose 6 units at most, as mma_error_bounds() says
  }
  printf("{\"probe\": \"mma_error\", \"worst_in_units_of_2^-23\": %.3f, \"beyond_bound\": %zu}\n", worst, beyond);
}

// --- bins of a histogram -------------------------------------------------------------------------------------------

constexpr int kAdds = 1024;

// Every thread adds to one of `bins` bins in shared memory, kAdds times.
template <typename T>
__global__ void __launch_bounds__(1024) bins_kernel(int bins, unsigned* out) {
  __shared__ T histogram[256];
  if (threadIdx.x < 256) histogram[threadIdx.x] = 0;
  __syncthreads();
  unsigned bin = threadIdx.x * 2654435761u >> 8;
  for (int i = 0; i < kAdds; ++i) {
    atomicAdd(&histogram[bin % static_cast<unsigned>(bins)], T{1});
    bin = bin * 1664525u + 1013904223u;
  }
  __syncthreads();
  if (threadIdx.x < 256) out[threadIdx.x] = static_cast<unsigned>(histogram[threadIdx.x]);
}

template <typename T>
void probe_bins(const char* name) {
  auto* out = memory<unsigned>(256);
  for (int bins : {1, 16, 256}) {
    float ms = median_ms([&] { bins_kernel<T><<<1, 1024, 0, stream>>>(bins, out); });
    printf("{\"probe\": \"bins\", \"of\": \"%s\", \"bins\": %d, \"ns_per_warp\": %.2f}\n", name, bins,
           1e6 * ms / (32.0 * kAdds));
  }
  cudaFree(out);
}

}  // namespace

int main() {
  cudaDeviceProp properties;
  int driver = 0;
  cudaDriverGetVersion(&driver);
  if (!ok(cudaGetDeviceProperties(&properties, 0), "device")) return 1;
  printf(
      "{\"probe\": \"device\", \"name\": \"%s\", \"sm\": %d%d, \"multiprocessors\": %d, \"runtime\": %d, \"driver\": "
      "%d}\n",
      properties.name, properties.major, properties.minor, properties.multiProcessorCount, CUDART_VERSION, driver);
  if (!ok(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream")) return 1;
  if (!load(small_kernel) || !load(waiting_kernel) || !load(beginning_kernel)) return 1;
  probe_bandwidth(properties.multiProcessorCount);
  probe_graph_gap(properties.multiProcessorCount, false);
  if (properties.major >= 9) {
    probe_graph_gap(properties.multiProcessorCount, true);
    probe_programmatic_edge();
  }
  probe_columns();
  probe_rounding();
  probe_bins<unsigned>("32 bits");
  probe_bins<unsigned long long>("64 bits");
  return failures > 0 || !ok(cudaStreamSynchronize(stream), "end") ? 1 : 0;
}
