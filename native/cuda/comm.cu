// comm_id, comm_create, comm_abort, comm_destroy, and the exchange that the collectives share.

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <thread>

#include "common/checks.h"
#include "cuda/comm.h"
#include "cuda/context.h"

namespace st::cuda {

// --- groups --------------------------------------------------------------------------------------------------------

st_status CommGroup::status(const char* operation) const {
  if (!aborted_.load(std::memory_order_acquire)) return ST_OK;
  return fail(ST_INTERNAL, "%s: %s", operation, reason_.c_str());
}

void CommGroup::join(st_comm* comm) {
  std::lock_guard<std::mutex> lock(mutex_);
  members_.push_back(comm);
}

void CommGroup::leave(st_comm* comm) {
  std::lock_guard<std::mutex> lock(mutex_);
  members_.erase(std::remove(members_.begin(), members_.end(), comm), members_.end());
}

// A thread that gives an operation to NCCL may itself wait there for another rank. NCCL permits to abort it, which is
// the only way to end that; else its call ends at once, and is waited for.
void CommGroup::abort(const char* reason) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (aborted_.load(std::memory_order_relaxed)) return;
  reason_ = reason && *reason ? reason : "the communicator was aborted";
  aborted_.store(true, std::memory_order_release);
  for (st_comm* comm : members_) {
    std::unique_lock<std::timed_mutex> launching(comm->launching, std::chrono::seconds(1));
    CurrentContext current(comm->device->context);
    comm->nccl->abort(comm->handle);
    comm->handle = nullptr;
  }
}

namespace {

using Id = std::array<uint8_t, ST_COMM_ID_BYTES>;

// The group of an id, which lives as long as one of its communicators.
std::shared_ptr<CommGroup> group_of(const uint8_t* id) {
  static std::mutex mutex;
  static std::map<Id, std::weak_ptr<CommGroup>> groups;
  Id key;
  std::copy_n(id, key.size(), key.begin());
  std::lock_guard<std::mutex> lock(mutex);
  for (auto each = groups.begin(); each != groups.end();) each = each->second.expired() ? groups.erase(each) : ++each;
  std::shared_ptr<CommGroup> group = groups[key].lock();
  if (!group) groups[key] = group = std::make_shared<CommGroup>();
  return group;
}

// --- beginning -----------------------------------------------------------------------------------------------------

// What a thread that waits inside NCCL for the other ranks shares with its caller, which waits only so long.
struct Beginning {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false, given_up = false;
  int error = 0;
  void* handle = nullptr;
};

void begin(const std::shared_ptr<Beginning>& shared, const Nccl* nccl, int ordinal, int ranks, NcclId id, int rank) {
  void* handle = nullptr;
  cudaSetDevice(ordinal);
  int error = nccl->init_rank(&handle, ranks, id, rank);
  std::lock_guard<std::mutex> lock(shared->mutex);
  if (shared->given_up && error == 0) nccl->abort(handle);
  shared->error = error;
  shared->handle = handle;
  shared->done = true;
  shared->ended.notify_all();
}

// NCCL's own time limit needs communicators whose every operation is launched by a thread of NCCL's; so a thread of
// ours waits for the ranks. If they do not come, it stays behind.
st_status wait_for_ranks(const Nccl* nccl, const st_device* device, const st_comm_options& options, void** handle) {
  NcclId id;
  memcpy(id.bytes, options.id, sizeof id.bytes);
  auto shared = std::make_shared<Beginning>();
  std::thread(begin, shared, nccl, device->ordinal, options.ranks, id, options.rank).detach();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->given_up =
      !shared->ended.wait_for(lock, std::chrono::milliseconds(options.timeout_ms), [&] { return shared->done; });
  if (shared->given_up)
    return fail(ST_INTERNAL, "comm_create: rank %d waited %u ms for the other ranks of %d", options.rank,
                options.timeout_ms, options.ranks);
  if (shared->error != 0) return fail(ST_INTERNAL, "comm_create: NCCL says: %s", nccl->error_text(shared->error));
  *handle = shared->handle;
  return ST_OK;
}

st_status found_nccl(const char* function, const Nccl** nccl) {
  char report[160];
  *nccl = find_nccl(report, sizeof report);
  return *nccl ? ST_OK : fail(ST_UNSUPPORTED, "%s: there is no NCCL: %s", function, report);
}

st_status create(st_device* device, const st_comm_options& options, st_comm** comm) {
  auto made = std::make_unique<st_comm>();
  made->device = device;
  made->rank = options.rank;
  made->ranks = options.ranks;
  if (options.ranks > 1) {
    ST_TRY(found_nccl("comm_create", &made->nccl));
    made->group = group_of(options.id);
    ST_TRY(wait_for_ranks(made->nccl, device, options, &made->handle));
    made->group->join(made.get());
  }
  *comm = made.release();
  return ST_OK;
}

}  // namespace

