#include "cpu/stream.h"

#include "common/status.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace st::cpu {
namespace {

constexpr int kSpins = 2000;  // about 50 us: a host that fills the queue is back sooner

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

CommandQueue::CommandQueue() : ring_(new Command[kPlaces]), thread_([this] { work(); }) {}

CommandQueue::~CommandQueue() {
  stopping_.store(true, std::memory_order_relaxed);
  push([] { return ST_OK; });  // wakes the thread; the last command
  thread_.join();
}

st_status CommandQueue::wait(uint64_t count) {
  for (;;) {
    uint64_t done = done_.load(std::memory_order_acquire);
    if (done >= count) break;
    done_.wait(done, std::memory_order_acquire);
  }
  if (status_.load(std::memory_order_acquire) == ST_OK) return ST_OK;
  st_status status = fail(status_.load(std::memory_order_relaxed), "%s", error_.c_str());
  status_.store(ST_OK, std::memory_order_release);
  return status;
}

CommandQueue::Command& CommandQueue::next_place() {
  uint64_t place = pushed_.load(std::memory_order_relaxed);
  for (;;) {  // a step has far fewer commands than the ring has places; loading a model may fill it
    uint64_t done = done_.load(std::memory_order_acquire);
    if (place - done < kPlaces) return ring_[place % kPlaces];
    done_.wait(done, std::memory_order_acquire);
  }
}

void CommandQueue::publish() {
  pushed_.fetch_add(1, std::memory_order_release);
  pushed_.notify_one();
}

void CommandQueue::work() {
  for (uint64_t next = 0;; ++next) {
    if (stopping_.load(std::memory_order_relaxed) && pushed_.load(std::memory_order_acquire) == next) return;
    for (int spins = 0; spins < kSpins && pushed_.load(std::memory_order_acquire) == next; ++spins) pause();
    pushed_.wait(next, std::memory_order_acquire);
    run(ring_[next % kPlaces]);
    done_.store(next + 1, std::memory_order_release);
    done_.notify_all();
  }
}

void CommandQueue::run(const Command& command) {
  if (status_.load(std::memory_order_acquire) != ST_OK) return;
  st_status status = command.run(command.payload);
  if (status == ST_OK) return;
  error_ = error_text();
  status_.store(status, std::memory_order_release);
}

}  // namespace st::cpu
