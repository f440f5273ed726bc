// Threads that execute one operation together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace st::cpu {

// Runs a function over a range of items. Each thread starts with its own part of the range, which it processes in order
// (so that weights are read sequentially, and by the same thread in every step); a thread that is done helps the
// others, so that a thread delayed by the system does not hold up the rest. Workers spin for a while before they
// sleep, because operations follow each other within microseconds.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(begin, end) for disjoint parts that cover [0, count); returns when all are done. `work` is about the
  // total number of multiply-adds, or the equivalent: the caller executes a small amount of work alone, faster than the
  // other threads would start.
  template <typename Body>
  void parallel_for(int64_t count, int64_t work, const Body& body) {
    if (work < shared_work_) return count > 0 ? body(int64_t{0}, count) : void();
    run(
        count,
        [](const void* context, int64_t begin, int64_t end) { (*static_cast<const Body*>(context))(begin, end); },
        &body);
  }

 private:
  using Function = void (*)(const void* context, int64_t begin, int64_t end);

  // The items [count * i / threads, count * (i + 1) / threads) of thread i, of which the last `left` are to be claimed.
  struct alignas(64) Stretch {
    std::atomic<uint64_t> left{0};  // generation << 32 | number of items
  };

  void run(int64_t count, Function function, const void* context);
  void share(int64_t count, Function function, const void* context);
  void work(int thread);
  void stop();
  bool others_work() const;
  int64_t begin_of(int stretch) const { return count_ * stretch / threads(); }
  void run_items(uint32_t generation, int thread);
  int64_t run_stretch(uint32_t generation, int stretch);

  int64_t shared_work_;       // minimum work that is shared
  std::mutex one_at_a_time_;  // streams of one device share the threads
  // Read only by threads that claimed items: the call they belong to ends after its last item did.
  Function function_ = nullptr;
  const void* context_ = nullptr;
  int64_t count_ = 0;
  std::unique_ptr<Stretch[]> stretches_;
  alignas(64) std::atomic<int64_t> finished_{0};     // items done
  alignas(64) std::atomic<uint32_t> generation_{0};  // what workers sleep on
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace st::cpu
