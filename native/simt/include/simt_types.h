// The types by which a kernel knows its place.
#pragma once

#include <cstddef>
#include <cstdint>

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace st::simt {

struct Position {
  uint3 thread, block;
  dim3 block_size, grid_size;
};

// Of the thread of the emulated device that this thread of the system runs now.
extern constinit thread_local Position position_of_thread;

}  // namespace st::simt
