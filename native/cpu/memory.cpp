// Device memory. From calloc, whose large blocks are zero pages that the system allocates on the first write, so that
// nothing is written twice. The address of the block is stored before the aligned address.

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "cpu/device.h"

namespace st::cpu {
namespace {

constexpr size_t kAlignment = 64;

// Weights are read sequentially in every engine step: with pages of 2 MiB there are fewer TLB misses, and prefetching
// does not stop every 4 KiB.
void ask_for_large_pages([[maybe_unused]] void* block, [[maybe_unused]] size_t bytes) {
#if defined(__linux__)
  constexpr uintptr_t kPage = 4096;
  constexpr size_t kWorthwhile = size_t{4} << 20;
  if (bytes < kWorthwhile) return;
  uintptr_t begin = (reinterpret_cast<uintptr_t>(block) + kPage - 1) / kPage * kPage;
  uintptr_t end = (reinterpret_cast<uintptr_t>(block) + bytes) / kPage * kPage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a hint only: a refusal has no effect
#endif
}

}  // namespace

st_status memory_alloc(st_device* device, uint64_t bytes, void** pointer) {
  ST_REQUIRE(device && pointer, "memory_alloc: a pointer is null");
  ST_REQUIRE(bytes > 0 && bytes <= UINT64_MAX - 2 * kAlignment, "memory_alloc: %llu bytes",
             static_cast<unsigned long long>(bytes));
  void* block = calloc(1, static_cast<size_t>(bytes) + 2 * kAlignment);
  if (!block)
    return fail(ST_OUT_OF_MEMORY, "memory_alloc: the system cannot allocate %llu bytes",
                static_cast<unsigned long long>(bytes));
  ask_for_large_pages(block, static_cast<size_t>(bytes));
  uintptr_t aligned = (reinterpret_cast<uintptr_t>(block) + 2 * kAlignment - 1) / kAlignment * kAlignment;
  *pointer = reinterpret_cast<void*>(aligned);
  static_cast<void**>(*pointer)[-1] = block;
  return ST_OK;
}

void memory_free(st_device*, void* pointer) {
  if (pointer) free(static_cast<void**>(pointer)[-1]);
}

}  // namespace st::cpu
