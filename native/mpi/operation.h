// A collective with a time limit.
#pragma once

#include <chrono>

#include "mpi/world.h"

namespace st::mpi {

// The use of a channel by one thread, from the first to the last part of a collective.
class Operation {
 public:
  Operation(const char* name, Channel& channel, uint32_t timeout_ms);
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  // Runs a part: `start` calls a nonblocking function of MPI, for which this waits.
  template <typename Start>
  st_status run(Start start) {
    ST_REQUIRE(owns_, "%s: another thread is in a collective of this communicator", name_);
    ST_TRY(check_intact());
    MPI_Request request = MPI_REQUEST_NULL;
    ST_TRY(check_mpi(name_, start(channel_.comm, &request)));
    return wait(&request);
  }

  // Before a message of that many bytes: waits for all ranks first if it goes in several packets, each of which would
  // be held up by a rank that sleeps.
  st_status meet(uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;

  st_status wait(MPI_Request* request);

  const char* const name_;
  Channel& channel_;
  const uint32_t timeout_ms_;
  const Clock::time_point begun_;
  const bool owns_;
  bool met_ = false;
};

}  // namespace st::mpi
