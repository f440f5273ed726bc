// What the files of the emulated runtime share: the state of the process, and its streams.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simt/contexts.h"
#include "simt/include/cuda_runtime.h"

using Operation = std::function<cudaError_t()>;

struct CUgraph_st {
  std::vector<Operation> operations;
};

struct CUstream_st {
  explicit CUstream_st(CUctx_st* in) : context(in), device(in->device) {}

  CUctx_st* const context;
  const int device;
  std::mutex mutex;  // of all that follows; never held while an operation runs
  std::condition_variable changed;
  std::deque<Operation> queue;
  uint64_t done = 0, given = 0;
  bool running = false;  // an operation
  std::unique_ptr<CUgraph_st> capture;
  bool capture_broken = false;
};

namespace st::simt {

using Stream = std::shared_ptr<CUstream_st>;

struct Allocation {
  size_t bytes;
  CUctx_st* context;
};

// State of a device: the error of a kernel, which CUDA keeps until the device is reset.
struct Device {
  cudaError_t error = cudaSuccess;
  char message[1024] = "";
};

// State of the whole process.
struct State {
  std::mutex mutex;
  std::map<int, Device> devices;
  std::map<const char*, Allocation> device_memory, pinned_memory;
  std::map<cudaStream_t, Stream> streams;
  std::set<cudaEvent_t> events;
  std::map<int, std::unique_ptr<CUctx_st>> contexts;   // the primary ones
  std::set<std::pair<CUctx_st*, const void*>> loaded;  // kernels
  std::map<const void*, size_t> permitted;             // dynamic shared memory of a kernel, where an attribute says so
};

State& state();

uint64_t environment_number(const char* name, uint64_t otherwise);
size_t shared_bytes_of_block();
int device_count();
uint64_t device_bytes();
int current_device();
cudaError_t sticky_error(int device);

Stream stream_of(cudaStream_t handle);
// Appends work to a stream, or to the graph that is captured from it. The default stream is not a queue.
cudaError_t give(cudaStream_t stream, Operation operation);
// Runs a stream up to a position, or all of it. Several threads may do so, taking turns.
cudaError_t drain(const Stream& stream, uint64_t until);
// Whether this thread captures a stream, in which case what it calls now, illegal meanwhile, has invalidated the
// capture.
bool breaks_capture();

}  // namespace st::simt
