// Communicators: the ranks of a model, each a device. NCCL moves the bytes; the sums are this backend's own.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "cuda/nccl.h"

struct st_comm {
  st_device* device;
  int32_t rank, ranks;
  std::shared_ptr<st::cuda::CommGroup> group;  // nullptr: one rank alone, without NCCL
  const st::cuda::Nccl* nccl = nullptr;
  void* handle = nullptr;      // NCCL's
  std::timed_mutex launching;  // held while an operation is given to NCCL
};

namespace st::cuda {

// The ranks of a communicator in this process, which fail together.
class CommGroup {
 public:
  // Of an operation: an error with the reason if the communicator was aborted.
  st_status status(const char* operation) const;
  void join(st_comm* comm);
  void leave(st_comm* comm);
  void abort(const char* reason);

 private:
  std::atomic<bool> aborted_{false};
  std::string reason_;  // not changed once aborted_ is true
  std::mutex mutex_;    // of the members
  std::vector<st_comm*> members_;
};

// Exchanges between the ranks, as work of the stream; errors name the operation.
struct Exchange {
  const char* operation;
  st_stream* stream;
  st_comm* comm;

  // received[ranks, count] = the sent[count] of all ranks.
  st_status gather(const float* sent, float* received, int64_t count) const;
  // Every rank gets its own share from all ranks: received[k] = sent[own rank] of rank k, both [ranks, count].
  st_status scatter(const float* sent, float* received, int64_t count) const;
  // data[k] of every rank = data[k] of rank k, [ranks, bytes].
  st_status share(void* data, int64_t bytes) const;

 private:
  template <typename Launch>
  st_status launch(const Launch& body) const;
};

}  // namespace st::cuda
