// The functions of CUDA's runtime for the emulated devices. A stream is a queue that runs only when it is waited for,
// by the thread that waits, so that a host which reads results too early, or changes or frees inputs too early, is
// detected. Devices that exchange data must therefore be waited for by several threads at the same time. A wait for an
// event runs the work before it on the event's stream, and no more: what another stream writes without being waited for
// is not there. SOFTTHINKING_SIMT_STREAMS, a seed, makes any stream of the device run a few operations at random
// whenever work is submitted: every order that is drawn is one that a device may take. Not with collectives, which
// wait.
//
// Faults, for tests: SOFTTHINKING_SIMT_FAULT is no-driver, old-driver, no-device, old-architecture, no-cublas, no-nccl,
// or launch: from then on every kernel fails; or launch-N: the N-th kernel from then on and all after it on its device
// fail. SOFTTHINKING_SIMT_DEVICES is the number of devices, SOFTTHINKING_SIMT_MEMORY the memory of each in bytes.

#include <sys/mman.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>

#include "simt/contexts.h"
#include "simt/grid.h"
#include "simt/include/cuda_runtime.h"
#include "simt/include/simt_launch.h"

using Operation = std::function<cudaError_t()>;

struct CUgraph_st {
  std::vector<Operation> operations;
};

struct CUgraphExec_st {
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

using Stream = std::shared_ptr<CUstream_st>;

struct CUevent_st {
  Stream stream;          // null: never recorded
  uint64_t position = 0;  // operations of the stream up to it
  std::shared_ptr<std::chrono::steady_clock::time_point> reached;
};

namespace {

constexpr size_t kAlignment = 256;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr int kPoison = 0xFF;
constexpr int kNoDevice = -1;
constexpr size_t kSharedBytes = 163 << 10;  // of a block, on sm_80

using st::simt::context_for_runtime;

int current_device() {
  return context_for_runtime()->device;
}

struct Block {
  size_t bytes;
  CUctx_st* context;
};

// State of a device: the error of a kernel, which CUDA keeps until the device is reset.
struct Device {
  cudaError_t error = cudaSuccess;
  char message[256] = "";
};

// State of the whole process.
struct State {
  std::mutex mutex;
  std::map<int, Device> devices;
  std::string fault;             // fault setting of the last kernel,
  uint64_t since_fault = 0;      // number of kernels since it changed, and
  int fault_device = kNoDevice;  // device of the kernel that it chose
  std::map<const char*, Block> device_memory, pinned_memory;
  std::map<cudaStream_t, Stream> streams;
  std::set<cudaEvent_t> events;
  std::map<int, std::unique_ptr<CUctx_st>> contexts;  // the primary ones
  std::mt19937 order;                                 // of streams that run ahead
  uint64_t order_seed = 0;
};

State& state() {
  static State* all = new State;  // outlives calls from static destructors
  return *all;
}

uint64_t environment_number(const char* name, uint64_t otherwise) {
  const char* text = getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

int device_count() {
  return static_cast<int>(environment_number("SOFTTHINKING_SIMT_DEVICES", 8));
}

bool has_fault(const char* name) {
  const char* fault = getenv("SOFTTHINKING_SIMT_FAULT");
  return fault && strcmp(fault, name) == 0;
}

// Whether the next kernel, on this device, should fail.
bool kernel_fails(int device) {
  const char* text = getenv("SOFTTHINKING_SIMT_FAULT");
  std::string fault = text ? text : "";
  State& all = state();
  std::lock_guard<std::mutex> lock(all.mutex);
  if (all.fault != fault) {
    all.fault = fault;
    all.since_fault = 0;
    all.fault_device = kNoDevice;
  }
  ++all.since_fault;
  if (fault == "launch") return true;
  const std::string counted = "launch-";
  if (fault.compare(0, counted.size(), counted) != 0) return false;
  if (all.since_fault == std::strtoull(fault.c_str() + counted.size(), nullptr, 10)) all.fault_device = device;
  return all.fault_device == device;
}

uint64_t device_bytes() {
  struct sysinfo info;
  sysinfo(&info);
  return environment_number("SOFTTHINKING_SIMT_MEMORY", uint64_t{info.totalram} * info.mem_unit);
}

cudaError_t sticky_error(int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  return state().devices[device].error;
}

cudaError_t run_kernel(const st::simt::Launch& launch, int device) {
  if (cudaError_t error = sticky_error(device); error != cudaSuccess) return error;
  std::string problem = kernel_fails(device) ? "as the test wants it" : st::simt::run_grid(launch);
  if (problem.empty()) return cudaSuccess;
  std::lock_guard<std::mutex> lock(state().mutex);
  Device& failed = state().devices[device];
  failed.error = cudaErrorLaunchFailure;
  snprintf(failed.message, sizeof failed.message, "a kernel failed: %s", problem.c_str());
  return cudaErrorLaunchFailure;
}

Stream stream_of(cudaStream_t handle) {
  std::lock_guard<std::mutex> lock(state().mutex);
  auto found = state().streams.find(handle);
  return found == state().streams.end() ? nullptr : found->second;
}

// Runs the next operation of a stream that no thread runs; false if there is none.
bool run_next(CUstream_st& stream, std::unique_lock<std::mutex>& lock, cudaError_t* error) {
  if (stream.running || stream.queue.empty()) return false;
  Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  stream.running = true;
  lock.unlock();
  *error = operation();
  lock.lock();
  stream.running = false;
  ++stream.done;
  stream.changed.notify_all();
  return true;
}

// Runs a stream up to a position, or all of it. Several threads may do so, taking turns.
cudaError_t drain(const Stream& stream, uint64_t until) {
  if (!stream) return sticky_error(current_device());
  std::unique_lock<std::mutex> lock(stream->mutex);
  if (stream->capture) {
    stream->capture_broken = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  cudaError_t first = sticky_error(stream->device), error = cudaSuccess;
  while (stream->done < until && (stream->running || !stream->queue.empty())) {
    if (stream->running)
      stream->changed.wait(lock);
    else if (run_next(*stream, lock, &error) && first == cudaSuccess)
      first = error;
  }
  return first == cudaSuccess ? sticky_error(stream->device) : first;
}

// Lets streams of the device run a few operations, if the test wants that.
void run_ahead(int device) {
  uint64_t seed = environment_number("SOFTTHINKING_SIMT_STREAMS", 0);
  static thread_local bool inside = false;
  if (seed == 0 || inside) return;
  std::vector<Stream> drawn;
  {
    State& all = state();
    std::lock_guard<std::mutex> lock(all.mutex);
    if (all.order_seed != seed) all.order.seed(static_cast<unsigned>(all.order_seed = seed));
    std::vector<Stream> streams;
    for (const auto& [handle, stream] : all.streams)
      if (stream->device == device) streams.push_back(stream);
    for (auto count = all.order() % 4; count > 0; --count) drawn.push_back(streams[all.order() % streams.size()]);
  }
  inside = true;
  for (const Stream& stream : drawn) {
    std::unique_lock<std::mutex> lock(stream->mutex);
    cudaError_t error = cudaSuccess;
    if (!stream->capture) run_next(*stream, lock, &error);
  }
  inside = false;
}

// The default stream is not a queue.
cudaError_t give(cudaStream_t stream, Operation operation) {
  if (!stream) return operation();
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->capture) {
      stream->capture->operations.push_back(std::move(operation));
      return cudaSuccess;
    }
    stream->queue.push_back(std::move(operation));
    ++stream->given;
  }
  run_ahead(stream->device);
  return cudaSuccess;
}

uint64_t used_bytes(int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  uint64_t used = 0;
  for (const auto& [pointer, block] : state().device_memory) used += block.context->device == device ? block.bytes : 0;
  return std::min(used, device_bytes());
}

// Every byte is written at once, and every stream has its megabytes of scratch memory: in small pages most of the time
// that a short test needs would be page faults.
bool reserve(void** block, size_t bytes) {
  bool huge = bytes >= kHugePage;
  if (posix_memalign(block, huge ? kHugePage : kAlignment, bytes) != 0 || !*block) return false;
  if (huge) madvise(*block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // a hint: without it, the same but slower
  return true;
}

cudaError_t allocate(void** pointer, size_t bytes, std::map<const char*, Block> State::*memory) {
  void* block = nullptr;
  CUctx_st* context = context_for_runtime();
  if (memory == &State::device_memory && bytes > device_bytes() - used_bytes(current_device()))
    return cudaErrorMemoryAllocation;
  if (bytes > PTRDIFF_MAX || !reserve(&block, bytes)) return cudaErrorMemoryAllocation;
  memset(block, kPoison, bytes);
  std::lock_guard<std::mutex> lock(state().mutex);
  (state().*memory)[static_cast<const char*>(block)] = {bytes, context};
  *pointer = block;
  return cudaSuccess;
}

cudaError_t release(void* pointer, std::map<const char*, Block> State::*memory) {
  if (!pointer) return cudaSuccess;
  cudaDeviceSynchronize();  // as CUDA does
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    if ((state().*memory).erase(static_cast<const char*>(pointer)) == 0) return cudaErrorInvalidValue;
  }
  free(pointer);
  return cudaSuccess;
}

}  // namespace

namespace st::simt {

std::vector<CUctx_st*>& contexts_of_thread() {
  static thread_local std::vector<CUctx_st*> contexts;
  return contexts;
}

CUctx_st* primary_context(int device) {
  if (device < 0 || device >= device_count()) return nullptr;
  std::lock_guard<std::mutex> lock(state().mutex);
  std::unique_ptr<CUctx_st>& context = state().contexts[device];
  if (!context) context.reset(new CUctx_st{device});
  return context.get();
}

CUctx_st* context_for_runtime() {
  std::vector<CUctx_st*>& contexts = contexts_of_thread();
  if (contexts.empty()) contexts.push_back(primary_context(0));
  return contexts.back();
}

void reset_device(int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  state().devices[device].error = cudaSuccess;
}

CUctx_st* context_of(cudaStream_t handle) {
  Stream stream = stream_of(handle);
  return stream ? stream->context : nullptr;
}

CUctx_st* context_of_memory(const void* address) {
  std::lock_guard<std::mutex> lock(state().mutex);
  for (const auto& [pointer, block] : state().device_memory)
    if (address >= pointer && address < pointer + block.bytes) return block.context;
  return nullptr;
}

cudaError_t enqueue_kernel(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                           std::function<void()> body) {
  uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535 ||
      shared_bytes > kSharedBytes)
    return cudaErrorInvalidValue;
  Launch launch;
  launch.grid = grid;
  launch.block = block;
  launch.shared_bytes = shared_bytes;
  launch.body = std::move(body);
  CUctx_st* context = context_for_runtime();
  if (stream && stream->context != context) return cudaErrorInvalidResourceHandle;
  int device = context->device;
  return give(stream, [launch, device] { return run_kernel(launch, device); });
}

cudaError_t enqueue(cudaStream_t stream, std::function<cudaError_t()> work) {
  return give(stream, std::move(work));
}

cudaError_t error_of_device(cudaStream_t stream) {
  return sticky_error(stream ? stream->device : current_device());
}

void barrier(const char* file, int line) {
  block_of_thread->barrier(file, line);
}
void collective(unsigned mask, void* payload, Complete complete) {
  block_of_thread->collective(mask, payload, complete);
}
void* shared_array(const void* declaration, size_t bytes) {
  return block_of_thread->shared_array(declaration, bytes);
}
void* dynamic_shared() {
  return block_of_thread->dynamic_shared();
}
void async_copy(void* destination, const void* source, size_t bytes) {
  block_of_thread->async_copy(destination, source, bytes);
}
void async_commit() {
  block_of_thread->async_commit();
}
void async_wait(size_t groups_left) {
  block_of_thread->async_wait(groups_left);
}

}  // namespace st::simt

