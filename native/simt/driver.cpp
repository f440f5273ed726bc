// A stand-in for CUDA's driver, by the names that libcuda.so.1 exports: what the backend asks of it, and what other
// code of a process needs that shares a device with us. Tests load this library as the driver.

#include <cstring>
#include <map>
#include <string>

#include "simt/contexts.h"
#include "simt/include/simt_launch.h"

namespace {

enum Result { kSuccess = 0, kInvalidValue = 1, kInvalidDevice = 101, kInvalidContext = 201, kInvalidHandle = 400 };

// CUresult and cudaError_t have the same numbers.
int result(cudaError_t error) {
  return static_cast<int>(error);
}

// A driver's function needs a context; only the runtime makes one current by itself.
bool without_context() {
  return st::simt::contexts_of_thread().empty();
}

}  // namespace

#define ST_DRIVER extern "C" __attribute__((visibility("default"))) int

using Address = unsigned long long;  // CUdeviceptr

static void* at(Address address) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(address));
}

// --- devices and contexts ------------------------------------------------------------------------------------------

ST_DRIVER cuInit(unsigned flags) {
  return flags == 0 ? kSuccess : kInvalidValue;
}

ST_DRIVER cuDeviceGet(int* device, int ordinal) {
  if (!st::simt::primary_context(ordinal)) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}

ST_DRIVER cuDevicePrimaryCtxRetain(CUctx_st** context, int device) {
  *context = st::simt::primary_context(device);
  return *context ? kSuccess : kInvalidDevice;
}

ST_DRIVER cuDevicePrimaryCtxRelease_v2(int device) {
  return st::simt::primary_context(device) ? kSuccess : kInvalidDevice;
}

ST_DRIVER cuDevicePrimaryCtxReset_v2(int device) {
  if (!st::simt::primary_context(device)) return kInvalidDevice;
  st::simt::reset_device(device);
  return kSuccess;
}

ST_DRIVER cuCtxCreate_v2(CUctx_st** context, unsigned, int device) {
  if (!st::simt::primary_context(device)) return kInvalidDevice;
  *context = new CUctx_st{device};
  st::simt::contexts_of_thread().push_back(*context);
  return kSuccess;
}

ST_DRIVER cuCtxDestroy_v2(CUctx_st* context) {
  std::vector<CUctx_st*>& contexts = st::simt::contexts_of_thread();
  if (!contexts.empty() && contexts.back() == context) contexts.pop_back();
  delete context;
  return kSuccess;
}

ST_DRIVER cuCtxGetCurrent(CUctx_st** context) {
  *context = without_context() ? nullptr : st::simt::contexts_of_thread().back();
  return kSuccess;
}

ST_DRIVER cuCtxSetCurrent(CUctx_st* context) {
  std::vector<CUctx_st*>& contexts = st::simt::contexts_of_thread();
  if (!contexts.empty()) contexts.pop_back();
  if (context) contexts.push_back(context);
  return kSuccess;
}

ST_DRIVER cuCtxPushCurrent_v2(CUctx_st* context) {
  if (!context) return kInvalidContext;
  st::simt::contexts_of_thread().push_back(context);
  return kSuccess;
}

ST_DRIVER cuCtxPopCurrent_v2(CUctx_st** context) {
  if (without_context()) return kInvalidContext;
  *context = st::simt::contexts_of_thread().back();
  st::simt::contexts_of_thread().pop_back();
  return kSuccess;
}

// --- memory --------------------------------------------------------------------------------------------------------

ST_DRIVER cuMemAlloc_v2(Address* address, size_t bytes) {
  if (without_context()) return kInvalidContext;
  void* pointer = nullptr;
  cudaError_t error = cudaMalloc(&pointer, bytes);
  *address = reinterpret_cast<uintptr_t>(pointer);
  return result(error);
}

ST_DRIVER cuMemFree_v2(Address address) {
  return without_context() ? kInvalidContext : result(cudaFree(at(address)));
}

