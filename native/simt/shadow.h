// What the race detector remembers of the memory that kernels use: of each cell of a page the last write and the last
// reads. A page has cells of 16 bytes until an access needs smaller ones.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace st::simt {

// An access, or several of the same kind that nothing orders: those of the lanes of a warp, or of several warps of a
// block. `who` is then the last of them.
struct Record {
  static constexpr uint32_t kThreadBits = 10;  // of `who`; the others are the block's
  static constexpr uint32_t kManyBlocks = 1u << 31, kAtomic = 1u << 30, kPending = 1u << 29, kPlace = kPending - 1;

  uint32_t time = 0;   // 0: there is none
  uint32_t who = 0;    // block and thread
  uint32_t lanes = 0;  // of the thread's warp; 0: several warps
  uint32_t code = 0;   // offset of the last one in the library; flags: several blocks; atomic; a copy not waited for

  uint32_t block() const { return who >> kThreadBits; }
  uint32_t thread() const { return who & ((1u << kThreadBits) - 1); }
  bool is(uint32_t flag) const { return (code & flag) != 0; }
};

struct Cell {
  Record write, reads;
};

constexpr size_t kPageBits = 12, kPageBytes = size_t{1} << kPageBits;

struct Page {
  static constexpr unsigned kLargestCell = 4;  // 2^4 bytes
  uint64_t generation = 0;                     // in which the cells were written
  unsigned cell_bits = kLargestCell;
  std::unique_ptr<Cell[]> cells{new Cell[kPageBytes >> kLargestCell]};

  // Forgets what another generation has left.
  void begin(uint64_t now);
  // Makes cells so small that each access to `address` of `bytes` covers whole ones.
  void split(uintptr_t address, size_t bytes);
};

// Pages by their addresses. Memory that is not tracked, such as stacks, has none.
class Shadow {
 public:
  Shadow();
  ~Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  // Memory that begins with a page.
  void track(const void* begin, size_t bytes);
  void forget(const void* begin, size_t bytes);

  Page* find(uintptr_t address) {
    Leaf* leaf = address >> kAddressBits ? nullptr : leaves_[address >> (kPageBits + kLeafBits)].load();
    if (!leaf) return nullptr;
    std::atomic<Page*>& place = leaf->pages[address >> kPageBits & ((1u << kLeafBits) - 1)];
    Page* page = place.load(std::memory_order_relaxed);
    return page == untouched() ? made(place) : page;
  }

 private:
  static constexpr unsigned kAddressBits = 47, kLeafBits = 18;
  struct Leaf {
    std::atomic<Page*> pages[1u << kLeafBits] = {};
  };

  static Page* untouched() { return reinterpret_cast<Page*>(1); }
  static Page* made(std::atomic<Page*>& place);
  std::atomic<Page*>& place_of(uintptr_t address);

  std::mutex mutex_;  // of leaves that are made
  std::unique_ptr<std::atomic<Leaf*>[]> leaves_;
};

}  // namespace st::simt
