// Submits kernels and other work to a stream of the emulated device.
#pragma once

#include <functional>

#include "cuda_runtime.h"

namespace st::cuda {
struct Cublas;
struct Nccl;
}  // namespace st::cuda

namespace st::simt {

// `body` is what one thread runs of the kernel, which is known by its address.
cudaError_t enqueue_kernel(const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                           std::function<void()> body);

// Any other work, in the order of the stream.
cudaError_t enqueue(cudaStream_t stream, std::function<cudaError_t()> work);

// The error of a kernel of the device that the stream belongs to, which stays until the device is reset by
// reset_device().
cudaError_t error_of_device(cudaStream_t stream);

// The replacements of cuBLAS and NCCL on the emulated devices.
const cuda::Cublas* cublas_stand_in(char* report, size_t report_bytes);
const cuda::Nccl* nccl_stand_in(char* report, size_t report_bytes);

}  // namespace st::simt
