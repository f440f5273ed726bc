// A stream on the CPU: a queue of commands that a dedicated thread executes in order.
#pragma once

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>

#include "softthinking/backend.h"

namespace st::cpu {

// One thread pushes commands and waits for them; one thread runs them. A command is a function object that returns a
// status, copied into the ring. After a command that failed, the rest is skipped until wait() has returned the error.
class CommandQueue {
 public:
  CommandQueue();
  ~CommandQueue();  // runs the remaining commands
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  template <typename Body>
  void push(const Body& body, bool always = false) {
    static_assert(std::is_trivially_copyable_v<Body> && sizeof(Body) <= kPayload && alignof(Body) <= kAlignment);
    Command& command = next_place();
    command.always = always;
    command.run = [](const void* payload) { return (*static_cast<const Body*>(payload))(); };
    memcpy(command.payload, static_cast<const void*>(&body), sizeof body);
    publish();
  }

  // Commands pushed so far.
  uint64_t pushed() const { return pushed_.load(std::memory_order_relaxed); }
  // The error of a command that failed, null if none did. For commands.
  const char* failure() const { return status_.load(std::memory_order_acquire) == ST_OK ? nullptr : error_.c_str(); }
  // Waits until the first `count` commands have run. An error of these, or of any that ran since, is returned once.
  st_status wait(uint64_t count);

 private:
  static constexpr size_t kPayload = 184, kAlignment = 8, kPlaces = 2048;

  struct Command {
    st_status (*run)(const void* payload);
    bool always;  // even after a failed command
    alignas(kAlignment) unsigned char payload[kPayload];
  };

  void wait_until_done(uint64_t count);
  Command& next_place();
  void publish();
  void work();
  void run(const Command& command);

  std::unique_ptr<Command[]> ring_;
  alignas(64) std::atomic<uint64_t> pushed_{0};
  alignas(64) std::atomic<uint64_t> done_{0};
  std::atomic<uint64_t> wanted_{UINT64_MAX};  // the count that the other thread waits for: it is not woken earlier
  std::atomic<bool> stopping_{false};
  std::atomic<st_status> status_{ST_OK};
  std::string error_;   // written before status_ becomes an error, read while it is one
  std::thread thread_;  // last: it uses the rest
};

}  // namespace st::cpu

struct st_stream {
  explicit st_stream(st_device* owner) : device(owner) {}
  st_device* device;
  st::cpu::CommandQueue queue;
};

// Marks a point in a stream, and when the stream reached it. Owned by its creator and by the commands
// that record the time, because it may be destroyed before they run.
struct st_event {
  std::atomic<int> owners{1};
  bool timed = false;
  st_stream* stream = nullptr;
  uint64_t commands = 0;
  uint64_t marks = 0;                                  // times that it was recorded,
  std::atomic<uint64_t> passed{0};                     // and of which of them the stream has reached
  std::chrono::steady_clock::time_point reached = {};  // written before, and read after, the commands were waited for

  void release() {
    if (owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
};

namespace st::cpu {

// Submits the body of an operation, whose scalar arguments have been checked, to the stream's thread.
template <typename Body>
st_status enqueue(st_stream* stream, const Body& body) {
  stream->queue.push(body);
  return ST_OK;
}

}  // namespace st::cpu