// --- the functions of the table ------------------------------------------------------------------------------------

st_status comm_id(st_device* device, uint8_t* id) {
  ST_REQUIRE(device && id, "comm_id: a pointer is null");
  const Nccl* nccl = nullptr;
  ST_TRY(found_nccl("comm_id", &nccl));
  CurrentContext current(device->context);
  NcclId made;
  int error = nccl->get_unique_id(&made);
  if (error != 0) return fail(ST_INTERNAL, "comm_id: NCCL says: %s", nccl->error_text(error));
  memcpy(id, made.bytes, sizeof made.bytes);
  return ST_OK;
}

st_status comm_create(st_device* device, const st_comm_options* options, st_comm** comm) {
  ST_TRY(check(device, options, comm));
  try {
    return create(device, *options, comm);
  } catch (const std::exception& error) {
    return fail(ST_OUT_OF_MEMORY, "comm_create: %s", error.what());
  }
}

void comm_abort(st_comm* comm, const char* reason) {
  if (comm && comm->group) comm->group->abort(reason);
}

// NCCL's orderly end waits for the other ranks; after its work nothing is lost by aborting.
void comm_destroy(st_comm* comm) {
  if (!comm) return;
  if (comm->group) comm->group->leave(comm);
  if (comm->handle) {
    CurrentContext current(comm->device->context);
    comm->nccl->abort(comm->handle);
  }
  delete comm;
}

// body(nccl, handle) gives the operation to NCCL, and returns NCCL's error.
template <typename Launch>
st_status Exchange::launch(const Launch& body) const {
  CurrentContext current(stream->device->context);
  std::lock_guard<std::timed_mutex> lock(comm->launching);
  ST_TRY(comm->group->status(operation));
  stream->group = comm->group;
  int error = body(*comm->nccl, comm->handle);
  return error == 0 ? ST_OK : fail(ST_INTERNAL, "%s: NCCL says: %s", operation, comm->nccl->error_text(error));
}

st_status Exchange::gather(const float* sent, float* received, int64_t count) const {
  return launch([&](const Nccl& nccl, void* handle) {
    return nccl.all_gather(sent, received, static_cast<size_t>(count), kNcclF32, handle, stream->for_other_work());
  });
}

st_status Exchange::scatter(const float* sent, float* received, int64_t count) const {
  return launch([&](const Nccl& nccl, void* handle) {
    int error = nccl.group_start();
    auto size = static_cast<size_t>(count);
    for (int k = 0; k < comm->ranks && error == 0; ++k) {
      error = nccl.send(sent + k * count, size, kNcclF32, k, handle, stream->for_other_work());
      if (error == 0) error = nccl.receive(received + k * count, size, kNcclF32, k, handle, stream->for_other_work());
    }
    int end = nccl.group_end();
    return error != 0 ? error : end;
  });
}

st_status Exchange::share(void* data, int64_t bytes) const {
  return launch([&](const Nccl& nccl, void* handle) {
    const char* own = static_cast<const char*>(data) + comm->rank * bytes;
    return nccl.all_gather(own, data, static_cast<size_t>(bytes), kNcclInt8, handle, stream->for_other_work());
  });
}

}  // namespace st::cuda
