// measure: the peak rates of the device, each by a kernel that does nothing else, timed by the device's own events.

#include <algorithm>
#include <vector>

#include "cuda/launch.cuh"
#include "cuda/mma.cuh"
#include "cuda/streams.h"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kSums = 8;      // independent sums of a thread, to fill the pipelines
constexpr int kLoads = 4;     // of 16 bytes that a thread has in flight
constexpr int kOperands = 4;  // that the tensor cores multiply in turn: with one, fewer wires would change
constexpr int kPasses = 8;
// Of read_kernel, many times the second-level cache, where there is so much memory; but at least so much.
#if defined(ST_SIMT)
constexpr uint64_t kReadBytes = uint64_t{32} << 20, kLeastBytes = uint64_t{1} << 20;
#else
constexpr uint64_t kReadBytes = uint64_t{2} << 30, kLeastBytes = uint64_t{256} << 20;
#endif

using Quad = Pack<uint32_t, 4>;

__device__ inline uint32_t mixed(const Quad& part) {
  return part.at[0] ^ part.at[1] ^ part.at[2] ^ part.at[3];
}

// Reads data[count] once and writes nothing: count * 16 bytes, bound by memory. `count` is a multiple of the loads of a
// whole grid. Registers: 40.
__global__ void __launch_bounds__(kThreads) read_kernel(const Quad* data, int64_t count, uint32_t* out) {
  follow_previous();
  const int64_t threads = int64_t{gridDim.x} * kThreads;
  uint32_t sum = 0;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += threads * kLoads) {
    Quad parts[kLoads];
#pragma unroll
    for (int k = 0; k < kLoads; ++k) parts[k] = data[i + k * threads];
#pragma unroll
    for (int k = 0; k < kLoads; ++k) sum += mixed(parts[k]);
  }
  if (sum == 0x5eed5eedu) *out = sum;  // never true, but the compiler cannot know that
}

// kSums multiply-adds of a thread in each round, in f32 and not on tensor cores. Registers: 40.
__global__ void __launch_bounds__(kThreads) multiply_add_kernel(int64_t rounds, float factor, uint32_t* out) {
  follow_previous();
  float sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = static_cast<float>(threadIdx.x + i);
  for (int64_t round = 0; round < rounds; ++round)
#pragma unroll
    for (int i = 0; i < kSums; ++i) sums[i] = fmaf(sums[i], factor, 1.0f);
  float sum = 0.0f;
  for (int i = 0; i < kSums; ++i) sum += sums[i];
  if (sum == 0.12345f) *out = 1;
}

// Two bf16 numbers between 1 and 2 in magnitude, with other signs and fractions for each seed.
__device__ inline uint32_t random_pair(uint32_t seed) {
  return ((seed * 2654435761u >> 3) & 0x807f807fu) | 0x3f803f80u;
}

__device__ __forceinline__ void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma<Bf16>(d, a, b);
}
__device__ __forceinline__ void multiply(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mma_int8(d, a, b);
}

// kSums mma.sync of a warp in each round, of random numbers: what an arithmetic unit draws, and with it the clock,
// depends on them. S = float: m16n8k16 of bf16; int32_t: m16n8k32 of the same bits as 8-bit integers. Registers: 96.
template <typename S>
__global__ void __launch_bounds__(kThreads) mma_kernel(int64_t rounds, uint32_t seed, uint32_t* out) {
  follow_previous();
  S sums[kSums][4] = {};
  uint32_t a[kOperands][4], b[kOperands][2];
  for (int i = 0; i < kOperands; ++i) {
    for (int j = 0; j < 4; ++j) a[i][j] = random_pair(seed + threadIdx.x * 32 + i * 8 + j);
    for (int j = 0; j < 2; ++j) b[i][j] = random_pair(seed + threadIdx.x * 32 + i * 8 + j + 4);
  }
  for (int64_t round = 0; round < rounds; ++round)
#pragma unroll
    for (int i = 0; i < kSums; ++i) multiply(sums[i], a[i % kOperands], b[i / 2 % kOperands]);
  float sum = 0.0f;
  for (int i = 0; i < kSums; ++i) sum += static_cast<float>(sums[i][0]);
  if (sum == 0.12345f) *out = 1;
}

// Events with times, destroyed at the end of the scope.
struct Events {
  std::vector<cudaEvent_t> all;
  ~Events() {
    for (cudaEvent_t event : all) cudaEventDestroy(event);
  }
  st_status record(cudaStream_t stream) {
    cudaEvent_t event;
    ST_CHECK(cudaEventCreate(&event), "measure");
    all.push_back(event);
    return checked(cudaEventRecord(event, stream), "measure");
  }
};

