// Memory of the emulated devices: allocations, poisoned, and copies.

#include <sys/mman.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "simt/races.h"
#include "simt/state.h"

namespace st::simt {
namespace {

constexpr size_t kAlignment = 256;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr int kPoison = 0xFF;

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
  const size_t alignment = huge ? kHugePage : Races::detector() ? kPageBytes : kAlignment;
  if (posix_memalign(block, alignment, bytes) != 0 || !*block) return false;
  if (huge) madvise(*block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // a hint: without it, the same but slower
  return true;
}

cudaError_t allocate(void** pointer, size_t bytes, std::map<const char*, Allocation> State::*memory) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  if (bytes > SIZE_MAX - kAlignment) return cudaErrorInvalidValue;  // rounded up, it is 0
  void* block = nullptr;
  CUctx_st* context = context_for_runtime();
  if (memory == &State::device_memory && bytes > device_bytes() - used_bytes(current_device()))
    return cudaErrorMemoryAllocation;
  if (bytes > PTRDIFF_MAX || !reserve(&block, bytes)) return cudaErrorMemoryAllocation;
  memset(block, kPoison, bytes);
  if (Races* races = Races::detector()) races->track(block, bytes);
  std::lock_guard<std::mutex> lock(state().mutex);
  (state().*memory)[static_cast<const char*>(block)] = {bytes, context};
  *pointer = block;
  return cudaSuccess;
}

cudaError_t release(void* pointer, std::map<const char*, Allocation> State::*memory) {
  if (!pointer) return cudaSuccess;
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  cudaDeviceSynchronize();  // as CUDA does
  size_t bytes;
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    auto found = (state().*memory).find(static_cast<const char*>(pointer));
    if (found == (state().*memory).end()) return cudaErrorInvalidValue;
    bytes = found->second.bytes;
    (state().*memory).erase(found);
  }
  if (Races* races = Races::detector()) races->forget(pointer, bytes);
  free(pointer);
  return cudaSuccess;
}

}  // namespace

uint64_t device_bytes() {
  struct sysinfo info;
  sysinfo(&info);
  return environment_number("SOFTTHINKING_SIMT_MEMORY", uint64_t{info.totalram} * info.mem_unit);
}

CUctx_st* context_of_memory(const void* address) {
  std::lock_guard<std::mutex> lock(state().mutex);
  for (const auto& [pointer, block] : state().device_memory)
    if (address >= pointer && address < pointer + block.bytes) return block.context;
  return nullptr;
}

}  // namespace st::simt

using namespace st::simt;

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
