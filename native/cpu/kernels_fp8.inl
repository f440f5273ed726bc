// Products with weights of ST_FP8; part of kernels.inl. The products of a block of 128 inputs are summed without its
// scale, which then multiplies the sum: an operation for 128.
#pragma once

#include "cpu/kernels_blocks.inl"

namespace st::cpu {
namespace {

// Bytes between two pairs of k of an output.
constexpr int64_t kFp8PairBytes = kGroup * 2;

// In f32. Weights are read as f16, in which they are smaller by 2^8: an exact conversion, subnormal numbers included.
struct Fp8OfF32 {
  static constexpr float kUnit = 256.0f;

  template <int ROWS, int TILES>
  ST_HD void add_block(const Product& p, int64_t row, const uint8_t* w, int64_t begin, int64_t end,
                       F16x (&sums)[ROWS][TILES]) {
    const float* x = static_cast<const float*>(p.x) + row * p.cols;
    auto step = [&](int64_t k, int i) {
      F16x weight[TILES];
      ST_UNROLL
      for (int t = 0; t < TILES; ++t)
        weight[t] = load_e4m3(w + (k - begin) / 2 * kFp8PairBytes + t * kLanes * 2 + i * kLanes);
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        F16x input = broadcast(x[r * p.cols + k + i]);
        ST_UNROLL
        for (int t = 0; t < TILES; ++t) sums[r][t] = mul_add(weight[t], input, sums[r][t]);
      }
    };
    int64_t k = begin;
    for (; k + 2 <= end; k += 2) {
      step(k, 0);
      step(k, 1);
    }
    if (k < end) step(k, 0);
  }
};

#if defined(__AVX512BF16__)
// Of bf16 pairs, summed in f32.
struct Fp8OfBf16 {
  static constexpr float kUnit = 1.0f;

  template <int ROWS, int TILES>
  ST_HD void add_block(const Product& p, int64_t row, const uint8_t* w, int64_t begin, int64_t end,
                       F16x (&sums)[ROWS][TILES]) {
    const char* x = static_cast<const char*>(p.x) + row * p.row_bytes + begin * 2;
    for (int64_t k = 0; k < (end - begin + 1) / 2; ++k) {
      __m512bh weight[TILES];
      ST_UNROLL
      for (int t = 0; t < TILES; ++t)
        weight[t] = reinterpret_cast<__m512bh>(load_e4m3_pairs(w + k * kFp8PairBytes + t * kLanes * 2));
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        int pair;
        memcpy(&pair, x + r * p.row_bytes + k * 4, sizeof pair);
        auto input = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
        ST_UNROLL
        for (int t = 0; t < TILES; ++t) sums[r][t].v = _mm512_dpbf16_ps(sums[r][t].v, weight[t], input);
      }
    }
  }
};
#endif

template <typename Products>
struct Fp8Blocks {
  static constexpr int kRows = kBlockRows, kTiles = kBlockTiles, kWideRows = kBlockWideRows, kFew = kBlockFew;

  // Forced inline: otherwise the sums would be in memory throughout.
  template <int ROWS, int TILES>
  ST_HD void add_columns(const Product& p, int64_t row, int64_t tile, int64_t begin, int64_t end,
                         F16x (&total)[ROWS][TILES]) {
    int64_t lane = tile % kGroupTiles * kLanes;
    const char* block = group_of(p, tile) + begin / kFp8Block * kFp8BlockBytes;
    for (int64_t k = begin; k < end; k += kFp8Block, block += kFp8BlockBytes) {
      const auto* scales = reinterpret_cast<const float*>(block) + lane;
      const auto* bytes = reinterpret_cast<const uint8_t*>(block) + kFp8ScaleBytes + lane * 2;
      F16x sums[ROWS][TILES];
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        ST_UNROLL
        for (int t = 0; t < TILES; ++t) sums[r][t] = zero();
      }
      Products::add_block(p, row, bytes, k, k + kFp8Block < end ? k + kFp8Block : end, sums);
      ST_UNROLL
      for (int t = 0; t < TILES; ++t) {
        F16x scale = mul(load(scales + t * kLanes), broadcast(Products::kUnit));
        ST_UNROLL
        for (int r = 0; r < ROWS; ++r) total[r][t] = mul_add(sums[r][t], scale, total[r][t]);
      }
    }
  }
};

}  // namespace
}  // namespace st::cpu
