#include "cpu/stream.h"

#include "common/status.h"
#include "cpu/pause.h"

namespace st::cpu {
namespace {

constexpr int kSpins = 2000;  // about 50 us: a host that fills the queue is back sooner

}  // namespace

CommandQueue::CommandQueue() : ring_(new Command[kPlaces]), thread_([this] { work(); }) {}

CommandQueue::~CommandQueue() {
  stopping_.store(true, std::memory_order_relaxed);
  push([] { return ST_OK; });  // wakes the thread; the last command
  thread_.join();
}

// The order in which both threads access done_ and wanted_ guarantees that one of them sees the other's write.
void CommandQueue::wait_until_done(uint64_t count) {
  if (done_.load(std::memory_order_acquire) >= count) return;
  wanted_.store(count, std::memory_order_seq_cst);
  for (uint64_t done; (done = done_.load(std::memory_order_seq_cst)) < count;) done_.wait(done);
  wanted_.store(UINT64_MAX, std::memory_order_relaxed);
}

st_status CommandQueue::wait(uint64_t count) {
  wait_until_done(count);
  if (status_.load(std::memory_order_acquire) == ST_OK) return ST_OK;
  st_status status = fail(status_.load(std::memory_order_relaxed), "%s", error_.c_str());
  status_.store(ST_OK, std::memory_order_release);
  return status;
}

CommandQueue::Command& CommandQueue::next_place() {
  uint64_t place = pushed_.load(std::memory_order_relaxed);
  // A step has far fewer commands than the ring has entries; loading a model may fill it.
  if (place >= kPlaces) wait_until_done(place - kPlaces + 1);
  return ring_[place % kPlaces];
}

void CommandQueue::publish() {
  pushed_.fetch_add(1, std::memory_order_release);
  pushed_.notify_one();
}

void CommandQueue::work() {
  for (uint64_t next = 0;; ++next) {
    if (stopping_.load(std::memory_order_relaxed) && pushed_.load(std::memory_order_acquire) == next) return;
    for (int spins = 0; spins < kSpins && pushed_.load(std::memory_order_acquire) == next; ++spins) pause(spins);
    pushed_.wait(next, std::memory_order_acquire);
    run(ring_[next % kPlaces]);
    done_.store(next + 1, std::memory_order_seq_cst);
    if (next + 1 >= wanted_.load(std::memory_order_seq_cst)) done_.notify_all();
  }
}

void CommandQueue::run(const Command& command) {
  bool failed = status_.load(std::memory_order_acquire) != ST_OK;
  if (failed && !command.always) return;
  st_status status = command.run(command.payload);
  if (status == ST_OK || failed) return;
  error_ = error_text();
  status_.store(status, std::memory_order_release);
}

}  // namespace st::cpu
