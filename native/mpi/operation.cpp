#include "mpi/operation.h"

#include <thread>

namespace st::mpi {

namespace {

using namespace std::chrono_literals;

constexpr int kSpins = 200;        // tests before the first look at the clock: some 10 us
constexpr auto kYielding = 200us;  // then the core is offered to others, whose message may be the awaited one
constexpr auto kTransfer = 1s;     // the same while a message is on its way
constexpr auto kWorking = 20ms;    // a rank that is late in a step
constexpr auto kShortSleep = 50us;
constexpr auto kLongSleep = 1ms;    // nothing to do: how late the first step may begin
constexpr uint64_t kPacket = 4096;  // bytes that any network sends at once

void rest(std::chrono::nanoseconds waited, bool met) {
  if (waited < (met ? kTransfer : kYielding)) return std::this_thread::yield();
  std::this_thread::sleep_for(waited < kWorking ? std::chrono::nanoseconds(kShortSleep) : kLongSleep);
}

}  // namespace

Operation::Operation(const char* name, Channel& channel, uint32_t timeout_ms)
    : name_(name),
      channel_(channel),
      timeout_ms_(timeout_ms),
      begun_(Clock::now()),
      owns_(!channel.busy.exchange(true)) {}

Operation::~Operation() {
  if (owns_) channel_.busy = false;
}

st_status Operation::meet(uint64_t bytes) {
  if (bytes <= kPacket) return ST_OK;
  ST_TRY(run([](MPI_Comm comm, MPI_Request* request) { return MPI_Ibarrier(comm, request); }));
  met_ = true;
  return ST_OK;
}

st_status Operation::wait(MPI_Request* request) {
  const Clock::time_point from = Clock::now();
  for (int turn = 0;; turn++) {
    int done = 0;
    ST_TRY(check_mpi(name_, MPI_Test(request, &done, MPI_STATUS_IGNORE)));
    if (done) return ST_OK;
    if (turn < kSpins) continue;
    ST_TRY(check_intact());
    const Clock::time_point now = Clock::now();
    if (timeout_ms_ > 0 && now - begun_ >= std::chrono::milliseconds(timeout_ms_))
      return break_world("%s: another rank did not come within %u ms", name_, timeout_ms_);
    rest(now - from, met_);
  }
}

}  // namespace st::mpi
