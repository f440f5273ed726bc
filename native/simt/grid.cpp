#include "simt/grid.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "simt/state.h"

namespace st::simt {
namespace {

uint64_t block_count(const Launch& launch) {
  return uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
}

uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
  return b == 0 ? a : greatest_common_divisor(b, a % b);
}

// A running grid. Blocks are assigned in the order i -> i * stride mod count, which is a permutation.
struct Work {
  explicit Work(const Launch& l) : launch(l), count(block_count(l)) {
    if (launch.seed != 0 && count > 2)
      for (stride = launch.seed * 2654435761u % count | 1; greatest_common_divisor(stride, count) != 1;) ++stride;
  }

  void run(Block& block) {
    for (uint64_t i; (i = next.fetch_add(1)) < count && !failed;) {
      if (block.run(launch, i * stride % count)) continue;
      std::lock_guard<std::mutex> lock(error_mutex);
      if (error.empty()) error = block.error();
      failed = true;
    }
  }

  const Launch& launch;
  uint64_t count, stride = 1;
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex error_mutex;
  std::string error;
};

class Workers {
 public:
  Workers() {
    for (int i = 1; i < worker_count(); ++i) threads_.emplace_back([this] { serve(); });
  }

  ~Workers() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void run(Work& work) {
    std::lock_guard<std::mutex> turn(turn_);
    if (Races* races = Races::detector()) races->begin_launch(work.launch);
    if (work.count > 1 && !threads_.empty()) {
      {
        std::lock_guard<std::mutex> lock(mutex_);
        work_ = &work;
        busy_ = threads_.size();
        ++generation_;
      }
      wake_.notify_all();
    }
    work.run(block_);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    work_ = nullptr;
  }

 private:
  void serve() {
    Block block;
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      Work* work = work_;
      lock.unlock();
      work->run(block);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> threads_;
  Block block_;
  Work* work_ = nullptr;
  size_t busy_ = 0;
  uint64_t generation_ = 0;
  bool stop_ = false;
};

}  // namespace

int worker_count() {
  if (Races::detector()) return 1;
  unsigned processors = std::thread::hardware_concurrency();
  return static_cast<int>(environment_number("SOFTTHINKING_SIMT_THREADS", processors > 0 ? processors : 1));
}

std::string run_grid(Launch launch) {
  static Workers workers;
  static const uint64_t seed = environment_number("SOFTTHINKING_SIMT_SEED", 0);
  static std::atomic<uint64_t> launches{0};
  if (seed != 0) launch.seed = seed * 1000003 + launches.fetch_add(1);
  Work work(launch);
  workers.run(work);
  return work.error;
}

}  // namespace st::simt
