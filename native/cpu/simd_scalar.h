// The lanes of simd.h in plain C++: the reference, and the fallback for other processors. The compiler vectorizes these
// loops for its target.
#pragma once

namespace st::cpu {
namespace {

struct F16x {
  float v[16];
};
constexpr int kRegisters = 4;  // of an F16x if the compiler vectorizes for 128 bits
constexpr int kBlockRows = 1, kBlockTiles = 4, kBlockWideRows = 1, kBlockFew = 1;
constexpr int kInt8Rows = 4, kInt8Tiles = 1, kInt8WideRows = 1, kInt8Few = 1;
constexpr int kScoreBlocks = 1, kValueSums = 4;
#define ST_LANES(expression)                             \
  F16x result;                                           \
  for (int i = 0; i < 16; ++i) result.v[i] = expression; \
  return result
ST_HD F16x broadcast(float x) {
  ST_LANES(x);
}
ST_HD F16x zero() {
  return broadcast(0.0f);
}
ST_HD F16x load(const float* p) {
  ST_LANES(p[i]);
}
ST_HD void store(float* p, F16x x) {
  for (int i = 0; i < 16; ++i) p[i] = x.v[i];
}
ST_HD F16x load_bf16_even(const uint16_t* p) {
  ST_LANES(bf16_to_float(p[2 * i]));
}
ST_HD F16x load_bf16_odd(const uint16_t* p) {
  ST_LANES(bf16_to_float(p[2 * i + 1]));
}
ST_HD F16x load_f16(const uint16_t* p) {
  ST_LANES(f16_to_float(p[i]));
}
// The numbers of k of a tile's groups of four.
ST_HD F16x load_e4m3(const uint8_t* p, int k) {
  ST_LANES(e4m3_to_float(p[4 * i + k]));
}
ST_HD F16x add(F16x a, F16x b) {
  ST_LANES(a.v[i] + b.v[i]);
}
ST_HD F16x sub(F16x a, F16x b) {
  ST_LANES(a.v[i] - b.v[i]);
}
ST_HD F16x mul(F16x a, F16x b) {
  ST_LANES(a.v[i] * b.v[i]);
}
ST_HD F16x div(F16x a, F16x b) {
  ST_LANES(a.v[i] / b.v[i]);
}
ST_HD F16x fused(F16x a, F16x b, F16x c) {
  ST_LANES(fmaf(a.v[i], b.v[i], c.v[i]));
}
ST_HD F16x max(F16x a, F16x b) {
  ST_LANES(a.v[i] > b.v[i] ? a.v[i] : b.v[i]);
}
ST_HD F16x min(F16x a, F16x b) {
  ST_LANES(a.v[i] < b.v[i] ? a.v[i] : b.v[i]);
}
ST_HD bool any_nan(F16x a) {
  bool found = false;
  for (int i = 0; i < 16; ++i) found |= a.v[i] != a.v[i];
  return found;
}
ST_HD F16x power_of_two(F16x n) {
  ST_LANES(float_of(static_cast<uint32_t>(static_cast<int32_t>(n.v[i]) + 127) << 23));
}
ST_HD F16x evens(F16x a, F16x b) {
  ST_LANES(i < 8 ? a.v[2 * i] : b.v[2 * i - 16]);
}
ST_HD F16x odds(F16x a, F16x b) {
  ST_LANES(i < 8 ? a.v[2 * i + 1] : b.v[2 * i - 15]);
}
ST_HD F16x where_at_least(F16x x, float limit, F16x a) {
  ST_LANES(x.v[i] >= limit ? a.v[i] : 0.0f);
}

ST_HD uint32_t lanes_at_least(F16x x, float limit) {
  uint32_t lanes = 0;
  for (int i = 0; i < 16; ++i) lanes |= (x.v[i] >= limit ? 1u : 0u) << i;
  return lanes;
}

// Sixteen sums of 32 bits.
struct I16x {
  int32_t v[16];
};
ST_HD I16x broadcast_int(int32_t x) {
  I16x result;
  for (int i = 0; i < 16; ++i) result.v[i] = x;
  return result;
}
ST_HD F16x to_f32(I16x x) {
  ST_LANES(static_cast<float>(x.v[i]));
}
// Rounds half to even: adding 1.5 * 2^23 rounds to an integer, which is then in the lowest bits.
ST_HD I16x to_nearest(F16x x) {
  I16x result;
  for (int i = 0; i < 16; ++i)
    result.v[i] = static_cast<int32_t>(bits_of(x.v[i] + Exp32::round) - bits_of(Exp32::round));
  return result;
}
ST_HD void store_int8(int8_t* p, I16x x) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<int8_t>(x.v[i] < -128 ? -128 : x.v[i] > 127 ? 127 : x.v[i]);
}
ST_HD void store_int16(int16_t* p, I16x x) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<int16_t>(x.v[i] < -32768 ? -32768 : x.v[i] > 32767 ? 32767 : x.v[i]);
}
// Two integers of 16 bits per lane.
struct Pairs {
  int16_t v[32];
};
ST_HD Pairs load_int8_pairs(const int8_t* p) {
  Pairs result;
  for (int i = 0; i < 32; ++i) result.v[i] = p[i];
  return result;
}
ST_HD Pairs broadcast_pair(int32_t two) {
  int16_t pair[2];
  memcpy(pair, &two, sizeof pair);
  Pairs result;
  for (int i = 0; i < 32; ++i) result.v[i] = pair[i % 2];
  return result;
}
ST_HD I16x add_products(I16x sum, Pairs x, Pairs y) {
  for (int i = 0; i < 16; ++i) sum.v[i] += x.v[2 * i] * y.v[2 * i] + x.v[2 * i + 1] * y.v[2 * i + 1];
  return sum;
}
// Sums of numbers truncated to 64-bit integers.
struct FixedSum {
  uint64_t v;
};
ST_HD FixedSum fixed_zero() {
  return {0};
}
ST_HD FixedSum add_fixed(FixedSum sum, F16x x) {
  for (int i = 0; i < 16; ++i) sum.v += static_cast<uint64_t>(static_cast<int64_t>(x.v[i]));
  return sum;
}
ST_HD uint64_t total(FixedSum sum) {
  return sum.v;
}
// Four unsigned bytes per lane, or four signed bytes for all lanes.
struct Bytes {
  int32_t v[16][4];
};
ST_HD Bytes load_unsigned(const uint8_t* p) {
  Bytes result;
  for (int i = 0; i < 64; ++i) result.v[i / 4][i % 4] = p[i];
  return result;
}
ST_HD Bytes broadcast_signed(int32_t four) {
  int8_t bytes[4];
  memcpy(bytes, &four, sizeof bytes);
  Bytes result;
  for (int i = 0; i < 64; ++i) result.v[i / 4][i % 4] = bytes[i % 4];
  return result;
}
ST_HD I16x add_products(I16x sum, Bytes u, Bytes s) {
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 4; ++j) sum.v[i] += u.v[i][j] * s.v[i][j];
  return sum;
}
#undef ST_LANES

// Combines the upper half of the lanes with the lower half until one lane remains.
ST_HD float sum(F16x x) {
  float lane[16];
  store(lane, x);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

ST_HD float maximum(F16x x) {
  float lane[16];
  store(lane, x);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] = lane[i] > lane[i + width] ? lane[i] : lane[i + width];
  return lane[0];
}

}  // namespace
}  // namespace st::cpu
