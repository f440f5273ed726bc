// Launches kernels, with one syntax for nvcc and for the emulated device.
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include "cuda/context.h"
#include "cuda/device.h"

#define ST_CALL __attribute__((noinline)) __device__  // stays a function: code that is large, and called often
#if defined(ST_SIMT)
#include "simt_launch.h"
#else
#define ST_SHARED(type, name, count) __shared__ type name[count]
#define ST_DYNAMIC_SHARED(type, name)                                   \
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[]; \
  type* const name = reinterpret_cast<type*>(dynamic_shared_bytes)
#endif

namespace st::cuda {

// Programmatic dependent launch, from sm_90 on: in a graph, a kernel may begin while the one ahead of it still runs, so
// that the time to start it is hidden. Its blocks come when every block ahead of it has begun, called let_next_begin()
// and left room.
//
// What makes that safe: every kernel of the library calls wait_for_previous() in every thread, before any access to
// memory that another kernel may write or read. The call returns when the kernel ahead has ended, its stores visible.
// That one had waited for the one ahead of it, so all have ended, however many were started early. Before the call, a
// kernel may only read weights, which are complete before a graph is launched. The machine code is checked for this by
// KernelsWait, and on the emulated device every thread.
//
// Whatever is no kernel of the library comes after the end of all kernels before it, and before the beginning of all
// after it: st_stream::overlaps is set only between two kernels of one graph. A graph is launched, an event recorded
// and a copy made when the last kernel has ended, which is after all others have. So a caller that adds work to the
// stream, or waits for an event, sees what a stream promises.
#if defined(ST_SIMT)
inline void wait_for_previous() {
  simt::wait_for_previous();
}
inline void let_next_begin() {}
#else
__device__ __forceinline__ void wait_for_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void let_next_begin() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
#endif

// What a kernel begins with if nothing can be read ahead. The next one is let in at once: it waits, too, and takes only
// what room this one leaves.
__device__ __forceinline__ void follow_previous() {
  let_next_begin();
  wait_for_previous();
}

#if defined(ST_SIMT)

template <typename... P>
cudaError_t start_kernel(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         bool /*overlaps*/, const std::tuple<P...>& arguments) {
  return simt::enqueue_kernel(reinterpret_cast<const void*>(kernel), grid, block, shared_bytes, stream,
                              [kernel, arguments] {
                                std::apply(kernel, arguments);
                                simt::expect_waited();
                              });
}

#else

template <typename... P, size_t... I>
cudaError_t start_kernel(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         bool overlaps, std::tuple<P...>& arguments, std::index_sequence<I...>) {
  void* pointers[] = {static_cast<void*>(&std::get<I>(arguments))...};
  if (!overlaps)
    return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers, shared_bytes, stream);
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  return cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(kernel), pointers);
}

template <typename... P>
cudaError_t start_kernel(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         bool overlaps, std::tuple<P...>& arguments) {
  return start_kernel(kernel, grid, block, shared_bytes, stream, overlaps, arguments, std::index_sequence_for<P...>());
}

#endif

// Every kernel that is launched anywhere in this library. CUDA loads a kernel when it is first needed, but drivers
// before 12.3 cannot while a graph is recorded; so a device loads all of them when it is opened.
inline std::vector<const void*>& kernels() {
  static std::vector<const void*> all;
  return all;
}

inline bool list(const void* kernel) {
  kernels().push_back(kernel);
  return true;
}

// Adds a kernel to the list when the library is loaded: there is one of these for each `launch` that is compiled.
template <auto kKernel>
struct Listed {
  static inline const bool value = list(reinterpret_cast<const void*>(kKernel));
};

template <typename... P, typename... A>
std::tuple<P...> arguments_of(void (*)(P...), A&&... arguments) {
  return std::tuple<P...>(std::forward<A>(arguments)...);
}

// Launches kKernel(arguments...) on the stream; does nothing for an empty grid.
template <auto kKernel, typename... A>
st_status launch(const char* operation, dim3 grid, dim3 block, size_t shared_bytes, st_stream* stream,
                 A&&... arguments) {
  static_cast<void>(&Listed<kKernel>::value);
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return ST_OK;
  auto values = arguments_of(kKernel, std::forward<A>(arguments)...);
  CurrentContext current(stream->device->context);
  cudaError_t error = current.error();
  if (error == cudaSuccess)
    error = start_kernel(kKernel, grid, block, shared_bytes, stream->handle, stream->overlaps, values);
  stream->overlaps = stream->recording && stream->device->overlaps;
  return checked(error, operation);
}

// Lets a kernel use more dynamic shared memory than the 48 KiB that need no permission. The permission is the kernel's,
// whichever thread launches it, and several set it at the same time: so it is a constant, the most that any launch
// needs.
template <auto kKernel, size_t kBytes>
st_status permit_shared_memory(const st_stream& stream) {
  CurrentContext current(stream.device->context);
  cudaError_t error = current.error();
  if (error == cudaSuccess)
    error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kKernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(kBytes));
  return checked(error, "shared memory");
}

inline unsigned blocks_for(int64_t count, int64_t per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

}  // namespace st::cuda
