// Contexts of the emulated devices, shared by the stand-ins for the runtime and for the driver.
#pragma once

#include <vector>

struct CUctx_st {
  const int device;
};

struct CUstream_st;

namespace st::simt {

// The contexts of this thread, the current one last.
std::vector<CUctx_st*>& contexts_of_thread();

// The one that CUDA's runtime and others share; nullptr if there is no such device.
CUctx_st* primary_context(int device);

// The current context, for the runtime: it makes the first device's primary one current where there is none.
CUctx_st* context_for_runtime();

// Clears the error of a device, as cuDevicePrimaryCtxReset does. Its memory and streams stay, for tests to find.
void reset_device(int device);

// The context that a stream was created in; nullptr if there is no such stream.
CUctx_st* context_of(CUstream_st* stream);

// The context of device memory; nullptr if there is none at the address.
CUctx_st* context_of_memory(const void* address);

}  // namespace st::simt
