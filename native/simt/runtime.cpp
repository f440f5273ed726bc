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
// fail. SOFTTHINKING_SIMT_DEVICES is the number of devices, SOFTTHINKING_SIMT_MEMORY the memory of each in bytes,
// SOFTTHINKING_SIMT_MULTIPROCESSORS the number of its multiprocessors, and SOFTTHINKING_SIMT_SHARED the KiB of shared
// memory of a block, both of which choices of geometry depend on.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "simt/grid.h"
#include "simt/include/simt_launch.h"
#include "simt/state.h"

namespace st::simt {
namespace {

constexpr int kNoDevice = -1;
constexpr size_t kSharedWithoutLeave = 48 << 10;  // of a block, without an attribute of the kernel

bool has_fault(const char* name) {
  const char* fault = getenv("SOFTTHINKING_SIMT_FAULT");
  return fault && strcmp(fault, name) == 0;
}

// Whether the next kernel, on this device, should fail.
bool kernel_fails(int device) {
  static std::string last;              // fault setting of the last kernel,
  static uint64_t since = 0;            // number of kernels since it changed, and
  static int fault_device = kNoDevice;  // device of the kernel that it chose
  const char* text = getenv("SOFTTHINKING_SIMT_FAULT");
  std::string fault = text ? text : "";
  std::lock_guard<std::mutex> lock(state().mutex);
  if (last != fault) {
    last = fault;
    since = 0;
    fault_device = kNoDevice;
  }
  ++since;
  if (fault == "launch") return true;
  const std::string counted = "launch-";
  if (fault.compare(0, counted.size(), counted) != 0) return false;
  if (since == std::strtoull(fault.c_str() + counted.size(), nullptr, 10)) fault_device = device;
  return fault_device == device;
}

// As the drivers before 12.3 do, this refuses to load a kernel while its thread captures.
cudaError_t load(const void* kernel) {
  std::pair key(context_for_runtime(), kernel);
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (state().loaded.count(key)) return cudaSuccess;
  }
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  std::lock_guard<std::mutex> lock(state().mutex);
  state().loaded.insert(key);
  return cudaSuccess;
}

// Dynamic bytes that a kernel may have by its attribute; 0: it has none.
size_t permitted_bytes(const void* kernel) {
  std::lock_guard<std::mutex> lock(state().mutex);
  auto found = state().permitted.find(kernel);
  return found == state().permitted.end() ? 0 : found->second;
}

cudaError_t run_kernel(const Launch& launch, int device) {
  if (cudaError_t error = sticky_error(device); error != cudaSuccess) return error;
  std::string problem = kernel_fails(device) ? "as the test wants it" : run_grid(launch);
  if (problem.empty()) return cudaSuccess;
  std::lock_guard<std::mutex> lock(state().mutex);
  Device& failed = state().devices[device];
  failed.error = cudaErrorLaunchFailure;
  snprintf(failed.message, sizeof failed.message, "a kernel failed: %s", problem.c_str());
  return cudaErrorLaunchFailure;
}

}  // namespace

State& state() {
  static State* all = new State;  // outlives calls from static destructors
  return *all;
}

uint64_t environment_number(const char* name, uint64_t otherwise) {
  const char* text = getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// All that sm_80 has, by default.
size_t shared_bytes_of_block() {
  return environment_number("SOFTTHINKING_SIMT_SHARED", 163) << 10;
}

int device_count() {
  return static_cast<int>(environment_number("SOFTTHINKING_SIMT_DEVICES", 8));
}

int current_device() {
  return context_for_runtime()->device;
}

cudaError_t sticky_error(int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  return state().devices[device].error;
}

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

cudaError_t enqueue_kernel(const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                           std::function<void()> body) {
  uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535)
    return cudaErrorInvalidValue;
  Launch launch;
  launch.kernel = kernel;
  launch.grid = grid;
  launch.block = block;
  launch.shared_bytes = shared_bytes;
  const size_t permitted = permitted_bytes(kernel);
  launch.shared_limit = permitted > 0 ? shared_bytes_of_block() : kSharedWithoutLeave;
  launch.body = std::move(body);
  if (shared_bytes > (permitted > 0 ? permitted : kSharedWithoutLeave)) return cudaErrorInvalidValue;
  CUctx_st* context = context_for_runtime();
  if (stream && stream->context != context) return cudaErrorInvalidResourceHandle;
  if (cudaError_t error = load(kernel); error != cudaSuccess) return error;
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
void sync_warp(unsigned mask) {
  block_of_thread->sync_warp(mask);
}
// Blocks run on several OS threads.
void fence() {
  if (races_of_thread) races_of_thread->fence();
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
void* shared_array(const void* declaration, size_t bytes) {
  return block_of_thread->shared_array(declaration, bytes);
}
void* dynamic_shared() {
  return block_of_thread->dynamic_shared();
}
void async_copy(void* destination, const void* source, size_t bytes) {
  if (races_of_thread) {
    const void* code = __builtin_return_address(0);
    races_of_thread->access(destination, bytes, Access::kCopyBegins, code);
    if (source) races_of_thread->access(source, bytes, Access::kRead, code);
  }
  block_of_thread->async_copy(destination, source, bytes);
}
void wait_for_previous() {
  block_of_thread->wait_for_previous();
}

void expect_waited() {
  block_of_thread->expect_waited();
}

void async_commit() {
  block_of_thread->async_commit();
}
void async_wait(size_t groups_left) {
  block_of_thread->async_wait(groups_left);
}

}  // namespace st::simt

using namespace st::simt;

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
  // Few, but enough that small grids do not fill the device.
  properties->multiProcessorCount = static_cast<int>(environment_number("SOFTTHINKING_SIMT_MULTIPROCESSORS", 16));
  properties->sharedMemPerMultiprocessor = shared_bytes_of_block() + 1024;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= device_count()) return cudaErrorInvalidDevice;
  std::vector<CUctx_st*>& contexts = contexts_of_thread();
  if (contexts.empty()) contexts.emplace_back();
  contexts.back() = primary_context(device);
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute, int value) {
  if (!function || value < 0 || static_cast<size_t>(value) > shared_bytes_of_block()) return cudaErrorInvalidValue;
  std::lock_guard<std::mutex> lock(state().mutex);
  auto [permitted, is_new] = state().permitted.emplace(function, static_cast<size_t>(value));
  // Another value may come between a permission and the launch of another thread, so a kernel has one.
  return is_new || permitted->second == static_cast<size_t>(value) ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  *attributes = {};
  cudaError_t error = load(function);
  return error == cudaSuccess ? sticky_error(current_device()) : error;
}

cudaError_t cudaDeviceSynchronize() {
  std::vector<Stream> streams;
  int device = current_device();
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    for (const auto& [handle, stream] : state().streams)
      if (stream->device == device) streams.push_back(stream);
  }
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
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
