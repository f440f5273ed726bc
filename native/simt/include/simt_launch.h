// Gives a kernel to a stream of the emulated device.
#pragma once

#include <functional>

#include "cuda_runtime.h"

namespace st::simt {

cudaError_t enqueue_kernel(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream, std::function<void()> body);

}  // namespace st::simt
