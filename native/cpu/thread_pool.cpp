#include "cpu/thread_pool.h"

#include <algorithm>

#include "cpu/cores.h"
#include "cpu/pause.h"

namespace st::cpu {
namespace {

// The more threads, the longer it takes to start and join them all: 0.2 us for two, in which one core executes about
// 8,000 multiply-adds.
constexpr int64_t kSharedWorkOfThread = 1 << 14, kMostSharedWork = 1 << 17;

constexpr int kSpins = 4000;  // about 100 us: longer than the host needs between two operations of a step

// A claim takes this fraction of the rest of a range: much at first, and little at the end, where threads wait for each
// other.
constexpr int64_t kClaims = 4;

// State shared by the pools of this process.
std::mutex turn;  // held by the pool that works, while they have more threads than cores
std::atomic<const ThreadPool*> working{nullptr};  // who holds it
std::atomic<int> threads_of_all_pools{0};

const std::vector<int>& cores() {
  static const std::vector<int> list = physical_cores();
  return list;
}

bool crowded() {
  static const int available = cores().empty() ? allowed_threads() : static_cast<int>(cores().size());
  return threads_of_all_pools.load(std::memory_order_relaxed) > available;
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : shared_work_(std::min(threads * kSharedWorkOfThread, kMostSharedWork)),
      stretches_(new Stretch[static_cast<size_t>(threads)]) {
  int first = threads_of_all_pools.fetch_add(threads);
  bool bind = threads > 1 && threads <= static_cast<int>(cores().size());
  workers_.reserve(static_cast<size_t>(threads - 1));
  try {
    for (int i = 1; i < threads; ++i) {
      int core = bind ? cores()[static_cast<size_t>(first + i) % cores().size()] : -1;
      workers_.emplace_back([this, core, i] {
        if (core >= 0) bind_to_core(core);
        work(i);
      });
    }
  } catch (...) {  // no more threads can be created: those already started must end before the vector is destroyed
    stop();
    threads_of_all_pools.fetch_sub(threads);
    throw;
  }
}

ThreadPool::~ThreadPool() {
  int threads = this->threads();
  stop();
  threads_of_all_pools.fetch_sub(threads);
}

void ThreadPool::stop() {
  stopping_ = true;
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::others_work() const {
  const ThreadPool* pool = working.load(std::memory_order_relaxed);
  return pool != nullptr && pool != this;
}

void ThreadPool::run(int64_t count, Function function, const void* context) {
  if (count <= 0) return;
  if (workers_.empty() || count == 1 || count > INT32_MAX) {
    function(context, 0, count);
    return;
  }
  std::lock_guard<std::mutex> lock(one_at_a_time_);
  if (!crowded()) return share(count, function, context);
  std::lock_guard<std::mutex> lock_turn(turn);
  working = this;
  share(count, function, context);
  working = nullptr;
}

void ThreadPool::share(int64_t count, Function function, const void* context) {
  function_ = function;
  context_ = context;
  count_ = count;
  finished_.store(0, std::memory_order_relaxed);
  uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  for (int i = 0; i < threads(); ++i) {
    auto items = static_cast<uint64_t>(begin_of(i + 1) - begin_of(i));
    stretches_[static_cast<size_t>(i)].left.store(uint64_t{generation} << 32 | items, std::memory_order_release);
  }
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  run_items(generation, 0);
  for (int spins = 0; finished_.load(std::memory_order_acquire) != count; ++spins) pause(spins);
}

// The thread's own range, then the remaining items of the others. All threads write to finished_, so each does it once.
void ThreadPool::run_items(uint32_t generation, int thread) {
  int64_t done = 0;
  for (int i = 0; i < threads(); ++i) done += run_stretch(generation, (thread + i) % threads());
  if (done > 0) finished_.fetch_add(done, std::memory_order_release);
}

int64_t ThreadPool::run_stretch(uint32_t generation, int stretch) {
  int64_t done = 0;
  std::atomic<uint64_t>& place = stretches_[static_cast<size_t>(stretch)].left;
  uint64_t seen = place.load(std::memory_order_acquire);
  while (seen >> 32 == generation && static_cast<uint32_t>(seen) > 0) {
    int64_t left = static_cast<uint32_t>(seen), claimed = (left + kClaims - 1) / kClaims;
    if (!place.compare_exchange_weak(seen, seen - static_cast<uint64_t>(claimed), std::memory_order_acq_rel)) continue;
    int64_t begin = begin_of(stretch + 1) - left;
    function_(context_, begin, begin + claimed);
    done += claimed;
    seen = place.load(std::memory_order_acquire);
  }
  return done;
}

void ThreadPool::work(int thread) {
  uint32_t seen = 0;
  for (;;) {
    for (int spins = 0; spins < kSpins && generation_.load(std::memory_order_acquire) == seen && !others_work();
         ++spins)
      pause(spins);
    generation_.wait(seen, std::memory_order_acquire);
    if (stopping_.load()) return;
    seen = generation_.load(std::memory_order_acquire);
    run_items(seen, thread);
  }
}

}  // namespace st::cpu
