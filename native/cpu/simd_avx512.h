// The lanes of simd.h with AVX-512.
#pragma once

namespace st::cpu {
namespace {

struct F16x {
  __m512 v;
};
constexpr int kRegisters = 1;  // of an F16x
// Rows by weight tiles of the inner block of a matrix product: as many sums as leave registers for the operands.
// For products of up to kFew rows: kWideRows by a whole group of tiles.
constexpr int kBlockRows = 6, kBlockTiles = 4, kBlockWideRows = 6, kBlockFew = 6;
constexpr int kInt8Rows = 6, kInt8Tiles = 2, kInt8WideRows = 3, kInt8Few = 24;
// Blocks of keys whose scores attention computes at once, and its sums of values.
constexpr int kScoreBlocks = 2, kValueSums = 16;
ST_HD F16x zero() {
  return {_mm512_setzero_ps()};
}
ST_HD F16x broadcast(float x) {
  return {_mm512_set1_ps(x)};
}
ST_HD F16x load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
ST_HD void store(float* p, F16x x) {
  _mm512_storeu_ps(p, x.v);
}
// The first and the second elements of 16 pairs.
ST_HD F16x load_bf16_even(const uint16_t* p) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16))};
}
ST_HD F16x load_bf16_odd(const uint16_t* p) {
  return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32(-65536)))};
}
ST_HD F16x load_f16(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
// The numbers of k = i of a tile's groups of four. With their bits in place the exponent is smaller by 120; the product
// is exact, subnormal numbers included.
ST_HD F16x load_e4m3(const uint8_t* p, int i) {
  __m512i bits = _mm512_srai_epi32(_mm512_slli_epi32(_mm512_loadu_si512(p), 24 - 8 * i), 4);
  bits = _mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(0x87f00000)));
  return {_mm512_mul_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(0x1p120f))};
}
#if defined(__AVX512VBMI__)
// A tile's four k as bf16, in pairs of k.
struct Bf16Pairs {
  __m512i first, second;
};
// Both bytes of a bf16 are looked up by the 7 bits of the magnitude.
struct E4m3Table {
  __m512i low[2], high[2];
};
ST_HD Bf16Pairs load_e4m3_pairs(const uint8_t* p, const E4m3Table& table) {
  const __m512i pairs = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
  __m512i x = _mm512_shuffle_epi8(_mm512_loadu_si512(p), pairs);
  __m512i low = _mm512_permutex2var_epi8(table.low[0], x, table.low[1]);
  __m512i high = _mm512_permutex2var_epi8(table.high[0], x, table.high[1]);
  constexpr int kAOrBAndC = 0xf8;
  high = _mm512_ternarylogic_epi32(high, x, _mm512_set1_epi8(INT8_MIN), kAOrBAndC);
  return {_mm512_unpacklo_epi8(low, high), _mm512_unpackhi_epi8(low, high)};
}
#endif
ST_HD F16x add(F16x a, F16x b) {
  return {_mm512_add_ps(a.v, b.v)};
}
ST_HD F16x sub(F16x a, F16x b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
ST_HD F16x mul(F16x a, F16x b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
ST_HD F16x div(F16x a, F16x b) {
  return {_mm512_div_ps(a.v, b.v)};
}
ST_HD F16x fused(F16x a, F16x b, F16x c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
ST_HD F16x max(F16x a, F16x b) {
  return {_mm512_max_ps(a.v, b.v)};
}
ST_HD F16x min(F16x a, F16x b) {
  return {_mm512_min_ps(a.v, b.v)};
}
ST_HD bool any_nan(F16x a) {
  return _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q) != 0;
}
ST_HD F16x power_of_two(F16x n) {
  return {
      _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127)), 23))};
}
// The even and the odd lanes of the 32 lanes of a and b.
ST_HD F16x evens(F16x a, F16x b) {
  __m512i index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return {_mm512_permutex2var_ps(a.v, index, b.v)};
}
ST_HD F16x odds(F16x a, F16x b) {
  __m512i index = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return {_mm512_permutex2var_ps(a.v, index, b.v)};
}
// a where x >= limit, else 0
ST_HD F16x where_at_least(F16x x, float limit, F16x a) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, _mm512_set1_ps(limit), _CMP_GE_OQ), a.v)};
}

