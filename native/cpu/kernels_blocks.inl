// How a product is cut into blocks of rows and tiles; part of kernels.inl. Every output is one chain over k in order,
// however many rows and tiles a block has, so that its bits do not depend on what is computed beside it.
#pragma once

#include "cpu/matrix.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

constexpr int kGroupTiles = kGroup / kLanes;

// Where the weights of a tile's group begin.
ST_HD const char* group_of(const Product& p, int64_t tile) {
  return static_cast<const char*>(p.w) + tile / kGroupTiles * group_bytes(p.cols, p.dtype);
}

// The first `count` lanes.
void store_lanes(F16x y, float* out, int64_t count) {
  if (count >= kLanes) return store(out, y);
  float lane[kLanes];
  store(lane, y);
  for (int64_t i = 0; i < count; ++i) out[i] = lane[i];
}

F16x add_bias(const Product& p, F16x y, int64_t first) {
  if (!p.bias) return y;
  if (p.outputs - first >= kLanes) return add(y, load(p.bias + first));
  float lane[kLanes] = {};
  for (int64_t i = first; i < p.outputs; ++i) lane[i - first] = p.bias[i];
  return add(y, load(lane));
}

// Of two tiles that hold gates and their values by turns.
F16x gate(F16x a, F16x b) {
  F16x gates = evens(a, b);
  return mul(div(gates, add(broadcast(1.0f), exp(sub(zero(), gates)))), odds(a, b));
}

// Forced inline, or the sums would have an address and be kept in memory.
template <int ROWS, int TILES>
ST_HD void store_block(const Product& p, const F16x (&total)[ROWS][TILES], int64_t row, int64_t tile) {
  ST_UNROLL
  for (int r = 0; r < ROWS; ++r) {
    float* out = p.out + (row + r) * p.width();
    F16x y[TILES + 1];
    y[TILES] = zero();
    ST_UNROLL
    for (int t = 0; t < TILES; ++t) y[t] = add_bias(p, total[r][t], (tile + t) * kLanes);
    if (p.gated) {
      ST_UNROLL
      for (int t = 0; t < TILES; t += 2) {
        int64_t first = (tile + t) * kLanes / 2, left = p.width() - first, filled = t + 1 < TILES ? kLanes : kLanes / 2;
        store_lanes(gate(y[t], y[t + 1]), out + first, left < filled ? left : filled);
      }
      continue;
    }
    ST_UNROLL
    for (int t = 0; t < TILES; ++t) {
      int64_t first = (tile + t) * kLanes;
      store_lanes(y[t], out + first, p.outputs - first);
    }
  }
}

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

// Few rows are bound by memory: whole groups at once, so that weights are read in the order in which they lie.
template <typename Blocks>
void all_tiles(const Product& p, int64_t first, int64_t last) {
  bool few = p.rows <= Blocks::kFew;
  for (int64_t tile = first; tile < last;) {
    if (few && tile % kGroupTiles == 0 && tile + kGroupTiles <= last) {
      all_rows<Blocks, Blocks::kWideRows, kGroupTiles>(p, tile);
      tile += kGroupTiles;
    } else if (tile % Blocks::kTiles == 0 && tile + Blocks::kTiles <= last) {
      all_rows<Blocks, Blocks::kRows, Blocks::kTiles>(p, tile);
      tile += Blocks::kTiles;
    } else {
      all_rows<Blocks, Blocks::kRows, 1>(p, tile);
      ++tile;
    }
  }
}

}  // namespace
}  // namespace st::cpu
