#include "cpu/thread_pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace st::cpu {
namespace {

constexpr int kSpins = 4000;  // about 100 us: longer than the host needs between two operations of a step

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  workers_.reserve(static_cast<size_t>(threads - 1));
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
  } catch (...) {  // no more threads to be had: those that started must end before the vector does
    stopping_ = true;
    generation_.fetch_add(1);
    generation_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(int64_t count, Function function, const void* context) {
  if (count <= 0) return;
  if (workers_.empty() || count == 1) {
    function(context, 0, count);
    return;
  }
  std::lock_guard<std::mutex> lock(one_at_a_time_);
  function_ = function;
  context_ = context;
  count_ = count;
  pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  run_part(0);
  for (int spins = 0; pending_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kSpins)
      pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::run_part(int index) {
  int64_t threads = static_cast<int64_t>(workers_.size()) + 1;
  int64_t begin = count_ * index / threads, end = count_ * (index + 1) / threads;
  if (begin < end) function_(context_, begin, end);
}

void ThreadPool::wait_for_change(uint32_t seen) {
  for (int spins = 0; spins < kSpins; ++spins) {
    if (generation_.load(std::memory_order_acquire) != seen) return;
    pause();
  }
  generation_.wait(seen, std::memory_order_acquire);
}

void ThreadPool::work(int index) {
  uint32_t seen = 0;
  for (;;) {
    wait_for_change(seen);
    // One generation at a time: the next begins only after every worker has finished this one. A generation that is
    // still unseen when the pool stops was the stop itself.
    if (stopping_.load()) return;
    seen = generation_.load(std::memory_order_acquire);
    run_part(index);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace st::cpu
