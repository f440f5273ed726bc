// Which blocks compute a matmul on tensor cores: the shape of a tile of outputs and rows, and how tiles and the parts
// of their columns are distributed. All of it affects only speed: the results are bit-identical.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/parts.h"

namespace st::cuda {

constexpr int kLinearOutputs = 128;     // of a tile
constexpr int kLinearStageCols = 64;    // of 16 bits, or twice as many of 8, that a stage of the ring holds
constexpr int kLinearThreads = 256;     // of a block
constexpr int kLinearTransposed = 640;  // bytes in which a warp rearranges sums

// Weights of 16 bits, which are the type of x; of 8 bits, two in the place of one, with scales: integers, by which x is
// rounded to integers, and floats, which become numbers of x's 16 bits.
enum class WeightFormat { k16Bits, kInt8, kFp8 };

// Rows of a tile, stages of the ring, and how many blocks a multiprocessor holds. Of the three levels of the tree over
// the parts, those for which there are no registers are in shared memory.
struct LinearShape {
  int rows, stages, blocks;
  WeightFormat format = WeightFormat::k16Bits;

  constexpr int shared_levels() const {
    return rows > 64 || rows == 32 || (format == WeightFormat::kInt8 && rows == 16) ? 2 : rows > 8 ? 1 : 0;
  }
  constexpr int64_t scale_bytes() const {
    return format == WeightFormat::kInt8  ? (kLinearOutputs * 2 + rows * 4) * 4
           : format == WeightFormat::kFp8 ? kLinearOutputs * 4
                                          : 0;
  }
  constexpr int64_t stage_bytes() const {
    return (kLinearOutputs + rows * (format == WeightFormat::kFp8 ? 2 : 1)) * kLinearStageCols * 2 + scale_bytes();
  }
  // Sums are transposed in the same place.
  constexpr int64_t tree_bytes() const {
    int64_t tree = int64_t{shared_levels()} * kLinearOutputs * rows * 4,
            transposed = kLinearThreads / 32 * kLinearTransposed;
    return tree > transposed ? tree : transposed;
  }
  constexpr int64_t shared_bytes() const { return stages * stage_bytes() + tree_bytes(); }
};
constexpr LinearShape kLinearShapes[] = {{8, 5, 2}, {16, 5, 2}, {32, 3, 2}, {64, 7, 1}, {128, 3, 1}};
constexpr LinearShape kInt8Shapes[] = {{8, 5, 2, WeightFormat::kInt8},
                                       {16, 4, 2, WeightFormat::kInt8},
                                       {32, 3, 1, WeightFormat::kInt8},
                                       {64, 7, 1, WeightFormat::kInt8}};
constexpr LinearShape kFp8Shapes[] = {{8, 5, 2, WeightFormat::kFp8},
                                      {16, 4, 2, WeightFormat::kFp8},
                                      {32, 3, 2, WeightFormat::kFp8},
                                      {64, 4, 1, WeightFormat::kFp8}};

// Of the kernel for few rows: a warp has a ring of its own, for 16 outputs and its part of the columns.
struct FewRowsShape {
  static constexpr int kOutputs = 16, kStages = 4;
  int rows;
  WeightFormat format;

