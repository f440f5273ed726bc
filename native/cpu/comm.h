// Communicators on the CPU. Between devices of this process, a rank reads the others' memory; between processes, a
// transport copies it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "softthinking/backend.h"

namespace st::cpu {

// The ranks of a communicator that are in this process.
class Group {
 public:
  explicit Group(int ranks) : ranks_(ranks) {}

  int ranks() const { return ranks_; }
  // Waits until every rank has called this; false if the group failed, or failed now because a rank did not come in
  // time.
  bool meet(int rank, uint32_t timeout_ms);
  // Ends all waiting and later calls of meet. The first reason counts.
  void fail(const char* reason);
  // Why the group failed; only after meet() returned false.
  std::string reason();

  const void* inputs[ST_MAX_RANKS] = {};  // of each rank: set before, and read after, a call of meet

 private:
  std::string missing_ranks(uint32_t timeout_ms) const;

  const int ranks_;
  std::mutex mutex_;
  std::condition_variable all_came_;
  alignas(64) std::atomic<int> came_{0};
  alignas(64) std::atomic<uint32_t> meeting_{0};
  std::atomic<uint32_t> last_meeting_[ST_MAX_RANKS] = {};  // that each rank came to, counted from 1
  std::atomic<bool> failed_{false};
  std::string reason_;
};

}  // namespace st::cpu

struct st_comm {
  int rank, ranks;
  uint32_t timeout_ms;
  const st_transport* transport;  // null: within this process
  std::shared_ptr<st::cpu::Group> group;
  std::vector<char> sent, received;  // of the transport

  // parts[k] = the `bytes` bytes at `in` of each rank k, at most `most` on any; valid until end().
  st_status exchange(const void* in, uint64_t bytes, uint64_t most, const void** parts);
  st_status end();
};
