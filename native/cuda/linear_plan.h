// Which blocks compute a matmul on tensor cores: the shape of a block and the number of blocks that share the columns
// of W. Both affect only speed: the results are bit-identical.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/parts.h"

namespace st::cuda {

// Outputs and rows of x of a block. Each byte of weights needs rows / outputs bytes of x, from the second-level cache:
// never more than one.
struct LinearShape {
  int outputs, rows;
  int64_t shared_bytes;  // at most
};
constexpr LinearShape kLinearShapes[] = {
    {16, 8, 98304}, {32, 16, 98304}, {64, 32, 98304}, {64, 64, 131072}, {128, 128, 163840}};
constexpr LinearShape kInt8Shapes[] = {{16, 8, 79872}, {32, 16, 79872}, {64, 32, 79872}, {128, 64, 115712}};

// What the shape of so many rows may use of shared memory.
template <size_t kCount>
constexpr int64_t shared_bytes_of(const LinearShape (&shapes)[kCount], int rows) {
  for (LinearShape shape : shapes)
    if (shape.rows == rows) return shape.shared_bytes;
  return 0;
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

struct LinearPlan {
  LinearShape shape;
  int64_t output_blocks, row_blocks;
  int splits;  // blocks that share the columns of a tile of outputs and rows: a divisor of the parts

  int64_t tiles() const { return output_blocks * row_blocks; }
  int64_t blocks() const { return tiles() * splits; }
  // Sums in f32 that the blocks of a tile exchange.
  int64_t scratch_bytes() const { return splits == 1 ? 0 : blocks() * shape.outputs * shape.rows * 4; }
};

struct LinearLimits {
  int multiprocessors;
  int64_t scratch_bytes, tickets;
  int64_t shared_bytes;  // of a block: 227 KiB on sm_90, 163 on sm_80, 99 on sm_86 and sm_89
};

// A block alone needs about 1 us to hand over its sums, in which it could read this many bytes of weights.
constexpr int64_t kFewestBytesOfSplit = 32 << 10;

// The time of the busiest multiprocessor, in units of an unsplit block; exchanging sums costs 1/50 for each split.
inline double busiest_of(const LinearPlan& plan, int multiprocessors) {
  int64_t blocks = (plan.blocks() + multiprocessors - 1) / multiprocessors;
  return static_cast<double>(blocks) / plan.splits + plan.splits / 50.0;
}

// For `rows` rows of x and W[outputs, cols] in 16 bits (or in 8, two for each of `cols`), of whose columns there are
// `parts` parts.
template <size_t kCount>
LinearPlan plan_linear(int64_t rows, int64_t outputs, int64_t cols, int parts, const LinearLimits& limits,
                       const LinearShape (&shapes)[kCount]) {
  LinearShape shape = shapes[0];
  for (LinearShape larger : shapes) {
    if (rows <= shape.rows || larger.shared_bytes > limits.shared_bytes) break;
    shape = larger;
  }
  LinearPlan best = {shape, (outputs + shape.outputs - 1) / shape.outputs, (rows + shape.rows - 1) / shape.rows, 1};
  // Blocks of 64 rows and more have a multiprocessor to themselves, so that a second turn of a few counts.
  int turns = shape.rows >= 64 ? 2 : 1;
  if (best.tiles() >= turns * limits.multiprocessors || best.tiles() > limits.tickets) return best;
  for (LinearPlan plan = best; plan.splits <= parts; plan.splits *= 2) {
    bool worth = shape.outputs * cols * 2 / plan.splits >= kFewestBytesOfSplit;
    if (plan.splits > 1 && (!worth || plan.scratch_bytes() > limits.scratch_bytes)) break;
    if (busiest_of(plan, limits.multiprocessors) < busiest_of(best, limits.multiprocessors)) best = plan;
  }
  return best;
}

}  // namespace st::cuda
