// The few functions of NCCL that this backend calls. Like cuBLAS, the library is loaded at run time.
#pragma once

#include "cuda/device.h"

namespace st::cuda {

// The name of a communicator before it exists, passed by value.
struct NcclId {
  char bytes[ST_COMM_ID_BYTES];
};

// Its C interface. What returns int returns 0 or an error for error_text.
struct Nccl {
  int (*get_version)(int* version);
  int (*get_unique_id)(NcclId* id);
  int (*init_rank)(void** comm, int ranks, NcclId id, int rank);  // of the current device; waits for all ranks
  int (*abort)(void* comm);                                       // ends the operations that wait, and the communicator
  // received[ranks, count] = the sent[count] of all ranks. May be in place.
  int (*all_gather)(const void* sent, void* received, size_t count, int type, void* comm, cudaStream_t stream);
  // To and from one rank, this one included. Those between group_start and group_end are one operation.
  int (*send)(const void* sent, size_t count, int type, int rank, void* comm, cudaStream_t stream);
  int (*receive)(void* received, size_t count, int type, int rank, void* comm, cudaStream_t stream);
  int (*group_start)();
  int (*group_end)();
  const char* (*error_text)(int error);
};

// Values of its enumerations and limits, the same in every version 2.
enum NcclValue {
  kNcclInt8 = 0,
  kNcclF32 = 7,
  kNcclFirstVersion = 20906,  // 2.9.6: collectives in graphs
  kNcclEndOfVersions = 30000,
};

// Opens libnccl.so.2, or the file that SOFTTHINKING_NCCL names; nullptr if there is none. `report` is set to its name
// and version, or the reason.
const Nccl* find_nccl(char* report, size_t report_bytes);

}  // namespace st::cuda
