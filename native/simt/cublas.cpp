// A plain matmul in place of cuBLAS. It is as strict as the library about its arguments, and deliberately not
// batch-invariant: where a sum starts depends on the number of rows. It overwrites the workspace. Unlike the library,
// it refuses to work without a workspace, because it would have to allocate one.

#include "cuda/cublas.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "common/formats.h"
#include "simt/include/simt_launch.h"

namespace st::simt {
namespace {

enum Status { kSuccess = 0, kNotInitialized = 1, kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15 };

struct Handle {
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
  int math_mode = 0;
};

int create(void** handle) {
  *handle = new Handle;
  return kSuccess;
}

int destroy(void* handle) {
  delete static_cast<Handle*>(handle);
  return kSuccess;
}

int set_stream(void* handle, cudaStream_t stream) {
  *static_cast<Handle*>(handle) = {stream, nullptr, 0, static_cast<Handle*>(handle)->math_mode};
  return kSuccess;
}

int set_workspace(void* handle, void* workspace, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(workspace) % 256 != 0) return kInvalidValue;
  static_cast<Handle*>(handle)->workspace = workspace;
  static_cast<Handle*>(handle)->workspace_bytes = bytes;
  return kSuccess;
}

int set_math_mode(void* handle, int mode) {
  static_cast<Handle*>(handle)->math_mode = mode;
  return kSuccess;
}

int get_property(int property, int* value) {
  *value = property == cuda::kCublasMajorVersion ? CUDART_VERSION / 1000 : 0;
  return kSuccess;
}

const char* status_text(int status) {
  return status == kInvalidValue     ? "the emulated library got an invalid value"
         : status == kNotInitialized ? "the emulated library got no workspace"
         : status == kNotSupported   ? "the emulated library has no such product"
                                     : "the emulated library failed";
}

// A requested matmul: c[m, n] = op_a(a) op_b(b), column by column.
struct Product {
  int m, n, k;
  const void* a;
  const void* b;
  void* c;
  int type, c_type, lda, ldb, ldc;
  Handle handle;

  float element(const void* matrix, int64_t at) const {
    uint16_t bits = static_cast<const uint16_t*>(matrix)[at];
    return type == cuda::kCublasBf16 ? bf16_to_float(bits) : f16_to_float(bits);
  }

  void store(int64_t at, float value) const {
    if (c_type == cuda::kCublasF32)
      static_cast<float*>(c)[at] = value;
    else
      static_cast<uint16_t*>(c)[at] = c_type == cuda::kCublasBf16 ? float_to_bf16(value) : float_to_f16(value);
  }

  void run() const {
    memset(handle.workspace, 0xFF, handle.workspace_bytes < 4096 ? handle.workspace_bytes : 4096);
    int begin = n % k;
    for (int column = 0; column < n; ++column) {
      for (int row = 0; row < m; ++row) {
        float sum = 0.0f;
        for (int i = 0; i < k; ++i) {
          int at = (begin + i) % k;
          sum = std::fma(element(a, int64_t{row} * lda + at), element(b, int64_t{column} * ldb + at), sum);
        }
        store(int64_t{column} * ldc + row, sum);
      }
    }
  }
};

bool aligned(const void* pointer, int type) {
  return pointer && reinterpret_cast<uintptr_t>(pointer) % (type == cuda::kCublasF32 ? 4 : 2) == 0;
}

int gemm(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a, int a_type, int lda,
         const void* b, int b_type, int ldb, const void* beta, void* c, int c_type, int ldc, int compute_type,
         int algorithm) {
  if (m < 0 || n < 0 || k <= 0 || lda < k || ldb < k || ldc < m) return kInvalidValue;
  if (!aligned(a, a_type) || !aligned(b, b_type) || !aligned(c, c_type)) return kInvalidValue;
  bool types = (a_type == cuda::kCublasBf16 || a_type == cuda::kCublasF16) && b_type == a_type &&
               (c_type == a_type || c_type == cuda::kCublasF32);
  bool plain = *static_cast<const float*>(alpha) == 1.0f && *static_cast<const float*>(beta) == 0.0f;
  const auto& state = *static_cast<const Handle*>(handle);
  if (!types || !plain || op_a != cuda::kCublasTransposed || op_b != cuda::kCublasAsItIs ||
      compute_type != cuda::kCublasSumsOfF32 || algorithm != cuda::kCublasAnyAlgorithm ||
      state.math_mode != cuda::kCublasNoReductionsOfLess)
    return kNotSupported;
  if (!state.workspace) return kNotInitialized;
  Product product = {m, n, k, a, b, c, a_type, c_type, lda, ldb, ldc, state};
  cudaError_t error = enqueue(state.stream, [product] {
    product.run();
    return cudaSuccess;
  });
  return error == cudaSuccess ? kSuccess : kExecutionFailed;
}

}  // namespace

const cuda::Cublas* cublas_stand_in(char* report, size_t report_bytes) {
  static const cuda::Cublas table = {create,        destroy,      set_stream,  set_workspace,
                                     set_math_mode, get_property, status_text, gemm};
  const char* fault = getenv("SOFTTHINKING_SIMT_FAULT");
  bool absent = fault && strcmp(fault, "no-cublas") == 0;
  snprintf(report, report_bytes, "%s", absent ? "there is no library, as the test wants it" : "a stand-in for cuBLAS");
  return absent ? nullptr : &table;
}

}  // namespace st::simt
