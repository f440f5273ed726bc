// The function table.
#include "mpi/world.h"

namespace {

const char* last_error() {
  return st::error_text();
}

constexpr st_mpi_api kTable = {
    .version = ST_MPI_VERSION,
    .size = sizeof(st_mpi_api),
    .last_error = last_error,
    .join = st::mpi::join,
    .query = st::mpi::query,
    .broadcast = st::mpi::broadcast,
    .all_gather = st::mpi::all_gather,
    .transport = st::mpi::transport,
    .abort = st::mpi::abort,
    .leave = st::mpi::leave,
};

}  // namespace

const st_mpi_api* st_mpi_get_api(uint32_t version) {
  return version == ST_MPI_VERSION ? &kTable : nullptr;
}
