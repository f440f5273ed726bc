// ST_INT8: blocks of 32 inputs of an output, integers times an f16 scale.
#pragma once

#include <cmath>

#include "common/formats.h"
#include "common/math.h"
#include "common/parts.h"

namespace st {

// A block as stored in a checkpoint: the f16 scale, then the integers.
constexpr int64_t kStoredBlockBytes = 2 + kInt8Block;

ST_HD int64_t int8_blocks(int64_t cols) {
  return (cols + kInt8Block - 1) / kInt8Block;
}

// The scale of weights whose largest magnitude is `largest`.
ST_HD uint16_t int8_scale(float largest) {
  return float_to_f16(fminf(largest / 127.0f, 65504.0f));
}

// What weights are multiplied by, given their scale as a number, before they are rounded.
ST_HD float int8_inverse(float scale) {
  return scale > 0.0f ? 1.0f / scale : 0.0f;
}

// The nearest of -127..127; NaN becomes 0.
ST_HD int32_t nearest_int8(float x) {
  if (!(fabsf(x) < 127.0f)) return x > 0.0f ? 127 : x < 0.0f ? -127 : 0;
  return static_cast<int32_t>((x + Exp32::round) - Exp32::round);
}

}  // namespace st
