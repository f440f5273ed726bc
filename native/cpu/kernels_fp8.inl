// Products with weights of ST_FP8; part of kernels.inl. The products of a block of 128 inputs are summed without its
// scale, which then multiplies the sum: an operation for 128.
#pragma once

#include "cpu/kernels_blocks.inl"

namespace st::cpu {
namespace {

// In f32.
struct Fp8OfF32 {
  template <int ROWS, int TILES>
  ST_HD void add_block(const Product& p, int64_t row, const uint8_t* w, int64_t begin, int64_t end,
                       F16x (&sums)[TILES][ROWS]) {
    constexpr int kTogether = kRegisters == 1 ? TILES : 1;  // tiles that share an input, if it has a register for long
    const float* x = static_cast<const float*>(p.x) + row * p.cols + begin;
    auto step = [&](int64_t k, int i, int tile) {
      F16x weight[kTogether];
      ST_UNROLL
      for (int t = 0; t < kTogether; ++t) weight[t] = load_e4m3(w + place_in_block(k, (tile + t) * kLanes), i);
      ST_UNROLL
      for (int r = 0; r < ROWS; ++r) {
        F16x input = broadcast(x[r * p.cols + k + i]);
        ST_UNROLL
        for (int t = 0; t < kTogether; ++t) sums[tile + t][r] = mul_add(weight[t], input, sums[tile + t][r]);
      }
    };
    int64_t count = end - begin, k = 0;
    for (; k + 4 <= count; k += 4) {
      ST_UNROLL
      for (int tile = 0; tile < TILES; tile += kTogether) {
        ST_UNROLL
        for (int i = 0; i < 4; ++i) step(k, i, tile);
      }
    }
    for (int i = 0; k + i < count; ++i)
      for (int tile = 0; tile < TILES; tile += kTogether) step(k, i, tile);
  }
};

#if defined(__AVX512BF16__)
struct E4m3Bytes {
  alignas(64) uint8_t low[128], high[128];
};

// Of the bf16 that is equal to the e4m3 with a magnitude's bits. Subnormal numbers m 2^-9 become normal ones.
constexpr E4m3Bytes make_e4m3_bytes() {
  E4m3Bytes bytes = {};
  for (int i = 0; i < 128; ++i) {
    int bits = i >= 8   ? ((i >> 3) + 120) << 7 | (i & 7) << 4
               : i >= 4 ? 120 << 7 | (i - 4) << 5
               : i >= 2 ? 119 << 7 | (i - 2) << 6
               : i == 1 ? 118 << 7
                        : 0;
    bytes.low[i] = static_cast<uint8_t>(bits);
    bytes.high[i] = static_cast<uint8_t>(bits >> 8);
  }
  return bytes;
}
constexpr E4m3Bytes kE4m3Bytes = make_e4m3_bytes();

// Of bf16 pairs, summed in f32.
struct Fp8OfBf16 {
  template <int ROWS>
  ST_HD void add_pair(const char* x, int64_t row_bytes, __m512i weights, F16x (&sums)[ROWS]) {
    ST_UNROLL
    for (int r = 0; r < ROWS; ++r) {
      int pair;
      memcpy(&pair, x + r * row_bytes, sizeof pair);
      sums[r].v = _mm512_dpbf16_ps(sums[r].v, reinterpret_cast<__m512bh>(weights),
                                   reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair)));
    }
  }

  template <int ROWS, int TILES>
  ST_HD void add_block(const Product& p, int64_t row, const uint8_t* w, int64_t begin, int64_t end,
                       F16x (&sums)[TILES][ROWS]) {
    auto load_table = [](const uint8_t* bytes, int half) { return _mm512_load_si512(bytes + half * 64); };
    const E4m3Table table = {{load_table(kE4m3Bytes.low, 0), load_table(kE4m3Bytes.low, 1)},
                             {load_table(kE4m3Bytes.high, 0), load_table(kE4m3Bytes.high, 1)}};
    const char* x = static_cast<const char*>(p.x) + row * p.row_bytes + begin * 2;
    int64_t pairs = (end - begin + 1) / 2;
    for (int64_t k = 0; k < pairs; k += 2) {
      ST_UNROLL
      for (int t = 0; t < TILES; ++t) {
        Bf16Pairs weights = load_e4m3_pairs(w + place_in_block(2 * k, t * kLanes), table);
        add_pair<ROWS>(x + k * 4, p.row_bytes, weights.first, sums[t]);
        if (k + 1 < pairs) add_pair<ROWS>(x + k * 4 + 4, p.row_bytes, weights.second, sums[t]);
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
      const auto* bytes = reinterpret_cast<const uint8_t*>(block) + kFp8ScaleBytes + place_in_block(0, lane);
      F16x sums[TILES][ROWS];
      ST_UNROLL
      for (int t = 0; t < TILES; ++t) {
        ST_UNROLL
        for (int r = 0; r < ROWS; ++r) sums[t][r] = zero();
      }
      Products::add_block(p, row, bytes, k, k + kFp8Block < end ? k + kFp8Block : end, sums);
      ST_UNROLL
      for (int t = 0; t < TILES; ++t) {
        F16x scale = load(scales + t * kLanes);
        ST_UNROLL
        for (int r = 0; r < ROWS; ++r) total[r][t] = mul_add(sums[t][r], scale, total[r][t]);
      }
    }
  }
};

}  // namespace
}  // namespace st::cpu
