// Spin-waiting for another thread that will be done soon.
#pragma once

#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace st::cpu {

// One iteration of a spin loop. Occasionally yields the core to other threads, above all to the host's thread, which
// submits the next work.
inline void pause(int turn) {
  if (turn % 64 == 63) return std::this_thread::yield();
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace st::cpu
