// Finds races of kernels: two accesses to the same bytes, one of them a write and not both atomic, that nothing orders.
// It sees the accesses of code that g++ has compiled with -fsanitize=thread (instrumentation.cpp), and orders them by
// CUDA's rules, whatever the order in which they were made here:
//
// - __syncthreads orders the threads of a block, and __syncwarp the lanes of a warp. Other operations of a warp,
//   such as shuffles, votes and mma, exchange registers and order no memory, as CUDA's documentation says.
// - What cp.async copies is written when its thread has waited for the group. Before that no thread may access it, not
//   even this one.
// - Fences and atomics order threads of any blocks, where an atomic reads what another one has written: what came
//   before a fence ahead of the writing one comes before what follows a fence behind the reading one. Barriers may lie
//   between a fence and its atomic. Atomics alone order accesses to their own place only: an access behind the last
//   atomic is behind those of all other blocks.
// - Launches come one after another: each begins with nothing remembered. Streams that run at the same time, and
//   kernels that begin before the one ahead has ended, are not looked at.
//
// Two things are not exact. Of reads by several blocks only the last is known: a write behind them is reported although
// atomics may have ordered it. Of reads by several lanes of a warp, or by several warps, the last counts for all.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simt/shadow.h"

namespace st::simt {

class Block;
struct Launch;

enum class Access { kRead, kWrite, kAtomic, kCopyBegins, kCopyEnds };

// Times, by block and thread: what a thread did before its time is known.
class Knowledge;
using Known = std::shared_ptr<const Knowledge>;

class Races {
 public:
  // nullptr where no kernel was compiled for it.
  static Races* detector();
  static void enable();

  // Device memory, which begins with a page.
  void track(const void* begin, size_t bytes) { shadow_.track(begin, bytes); }
  void forget(const void* begin, size_t bytes) { shadow_.forget(begin, bytes); }
  // Shared memory of the block that runs, until the next one begins.
  unsigned char* shared_memory(size_t bytes);

  void begin_launch(const Launch& launch);
  void begin_block(Block& block, uint64_t index, unsigned threads);
  // The thread that runs from now on.
  void enter(unsigned thread) { self_ = thread; }

  void barrier();
  void sync_warp(unsigned mask);  // of this thread's warp
  void fence();
  void access(const void* address, size_t bytes, Access access, const void* code);

 private:
  struct Order {             // of a thread
    uint32_t lanes[32];      // what each lane of its warp did before that time came before
    Known acquired;          // the same, by fences and atomics
    Known fenced, observed;  // what came before a fence; what atomics have read, until the next fence
  };
  struct Array {
    const unsigned char* begin;
    size_t bytes;
  };
  struct Target {
    const void* address;
    size_t bytes;
  };

  void check(Cell& cell, Access access, uint32_t code, const Target& target);
  bool precedes(const Record& record) const;
  bool is_acquired(const Record& record) const;
  Record record_of_self(uint32_t code) const { return {time_, who_of_self(), 1u << self_ % 32, code}; }
  uint32_t who_of_self() const { return block_ << Record::kThreadBits | self_; }
  void add(Record& records, uint32_t code) const;
  void observe(const void* address);
  void share(unsigned first, unsigned count, unsigned mask);

  static const char* library();
  [[noreturn]] void report(const Record& before, const char* did, Access access, uint32_t code, const Target& target);
  std::string name(uint32_t who) const;
  std::string described(const void* address) const;

  Shadow shadow_;
  std::unique_ptr<unsigned char[], void (*)(unsigned char*)> arena_{nullptr, nullptr};
  size_t arena_used_ = 0;
  std::vector<Array> arrays_;

  const Launch* launch_ = nullptr;
  uint64_t launch_generation_ = 0, block_generation_ = 0;  // of global and of shared memory
  bool fenced_ = false;                                    // a thread of the launch has called a fence
  std::map<const void*, Known> places_;                    // of atomics, what can be learned there

  Block* runs_ = nullptr;
  unsigned threads_ = 0;
  uint32_t block_ = 0, self_ = 0;
  uint32_t time_ = 0, barrier_time_ = 0;  // counts what orders; the time behind the last barrier
  std::vector<Order> orders_;
};

// The detector, while this OS thread runs a kernel.
extern constinit thread_local Races* races_of_thread;

}  // namespace st::simt