// Median seconds of kPasses times start(), one directly after the other; one pass before them warms up.
template <typename Start>
st_status median_seconds(st_stream* stream, Start start, double* median) {
  Events events;
  ST_TRY(start());
  ST_TRY(events.record(stream->handle));
  for (int pass = 0; pass < kPasses; ++pass) {
    ST_TRY(start());
    ST_TRY(events.record(stream->handle));
  }
  ST_CHECK(cudaEventSynchronize(events.all.back()), "measure");
  float milliseconds[kPasses];
  for (int pass = 0; pass < kPasses; ++pass)
    ST_CHECK(cudaEventElapsedTime(&milliseconds[pass], events.all[pass], events.all[pass + 1]), "measure");
  std::nth_element(milliseconds, milliseconds + kPasses / 2, milliseconds + kPasses);
  *median = static_cast<double>(milliseconds[kPasses / 2]) / 1e3;
  return ST_OK;
}

// Operations per second of start(rounds), with as many rounds as take some milliseconds.
template <typename Start>
st_status rate_of(st_stream* stream, Start start, double per_round, double* rate) {
  double seconds = 0.0;
  int64_t rounds = 1;
  for (;; rounds *= 4) {
    ST_TRY(median_seconds(
        stream, [&] { return start(rounds); }, &seconds));
    if (seconds > 5e-3) break;
  }
  *rate = per_round * static_cast<double>(rounds) / seconds;
  return ST_OK;
}

unsigned blocks_of(const st_stream* stream) {
  return static_cast<unsigned>(stream->device->multiprocessors * 8);
}

uint32_t* result_of(const st_stream* stream) {
  return static_cast<uint32_t*>(stream->scratch) + kTicketBytes / sizeof(uint32_t);
}

st_status measure_bandwidth(st_stream* stream, double* bandwidth) {
  size_t free = 0, total = 0;
  ST_CHECK(cudaMemGetInfo(&free, &total), "measure");
  const uint64_t grid_bytes = uint64_t{blocks_of(stream)} * kThreads * kLoads * sizeof(Quad);
  uint64_t bytes = std::min(kReadBytes, std::max(kLeastBytes, uint64_t{free} / 2));
  bytes = std::max(bytes / grid_bytes, uint64_t{1}) * grid_bytes;
  void* data = nullptr;
  ST_TRY(device_memory("measure", bytes, &data));
  st_status status = checked(cudaMemsetAsync(data, 1, bytes, stream->handle), "measure");
  double seconds = 0.0;
  auto start = [&] {
    return launch<read_kernel>("measure", blocks_of(stream), kThreads, 0, stream, static_cast<const Quad*>(data),
                               static_cast<int64_t>(bytes / sizeof(Quad)), result_of(stream));
  };
  if (status == ST_OK) status = median_seconds(stream, start, &seconds);
  cudaFree(data);
  *bandwidth = static_cast<double>(bytes) / seconds;
  return status;
}

}  // namespace

st_status measure(st_stream* stream, st_rates* rates) {
  ST_TRY(measure_bandwidth(stream, &rates->read_bandwidth));
  rates->multiply_adds_f32 = rates->multiply_adds_bf16 = rates->multiply_adds_int8 = 0.0;
  if (rates->bandwidth_now) return ST_OK;
  const unsigned blocks = blocks_of(stream);
  const double threads = static_cast<double>(blocks) * kThreads;
  uint32_t* out = result_of(stream);
  ST_TRY(rate_of(
      stream,
      [&](int64_t rounds) {
        return launch<multiply_add_kernel>("measure", blocks, kThreads, 0, stream, rounds, 0.5f, out);
      },
      threads * kSums, &rates->multiply_adds_f32));
  const double of_bf16 = threads / kWarpSize * kSums * 16 * 16 * 8;
  ST_TRY(rate_of(
      stream,
      [&](int64_t rounds) {
        return launch<mma_kernel<float>>("measure", blocks, kThreads, 0, stream, rounds, 1u, out);
      },
      of_bf16, &rates->multiply_adds_bf16));
  return rate_of(
      stream,
      [&](int64_t rounds) {
        return launch<mma_kernel<int32_t>>("measure", blocks, kThreads, 0, stream, rounds, 1u, out);
      },
      2 * of_bf16, &rates->multiply_adds_int8);
}

}  // namespace st::cuda
