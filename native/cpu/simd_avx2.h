// The lanes of simd.h with AVX2.
#pragma once

namespace st::cpu {
namespace {

struct F16x {
  __m256 a, b;
};
constexpr int kRegisters = 2;  // of an F16x
constexpr int kBlockRows = 6, kBlockTiles = 1, kBlockWideRows = 1, kBlockFew = 1;
constexpr int kInt8Rows = 2, kInt8Tiles = 1, kInt8WideRows = 1, kInt8Few = 1;
constexpr int kScoreBlocks = 1, kValueSums = 4;
ST_HD F16x zero() {
  return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
ST_HD F16x broadcast(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
ST_HD F16x load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
ST_HD void store(float* p, F16x x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
ST_HD __m256i load_pairs(const uint16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
ST_HD F16x load_bf16_even(const uint16_t* p) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(load_pairs(p), 16)),
          _mm256_castsi256_ps(_mm256_slli_epi32(load_pairs(p + 16), 16))};
}
ST_HD F16x load_bf16_odd(const uint16_t* p) {
  __m256i high = _mm256_set1_epi32(-65536);
  return {_mm256_castsi256_ps(_mm256_and_si256(load_pairs(p), high)),
          _mm256_castsi256_ps(_mm256_and_si256(load_pairs(p + 16), high))};
}
ST_HD F16x load_f16(const uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
// The numbers of k = i of a tile's groups of four. With their bits in place the exponent is smaller by 120; the product
// is exact, subnormal numbers included.
ST_HD __m256 load_e4m3_half(const uint8_t* p, int i) {
  __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  bits = _mm256_srai_epi32(_mm256_slli_epi32(bits, 24 - 8 * i), 4);
  bits = _mm256_and_si256(bits, _mm256_set1_epi32(static_cast<int>(0x87f00000)));
  return _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0x1p120f));
}
ST_HD F16x load_e4m3(const uint8_t* p, int i) {
  return {load_e4m3_half(p, i), load_e4m3_half(p + 32, i)};
}
ST_HD F16x add(F16x x, F16x y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
ST_HD F16x sub(F16x x, F16x y) {
  return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
ST_HD F16x mul(F16x x, F16x y) {
  return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
ST_HD F16x div(F16x x, F16x y) {
  return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
ST_HD F16x fused(F16x x, F16x y, F16x z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
ST_HD F16x max(F16x x, F16x y) {
  return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
ST_HD F16x min(F16x x, F16x y) {
  return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
ST_HD bool any_nan(F16x x) {
  __m256 nan = _mm256_or_ps(_mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q), _mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q));
  return _mm256_movemask_ps(nan) != 0;
}
ST_HD __m256 power_of_two_half(__m256 n) {
  __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}
ST_HD F16x power_of_two(F16x n) {
  return {power_of_two_half(n.a), power_of_two_half(n.b)};
}
// shuffle_ps picks from each half of its operands; the middle quarters are then exchanged.
ST_HD __m256 in_order(__m256 x) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), _MM_SHUFFLE(3, 1, 2, 0)));
}
ST_HD F16x evens(F16x x, F16x y) {
  return {in_order(_mm256_shuffle_ps(x.a, x.b, _MM_SHUFFLE(2, 0, 2, 0))),
          in_order(_mm256_shuffle_ps(y.a, y.b, _MM_SHUFFLE(2, 0, 2, 0)))};
}
ST_HD F16x odds(F16x x, F16x y) {
  return {in_order(_mm256_shuffle_ps(x.a, x.b, _MM_SHUFFLE(3, 1, 3, 1))),
          in_order(_mm256_shuffle_ps(y.a, y.b, _MM_SHUFFLE(3, 1, 3, 1)))};
}
ST_HD F16x where_at_least(F16x x, float limit, F16x y) {
  __m256 bound = _mm256_set1_ps(limit);
  return {_mm256_and_ps(_mm256_cmp_ps(x.a, bound, _CMP_GE_OQ), y.a),
          _mm256_and_ps(_mm256_cmp_ps(x.b, bound, _CMP_GE_OQ), y.b)};
}

ST_HD uint32_t lanes_at_least(F16x x, float limit) {
  __m256 bound = _mm256_set1_ps(limit);
  int a = _mm256_movemask_ps(_mm256_cmp_ps(x.a, bound, _CMP_GE_OQ));
  int b = _mm256_movemask_ps(_mm256_cmp_ps(x.b, bound, _CMP_GE_OQ));
  return static_cast<uint32_t>(a | b << 8);
}

// Sixteen sums of 32 bits.
struct I16x {
  __m256i a, b;
};
ST_HD I16x broadcast_int(int32_t x) {
  return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}
ST_HD F16x to_f32(I16x x) {
  return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)};
}
ST_HD I16x to_nearest(F16x x) {
  return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)};
}
ST_HD void store_int8(int8_t* p, I16x x) {
  __m128i low = _mm_packs_epi32(_mm256_castsi256_si128(x.a), _mm256_extracti128_si256(x.a, 1));
  __m128i high = _mm_packs_epi32(_mm256_castsi256_si128(x.b), _mm256_extracti128_si256(x.b, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(low, high));
}
ST_HD void store_int16(int16_t* p, I16x x) {
  // Packing works within halves of 128 bits: a, b, a, b.
  __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), packed);
}
// Two integers of 16 bits per lane.
struct Pairs {
  __m256i a, b;
};
ST_HD Pairs load_int8_pairs(const int8_t* p) {
  const auto* halves = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(halves)), _mm256_cvtepi8_epi16(_mm_loadu_si128(halves + 1))};
}
ST_HD Pairs broadcast_pair(int32_t two) {
  return {_mm256_set1_epi32(two), _mm256_set1_epi32(two)};
}
ST_HD I16x add_products(I16x sum, Pairs x, Pairs y) {
  return {_mm256_add_epi32(sum.a, _mm256_madd_epi16(x.a, y.a)), _mm256_add_epi32(sum.b, _mm256_madd_epi16(x.b, y.b))};
}
// Sums of numbers truncated to 64-bit integers.
struct FixedSum {
  __m256i v;
};
ST_HD FixedSum fixed_zero() {
  return {_mm256_setzero_si256()};
}
// Integers of four lanes: below 2^52, so that adding 2^52 leaves them in the low bits of a double.
ST_HD __m256i truncate_to_int64(__m128 x) {
  __m256d shifted = _mm256_add_pd(_mm256_floor_pd(_mm256_cvtps_pd(x)), _mm256_set1_pd(0x1p52));
  return _mm256_and_si256(_mm256_castpd_si256(shifted), _mm256_set1_epi64x((int64_t{1} << 52) - 1));
}
ST_HD FixedSum add_fixed(FixedSum sum, F16x x) {
  __m256i a = _mm256_add_epi64(truncate_to_int64(_mm256_castps256_ps128(x.a)),
                               truncate_to_int64(_mm256_extractf128_ps(x.a, 1)));
  __m256i b = _mm256_add_epi64(truncate_to_int64(_mm256_castps256_ps128(x.b)),
                               truncate_to_int64(_mm256_extractf128_ps(x.b, 1)));
  return {_mm256_add_epi64(sum.v, _mm256_add_epi64(a, b))};
}
ST_HD uint64_t total(FixedSum sum) {
  uint64_t lane[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lane), sum.v);
  return lane[0] + lane[1] + lane[2] + lane[3];
}
// Four unsigned bytes per lane, or four signed bytes for all lanes, as 16-bit numbers: the first and third of each
// four, and the second and fourth. Sums of two products fit in 32 bits.
struct Bytes {
  __m256i even_a, odd_a, even_b, odd_b;
};
ST_HD Bytes load_unsigned(const uint8_t* p) {
  __m256i low = _mm256_set1_epi16(255);
  __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
  return {_mm256_and_si256(a, low), _mm256_srli_epi16(a, 8), _mm256_and_si256(b, low), _mm256_srli_epi16(b, 8)};
}
ST_HD Bytes broadcast_signed(int32_t x) {
  __m256i four = _mm256_set1_epi32(x);
  __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(four, 8), 8), odd = _mm256_srai_epi16(four, 8);
  return {even, odd, even, odd};
}
ST_HD I16x add_products(I16x sum, Bytes u, Bytes s) {
  auto four = [](__m256i u_even, __m256i s_even, __m256i u_odd, __m256i s_odd) {
    return _mm256_add_epi32(_mm256_madd_epi16(u_even, s_even), _mm256_madd_epi16(u_odd, s_odd));
  };
  return {_mm256_add_epi32(sum.a, four(u.even_a, s.even_a, u.odd_a, s.odd_a)),
          _mm256_add_epi32(sum.b, four(u.even_b, s.even_b, u.odd_b, s.odd_b))};
}

ST_HD float sum(F16x x) {
  return sum(_mm256_add_ps(x.a, x.b));
}
ST_HD float maximum(F16x x) {
  return maximum(_mm256_max_ps(x.a, x.b));
}

}  // namespace
}  // namespace st::cpu