// A bit for each lane where x >= limit.
ST_HD uint32_t lanes_at_least(F16x x, float limit) {
  return _mm512_cmp_ps_mask(x.v, _mm512_set1_ps(limit), _CMP_GE_OQ);
}

// Sixteen sums of 32 bits.
struct I16x {
  __m512i v;
};
ST_HD I16x broadcast_int(int32_t x) {
  return {_mm512_set1_epi32(x)};
}
ST_HD F16x to_f32(I16x x) {
  return {_mm512_cvtepi32_ps(x.v)};
}
ST_HD I16x to_nearest(F16x x) {
  return {_mm512_cvtps_epi32(x.v)};
}
ST_HD void store_int8(int8_t* p, I16x x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(x.v));
}
ST_HD void store_int16(int16_t* p, I16x x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(x.v));
}
// Two integers of 16 bits per lane.
struct Pairs {
  __m512i v;
};
ST_HD Pairs load_int8_pairs(const int8_t* p) {
  return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
ST_HD Pairs broadcast_pair(int32_t two) {
  return {_mm512_set1_epi32(two)};
}
ST_HD I16x add_products(I16x sum, Pairs x, Pairs y) {
#if defined(__AVX512VNNI__)
  return {_mm512_dpwssd_epi32(sum.v, x.v, y.v)};
#else
  return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(x.v, y.v))};
#endif
}
// Sums of numbers truncated to 64-bit integers.
struct FixedSum {
  __m512i v;
};
ST_HD FixedSum fixed_zero() {
  return {_mm512_setzero_si512()};
}
ST_HD FixedSum add_fixed(FixedSum sum, F16x x) {
  __m512i low = _mm512_cvttps_epi64(_mm512_castps512_ps256(x.v));
  __m512i high = _mm512_cvttps_epi64(_mm512_castps512_ps256(_mm512_shuffle_f32x4(x.v, x.v, 0xee)));
  return {_mm512_add_epi64(sum.v, _mm512_add_epi64(low, high))};
}
ST_HD uint64_t total(FixedSum sum) {
  uint64_t lane[8];
  _mm512_storeu_si512(lane, sum.v);
  return lane[0] + lane[1] + lane[2] + lane[3] + lane[4] + lane[5] + lane[6] + lane[7];
}
#if defined(__AVX512VNNI__)
// Four unsigned bytes per lane, and four signed bytes for all lanes.
struct Bytes {
  __m512i v;
};
ST_HD Bytes load_unsigned(const uint8_t* p) {
  return {_mm512_loadu_si512(p)};
}
ST_HD Bytes broadcast_signed(int32_t four) {
  return {_mm512_set1_epi32(four)};
}
ST_HD I16x add_products(I16x sum, Bytes u, Bytes s) {
  return {_mm512_dpbusd_epi32(sum.v, u.v, s.v)};
}
#else
// As 16-bit numbers, the first and third of each four, and the second and fourth. Sums of two products fit in 32 bits.
struct Bytes {
  __m512i even, odd;
};
ST_HD Bytes load_unsigned(const uint8_t* p) {
  __m512i four = _mm512_loadu_si512(p);
  return {_mm512_and_si512(four, _mm512_set1_epi16(255)), _mm512_srli_epi16(four, 8)};
}
ST_HD Bytes broadcast_signed(int32_t x) {
  __m512i four = _mm512_set1_epi32(x);
  return {_mm512_srai_epi16(_mm512_slli_epi16(four, 8), 8), _mm512_srai_epi16(four, 8)};
}
ST_HD I16x add_products(I16x sum, Bytes u, Bytes s) {
  __m512i even = _mm512_madd_epi16(u.even, s.even), odd = _mm512_madd_epi16(u.odd, s.odd);
  return {_mm512_add_epi32(sum.v, _mm512_add_epi32(even, odd))};
}
#endif

ST_HD float sum(F16x x) {
  return sum(_mm256_add_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1)));
}
ST_HD float maximum(F16x x) {
  return maximum(_mm256_max_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1)));
}

}  // namespace
}  // namespace st::cpu