ST_DRIVER cuMemcpyHtoDAsync_v2(Address destination, const void* source, size_t bytes, cudaStream_t stream) {
  return result(cudaMemcpyAsync(at(destination), source, bytes, cudaMemcpyDefault, stream));
}

ST_DRIVER cuMemcpyDtoHAsync_v2(void* destination, Address source, size_t bytes, cudaStream_t stream) {
  return result(cudaMemcpyAsync(destination, at(source), bytes, cudaMemcpyDefault, stream));
}

ST_DRIVER cuMemcpyDtoDAsync_v2(Address destination, Address source, size_t bytes, cudaStream_t stream) {
  return result(cudaMemcpyAsync(at(destination), at(source), bytes, cudaMemcpyDefault, stream));
}

// Of the attributes only the context, 1.
ST_DRIVER cuPointerGetAttribute(void* value, int attribute, Address address) {
  CUctx_st* context = st::simt::context_of_memory(at(address));
  if (attribute != 1 || !context) return kInvalidValue;
  memcpy(value, &context, sizeof context);
  return kSuccess;
}

// --- streams and events --------------------------------------------------------------------------------------------

ST_DRIVER cuStreamCreate(cudaStream_t* stream, unsigned flags) {
  return without_context() ? kInvalidContext : result(cudaStreamCreateWithFlags(stream, flags));
}

ST_DRIVER cuStreamDestroy_v2(cudaStream_t stream) {
  return result(cudaStreamDestroy(stream));
}

ST_DRIVER cuStreamSynchronize(cudaStream_t stream) {
  return result(cudaStreamSynchronize(stream));
}

ST_DRIVER cuStreamGetCtx(cudaStream_t stream, CUctx_st** context) {
  *context = st::simt::context_of(stream);
  return *context ? kSuccess : kInvalidHandle;
}

ST_DRIVER cuStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return result(cudaStreamWaitEvent(stream, event, flags));
}

ST_DRIVER cuEventCreate(cudaEvent_t* event, unsigned flags) {
  return without_context() ? kInvalidContext : result(cudaEventCreateWithFlags(event, flags));
}

ST_DRIVER cuEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return result(cudaEventRecord(event, stream));
}

ST_DRIVER cuEventSynchronize(cudaEvent_t event) {
  return result(cudaEventSynchronize(event));
}

ST_DRIVER cuEventDestroy_v2(cudaEvent_t event) {
  return result(cudaEventDestroy(event));
}

// A kernel of others: a function in the order of the stream, for which device memory is ordinary memory.
ST_DRIVER cuLaunchHostFunc(cudaStream_t stream, void (*function)(void*), void* argument) {
  return result(st::simt::enqueue(stream, [function, argument] {
    function(argument);
    return cudaSuccess;
  }));
}

// --- how the runtime finds it --------------------------------------------------------------------------------------

cudaError_t cudaGetDriverEntryPoint(const char* symbol, void** function, unsigned long long) {
  static const std::map<std::string, void*> functions = {
      {"cuDeviceGet", reinterpret_cast<void*>(cuDeviceGet)},
      {"cuDevicePrimaryCtxRetain", reinterpret_cast<void*>(cuDevicePrimaryCtxRetain)},
      {"cuCtxGetCurrent", reinterpret_cast<void*>(cuCtxGetCurrent)},
      {"cuCtxPushCurrent", reinterpret_cast<void*>(cuCtxPushCurrent_v2)},
      {"cuCtxPopCurrent", reinterpret_cast<void*>(cuCtxPopCurrent_v2)},
      {"cuStreamGetCtx", reinterpret_cast<void*>(cuStreamGetCtx)},
      {"cuPointerGetAttribute", reinterpret_cast<void*>(cuPointerGetAttribute)},
  };
  auto found = functions.find(symbol);
  *function = found == functions.end() ? nullptr : found->second;
  return *function ? cudaSuccess : cudaErrorInvalidValue;
}
