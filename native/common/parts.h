// Sums over what several devices share: balanced binary trees over 8 parts of the columns of a matrix or of the
// vocabulary, and over the ranks.
#pragma once

#include "common/portable.h"
#include "softthinking/backend.h"

namespace st {

constexpr int kParts = 8;
constexpr int kInt8Block = 32;  // inputs that share a scale in ST_INT8
constexpr int kFp8Block = 128;  // and in ST_FP8

// The columns of a tile, which no part cuts.
ST_HD int tile_cols(int32_t dtype) {
  return dtype == ST_INT8 ? kInt8Block : dtype == ST_FP8 ? kFp8Block : 16;
}

// The first of `count` items of part s; of part kParts: the end.
ST_HD int64_t part_begin(int64_t count, int s) {
  return s * count / kParts;
}

// The part that holds item i.
ST_HD int part_of(int64_t count, int64_t i) {
  return static_cast<int>((i * kParts + kParts - 1) / count);
}

// The columns of part s, as columns of W; empty where W lacks them.
struct Columns {
  int32_t begin, end;
};
ST_HD Columns columns_of_part(int32_t total_cols, int32_t first_col, int32_t cols, int32_t dtype, int s) {
  int64_t tile = tile_cols(dtype), tiles = (total_cols + tile - 1) / tile;
  int64_t begin = part_begin(tiles, s) * tile - first_col, end = part_begin(tiles, s + 1) * tile - first_col;
  begin = begin < 0 ? 0 : begin > cols ? cols : begin;
  end = end < 0 ? 0 : end > cols ? cols : end;
  return {static_cast<int32_t>(begin), static_cast<int32_t>(end)};
}

// The first of `count` columns or ids that rank `rank` holds; of rank `ranks`: the end.
ST_HD int64_t shard_begin(int64_t count, int rank, int ranks) {
  return rank * count / ranks;
}

// The sum of the values value(0) .. value(count - 1), at most 64, by a balanced binary tree: the first P, P the largest
// power of two below `count`, plus the others, each likewise. T needs +.
template <typename T, typename Value>
ST_HD T tree_sum(int count, const Value& value) {
  constexpr int kLevels = 7;
  T nodes[kLevels];  // of 2^level values, where the number of values so far has that bit. Indices are constants
                     // once the loops over levels are unrolled, so that a GPU keeps the nodes in registers
  for (int i = 0; i < count; ++i) {
    T sum = value(i);
    for (int level = 0; level < kLevels; ++level) {
      if (!(i >> level & 1)) {
        nodes[level] = sum;
        break;
      }
      sum = nodes[level] + sum;
    }
  }
  T sum = {};
  bool begun = false;
  for (int level = 0; level < kLevels; ++level) {
    if (!(count >> level & 1)) continue;
    sum = begun ? nodes[level] + sum : nodes[level];
    begun = true;
  }
  return sum;
}

}  // namespace st
