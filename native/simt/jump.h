// Suspends one stack and continues another: Boost.Context, and on Linux with x86-64 code of our own in its place, as
// the emulated devices do little else. Boost saves the control words of floating point, which takes three quarters of
// its time and which kernels do not change; and it ends with a jump, after which the processor mispredicts the returns
// of all callers.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

namespace st::simt {

using Stopped = boost::context::detail::fcontext_t;  // where a stack was suspended
// Where a stack was suspended that something jumped from, and what it passed.
using Transfer = boost::context::detail::transfer_t;

#if defined(__x86_64__) && defined(__linux__)

extern "C" Transfer st_simt_jump(Stopped to, void* data);

inline Transfer jump(Stopped to, void* data) {
  return st_simt_jump(to, data);
}

// A stack of `bytes` below `top`, a multiple of 16, on which the first jump to it calls a function that never returns.
inline Stopped begin_stack(void* top, std::size_t, void (*function)(Transfer)) {
  constexpr int kRegisters = 6;
  void** frame = static_cast<void**>(top);
  *--frame = nullptr;  // to where the function would return
  *--frame = reinterpret_cast<void*>(function);
  return frame - kRegisters;
}

#else

inline Transfer jump(Stopped to, void* data) {
  return boost::context::detail::jump_fcontext(to, data);
}

inline Stopped begin_stack(void* top, std::size_t bytes, void (*function)(Transfer)) {
  return boost::context::detail::make_fcontext(top, bytes, function);
}

#endif

}  // namespace st::simt
