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

#if defined(ST_SIMT)

template <typename... P>
cudaError_t start_kernel(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         const std::tuple<P...>& arguments) {
  return simt::enqueue_kernel(reinterpret_cast<const void*>(kernel), grid, block, shared_bytes, stream,
                              [kernel, arguments] { std::apply(kernel, arguments); });
}

#else

template <typename... P, size_t... I>
cudaError_t start_kernel(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         std::tuple<P...>& arguments, std::index_sequence<I...>) {
  void* pointers[] = {static_cast<void*>(&std::get<I>(arguments))...};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers, shared_bytes, stream);
}

template <typename... P>
cudaError_t start_kernel(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         std::tuple<P...>& arguments) {
  return start_kernel(kernel, grid, block, shared_bytes, stream, arguments, std::index_sequence_for<P...>());
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
  if (error == cudaSuccess) error = start_kernel(kKernel, grid, block, shared_bytes, stream->handle, values);
  return checked(error, operation);
}

// Lets a kernel use more dynamic shared memory than the 48 KiB that need no permission.
template <typename... P>
st_status permit_shared_memory(const st_stream& stream, void (*kernel)(P...), size_t bytes) {
  CurrentContext current(stream.device->context);
  cudaError_t error = current.error();
  if (error == cudaSuccess)
    error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(bytes));
  return checked(error, "shared memory");
}

inline unsigned blocks_for(int64_t count, int64_t per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

}  // namespace st::cuda
