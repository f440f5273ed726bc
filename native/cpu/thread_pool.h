// Threads that share the work of one operation.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace st::cpu {

// Runs a function over a range that is cut into parts, which the caller and the workers claim one by one: a worker that
// the system lets wait holds nobody up. Workers spin for a while before they sleep, because operations follow one
// another within microseconds.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(begin, end) for disjoint parts that cover [0, count); returns when all are done. `work` is about the
  // number of multiply-adds of all of it: little work is done by the caller alone, sooner than others would wake.
  template <typename Body>
  void parallel_for(int64_t count, int64_t work, const Body& body) {
    if (work < kSharedWork) return count > 0 ? body(int64_t{0}, count) : void();
    run(
        count,
        [](const void* context, int64_t begin, int64_t end) { (*static_cast<const Body*>(context))(begin, end); },
        &body);
  }

 private:
  static constexpr int64_t kSharedWork = 1 << 17;  // about 3 us of one core

  using Function = void (*)(const void* context, int64_t begin, int64_t end);

  static constexpr int kPartsPerThread = 4;

  void run(int64_t count, Function function, const void* context);
  void share(int64_t count, Function function, const void* context);
  void work();
  void stop();
  bool others_work() const;
  void run_parts(uint32_t generation);

  std::mutex one_at_a_time_;  // streams of one device share the threads
  // Read only by whoever claimed a part: the call they belong to ends after its last part did.
  Function function_ = nullptr;
  const void* context_ = nullptr;
  int64_t count_ = 0;
  uint32_t parts_;
  std::atomic<uint64_t> next_{0};  // generation << 32 | next part to claim
  std::atomic<uint32_t> finished_{0};
  std::atomic<uint32_t> generation_{0};  // what workers sleep on
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace st::cpu
