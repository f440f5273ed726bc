// The world as this process sees it, and its functions in the table of softthinking/mpi.h.
#pragma once

#include <mpi.h>

#include <atomic>
#include <mutex>

#include "common/status.h"
#include "softthinking/mpi.h"

namespace st::mpi {

// A communicator of its own: its collectives do not meet those of another channel.
struct Channel {
  MPI_Comm comm = MPI_COMM_NULL;
  std::atomic<bool> busy = false;  // a thread is in a collective
};

enum class Membership { kOutside, kJoined, kLeft };

struct World {
  std::mutex moving;  // held by join and leave
  std::atomic<Membership> membership = Membership::kOutside;
  Channel control, data, leaving;
  st_mpi_info info = {};
};

World& world();

// Breaks the world, unless it is broken already, and fails with the words of the first failure.
__attribute__((format(printf, 1, 2))) st_status break_world(const char* format, ...);
// Fails if the world is broken.
st_status check_intact();
// Breaks the world if `code`, returned by a function of MPI for `operation`, is an error.
st_status check_mpi(const char* operation, int code);

st_status join();
st_status query(st_mpi_info* info);
st_status broadcast(void* data, uint64_t bytes, uint32_t timeout_ms);
st_status all_gather(const void* in, void* out, uint64_t bytes, uint32_t timeout_ms);
const st_transport* transport();
void abort(int32_t code);
st_status leave(uint32_t timeout_ms);

}  // namespace st::mpi
