// What a thread does while it waits for another that will be done in a moment.
#pragma once

#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace st::cpu {

// One iteration of a loop that waits. Now and then the core is offered to other threads: the host's thread, above
// all, without which there would soon be nothing to wait for.
inline void pause(int turn) {
  if (turn % 64 == 63) return std::this_thread::yield();
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace st::cpu
