// One block of a grid: its threads as fibers of one OS thread, its barrier, its warps and its shared memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simt/fiber.h"
#include "simt/include/simt_types.h"
#include "simt/races.h"

namespace st::simt {

constexpr int kWarpSize = 32;

struct Launch {
  const void* kernel = nullptr;
  dim3 grid, block;
  size_t shared_bytes = 0;         // dynamic ones
  size_t shared_limit = SIZE_MAX;  // of dynamic and static ones together
  std::function<void()> body;      // what one thread runs
  uint64_t seed = 0;               // of the order of the threads; 0: in their own order
};

// The place with that index in a grid or a block.
uint3 unfolded(uint64_t index, const dim3& size);

class Block {
 public:
  // Runs every thread of the block to its end. False if that is impossible; error() then returns the reason.
  bool run(const Launch& launch, uint64_t index);
  const std::string& error() const { return error_; }

  // The rest is called by the threads of the block. A barrier must be the same one for all of them, at one place in the
  // source.
  void barrier(const char* file, int line);
  // A collective operation of the lanes of `mask`, which the calling lane belongs to. The last lane to arrive calls
  // complete(payloads, mask) for all; payloads[lane] is what that lane passed.
  using Complete = void (*)(void* const* payloads, unsigned mask);
  void collective(unsigned mask, void* payload, Complete complete);
  void sync_warp(unsigned mask);
  // Shared memory by the identity of its declaration; filled with a pattern when the first thread asks.
  void* shared_array(const void* declaration, size_t bytes);
  void* dynamic_shared() { return dynamic_shared_.get(); }
  // A thread calls the first before anything else, the second at its end.
  void wait_for_previous() { threads_[current_].waited = true; }
  void expect_waited();
  // Copies that are deferred until they are waited for, in groups; see async_copy.
  void async_copy(void* destination, const void* source, size_t bytes);
  void async_commit();
  void async_wait(size_t groups_left);
  // Ends the block with an error, and the calling thread for ever.
  [[noreturn]] void fail(std::string message);

 private:
  struct Copy {
    void* destination;
    const void* source;
    size_t bytes;
  };
  struct Thread {
    std::unique_ptr<Fiber> fiber;
    uint3 place = {};
    bool waits_at_barrier = false;
    bool waited = false;                    // for the kernel ahead
    std::vector<std::vector<Copy>> copies;  // the last group is open
  };
  struct Collective {
    Collective(unsigned m, Complete c) : mask(m), complete(c) {}
    unsigned mask, arrived = 0;
    Complete complete;
    void* payloads[kWarpSize];  // of the lanes that have arrived
  };
  using Bytes = std::unique_ptr<unsigned char[], void (*)(unsigned char*)>;
  struct Array {
    const void* declaration;
    Bytes bytes;
  };

  void begin(const Launch& launch, uint64_t index);
  Bytes shared_bytes(size_t bytes);
  Fiber& enter(unsigned thread);
  void finish(unsigned thread);
  void wait();
  void release_barrier();
  unsigned take_ready();
  void make_ready(unsigned thread);
  void make_next(unsigned first, unsigned lanes);
  void diagnose_deadlock();
  void set_error(std::string message);
  uint64_t random();
  std::string name(unsigned thread) const;

  Races* const races_ = Races::detector();
  const Launch* launch_ = nullptr;
  std::string error_;
  unsigned count_ = 0, live_ = 0, at_barrier_ = 0, current_ = 0;
  const char* barrier_file_ = nullptr;
  int barrier_line_ = 0;
  bool shuffled_ = false;
  uint64_t random_state_ = 0;
  Context scheduler_;  // of run()
  std::vector<Thread> threads_;
  std::vector<std::unique_ptr<Fiber>> idle_;
  std::vector<unsigned> ready_;  // from ready_begin_ on
  size_t ready_begin_ = 0;
  std::vector<std::vector<Collective>> collectives_;  // per warp, those that have begun
  std::vector<Array> arrays_;
  size_t shared_used_ = 0;
  Bytes dynamic_shared_{nullptr, nullptr};
};

// The block that this OS thread runs, while it runs one.
extern constinit thread_local Block* block_of_thread;

}  // namespace st::simt
