// Definitions of the ABI's opaque handles on CUDA, and declarations shared by all files of this backend.
#pragma once

#include <cuda_runtime.h>

#include <memory>

#include "common/status.h"

namespace st::cuda {
struct Cublas;
class CommGroup;
}  // namespace st::cuda

struct st_device {
  int ordinal;
  void* context;  // the ordinal's primary context, a CUcontext
  int32_t activation_dtype;
  int multiprocessors;
  uint64_t shared_bytes;           // shared memory of a multiprocessor
  bool overlaps;                   // a kernel may begin before the one ahead has ended: from sm_90 on
  unsigned wait_flags;             // of events: whether a thread that waits for them sleeps
  const st::cuda::Cublas* cublas;  // nullptr: not requested, or not found
  char products[sizeof(st_device_info::products)];

  // That a block may have, if it asks: all of a multiprocessor but what the system reserves.
  int64_t shared_bytes_of_block() const { return static_cast<int64_t>(shared_bytes) - 1024; }
};

// Scratch memory belongs to the stream, whose operations run in order: it stages uploads and what the ranks send one
// another, and holds the partial results of attention. Its first kTicketBytes are counters that are zero between
// operations.
struct st_stream {
  st_stream(st_device* on, cudaStream_t adopts) : device(on), handle(adopts), adopted(adopts != nullptr) {}

  st_device* device;
  cudaStream_t handle;
  bool adopted;                     // the handle is a caller's
  bool recording = false;           // a graph is recorded: handle and recorder are exchanged meanwhile
  cudaStream_t recorder = nullptr;  // the stream that graphs are recorded on
  bool overlaps = false;            // the next kernel may begin early: the last work recorded is one of ours
  cudaEvent_t waited = nullptr;     // by a thread that sleeps until the stream is done; nullptr: threads spin
  void* scratch = nullptr;
  uint64_t scratch_bytes = 0;                  // kScratchBytes or more
  void* cublas = nullptr;                      // its handle for this stream; nullptr where the device has no cuBLAS
  void* cublas_memory = nullptr;               // a part of a product: weights in plain rows, sums; then its workspace
  std::shared_ptr<st::cuda::CommGroup> group;  // of the collectives since the host waited last; nullptr: there are none

  // The handle for work that is no kernel of the library: what comes next begins when all before has ended.
  cudaStream_t for_other_work() {
    overlaps = false;
    return handle;
  }
};

namespace st::cuda {

constexpr uint64_t kScratchBytes = uint64_t{32} << 20;
constexpr uint64_t kTicketBytes = uint64_t{64} << 10;
#if defined(ST_SIMT)
constexpr int64_t kStagingBytes = 64 << 10;                // so that small matrices are uploaded part by part
constexpr uint64_t kCublasPartBytes = uint64_t{96} << 10;  // and small matmuls done in parts
constexpr int64_t kRoundedBytes = 16 << 10;
#else
constexpr auto kStagingBytes = static_cast<int64_t>(kScratchBytes - kTicketBytes);
constexpr uint64_t kCublasPartBytes = uint64_t{32} << 20;                // about the size of the second-level cache
constexpr auto kRoundedBytes = static_cast<int64_t>(kScratchBytes / 2);  // rows of x in 8 bits; the rest is for sums
#endif
constexpr uint64_t kCublasWorkspaceBytes = uint64_t{32} << 20;  // as cuBLAS recommends for sm_90

// kStagingBytes of the stream's scratch memory.
inline void* staging(const st_stream* stream) {
  return static_cast<char*>(stream->scratch) + kTicketBytes;
}

#include "common/operations.inl"

st_status convert_to_f32(st_stream*, float*, const void*, int32_t, int64_t);

// Bytes of scratch memory that attention uses if it can.
uint64_t attention_scratch_bytes(const st_device& device);

// On a stream that nothing else uses.
st_status measure(st_stream*, st_rates*);

// Allocates memory of the current device; if there is too little, the error reports the sizes.
st_status device_memory(const char* what, uint64_t bytes, void** pointer);

// The status of a call of CUDA's runtime, with its message.
st_status checked(cudaError_t error, const char* what);

}  // namespace st::cuda
