// The primary context of a device, which other code of the process uses, too.
#pragma once

#include <cuda_runtime.h>

namespace st::cuda {

// The driver's functions for contexts, of which the runtime has none. Each returns the driver's error, whose numbers
// are those of the runtime.
struct Driver {
  int (*device)(int* device, int ordinal);
  int (*retain_primary)(void** context, int device);
  int (*current)(void** context);
  int (*push)(void* context);
  int (*pop)(void** context);
  int (*context_of_stream)(cudaStream_t stream, void** context);
  int (*pointer_attribute)(void* value, int attribute, unsigned long long pointer);
};

// nullptr where the driver lacks one of them; `missing` is then its name.
const Driver* driver(const char** missing);

// Makes a context current on this thread until the end of the scope. The thread may be a caller's that uses another
// one; the runtime's cudaSetDevice would replace that.
class CurrentContext {
 public:
  explicit CurrentContext(void* context);
  ~CurrentContext();
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;

  cudaError_t error() const { return error_; }

 private:
  bool pushed_ = false;
  cudaError_t error_ = cudaSuccess;
};

}  // namespace st::cuda
