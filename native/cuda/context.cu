#include "cuda/context.h"

namespace st::cuda {
namespace {

bool find(const char* name, void** function) {
  *function = nullptr;
#if CUDART_VERSION >= 12050
  cudaDriverEntryPointQueryResult result;
  cudaError_t error = cudaGetDriverEntryPointByVersion(name, function, CUDART_VERSION, cudaEnableDefault, &result);
#else
  cudaError_t error = cudaGetDriverEntryPoint(name, function, cudaEnableDefault);
#endif
  if (error != cudaSuccess) cudaGetLastError();
  return error == cudaSuccess && *function;
}

const char* first_missing(Driver* table) {
  const struct {
    const char* name;
    void* function;
  } functions[] = {
      {"cuDeviceGet", &table->device},
      {"cuDevicePrimaryCtxRetain", &table->retain_primary},
      {"cuCtxGetCurrent", &table->current},
      {"cuCtxPushCurrent", &table->push},
      {"cuCtxPopCurrent", &table->pop},
      {"cuStreamGetCtx", &table->context_of_stream},
      {"cuPointerGetAttribute", &table->pointer_attribute},
  };
  for (const auto& [name, function] : functions)
    if (!find(name, static_cast<void**>(function))) return name;
  return nullptr;
}

}  // namespace

const Driver* driver(const char** missing) {
  static Driver table;
  static const char* const absent = first_missing(&table);
  if (missing) *missing = absent;
  return absent ? nullptr : &table;
}

CurrentContext::CurrentContext(void* context) {
  const Driver* functions = driver(nullptr);  // there is one: a device is open
  void* current = nullptr;
  functions->current(&current);
  if (current == context) return;
  error_ = static_cast<cudaError_t>(functions->push(context));
  pushed_ = error_ == cudaSuccess;
}

CurrentContext::~CurrentContext() {
  void* popped = nullptr;
  if (pushed_) driver(nullptr)->pop(&popped);
}

}  // namespace st::cuda
