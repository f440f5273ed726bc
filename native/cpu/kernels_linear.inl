// Products with packed weights; part of kernels.inl.
#pragma once

#include "cpu/kernels_blocks.inl"
#include "cpu/kernels_fp8.inl"
#include "cpu/kernels_int8.inl"

namespace st::cpu {
namespace {

// Weights multiplied in f32: kStep consecutive k of an output are adjacent.
struct WeightsF32 {
  using Type = float;
  static constexpr int kStep = 1;
  ST_HD F16x load16(const float* p, int) { return load(p); }
};
struct WeightsF16 {
  using Type = uint16_t;
  static constexpr int kStep = 1;
  ST_HD F16x load16(const uint16_t* p, int) { return load_f16(p); }
};
struct WeightsBf16 {
  using Type = uint16_t;
  static constexpr int kStep = 2;
  ST_HD F16x load16(const uint16_t* p, int k) { return k == 0 ? load_bf16_even(p) : load_bf16_odd(p); }
};

// Products in f32.
template <typename W>
struct F32Blocks {
  static constexpr int kRows = kBlockRows, kTiles = kBlockTiles, kWideRows = kBlockWideRows, kFew = kBlockFew;

  // Forced inline: otherwise the sums would be in memory throughout.
  template <int ROWS, int TILES>
  ST_HD void add_columns(const Product& p, int64_t row, int64_t tile, int64_t begin, int64_t end,
                         F16x (&total)[ROWS][TILES]) {
    const float* x = static_cast<const float*>(p.x) + row * p.cols;
    const auto* w =
        reinterpret_cast<const typename W::Type*>(group_of(p, tile)) + tile % kGroupTiles * kLanes * W::kStep;
    auto step = [&](int64_t k, int i) {
      F16x weight[TILES];
      ST_UNROLL
      for (int t = 0; t < TILES; ++t) weight[t] = W::load16(w + k * kGroup + t * kLanes * W::kStep, i);
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        F16x input = broadcast(x[r * p.cols + k + i]);
        ST_UNROLL
        for (int t = 0; t < TILES; ++t) total[r][t] = mul_add(weight[t], input, total[r][t]);
      }
    };
    int64_t k = begin;
    for (; k + W::kStep <= end; k += W::kStep)
      for (int i = 0; i < W::kStep; ++i) step(k, i);
    if (k < end) step(k, 0);
  }
};

#if defined(__AVX512BF16__)
// Products of bf16 pairs, summed in f32.
struct Bf16Blocks {
  static constexpr int kRows = kBlockRows, kTiles = kBlockTiles, kWideRows = kBlockWideRows, kFew = kBlockFew;

  // Forced inline: otherwise the sums would be in memory throughout.
  template <int ROWS, int TILES>
  ST_HD void add_columns(const Product& p, int64_t row, int64_t tile, int64_t begin, int64_t end,
                         F16x (&total)[ROWS][TILES]) {
    const char* x = static_cast<const char*>(p.x) + row * p.row_bytes;
    const auto* w = reinterpret_cast<const uint32_t*>(group_of(p, tile)) + tile % kGroupTiles * kLanes;
    for (int64_t k = begin / 2; k < (end + 1) / 2; ++k) {
      __m512bh weight[TILES];
      ST_UNROLL
      for (int t = 0; t < TILES; ++t)
        weight[t] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(w + k * kGroup + t * kLanes));
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        int pair;
        memcpy(&pair, x + r * p.row_bytes + k * 4, sizeof pair);
        auto input = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
        ST_UNROLL
        for (int t = 0; t < TILES; ++t) total[r][t].v = _mm512_dpbf16_ps(total[r][t].v, weight[t], input);
      }
    }
  }
};

void make_bf16_row(const float* x, int64_t cols, void* row) {
  auto* out = static_cast<uint16_t*>(row);
  int64_t k = 0;
  for (; k + kLanes <= cols; k += kLanes)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k),
                        reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(load(x + k).v)));
  for (; k < cols; ++k) out[k] = float_to_bf16(x[k]);
  if (cols % 2 != 0) out[cols] = 0;
}
#endif

void linear(const Product& p, int64_t first, int64_t last) {
#if defined(__AVX512BF16__)
  if (p.operand == Operand::kBf16 && p.dtype == ST_FP8) return all_tiles<Fp8Blocks<Fp8OfBf16>>(p, first, last);
  if (p.operand == Operand::kBf16) return all_tiles<Bf16Blocks>(p, first, last);
#endif
  if (p.operand == Operand::kInt8) return all_tiles<Int8Blocks>(p, first, last);
  if (p.dtype == ST_F32) return all_tiles<F32Blocks<WeightsF32>>(p, first, last);
  if (p.dtype == ST_F16) return all_tiles<F32Blocks<WeightsF16>>(p, first, last);
  if (p.dtype == ST_FP8) return all_tiles<Fp8Blocks<Fp8OfF32>>(p, first, last);
  all_tiles<F32Blocks<WeightsBf16>>(p, first, last);
}

void make_operand(Operand form, const float* x, int64_t cols, void* row) {
  if (form == Operand::kInt8) make_int8_row(x, cols, row);
#if defined(__AVX512BF16__)
  if (form == Operand::kBf16) make_bf16_row(x, cols, row);
#endif
}

#if defined(__AVX512BF16__)
constexpr bool kBf16Products = true;
#else
constexpr bool kBf16Products = false;
#endif

}  // namespace
}  // namespace st::cpu
