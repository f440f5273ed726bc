// Products with weights of ST_INT8; part of kernels.inl. Within a block of 32 inputs the products are summed as
// integers, exactly; the blocks are scaled and added in order.
#pragma once

#include "cpu/matrix.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

struct Int8Blocks {
  static constexpr int kRows = kInt8Rows, kTiles = kInt8Tiles, kWideRows = kInt8WideRows, kFew = kInt8Few;

  // Forced inline: otherwise the sums would be in memory throughout.
  template <int ROWS, int TILES>
  ST_HD void add_columns(const Product& p, int64_t row, int64_t tile, int64_t begin, int64_t end,
                         F16x (&total)[ROWS][TILES]) {
    int64_t blocks = block_count(p.cols), lane = tile % kGroupTiles * kLanes;
    char* x = static_cast<char*>(const_cast<void*>(p.x)) + row * p.row_bytes;
    const char* w = group_of(p, tile) + begin / kBlock * kBlockBytes;
    for (int64_t b = begin / kBlock; b < block_count(end); ++b, w += kBlockBytes) {
      // In address order, scales first, for the hardware prefetcher.
      F16x scale[TILES];
      ST_UNROLL
      for (int t = 0; t < TILES; ++t) scale[t] = load_f16(reinterpret_cast<const uint16_t*>(w) + lane + t * kLanes);
      I16x sums[ROWS][TILES];
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        I16x correction = broadcast_int(operand_int8(x + r * p.row_bytes, blocks).corrections[b]);
        ST_UNROLL
        for (int t = 0; t < TILES; ++t) sums[r][t] = correction;
      }
      const auto* bytes = reinterpret_cast<const uint8_t*>(w + kScaleBytes) + lane * 4;
      ST_UNROLL
      for (int k = 0; k < kBlock; k += 4) {
        Bytes weight[TILES];
        ST_UNROLL
        for (int t = 0; t < TILES; ++t) {
          prefetch(bytes + kBlockBytes + k * kGroup + t * kLanes * 4);
          weight[t] = load_unsigned(bytes + k * kGroup + t * kLanes * 4);
        }
        ST_UNROLL
        for (int r = 0; r < ROWS; ++r) {
          int32_t four;
          memcpy(&four, x + r * p.row_bytes + b * kBlock + k, sizeof four);
          Bytes input = broadcast_signed(four);
          ST_UNROLL
          for (int t = 0; t < TILES; ++t) sums[r][t] = add_products(sums[r][t], weight[t], input);
        }
      }
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        F16x input_scale = broadcast(operand_int8(x + r * p.row_bytes, blocks).scales[b]);
        ST_UNROLL
        for (int t = 0; t < TILES; ++t)
          total[r][t] = mul_add(to_f32(sums[r][t]), mul(scale[t], input_scale), total[r][t]);
      }
    }
  }
};

// Rounds a block of x, given in two halves, to scale * values; if x is not finite, neither is the scale.
void make_int8_block(F16x a, F16x b, int8_t* values, float* scale, int32_t* correction) {
  float largest = maximum(max(absolute(a), absolute(b)));
  float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  bool nan = any_nan(a) || any_nan(b);
  *scale = nan ? NAN : largest / 127.0f;
  // A maximum so small that its reciprocal overflows f32 counts as 0.
  if (nan || !(inverse <= 3.40282347e38f)) inverse = 0.0f;
  I16x low = to_nearest(mul(a, broadcast(inverse))), high = to_nearest(mul(b, broadcast(inverse)));
  store_int8(values, low);
  store_int8(values + kLanes, high);
  int32_t sum = 0;
  for (int i = 0; i < kBlock; ++i) sum += values[i];
  *correction = -128 * sum;
}

void make_int8_row(const float* x, int64_t cols, void* row) {
  int64_t blocks = block_count(cols);
  OperandInt8 out = operand_int8(row, blocks);
  for (int64_t i = 0; i < blocks; ++i) {
    const float* in = x + i * kBlock;
    float padded[kBlock] = {};
    if (cols - i * kBlock < kBlock) {
      for (int64_t k = i * kBlock; k < cols; ++k) padded[k - i * kBlock] = x[k];
      in = padded;
    }
    make_int8_block(load(in), load(in + kLanes), out.values + i * kBlock, out.scales + i, out.corrections + i);
  }
}

}  // namespace
}  // namespace st::cpu
