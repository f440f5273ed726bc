// Sixteen f32 lanes, in the instruction set that this file is compiled for. Only the kernels include it.
#pragma once

#include "common/formats.h"
#include "common/math.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Before a loop over an array that is to live in registers: GCC keeps in memory what it does not unroll early.
#if defined(__GNUC__)
#define ST_UNROLL _Pragma("GCC unroll 16")
#else
#define ST_UNROLL
#endif

namespace st::cpu {
namespace {

// Asks for a cache line long before it is needed; any address will do.
ST_HD void prefetch(const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 2);
#endif
}

#if defined(__AVX512F__)

struct F16x {
  __m512 v;
};
// Rows by weight tiles of a matrix product's inner block: as many sums as leave registers for what is added to them.
// For products of up to kFew rows they are kWideRows by a whole group of tiles.
constexpr int kBlockRows = 6, kBlockTiles = 4, kBlockWideRows = 6, kBlockFew = 6;
constexpr int kInt8Rows = 6, kInt8Tiles = 2, kInt8WideRows = 3, kInt8Few = 24;
// Blocks of keys whose scores attention computes side by side, and sums of values.
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
ST_HD F16x load_bf16(const uint16_t* p) {
  __m256i raw = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(raw), 16))};
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
// Of the 32 lanes of a and b, those of even number and the others.
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
// Sums of numbers that are truncated to 64-bit integers.
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
ST_HD I16x add(I16x a, I16x b) {
  return {_mm512_add_epi32(a.v, b.v)};
}
// Four unsigned bytes a lane, and four signed bytes for all lanes.
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
// As 16-bit numbers, the first and third of each four, and the second and fourth. Their products fit 32 bits in pairs.
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

#elif defined(__AVX2__)

struct F16x {
  __m256 a, b;
};
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
ST_HD __m256 widen_bf16(const uint16_t* p) {
  __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16));
}
ST_HD F16x load_bf16(const uint16_t* p) {
  return {widen_bf16(p), widen_bf16(p + 8)};
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
// Sums of numbers that are truncated to 64-bit integers.
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
// Four unsigned bytes a lane, or four signed bytes for all lanes, as 16-bit numbers: the first and third of each four,
// and the second and fourth. Their products fit 32 bits in pairs.
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

#else

// Plain C++: the reference, and what other processors run. The compiler vectorises these loops for what it targets.
struct F16x {
  float v[16];
};
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
ST_HD F16x load_bf16(const uint16_t* p) {
  ST_LANES(bf16_to_float(p[i]));
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
// To even at half way. Adding 1.5 * 2^23 rounds to an integer, whose bits then stand at the end.
ST_HD I16x to_nearest(F16x x) {
  I16x result;
  for (int i = 0; i < 16; ++i)
    result.v[i] = static_cast<int32_t>(bits_of(x.v[i] + Exp32::round) - bits_of(Exp32::round));
  return result;
}
ST_HD void store_int8(int8_t* p, I16x x) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<int8_t>(x.v[i] < -128 ? -128 : x.v[i] > 127 ? 127 : x.v[i]);
}
// Sums of numbers that are truncated to 64-bit integers.
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
// Four unsigned bytes a lane, or four signed bytes for all lanes.
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

#endif

// a b + c where only speed matters: fused where the machine can, two roundings where it would have to be emulated.
ST_HD F16x mul_add(F16x a, F16x b, F16x c) {
#if defined(__AVX2__)
  return fused(a, b, c);
#else
  return add(mul(a, b), c);
#endif
}

// exp32 of every lane, the same bits.
ST_HD F16x exp(F16x x) {
  x = min(max(x, broadcast(Exp32::low)), broadcast(Exp32::high));
  F16x n = sub(fused(x, broadcast(Exp32::log2e), broadcast(Exp32::round)), broadcast(Exp32::round));
  F16x minus_n = sub(zero(), n);
  F16x r = fused(minus_n, broadcast(Exp32::ln2_high), x);
  r = fused(minus_n, broadcast(Exp32::ln2_low), r);
  F16x p = fused(broadcast(Exp32::c7), r, broadcast(Exp32::c6));
  p = fused(p, r, broadcast(Exp32::c5));
  p = fused(p, r, broadcast(Exp32::c4));
  p = fused(p, r, broadcast(Exp32::c3));
  p = fused(p, r, broadcast(Exp32::c2));
  p = fused(p, r, broadcast(1.0f));
  p = fused(p, r, broadcast(1.0f));
  return mul(p, power_of_two(n));
}

ST_HD F16x absolute(F16x x) {
  return max(x, sub(zero(), x));
}

// Sum of the lanes, pairwise.
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
