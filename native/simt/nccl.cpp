// A stand-in for NCCL: exchanges between the emulated devices of this process. An operation waits, as work of its
// stream, until all ranks have come to it, so each rank's stream must be waited for by a thread of its own. As in the
// library, waiting operations of an aborted rank end without a result and without an error. Unlike it, ranks that
// disagree about an operation get an error.

#include "cuda/nccl.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "simt/include/simt_launch.h"

namespace st::simt {
namespace {

enum Error { kSuccess = 0, kInvalidArgument = 4, kFailed = 2, kInvalidUsage = 5 };

// One operation as a rank sees it: what it sends to, and receives from, each rank.
struct Exchange {
  struct Part {
    char* data = nullptr;
    size_t bytes = 0;
  };
  std::vector<Part> sent, received;
};

// All ranks of a communicator.
class World {
 public:
  explicit World(int ranks) : exchanges_(static_cast<size_t>(ranks)), aborted_(exchanges_.size(), false) {}

  size_t ranks() const { return exchanges_.size(); }

  // Waits until all ranks have joined.
  bool join(size_t ranks) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (ranks != exchanges_.size()) return false;
    ++joined_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return joined_ >= exchanges_.size(); });
    return true;
  }

  // The last rank to come does the work of all.
  cudaError_t exchange(size_t rank, const Exchange& mine) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (aborted_[rank]) return cudaSuccess;
    exchanges_[rank] = mine;
    uint64_t round = round_;
    if (++arrived_ == exchanges_.size() && !dead_) {
      agreed_ = ranks_agree();
      if (agreed_) copy_all();
      arrived_ = 0;
      ++round_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return round_ != round || aborted_[rank]; });
    return round_ != round && !agreed_ ? cudaErrorLaunchFailure : cudaSuccess;
  }

  void abort(size_t rank) {
    std::lock_guard<std::mutex> lock(mutex_);
    aborted_[rank] = dead_ = true;
    changed_.notify_all();
  }

 private:
  template <typename Body>
  void each_pair(const Body& body) const {
    for (size_t from = 0; from < ranks(); ++from)
      for (size_t to = 0; to < ranks(); ++to) body(exchanges_[from].sent[to], exchanges_[to].received[from]);
  }

  bool ranks_agree() const {
    bool agree = true;
    each_pair(
        [&](const Exchange::Part& sent, const Exchange::Part& received) { agree &= sent.bytes == received.bytes; });
    return agree;
  }

  void copy_all() const {
    each_pair([](const Exchange::Part& sent, const Exchange::Part& received) {
      if (sent.bytes > 0) memmove(received.data, sent.data, sent.bytes);
    });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Exchange> exchanges_;
  std::vector<bool> aborted_;
  size_t joined_ = 0, arrived_ = 0;
  uint64_t round_ = 0;
  bool agreed_ = true, dead_ = false;  // dead: a rank was aborted, so no operation can be completed
};

struct Comm {
  std::shared_ptr<World> world;
  size_t rank;
};

// The world of an id, for as long as one of its ranks has it.
std::shared_ptr<World> world_of(const cuda::NcclId& id, int ranks) {
  static std::mutex mutex;
  static auto* worlds = new std::map<std::string, std::weak_ptr<World>>;  // outlives threads that wait at the end
  std::lock_guard<std::mutex> lock(mutex);
  std::weak_ptr<World>& known = (*worlds)[std::string(id.bytes, sizeof id.bytes)];
  std::shared_ptr<World> world = known.lock();
  if (!world) known = world = std::make_shared<World>(ranks);
  return world;
}

int get_version(int* version) {
  *version = cuda::kNcclFirstVersion;
  return kSuccess;
}

int get_unique_id(cuda::NcclId* id) {
  static std::mutex mutex;
  static uint64_t made = 0;
  std::lock_guard<std::mutex> lock(mutex);
  *id = {};
  snprintf(id->bytes, sizeof id->bytes, "emulated %llu", static_cast<unsigned long long>(++made));
  return kSuccess;
}

