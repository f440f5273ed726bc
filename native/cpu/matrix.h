// Layout of a weight matrix W[rows, cols]: tiles of 16 outputs, each [cols, 16], the last tile padded with zeros, so
// that a product reads one contiguous range and every lane of a vector is an output of its own.
#pragma once

#include "cpu/kernels.h"
#include "softthinking/backend.h"

namespace st::cpu {

// 0 for what is not a type of weights.
inline int element_bytes(int32_t dtype) {
  switch (dtype) {
    case ST_F32:
      return 4;
    case ST_F16:
    case ST_BF16:
      return 2;
    default:
      return 0;
  }
}

inline int64_t tile_count(int32_t rows) {
  return (static_cast<int64_t>(rows) + kLanes - 1) / kLanes;
}

}  // namespace st::cpu