  static constexpr int most_rows(WeightFormat format) { return format == WeightFormat::k16Bits ? 64 : 32; }
  constexpr int blocks() const {  // of a multiprocessor
    return rows == most_rows(format) ? 1 : format == WeightFormat::k16Bits && rows == 8 ? 3 : 2;
  }
  constexpr int64_t stage_bytes() const {
    int64_t scales = format == WeightFormat::kInt8 ? 2 * 4 * kOutputs : format == WeightFormat::kFp8 ? 4 * kOutputs : 0;
    return kOutputs * kLinearStageCols * 2 + scales;
  }
  constexpr int64_t shared_bytes(int parts) const {
    return parts * (kStages * stage_bytes() + int64_t{4} * rows * kOutputs);
  }
};

// Whether that kernel computes a matmul: it reads x once for every 16 outputs, most often from the second-level cache.
// Up to 4 rows that adds a quarter to what is read, and 32 MiB take about 6 us, which is what tiles of 128 outputs lose
// by exchanging sums and by multiprocessors without work (estimated from measured times).
constexpr bool suits_few_rows(int64_t rows, int64_t outputs, int64_t cols, WeightFormat format) {
  int64_t bytes_of_x = outputs / FewRowsShape::kOutputs * cols * rows * 2;
  return rows <= FewRowsShape::most_rows(format) && (rows <= 4 || bytes_of_x <= 32 << 20);
}

// Of the linear operation of experts. Blocks have whole tiles, so that few shapes do.
constexpr LinearShape kExpertShapes[] = {{8, 5, 2}, {32, 3, 2}, {64, 7, 1}};
constexpr LinearShape kInt8ExpertShapes[] = {
    {8, 5, 2, WeightFormat::kInt8}, {32, 3, 1, WeightFormat::kInt8}, {64, 7, 1, WeightFormat::kInt8}};
constexpr LinearShape kFp8ExpertShapes[] = {
    {8, 5, 2, WeightFormat::kFp8}, {32, 3, 2, WeightFormat::kFp8}, {64, 4, 1, WeightFormat::kFp8}};

// The smallest for so many rows, or else the largest whose shared memory a block may have.
template <size_t kCount>
LinearShape shape_for(int64_t rows, int64_t shared_bytes, const LinearShape (&shapes)[kCount]) {
  LinearShape shape = shapes[0];
  for (LinearShape larger : shapes) {
    if (rows <= shape.rows || larger.shared_bytes() > shared_bytes) break;
    shape = larger;
  }
  return shape;
}

// The smallest aligned subtree of the 8 parts that holds those of which a device has columns.
struct Subtree {
  int first, parts;
};
ST_HD Subtree subtree_of(int first_part, int last_part) {
  int parts = 1;
  while (first_part / parts != last_part / parts) parts *= 2;
  return {first_part / parts * parts, parts};
}

// How `tiles` are distributed over `blocks`. `waves` times, a block has a whole tile; before that comes a run of units
// of the other tiles: a tile has so many of them, each with `unit_parts` parts of its columns. A tile's place among the
// rows comes first, so that what is computed at the same time shares weights.
struct LinearWork {
  static constexpr bool kGroups = false;
  int tiles, row_blocks, blocks;
  Subtree subtree;
  int unit_parts;          // a power of two
  int units, waves, rest;  // of a tile; whole tiles of a block; units of all tiles that are not whole
};
// The first unit of a block; of block `blocks`: the end. And the block that has a unit. There are fewer than 8 units
// for a block: the products stay far below 2^31.
ST_HD int first_unit(const LinearWork& work, int block) {
  return static_cast<int>(static_cast<unsigned>(block * work.rest) / static_cast<unsigned>(work.blocks));
}
ST_HD int block_of(const LinearWork& work, int unit) {
  return static_cast<int>(static_cast<unsigned>((unit + 1) * work.blocks - 1) / static_cast<unsigned>(work.rest));
}

// The work of expert_linear: block (x, y) has the x-th tile of outputs for all rows of group y. Rows of x and out are
// counted from first_place; other groups' and those from end_place on are left out.
struct ExpertWork {
  static constexpr bool kGroups = true;
  const int32_t *experts, *places;  // device: of each group; the first place of each, and the end
  int groups;
  int64_t matrix_bytes;
  int first_place, end_place;
  Subtree subtree;
};

struct LinearPlan {
  LinearShape shape;
  LinearWork work;

  // How many stages of columns a block goes through, at most. Exchanging sums costs about 4 us (estimated from measured
  // times), in which a block reads 16 stages, or multiplies 4 with many rows.
  double stages_of_busiest(int64_t cols) const {
    double parts = work.waves * work.subtree.parts + (work.rest + work.blocks - 1) / work.blocks * work.unit_parts;
    double exchange = work.units > 1 && work.rest > 0 ? (shape.rows > 32 ? 4 : 16) : 0;
    return parts * static_cast<double>(cols) / (work.subtree.parts * kLinearStageCols) + exchange;
  }

  // Sums in f32 that blocks exchange: a block may be the first of several that have a tile.
  int64_t scratch_bytes() const {
    if (work.units == 1 || work.rest == 0) return 0;
    return int64_t{work.blocks} * kParts * kLinearOutputs * shape.rows * 4;
  }
};

struct LinearLimits {
  int multiprocessors;
  int64_t scratch_bytes, tickets;
  int64_t shared_bytes;  // of a block: 227 KiB on sm_90, 163 on sm_80, 99 on sm_86 and sm_89
};

// For `rows` rows of x and W[outputs, cols], of whose columns the device has those of a subtree; two of 8 bits are one.
template <size_t kCount>
LinearPlan plan_linear(int64_t rows, int64_t outputs, int64_t cols, Subtree subtree, const LinearLimits& limits,
                       const LinearShape (&shapes)[kCount]) {
  LinearPlan plan = {shape_for(rows, limits.shared_bytes, shapes), {}};
  LinearWork& work = plan.work;
  work.row_blocks = static_cast<int>((rows + plan.shape.rows - 1) / plan.shape.rows);
  work.tiles = static_cast<int>((outputs + kLinearOutputs - 1) / kLinearOutputs) * work.row_blocks;
  work.subtree = subtree;
  auto cut = [&](int unit_parts) {
    LinearPlan next = plan;
    next.work.unit_parts = unit_parts;
    next.work.units = subtree.parts / unit_parts;
    next.work.blocks = std::min(plan.shape.blocks * limits.multiprocessors, work.tiles * next.work.units);
    next.work.waves = work.tiles / next.work.blocks;
    next.work.rest = work.tiles % next.work.blocks * next.work.units;
    return next;
  };
  LinearPlan whole = cut(subtree.parts), in_parts = cut(1);
  bool fits = in_parts.scratch_bytes() <= limits.scratch_bytes && in_parts.work.blocks <= limits.tickets;
  return fits && in_parts.stages_of_busiest(cols) < whole.stages_of_busiest(cols) ? in_parts : whole;
}

}  // namespace st::cuda
