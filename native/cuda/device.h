// Definitions of the ABI's opaque handles on CUDA, and declarations shared by all files of this backend.
#pragma once

#include <cuda_runtime.h>

#include "common/status.h"

namespace st::cuda {
struct Cublas;
}

struct st_device {
  int ordinal;
  int32_t activation_dtype;
  int multiprocessors;
  const st::cuda::Cublas* cublas;  // nullptr: not requested, or not found
  char products[sizeof(st_device_info::products)];
};

// Scratch memory belongs to the stream, whose operations run in order: it stages uploads and holds the partial results
// of attention. Its first kTicketBytes are counters that are zero between operations.
struct st_stream {
  st_device* device;
  cudaStream_t handle;
  void* scratch;
  void* cublas;         // its handle for this stream; nullptr where the device has no cuBLAS
  void* cublas_memory;  // a part of a product: weights in plain rows, sums; then its workspace
};

namespace st::cuda {

constexpr uint64_t kScratchBytes = uint64_t{32} << 20;
constexpr uint64_t kTicketBytes = uint64_t{64} << 10;
#if defined(ST_SIMT)
constexpr uint64_t kCublasPartBytes = uint64_t{96} << 10;  // so that small matmuls are done in parts
#else
constexpr uint64_t kCublasPartBytes = uint64_t{32} << 20;  // about the size of the second-level cache
#endif
constexpr uint64_t kCublasWorkspaceBytes = uint64_t{32} << 20;  // as cuBLAS recommends for sm_90

#include "common/operations.inl"

st_status convert_to_f32(st_stream*, float*, const void*, int32_t, int64_t);

// On a stream that nothing else uses.
st_status measure(st_stream*, st_rates*);

// Allocates memory of the current device; if there is too little, the error reports the sizes.
st_status device_memory(const char* what, uint64_t bytes, void** pointer);

// The status of a call of CUDA's runtime, with its message.
st_status checked(cudaError_t error, const char* what);

}  // namespace st::cuda
