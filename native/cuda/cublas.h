// The few functions of cuBLAS that this backend calls. The library is loaded at run time, so that one build of the
// backend works with any of its versions, and without it.
#pragma once

#include "cuda/device.h"

namespace st::cuda {

// Its C interface; matrices are column-major. What returns int returns 0 or an error for status_text.
struct Cublas {
  int (*create)(void** handle);
  int (*destroy)(void* handle);
  int (*set_stream)(void* handle, cudaStream_t stream);  // the library forgets the workspace then
  int (*set_workspace)(void* handle, void* workspace, size_t bytes);
  int (*set_math_mode)(void* handle, int mode);
  int (*get_property)(int property, int* value);
  const char* (*status_text)(int status);
  // c[m, n] = alpha op(a) op(b) + beta c. c is not read if beta is 0.
  int (*gemm)(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a, int a_type,
              int lda, const void* b, int b_type, int ldb, const void* beta, void* c, int c_type, int ldc,
              int compute_type, int algorithm);
};

// Values of its enumerations, the same in every version from 11 to 13.
enum CublasValue {
  kCublasAsItIs = 0,
  kCublasTransposed = 1,
  kCublasF32 = 0,
  kCublasF16 = 2,
  kCublasBf16 = 14,
  kCublasSumsOfF32 = 68,
  kCublasAnyAlgorithm = -1,
  kCublasNoReductionsOfLess = 16,  // a math mode: sums of f32 also where several blocks share one
  kCublasMajorVersion = 0,
  kCublasMinorVersion = 1,
  kCublasPatchLevel = 2,
};

// Opens libcublas.so of a known version that works on the current device; nullptr if there is none. `report` is set to
// its name and version, or the reason. SOFTTHINKING_CUBLAS names a file that is tried instead of all others.
const Cublas* find_cublas(char* report, size_t report_bytes);

// Prepares the stream for linear_cublas: creates a handle, and allocates all memory that it needs.
st_status prepare_cublas(st_stream* stream);
// Makes linear_cublas work on the stream's handle, which is another one while a graph is recorded. cuBLAS's error.
int aim_cublas(st_stream* stream);
void release_cublas(st_stream* stream);

}  // namespace st::cuda
