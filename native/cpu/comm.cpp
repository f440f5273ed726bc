// Communicators: comm_id, comm_create, comm_abort, comm_destroy; and how ranks meet.

#include "cpu/comm.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <random>

#include "common/checks.h"
#include "cpu/device.h"
#include "cpu/pause.h"

namespace st::cpu {
namespace {

constexpr int kSpins = 2000;  // about 50 us: ranks that compute equal shards are not further apart
constexpr uint64_t kTransportBytes = uint64_t{16} << 20;

using Id = std::string;

std::mutex groups_mutex;
std::map<Id, std::weak_ptr<Group>>& groups() {
  static auto* all = new std::map<Id, std::weak_ptr<Group>>;  // outlives calls from static destructors
  return *all;
}

// The group of an id, made by the first rank that asks for it.
std::shared_ptr<Group> join_group(const Id& id, int ranks) {
  std::lock_guard<std::mutex> lock(groups_mutex);
  for (auto it = groups().begin(); it != groups().end();)
    it = it->second.expired() ? groups().erase(it) : std::next(it);
  std::shared_ptr<Group> group = groups()[id].lock();
  if (!group) groups()[id] = group = std::make_shared<Group>(ranks);
  return group;
}

}  // namespace

bool Group::meet(int rank, uint32_t timeout_ms) {
  if (failed_.load(std::memory_order_acquire)) return false;
  uint32_t meeting = meeting_.load(std::memory_order_acquire);
  last_meeting_[rank].store(meeting + 1, std::memory_order_relaxed);
  if (came_.fetch_add(1, std::memory_order_acq_rel) + 1 == ranks_) {
    came_.store(0, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      meeting_.store(meeting + 1, std::memory_order_release);
    }
    all_came_.notify_all();
    return true;
  }
  auto over = [&] { return meeting_.load(std::memory_order_acquire) != meeting || failed_.load(); };
  for (int spins = 0; spins < kSpins && !over(); ++spins) pause(spins);
  if (!over()) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!all_came_.wait_for(lock, std::chrono::milliseconds(timeout_ms), over)) {
      lock.unlock();
      fail(missing_ranks(timeout_ms).c_str());
    }
  }
  return meeting_.load(std::memory_order_acquire) != meeting;
}

std::string Group::missing_ranks(uint32_t timeout_ms) const {
  std::string text;
  uint32_t meeting = meeting_.load() + 1;
  for (int k = 0; k < ranks_; ++k)
    if (last_meeting_[k].load() != meeting) text += (text.empty() ? "rank " : ", ") + std::to_string(k);
  return text + " did not answer within " + std::to_string(timeout_ms) + " ms";
}

void Group::fail(const char* reason) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (failed_.load()) return;
    reason_ = reason;
    failed_.store(true, std::memory_order_release);
  }
  all_came_.notify_all();
}

std::string Group::reason() {
  std::lock_guard<std::mutex> lock(mutex_);
  return reason_;
}

st_status comm_id(st_device* device, uint8_t* id) {
  ST_REQUIRE(device && id, "comm_id: a pointer is null");
  std::random_device random;
  for (int i = 0; i < ST_COMM_ID_BYTES; ++i) id[i] = static_cast<uint8_t>(random());
  return ST_OK;
}

st_status comm_create(st_device* device, const st_comm_options* options, st_comm** comm) {
  ST_TRY(check(device, options, comm));
  try {
    auto made = std::make_unique<st_comm>();
    made->rank = options->rank;
    made->ranks = options->ranks;
    made->timeout_ms = options->timeout_ms;
    made->transport = options->transport;
    // With a transport this rank is alone in the group, which then only holds the reason of an abort.
    Id id(reinterpret_cast<const char*>(options->id), ST_COMM_ID_BYTES);
    made->group = options->transport ? std::make_shared<Group>(1) : join_group(id, options->ranks);
    ST_REQUIRE(options->transport || made->group->ranks() == options->ranks,
               "comm_create: %d ranks, but another rank said %d", options->ranks, made->group->ranks());
    if (options->transport) {
      made->sent.resize(kTransportBytes);
      made->received.resize(kTransportBytes);
    }
    if (!made->group->meet(options->transport ? 0 : made->rank, made->timeout_ms))
      return fail(ST_INTERNAL, "comm_create: %s", made->group->reason().c_str());
    *comm = made.release();
  } catch (const std::bad_alloc&) {
    return fail(ST_OUT_OF_MEMORY, "comm_create: no memory");
  }
  return ST_OK;
}

void comm_abort(st_comm* comm, const char* reason) {
  if (comm) comm->group->fail(reason ? reason : "aborted");
}

void comm_destroy(st_comm* comm) {
  delete comm;
}

}  // namespace st::cpu

st_status st_comm::exchange(const void* in, uint64_t bytes, uint64_t most, const void** parts) {
  group->inputs[transport ? 0 : rank] = in;
  if (!group->meet(transport ? 0 : rank, timeout_ms)) return st::fail(ST_INTERNAL, "%s", group->reason().c_str());
  if (!transport) {
    std::copy(group->inputs, group->inputs + ranks, parts);
    return ST_OK;
  }
  if (bytes < most) {  // the transport sends the same from every rank
    memcpy(sent.data(), in, bytes);
    in = sent.data();
  }
  if (const char* problem = transport->all_gather(transport->context, in, received.data(), most, timeout_ms))
    return st::fail(ST_INTERNAL, "%s", problem);
  for (int k = 0; k < ranks; ++k) parts[k] = received.data() + static_cast<uint64_t>(k) * most;
  return ST_OK;
}

st_status st_comm::end() {
  if (transport || group->meet(rank, timeout_ms)) return ST_OK;
  return st::fail(ST_INTERNAL, "%s", group->reason().c_str());
}
