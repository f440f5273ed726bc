// What g++ calls before each access of code that it compiles with -fsanitize=thread, in place of ThreadSanitizer's
// runtime: the race detector. For the host's code, and for stacks, the calls do nothing but what they replace.
#include <cstdint>

#include "simt/races.h"

namespace {

using namespace st::simt;

inline void access(const void* address, size_t bytes, Access access, const void* code) {
  if (Races* races = races_of_thread) races->access(address, bytes, access, code);
}

}  // namespace

#define ST_CODE __builtin_return_address(0)

#define ST_ACCESSES(bytes)                            \
  void __tsan_read##bytes(void* address) {            \
    access(address, bytes, Access::kRead, ST_CODE);   \
  }                                                   \
  void __tsan_write##bytes(void* address) {           \
    access(address, bytes, Access::kWrite, ST_CODE);  \
  }                                                   \
  void __tsan_unaligned_read##bytes(void* address) {  \
    access(address, bytes, Access::kRead, ST_CODE);   \
  }                                                   \
  void __tsan_unaligned_write##bytes(void* address) { \
    access(address, bytes, Access::kWrite, ST_CODE);  \
  }

// CUDA's atomics order nothing; those of the host get the strongest order.
#define ST_ATOMIC(bits, name)                                                                       \
  uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t* address, uint##bits##_t value, int) { \
    access(address, bits / 8, Access::kAtomic, ST_CODE);                                            \
    return __atomic_##name(address, value, __ATOMIC_SEQ_CST);                                       \
  }

#define ST_EXCHANGE(bits, name, weak)                                                                            \
  int __tsan_atomic##bits##_##name(uint##bits##_t* address, uint##bits##_t* expected, uint##bits##_t value, int, \
                                   int) {                                                                        \
    access(address, bits / 8, Access::kAtomic, ST_CODE);                                                         \
    return __atomic_compare_exchange_n(address, expected, value, weak, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);      \
  }

#define ST_ATOMICS(bits)                                                                 \
  ST_ATOMIC(bits, fetch_add)                                                             \
  ST_ATOMIC(bits, fetch_sub)                                                             \
  ST_ATOMIC(bits, fetch_or)                                                              \
  ST_EXCHANGE(bits, compare_exchange_weak, true)                                         \
  ST_EXCHANGE(bits, compare_exchange_strong, false)                                      \
  uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t* address, int) {        \
    access(address, bits / 8, Access::kAtomic, ST_CODE);                                 \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                                   \
  }                                                                                      \
  void __tsan_atomic##bits##_store(uint##bits##_t* address, uint##bits##_t value, int) { \
    access(address, bits / 8, Access::kAtomic, ST_CODE);                                 \
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                                  \
  }

#pragma GCC diagnostic ignored "-Wmissing-declarations"

extern "C" {

void __tsan_init() {
  Races::enable();
}

// Kernels have no virtual functions.
void __tsan_vptr_update(void**, void*) {}

ST_ACCESSES(1)
ST_ACCESSES(2)
ST_ACCESSES(4)
ST_ACCESSES(8)
ST_ACCESSES(16)

void __tsan_read_range(void* address, size_t bytes) {
  access(address, bytes, Access::kRead, ST_CODE);
}
void __tsan_write_range(void* address, size_t bytes) {
  access(address, bytes, Access::kWrite, ST_CODE);
}

ST_ATOMICS(8)
ST_ATOMICS(32)
ST_ATOMICS(64)

}  // extern "C"
