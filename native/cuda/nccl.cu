// Loads NCCL.

#include <cstdlib>
#include <mutex>

#include "cuda/library.h"
#include "cuda/nccl.h"

#if defined(ST_SIMT)
#include "simt_launch.h"
#elif __has_include(<nccl.h>)
#include <nccl.h>
#define ST_HAS_NCCL_HEADER
#endif

namespace st::cuda {
namespace {

#if defined(ST_HAS_NCCL_HEADER)
static_assert(sizeof(ncclUniqueId) == sizeof(NcclId) && int{ncclInt8} == kNcclInt8 && int{ncclFloat32} == kNcclF32 &&
                  int{ncclSuccess} == 0,
              "nccl.h writes down other values than NCCL has");
#endif

bool find_functions(const Library& library, Nccl* table) {
  return library.find("ncclGetVersion", &table->get_version) &&
         library.find("ncclGetUniqueId", &table->get_unique_id) &&
         library.find("ncclCommInitRank", &table->init_rank) && library.find("ncclCommAbort", &table->abort) &&
         library.find("ncclAllGather", &table->all_gather) && library.find("ncclSend", &table->send) &&
         library.find("ncclRecv", &table->receive) && library.find("ncclGroupStart", &table->group_start) &&
         library.find("ncclGroupEnd", &table->group_end) && library.find("ncclGetErrorString", &table->error_text);
}

// Whether the library can be used; otherwise `report` says why not.
bool try_library(const char* name, Nccl* table, char* report, size_t report_bytes) {
  Library library(name, report, report_bytes);
  if (!library.is_open() || !find_functions(library, table)) return false;
  int version = 0;
  table->get_version(&version);
  int major = version / 10000, minor = version / 100 % 100, patch = version % 100;
  if (version < kNcclFirstVersion || version >= kNcclEndOfVersions) {
    snprintf(report, report_bytes, "%s is version code %d, known are 2.9.6 and later 2.x", name, version);
    return false;
  }
  snprintf(report, report_bytes, "NCCL %d.%d.%d", major, minor, patch);
  library.keep();
  return true;
}

}  // namespace

const Nccl* find_nccl(char* report, size_t report_bytes) {
  const char* chosen = getenv("SOFTTHINKING_NCCL");
  bool choice = chosen && *chosen;
#if defined(ST_SIMT)
  if (!choice) return simt::nccl_stand_in(report, report_bytes);
#endif
  static std::mutex mutex;
  static Nccl table;
  static char found[64] = "";
  std::lock_guard<std::mutex> lock(mutex);
  if (!*found) {
    Nccl opened = {};
    if (!try_library(choice ? chosen : "libnccl.so.2", &opened, report, report_bytes)) return nullptr;
    table = opened;
    snprintf(found, sizeof found, "%s", report);
  }
  snprintf(report, report_bytes, "%s", found);
  return &table;
}

}  // namespace st::cuda
