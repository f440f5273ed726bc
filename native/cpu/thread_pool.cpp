#include "cpu/thread_pool.h"

#include "cpu/cores.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace st::cpu {
namespace {

constexpr int kSpins = 4000;  // about 100 us: longer than the host needs between two operations of a step

// What the pools of this process know of one another.
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

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) : parts_(static_cast<uint32_t>(threads * kPartsPerThread)) {
  int first = threads_of_all_pools.fetch_add(threads);
  bool bind = threads > 1 && threads <= static_cast<int>(cores().size());
  workers_.reserve(static_cast<size_t>(threads - 1));
  try {
    for (int i = 1; i < threads; ++i) {
      int core = bind ? cores()[static_cast<size_t>(first + i) % cores().size()] : -1;
      workers_.emplace_back([this, core] {
        if (core >= 0) bind_to_core(core);
        work();
      });
    }
  } catch (...) {  // no more threads to be had: those that started must end before the vector does
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
  if (workers_.empty() || count == 1) {
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
  next_.store(static_cast<uint64_t>(generation) << 32, std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  run_parts(generation);
  for (int spins = 0; finished_.load(std::memory_order_acquire) != parts_; ++spins) {
    if (spins < kSpins)
      pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::run_parts(uint32_t generation) {
  for (;;) {
    uint64_t next = next_.load(std::memory_order_acquire);
    int64_t part = static_cast<uint32_t>(next);
    if (next >> 32 != generation || part >= parts_) return;
    if (!next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel)) continue;
    int64_t begin = count_ * part / parts_, end = count_ * (part + 1) / parts_;
    if (begin < end) function_(context_, begin, end);
    finished_.fetch_add(1, std::memory_order_release);
  }
}

void ThreadPool::work() {
  uint32_t seen = 0;
  for (;;) {
    for (int spins = 0; spins < kSpins && generation_.load(std::memory_order_acquire) == seen && !others_work();
         ++spins)
      pause();
    generation_.wait(seen, std::memory_order_acquire);
    if (stopping_.load()) return;
    seen = generation_.load(std::memory_order_acquire);
    run_parts(seen);
  }
}

}  // namespace st::cpu