// --- devices and errors --------------------------------------------------------------------------------------------

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorLaunchFailure: {
      int device = current_device();
      std::lock_guard<std::mutex> lock(state().mutex);
      return state().devices[device].message;  // not written again before a reset
    }
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureInvalidated:
      return "operation not permitted while a stream is captured";
    default:
      return "invalid argument";
  }
}

cudaError_t cudaGetLastError() {
  return sticky_error(current_device());
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = has_fault("no-device") ? 0 : device_count();
  return has_fault("no-device")    ? cudaErrorNoDevice
         : has_fault("old-driver") ? cudaErrorInsufficientDriver
                                   : cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = has_fault("no-driver") ? 0 : has_fault("old-driver") ? 10020 : CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= device_count()) return cudaErrorInvalidDevice;
  *properties = {};
  snprintf(properties->name, sizeof properties->name, "emulated CUDA device");
  properties->major = has_fault("old-architecture") ? 7 : 8;
  properties->multiProcessorCount = 16;  // enough that small grids do not fill the device
  properties->sharedMemPerMultiprocessor = kSharedBytes + 1024;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= device_count()) return cudaErrorInvalidDevice;
  std::vector<CUctx_st*>& contexts = st::simt::contexts_of_thread();
  if (contexts.empty()) contexts.emplace_back();
  contexts.back() = st::simt::primary_context(device);
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute, int value) {
  return function && value >= 0 && static_cast<size_t>(value) <= kSharedBytes ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaDeviceSynchronize() {
  std::vector<Stream> streams;
  int device = current_device();
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    for (const auto& [handle, stream] : state().streams)
      if (stream->device == device) streams.push_back(stream);
  }
  cudaError_t first = sticky_error(current_device());
  for (const Stream& stream : streams) {
    bool capturing;
    {
      std::lock_guard<std::mutex> lock(stream->mutex);
      capturing = stream->capture != nullptr;
    }
    cudaError_t error = capturing ? cudaSuccess : drain(stream, UINT64_MAX);
    if (first == cudaSuccess) first = error;
  }
  return first;
}

