// The types of a kernel's position in the grid.
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

// Position of the emulated thread that this OS thread currently runs.
extern constinit thread_local Position position_of_thread;

}  // namespace st::simt
