#include "simt/shadow.h"

#include <algorithm>

namespace st::simt {

void Page::begin(uint64_t now) {
  generation = now;
  std::fill_n(cells.get(), kPageBytes >> cell_bits, Cell());
}

void Page::split(uintptr_t address, size_t bytes) {
  auto bits = static_cast<unsigned>(__builtin_ctzll(address | bytes | uintptr_t{1} << cell_bits));
  if (bits == cell_bits) return;
  std::unique_ptr<Cell[]> smaller(new Cell[kPageBytes >> bits]);
  for (size_t i = 0; i < kPageBytes >> bits; ++i) smaller[i] = cells[i >> (cell_bits - bits)];
  cells = std::move(smaller);
  cell_bits = bits;
}

Shadow::Shadow() : leaves_(new std::atomic<Leaf*>[size_t{1} << (kAddressBits - kPageBits - kLeafBits)]()) {}

Shadow::~Shadow() {
  for (size_t i = 0; i < size_t{1} << (kAddressBits - kPageBits - kLeafBits); ++i) delete leaves_[i].load();
}

Page* Shadow::made(std::atomic<Page*>& place) {
  place = new Page;
  return place;
}

std::atomic<Page*>& Shadow::place_of(uintptr_t address) {
  std::atomic<Leaf*>& leaf = leaves_[address >> (kPageBits + kLeafBits)];
  std::lock_guard<std::mutex> lock(mutex_);
  if (!leaf) leaf = new Leaf;
  return leaf.load()->pages[address >> kPageBits & ((1u << kLeafBits) - 1)];
}

void Shadow::track(const void* begin, size_t bytes) {
  const auto first = reinterpret_cast<uintptr_t>(begin);
  for (uintptr_t at = first; at < first + bytes; at += kPageBytes) place_of(at) = untouched();
}

void Shadow::forget(const void* begin, size_t bytes) {
  const auto first = reinterpret_cast<uintptr_t>(begin);
  for (uintptr_t at = first; at < first + bytes; at += kPageBytes) {
    Page* page = place_of(at).exchange(nullptr);
    if (page != untouched()) delete page;
  }
}

}  // namespace st::simt
