// What the tensor cores of an emulated device compute.
#pragma once

#include <cstdint>

#include "simt/include/simt_device.h"

namespace st::simt {

// A product of mma.m16n8k16, with operands as their bits: d += a b.
struct Tile {
  uint16_t a[16][16];  // [row][k]
  uint16_t b[16][8];   // [k][column]
  float d[16][8];
};

// Each sum is that of the model that an H200 kept to (MmaModel{16, 2, false} of tests/native/mma_model.h): the 16
// products and d are shifted to the largest exponent among them, keep 2 bits more than an f32, and are cut toward zero;
// their sum is exact, and is cut to an f32. A sum of zero is +0. Not measured: operands that are NaN, an infinity times
// zero, and infinities of both signs give NaN, 0x7fffffff; else an infinity stays one, and a finite sum of 2^128 or
// more becomes one.
void multiply(Tile& tile, MmaFormat format);

}  // namespace st::simt
