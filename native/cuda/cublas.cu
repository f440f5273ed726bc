// Loads cuBLAS, and creates its per-stream state.

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "cuda/cublas.h"
#include "cuda/library.h"

#if defined(ST_SIMT)
#include "simt_launch.h"
#elif __has_include(<cublas_v2.h>)
#include <cublas_v2.h>
#define ST_HAS_CUBLAS_HEADER
#endif

namespace st::cuda {
namespace {

#if defined(ST_HAS_CUBLAS_HEADER)
static_assert(kCublasAsItIs == int{CUBLAS_OP_N} && kCublasTransposed == int{CUBLAS_OP_T} &&
                  kCublasF32 == int{CUDA_R_32F} && kCublasF16 == int{CUDA_R_16F} && kCublasBf16 == int{CUDA_R_16BF} &&
                  kCublasSumsOfF32 == int{CUBLAS_COMPUTE_32F} && kCublasAnyAlgorithm == int{CUBLAS_GEMM_DEFAULT} &&
                  kCublasNoReductionsOfLess == int{CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION} &&
                  kCublasMajorVersion == int{MAJOR_VERSION} && kCublasMinorVersion == int{MINOR_VERSION} &&
                  kCublasPatchLevel == int{PATCH_LEVEL},
              "cublas.h writes down other values than cuBLAS has");
#endif

bool find_functions(const Library& library, Cublas* table) {
  return library.find("cublasCreate_v2", &table->create) && library.find("cublasDestroy_v2", &table->destroy) &&
         library.find("cublasSetStream_v2", &table->set_stream) &&
         library.find("cublasSetWorkspace_v2", &table->set_workspace) &&
         library.find("cublasSetMathMode", &table->set_math_mode) &&
         library.find("cublasGetProperty", &table->get_property) &&
         library.find("cublasGetStatusString", &table->status_text) && library.find("cublasGemmEx", &table->gemm);
}

// Whether the library can be used; otherwise `report` says why not.
bool try_library(const char* name, Cublas* table, char* report, size_t report_bytes) {
  Library library(name, report, report_bytes);
  if (!library.is_open() || !find_functions(library, table)) return false;
  int major = 0, minor = 0, patch = 0;
  table->get_property(kCublasMajorVersion, &major);
  table->get_property(kCublasMinorVersion, &minor);
  table->get_property(kCublasPatchLevel, &patch);
  if (major < 11 || major > 13) {
    snprintf(report, report_bytes, "%s is version %d.%d, known are 11 to 13", name, major, minor);
    return false;
  }
  void* handle = nullptr;
  int status = table->create(&handle);
  if (status != 0) {
    snprintf(report, report_bytes, "%s does not start: %s", name, table->status_text(status));
    return false;
  }
  table->destroy(handle);
  snprintf(report, report_bytes, "cuBLAS %d.%d.%d", major, minor, patch);
  library.keep();
  return true;
}

// The first library that works. Otherwise the report is about one that was found, if any was.
bool open_first(Cublas* table, char* report, size_t report_bytes) {
  if (const char* chosen = getenv("SOFTTHINKING_CUBLAS"); chosen && *chosen)
    return try_library(chosen, table, report, report_bytes);
  constexpr int kVersions[] = {CUDART_VERSION / 1000, 13, 12, 11};
  snprintf(report, report_bytes, "there is no libcublas.so.13, .12 or .11");
  for (int version : kVersions) {
    char name[32], reason[96];
    snprintf(name, sizeof name, "libcublas.so.%d", version);
    if (try_library(name, table, reason, sizeof reason)) {
      snprintf(report, report_bytes, "%s", reason);
      return true;
    }
    // That a library does not exist is not reported; that one of its dependencies is missing is.
    bool nowhere = strncmp(reason, name, strlen(name)) == 0 && strstr(reason, "cannot open shared object file");
    if (!nowhere) snprintf(report, report_bytes, "%s", reason);
  }
  return false;
}

}  // namespace

const Cublas* find_cublas(char* report, size_t report_bytes) {
#if defined(ST_SIMT)
  if (const char* chosen = getenv("SOFTTHINKING_CUBLAS"); !chosen || !*chosen)
    return simt::cublas_stand_in(report, report_bytes);
#endif
  static std::mutex mutex;
  static Cublas table;
  static char found[96] = "";
  std::lock_guard<std::mutex> lock(mutex);
  if (!*found) {
    Cublas opened = {};
    char text[sizeof found];
    if (!open_first(&opened, text, sizeof text)) {
      snprintf(report, report_bytes, "%s", text);
      return nullptr;
    }
    table = opened;
    snprintf(found, sizeof found, "%s", text);
  }
  snprintf(report, report_bytes, "%s", found);
  return &table;
}

int aim_cublas(st_stream* stream) {
  if (!stream->cublas) return 0;
  const Cublas& cublas = *stream->device->cublas;
  int error = cublas.set_stream(stream->cublas, stream->handle);
  if (error != 0) return error;
  void* workspace = static_cast<char*>(stream->cublas_memory) + kCublasPartBytes;
  return cublas.set_workspace(stream->cublas, workspace, kCublasWorkspaceBytes);
}

st_status prepare_cublas(st_stream* stream) {
  const Cublas& cublas = *stream->device->cublas;
  st_status status = device_memory("stream_create", kCublasPartBytes + kCublasWorkspaceBytes, &stream->cublas_memory);
  if (status != ST_OK) return status;
  int error = cublas.create(&stream->cublas);
  if (error == 0) error = aim_cublas(stream);
  if (error == 0) error = cublas.set_math_mode(stream->cublas, kCublasNoReductionsOfLess);
  return error == 0 ? ST_OK : fail(ST_INTERNAL, "stream_create: cuBLAS says: %s", cublas.status_text(error));
}

void release_cublas(st_stream* stream) {
  if (stream->cublas) stream->device->cublas->destroy(stream->cublas);
  cudaFree(stream->cublas_memory);
}

}  // namespace st::cuda
