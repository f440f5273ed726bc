// What the opaque handles of the ABI are on CUDA, and what every file of this backend shares.
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
  const st::cuda::Cublas* cublas;  // nullptr: not asked for, or not found
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
constexpr uint64_t kCublasPartBytes = uint64_t{96} << 10;  // so that small products are done part by part
#else
constexpr uint64_t kCublasPartBytes = uint64_t{32} << 20;  // near what the second-level cache keeps
#endif
constexpr uint64_t kCublasWorkspaceBytes = uint64_t{32} << 20;  // what cuBLAS asks for on sm_90

// The operations of the table, one file each.
st_status pack(st_stream*, const st_matrix*, int32_t, int32_t, int32_t, const void*, int32_t);
st_status convert_to_f32(st_stream*, float*, const void*, int32_t, int64_t);
st_status embed(st_stream*, const st_embed*);
st_status rms_norm(st_stream*, const st_rms_norm*);
st_status linear(st_stream*, const st_linear*);
st_status rope_angles(st_stream*, const st_rope_angles*);
st_status qkv_epilogue(st_stream*, const st_qkv_epilogue*);
st_status attention(st_stream*, const st_attention*);
st_status gather_rows(st_stream*, const st_gather_rows*);
st_status penalize(st_stream*, const st_penalize*);
st_status sample(st_stream*, const st_sample*);
st_status log_probs(st_stream*, const st_log_probs*);

// Its stream is one that nobody else uses.
st_status measure(st_stream*, st_rates*);

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype);
uint64_t kv_bytes(int32_t blocks, int32_t kv_heads, int32_t head_dim, int32_t dtype);
uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary);

// Device memory of the current device; where there is too little, the message counts it.
st_status device_memory(const char* what, uint64_t bytes, void** pointer);

// The status of a call of CUDA's runtime, with its message.
st_status checked(cudaError_t error, const char* what);

}  // namespace st::cuda