// --- memory --------------------------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return allocate(pointer, bytes, &State::device_memory);
}

cudaError_t cudaFree(void* pointer) {
  return release(pointer, &State::device_memory);
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return allocate(pointer, bytes, &State::pinned_memory);
}

cudaError_t cudaFreeHost(void* pointer) {
  return release(pointer, &State::pinned_memory);
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  CUctx_st* context = st::simt::context_of_memory(pointer);
  *attributes = {context ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered, context ? context->device : -1};
  if (context) return cudaSuccess;
  std::lock_guard<std::mutex> lock(state().mutex);
  for (const auto& [begin, block] : state().pinned_memory)
    if (pointer >= begin && pointer < begin + block.bytes) attributes->type = cudaMemoryTypeHost;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = device_bytes();
  *free = *total - used_bytes(current_device());
  return sticky_error(current_device());
}

cudaError_t cudaMemcpyAsync(void* destination, const void* source, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return give(stream, [destination, source, bytes] {
    memcpy(destination, source, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy2DAsync(void* destination, size_t destination_pitch, const void* source, size_t source_pitch,
                              size_t width, size_t height, cudaMemcpyKind, cudaStream_t stream) {
  if (destination_pitch < width || source_pitch < width || source_pitch > INT32_MAX) return cudaErrorInvalidValue;
  return give(stream, [=] {
    for (size_t row = 0; row < height; ++row)
      memcpy(static_cast<char*>(destination) + row * destination_pitch,
             static_cast<const char*>(source) + row * source_pitch, width);
    return cudaSuccess;
  });
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t stream) {
  return give(stream, [pointer, value, bytes] {
    memset(pointer, value, bytes);
    return cudaSuccess;
  });
}

// --- streams, events, graphs ---------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  auto made = std::make_shared<CUstream_st>(context_for_runtime());
  *stream = made.get();
  std::lock_guard<std::mutex> lock(state().mutex);
  state().streams[*stream] = std::move(made);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  Stream stream = stream_of(handle);
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().streams.erase(handle);
  }
  drain(stream, UINT64_MAX);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return drain(stream_of(stream), UINT64_MAX);
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new CUevent_st;
  std::lock_guard<std::mutex> lock(state().mutex);
  state().events.insert(*event);
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().events.erase(event);
  }
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (state().events.count(event) == 0) return cudaErrorInvalidResourceHandle;
  }
  if (!event->stream) return cudaSuccess;
  std::lock_guard<std::mutex> lock(event->stream->mutex);
  return event->stream->done >= event->position ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;  // CUDA's event would belong to the graph
  }
  auto reached = std::make_shared<std::chrono::steady_clock::time_point>();
  cudaError_t error = give(stream, [reached] {
    *reached = std::chrono::steady_clock::now();
    return cudaSuccess;
  });
  if (error != cudaSuccess) return error;
  event->reached = reached;
  event->stream = stream_of(stream);
  std::lock_guard<std::mutex> lock(stream->mutex);
  event->position = stream->given;
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;  // as the event is of no graph
  }
  if (!event->stream) return cudaSuccess;
  return give(stream, [before = event->stream, position = event->position] { return drain(before, position); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return event->stream ? drain(event->stream, event->position) : cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  if (!from->stream || !to->stream) return cudaErrorInvalidResourceHandle;
  *milliseconds = std::chrono::duration<float, std::milli>(*to->reached - *from->reached).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  std::lock_guard<std::mutex> lock(stream->mutex);
  if (stream->capture) return cudaErrorStreamCaptureUnsupported;
  stream->capture = std::make_unique<CUgraph_st>();
  stream->capture_broken = false;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  std::lock_guard<std::mutex> lock(stream->mutex);
  if (!stream->capture) return cudaErrorInvalidValue;
  std::unique_ptr<CUgraph_st> captured = std::move(stream->capture);
  if (stream->capture_broken) return cudaErrorStreamCaptureInvalidated;
  *graph = captured.release();
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new CUgraphExec_st{graph->operations};
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  for (const Operation& operation : executable->operations) {
    cudaError_t error = give(stream, operation);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}
