// Products with packed weights; part of kernels.inl. Every output is one chain over k in order, however many rows and
// tiles a block has, so that its bits do not depend on what is computed beside it.
#pragma once

#include "cpu/matrix.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

// Weights that are multiplied in f32: kStep consecutive k are stored together, 16 outputs each.
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

void store_outputs(F16x value, const float* bias, float* out, int64_t count) {
  if (count >= kLanes) {
    store(out, bias ? add(value, load(bias)) : value);
    return;
  }
  float lane[kLanes];
  store(lane, value);
  for (int64_t i = 0; i < count; ++i) out[i] = bias ? lane[i] + bias[i] : lane[i];
}

template <int ROWS, int TILES>
void store_block(const Product& p, const F16x (&total)[ROWS][TILES], int64_t row, int64_t tile) {
  for (int r = 0; r < ROWS; ++r) {
    for (int t = 0; t < TILES; ++t) {
      int64_t first = (tile + t) * kLanes;
      store_outputs(total[r][t], p.bias ? p.bias + first : nullptr, p.out + (row + r) * p.outputs + first,
                    p.outputs - first);
    }
  }
}

// Products in f32.
template <typename W>
struct F32Blocks {
  template <int ROWS, int TILES>
  static void block(const Product& p, int64_t row, int64_t tile) {
    F16x total[ROWS][TILES];
    for (int r = 0; r < ROWS; ++r)
      for (int t = 0; t < TILES; ++t) total[r][t] = zero();
    const float* x = static_cast<const float*>(p.x) + row * p.cols;
    int64_t stride = round_up(p.cols, W::kStep) * kLanes;
    const auto* w = static_cast<const typename W::Type*>(p.w) + tile * stride;
    auto step = [&](int64_t k, int i) {
      F16x weight[TILES];
      for (int t = 0; t < TILES; ++t) weight[t] = W::load16(w + t * stride + k * kLanes, i);
      for (int r = 0; r < ROWS; ++r) {
        F16x input = broadcast(x[r * p.cols + k + i]);
        for (int t = 0; t < TILES; ++t) total[r][t] = mul_add(weight[t], input, total[r][t]);
      }
    };
    int64_t k = 0;
    for (; k + W::kStep <= p.cols; k += W::kStep)
      for (int i = 0; i < W::kStep; ++i) step(k, i);
    if (k < p.cols) step(k, 0);
    store_block(p, total, row, tile);
  }
};

#if defined(__AVX512BF16__)
// Products of bf16 pairs, summed in f32.
struct Bf16Blocks {
  template <int ROWS, int TILES>
  static void block(const Product& p, int64_t row, int64_t tile) {
    F16x total[ROWS][TILES];
    for (int r = 0; r < ROWS; ++r)
      for (int t = 0; t < TILES; ++t) total[r][t] = zero();
    const char* x = static_cast<const char*>(p.x) + row * p.row_bytes;
    int64_t pairs = (p.cols + 1) / 2;
    const uint32_t* w = static_cast<const uint32_t*>(p.w) + tile * pairs * kLanes;
    for (int64_t k = 0; k < pairs; ++k) {
      __m512bh weight[TILES];
      for (int t = 0; t < TILES; ++t)
        weight[t] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(w + (t * pairs + k) * kLanes));
      for (int r = 0; r < ROWS; ++r) {
        int pair;
        memcpy(&pair, x + r * p.row_bytes + k * 4, sizeof pair);
        auto input = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
        for (int t = 0; t < TILES; ++t) total[r][t].v = _mm512_dpbf16_ps(total[r][t].v, weight[t], input);
      }
    }
    store_block(p, total, row, tile);
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

// One tile group over the rows [begin, end), of which there are at most ROWS.
template <typename Blocks, int ROWS, int TILES>
void few_rows(const Product& p, int64_t begin, int64_t end, int64_t tile) {
  if constexpr (ROWS > 1) {
    if (end - begin < ROWS) return few_rows<Blocks, ROWS - 1, TILES>(p, begin, end, tile);
  }
  Blocks::template block<ROWS, TILES>(p, begin, tile);
}

// All rows, in blocks of about the same size: a last block of one row would waste the weights that it loads.
template <typename Blocks, int ROWS, int TILES>
void all_rows(const Product& p, int64_t tile) {
  int64_t blocks = (p.rows + ROWS - 1) / ROWS;
  for (int64_t i = 0; i < blocks; ++i)
    few_rows<Blocks, ROWS, TILES>(p, p.rows * i / blocks, p.rows * (i + 1) / blocks, tile);
}

// A single row is bound by memory: four tiles at once keep enough loads in flight.
constexpr int kSingleRowTiles = 4;

template <typename Blocks>
void all_tiles(const Product& p, int64_t first, int64_t last) {
  int64_t tile = first;
  if (p.rows == 1)
    for (; tile + kSingleRowTiles <= last; tile += kSingleRowTiles)
      Blocks::template block<1, kSingleRowTiles>(p, 0, tile);
  for (; tile + kBlockTiles <= last; tile += kBlockTiles) all_rows<Blocks, kBlockRows, kBlockTiles>(p, tile);
  for (; tile < last; ++tile) all_rows<Blocks, kBlockRows, 1>(p, tile);
}

void linear(const Product& p, int64_t first, int64_t last) {
#if defined(__AVX512BF16__)
  if (p.operand == Operand::kBf16) return all_tiles<Bf16Blocks>(p, first, last);
#endif
  if (p.dtype == ST_F32) return all_tiles<F32Blocks<WeightsF32>>(p, first, last);
  if (p.dtype == ST_F16) return all_tiles<F32Blocks<WeightsF16>>(p, first, last);
  all_tiles<F32Blocks<WeightsBf16>>(p, first, last);
}

void make_operand([[maybe_unused]] Operand form, [[maybe_unused]] const float* x, [[maybe_unused]] int64_t cols,
                  [[maybe_unused]] void* row) {
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
