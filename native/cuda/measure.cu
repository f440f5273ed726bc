// measure: the peak rates of the device, measured by dedicated kernels.

#include <chrono>

#include "cuda/mma.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr uint64_t kReadBytes = uint64_t{256} << 20;  // well beyond the second-level cache
constexpr int kSums = 8;                              // independent sums of a thread, to fill the pipelines

// Reads everything once. Registers: 40.
__global__ void __launch_bounds__(kThreads) read_kernel(const Pack<uint32_t, 4>* data, int64_t count, uint32_t* out) {
  uint32_t sum = 0;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += int64_t{gridDim.x} * kThreads) {
    Pack<uint32_t, 4> part = data[i];
    sum += part.at[0] ^ part.at[1] ^ part.at[2] ^ part.at[3];
  }
  if (sum == 0x5eed5eedu) *out = sum;  // never true, but the compiler cannot know that
}

// Registers: 40.
__global__ void __launch_bounds__(kThreads) multiply_add_kernel(int64_t rounds, float factor, uint32_t* out) {
  float sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = static_cast<float>(threadIdx.x + i);
  for (int64_t round = 0; round < rounds; ++round)
#pragma unroll
    for (int i = 0; i < kSums; ++i) sums[i] = fmaf(sums[i], factor, 1.0f);
  float sum = 0.0f;
  for (int i = 0; i < kSums; ++i) sum += sums[i];
  if (sum == 0.12345f) *out = 1;
}

// Registers: 64.
__global__ void __launch_bounds__(kThreads) mma_kernel(int64_t rounds, uint32_t factor, uint32_t* out) {
  float sums[kSums][4] = {};
  uint32_t a[4] = {factor, factor, factor, factor}, b[2] = {factor, factor};
  for (int64_t round = 0; round < rounds; ++round)
#pragma unroll
    for (int i = 0; i < kSums; ++i) mma<Bf16>(sums[i], a, b);
  float sum = 0.0f;
  for (int i = 0; i < kSums; ++i) sum += sums[i][0];
  if (sum == 0.12345f) *out = 1;
}

// Best seconds of several times of start(), each waited for.
template <typename Start>
st_status best_seconds(st_stream* stream, Start start, double* best) {
  *best = 1e30;
  for (int pass = 0; pass < 4; ++pass) {
    auto begin = std::chrono::steady_clock::now();
    st_status status = start();
    if (status == ST_OK) status = checked(cudaStreamSynchronize(stream->handle), "measure");
    if (status != ST_OK) return status;
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (pass > 0 && seconds < *best) *best = seconds;
  }
  return ST_OK;
}

// Operations per second of start(rounds), with as many rounds as take some milliseconds.
template <typename Start>
st_status best_rate(st_stream* stream, Start start, double per_round, double* rate) {
  double seconds = 0.0;
  int64_t rounds = 1;
  for (;; rounds *= 4) {
    st_status status = best_seconds(
        stream, [&] { return start(rounds); }, &seconds);
    if (status != ST_OK) return status;
    if (seconds > 5e-3) break;
  }
  *rate = per_round * static_cast<double>(rounds) / seconds;
  return ST_OK;
}

st_status measure_all(st_stream* stream, void* data, st_rates* rates) {
  auto blocks = static_cast<unsigned>(stream->device->multiprocessors * 8);
  auto* out = static_cast<uint32_t*>(stream->scratch) + kTicketBytes / sizeof(uint32_t);
  auto count = static_cast<int64_t>(kReadBytes / sizeof(Pack<uint32_t, 4>));
  double seconds = 0.0;
  st_status status = best_seconds(
      stream,
      [&] {
        return launch<read_kernel>("measure", blocks, kThreads, 0, stream, static_cast<const Pack<uint32_t, 4>*>(data),
                                   count, out);
      },
      &seconds);
  if (status != ST_OK) return status;
  rates->read_bandwidth = static_cast<double>(kReadBytes) / seconds;
  rates->multiply_adds_f32 = rates->multiply_adds_bf16 = rates->multiply_adds_int8 = 0.0;
  if (rates->bandwidth_now) return ST_OK;  // the device is not shared: the best is the median
  double threads = static_cast<double>(blocks) * kThreads;
  status = best_rate(
      stream,
      [&](int64_t rounds) {
        return launch<multiply_add_kernel>("measure", blocks, kThreads, 0, stream, rounds, 0.5f, out);
      },
      threads * kSums, &rates->multiply_adds_f32);
  if (status != ST_OK) return status;
  // No operation of this backend uses 8-bit integers.
  return best_rate(
      stream,
      [&](int64_t rounds) { return launch<mma_kernel>("measure", blocks, kThreads, 0, stream, rounds, 0u, out); },
      threads / kWarpSize * kSums * 16 * 16 * 8, &rates->multiply_adds_bf16);
}

}  // namespace

st_status measure(st_stream* stream, st_rates* rates) {
  void* data = nullptr;
  st_status status = checked(cudaMalloc(&data, kReadBytes), "measure");
  if (status == ST_OK) status = checked(cudaMemsetAsync(data, 1, kReadBytes, stream->handle), "measure");
  if (status == ST_OK) status = measure_all(stream, data, rates);
  cudaFree(data);
  return status;
}

}  // namespace st::cuda