int init_rank(void** comm, int ranks, cuda::NcclId id, int rank) {
  if (ranks < 1 || rank < 0 || rank >= ranks) return kInvalidArgument;
  std::shared_ptr<World> world = world_of(id, ranks);
  if (!world->join(static_cast<size_t>(ranks))) return kInvalidArgument;
  *comm = new Comm{std::move(world), static_cast<size_t>(rank)};
  return kSuccess;
}

int abort(void* comm) {
  auto* mine = static_cast<Comm*>(comm);
  mine->world->abort(mine->rank);
  delete mine;
  return kSuccess;
}

size_t bytes_of(int type) {
  return type == cuda::kNcclF32 ? sizeof(float) : type == cuda::kNcclInt8 ? 1 : 0;
}

int launch(const Comm& mine, Exchange exchange, cudaStream_t stream) {
  cudaError_t error = enqueue(stream, [world = mine.world, rank = mine.rank, exchange = std::move(exchange), stream] {
    cudaError_t earlier = error_of_device(stream);
    return earlier == cudaSuccess ? world->exchange(rank, exchange) : earlier;
  });
  return error == cudaSuccess ? kSuccess : kFailed;
}

int all_gather(const void* sent, void* received, size_t count, int type, void* comm, cudaStream_t stream) {
  size_t bytes = count * bytes_of(type);
  if (bytes_of(type) == 0 || !sent || !received || !comm) return kInvalidArgument;
  const Comm& mine = *static_cast<const Comm*>(comm);
  Exchange exchange;
  for (size_t k = 0; k < mine.world->ranks(); ++k) {
    exchange.sent.push_back({static_cast<char*>(const_cast<void*>(sent)), bytes});
    exchange.received.push_back({static_cast<char*>(received) + k * bytes, bytes});
  }
  return launch(mine, std::move(exchange), stream);
}

// The sends and receives of this thread since group_start, all of one communicator.
struct Group {
  bool open = false;
  const Comm* comm = nullptr;
  cudaStream_t stream = nullptr;
  Exchange exchange;
};
thread_local Group group;

int add_to_group(std::vector<Exchange::Part> Exchange::*parts, const void* data, size_t count, int type, int rank,
                 void* comm, cudaStream_t stream) {
  const auto* mine = static_cast<const Comm*>(comm);
  if (!group.open || (group.comm && group.comm != mine)) return kInvalidUsage;
  if (bytes_of(type) == 0 || !data || !comm || rank < 0 || static_cast<size_t>(rank) >= mine->world->ranks())
    return kInvalidArgument;
  group.comm = mine;
  group.stream = stream;
  group.exchange.sent.resize(mine->world->ranks());
  group.exchange.received.resize(mine->world->ranks());
  (group.exchange.*parts)[static_cast<size_t>(rank)] = {static_cast<char*>(const_cast<void*>(data)),
                                                        count * bytes_of(type)};
  return kSuccess;
}

int send(const void* sent, size_t count, int type, int rank, void* comm, cudaStream_t stream) {
  return add_to_group(&Exchange::sent, sent, count, type, rank, comm, stream);
}

int receive(void* received, size_t count, int type, int rank, void* comm, cudaStream_t stream) {
  return add_to_group(&Exchange::received, received, count, type, rank, comm, stream);
}

int group_start() {
  group = {};
  group.open = true;
  return kSuccess;
}

int group_end() {
  if (!group.open) return kInvalidUsage;
  group.open = false;
  return group.comm ? launch(*group.comm, std::move(group.exchange), group.stream) : kSuccess;
}

const char* error_text(int error) {
  return error == kInvalidArgument ? "the emulated library got an invalid argument" : "the emulated library failed";
}

}  // namespace

const cuda::Nccl* nccl_stand_in(char* report, size_t report_bytes) {
  static const cuda::Nccl table = {get_version, get_unique_id, init_rank,   abort,     all_gather,
                                   send,        receive,       group_start, group_end, error_text};
  const char* fault = getenv("SOFTTHINKING_SIMT_FAULT");
  bool absent = fault && strcmp(fault, "no-nccl") == 0;
  snprintf(report, report_bytes, "%s", absent ? "there is no library, as the test wants it" : "a stand-in for NCCL");
  return absent ? nullptr : &table;
}

}  // namespace st::simt
