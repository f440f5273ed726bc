// A stand-in for NCCL: gathers between the emulated devices of this process. An operation waits, as work of its stream,
// until all ranks have come to it, so each rank's stream must be waited for by a thread of its own. As in the library,
// waiting operations of an aborted rank end without a result and without an error. Unlike it, ranks that disagree about
// an operation get an error.

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

enum Error { kSuccess = 0, kInvalidArgument = 4, kFailed = 2 };

// One operation as a rank sees it.
struct Gather {
  const float* sent = nullptr;
  float* received = nullptr;
  size_t count = 0;
};

// All ranks of a communicator.
class World {
 public:
  explicit World(int ranks) : gathers_(static_cast<size_t>(ranks)), aborted_(gathers_.size(), false) {}

  // Waits until all ranks have joined.
  bool join(size_t ranks) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (ranks != gathers_.size()) return false;
    ++joined_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return joined_ >= gathers_.size(); });
    return true;
  }

  // The last rank to come does the work of all.
  cudaError_t gather(size_t rank, const Gather& mine) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (aborted_[rank]) return cudaSuccess;
    gathers_[rank] = mine;
    uint64_t round = round_;
    if (++arrived_ == gathers_.size() && !dead_) {
      agreed_ = std::all_of(gathers_.begin(), gathers_.end(), [&](const Gather& g) { return g.count == mine.count; });
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
  void copy_all() const {
    for (const Gather& to : gathers_)
      for (size_t from = 0; from < gathers_.size(); ++from)
        memmove(to.received + from * to.count, gathers_[from].sent, to.count * sizeof(float));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Gather> gathers_;
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

int all_gather(const void* sent, void* received, size_t count, int type, void* comm, cudaStream_t stream) {
  if (type != cuda::kNcclF32 || !sent || !received || !comm) return kInvalidArgument;
  const Comm& mine = *static_cast<const Comm*>(comm);
  Gather gather = {static_cast<const float*>(sent), static_cast<float*>(received), count};
  cudaError_t error = enqueue(stream, [world = mine.world, rank = mine.rank, gather, stream] {
    cudaError_t earlier = error_of_device(stream);
    return earlier == cudaSuccess ? world->gather(rank, gather) : earlier;
  });
  return error == cudaSuccess ? kSuccess : kFailed;
}

const char* error_text(int error) {
  return error == kInvalidArgument ? "the emulated library got an invalid argument" : "the emulated library failed";
}

}  // namespace

const cuda::Nccl* nccl_stand_in(char* report, size_t report_bytes) {
  static const cuda::Nccl table = {get_version, get_unique_id, init_rank, abort, all_gather, error_text};
  const char* fault = getenv("SOFTTHINKING_SIMT_FAULT");
  bool absent = fault && strcmp(fault, "no-nccl") == 0;
  snprintf(report, report_bytes, "%s", absent ? "there is no library, as the test wants it" : "a stand-in for NCCL");
  return absent ? nullptr : &table;
}

}  // namespace st::simt
