// How a product is divided into blocks of rows and tiles; part of kernels.inl. Every output is summed in the same
// order, whatever the size of a block, so that results are batch-invariant.
#pragma once

#include "cpu/matrix.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

constexpr int kGroupTiles = kGroup / kLanes;

// Address of the weights of a tile's group.
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

F16x load_lanes(const float* in, int64_t count) {
  if (count >= kLanes) return load(in);
  float lane[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) lane[i] = in[i];
  return load(lane);
}

// Adds the bias, if any, to the sums [tiles, 16] of a row, applies the gate, if any, and stores the result.
void finish_tiles(const Product& p, float* sums, int64_t tiles, int64_t row, int64_t tile) {
  float* out = p.out + row * width_of(p);
  int64_t first = tile * kLanes;
  if (p.bias)
    for (int64_t t = 0; t < tiles; ++t)
      store(sums + t * kLanes,
            add(load(sums + t * kLanes), load_lanes(p.bias + first + t * kLanes, p.outputs - first - t * kLanes)));
  if (!p.gated) {
    for (int64_t t = 0; t < tiles; ++t)
      store_lanes(load(sums + t * kLanes), out + first + t * kLanes, p.outputs - first - t * kLanes);
    return;
  }
  for (int64_t t = 0; t < tiles; t += 2) {
    F16x a = load(sums + t * kLanes), b = t + 1 < tiles ? load(sums + (t + 1) * kLanes) : zero();
    F16x gate = evens(a, b), silu = div(gate, add(broadcast(1.0f), exp(sub(zero(), gate))));
    int64_t col = (first + t * kLanes) / 2, left = width_of(p) - col, filled = t + 1 < tiles ? kLanes : kLanes / 2;
    store_lanes(mul(silu, odds(a, b)), out + col, left < filled ? left : filled);
  }
}

// sums[rows, tiles, 16] = total, or total + sums.
template <int ROWS, int TILES>
ST_HD void store_sums(const F16x (&total)[ROWS][TILES], float (&sums)[ROWS][TILES * kLanes]) {
  ST_UNROLL
  for (int r = 0; r < ROWS; ++r) {
    ST_UNROLL
    for (int t = 0; t < TILES; ++t) store(sums[r] + t * kLanes, total[r][t]);
  }
}
template <int ROWS, int TILES>
ST_HD void add_sums(const float (&sums)[ROWS][TILES * kLanes], F16x (&total)[ROWS][TILES]) {
  ST_UNROLL
  for (int r = 0; r < ROWS; ++r) {
    ST_UNROLL
    for (int t = 0; t < TILES; ++t) total[r][t] = add(load(sums[r] + t * kLanes), total[r][t]);
  }
}

// One block of outputs: the parts of the columns, each summed in registers, added by their tree (as in tree_sum).
template <typename Blocks, int ROWS, int TILES>
void sum_block(const Product& p, int64_t row, int64_t tile) {
  float nodes[3][ROWS][TILES * kLanes];  // complete subtrees of falling size: at most three of 8 parts
  int depth = 0;
  for (int s = 0; s < p.parts; ++s) {
    F16x total[ROWS][TILES];
    ST_UNROLL
    for (int r = 0; r < ROWS; ++r) {
      ST_UNROLL
      for (int t = 0; t < TILES; ++t) total[r][t] = zero();
    }
    Blocks::add_columns(p, row, tile, p.begins[s], p.begins[s + 1], total);
    for (int left = s; left & 1; left >>= 1) add_sums(nodes[--depth], total);
    store_sums(total, nodes[depth++]);
  }
  for (int r = 0; r < ROWS; ++r) finish_tiles(p, nodes[0][r], TILES, row + r, tile);
}

// One tile group for the rows [begin, end), at most ROWS.
template <typename Blocks, int ROWS, int TILES>
void few_rows(const Product& p, int64_t begin, int64_t end, int64_t tile) {
  if constexpr (ROWS > 1) {
    if (end - begin < ROWS) return few_rows<Blocks, ROWS - 1, TILES>(p, begin, end, tile);
  }
  sum_block<Blocks, ROWS, TILES>(p, begin, tile);
}

// All rows, in blocks of nearly equal size: a last block of one row would load weights for a single row.
template <typename Blocks, int ROWS, int TILES>
void all_rows(const Product& p, int64_t tile) {
  int64_t blocks = (p.rows + ROWS - 1) / ROWS;
  for (int64_t i = 0; i < blocks; ++i)
    few_rows<Blocks, ROWS, TILES>(p, p.rows * i / blocks, p.rows * (i + 1) / blocks, tile);
}

// With few rows, the product is memory-bound: whole groups at once, so that weights are read in address order.
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
    } else if (Blocks::kTiles > 2 && tile % 2 == 0 && tile + 2 <= last) {
      all_rows<Blocks, Blocks::kRows, 2>(p, tile);
      tile += 2;
    } else {
      all_rows<Blocks, Blocks::kRows, 1>(p, tile);
      ++tile;
    }
  }
}

}  // namespace
}  // namespace st::cpu
