// Which blocks compute a matmul on CUDA: for the matrices of real models, on 132 multiprocessors, without a device.
#include "cuda/linear_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace st::cuda;

constexpr int kMultiprocessors = 132;
constexpr LinearLimits kLimits = {kMultiprocessors, (32 << 20) - (64 << 10), 16384, 227 << 10};
constexpr int64_t kRowCounts[] = {1, 8, 16, 32, 64, 65, 96, 128, 256, 2048};

struct MatrixShape {
  const char* name;
  int64_t outputs, cols;
};
// Qwen2.5: QKV, output projection, gate and up, down, LM head.
constexpr MatrixShape kSevenB[] = {{"7B qkv", 4608, 3584},
                                   {"7B o", 3584, 3584},
                                   {"7B gate and up", 37888, 3584},
                                   {"7B down", 3584, 18944},
                                   {"7B head", 152064, 3584}};
constexpr MatrixShape kHalfB[] = {{"0.5B qkv", 1152, 896},
                                  {"0.5B o", 896, 896},
                                  {"0.5B gate and up", 9728, 896},
                                  {"0.5B down", 896, 4864},
                                  {"0.5B head", 151936, 896}};

LinearPlan plan(const MatrixShape& w, int64_t rows, int parts = 8) {
  return plan_linear(rows, w.outputs, w.cols, parts, kLimits, kLinearShapes);
}

// Bytes that the busiest multiprocessor reads: of weights and of x.
double busiest_bytes(const MatrixShape& w, int64_t rows) {
  LinearPlan p = plan(w, rows);
  double blocks = static_cast<double>((p.blocks() + kMultiprocessors - 1) / kMultiprocessors) / p.splits;
  auto shape_rows = static_cast<double>(std::min<int64_t>(rows, p.shape.rows));
  return blocks * 2.0 * static_cast<double>(w.cols) * (p.shape.outputs + shape_rows);
}

// A GPU for desktops has 99 KiB for a block; shapes that need more are replaced by more blocks of fewer rows.
TEST(LinearPlanTest, ShapesFitTheSharedMemoryOfTheDevice) {
  LinearLimits small = kLimits;
  small.shared_bytes = 99 << 10;
  for (int64_t rows : kRowCounts) {
    EXPECT_LE(plan_linear(rows, 3584, 3584, 8, small, kLinearShapes).shape.shared_bytes, small.shared_bytes);
    EXPECT_LE(plan_linear(rows, 3584, 3584, 8, small, kInt8Shapes).shape.shared_bytes, small.shared_bytes);
  }
  EXPECT_EQ(plan_linear(2048, 3584, 3584, 8, small, kLinearShapes).row_blocks, 64);
}

TEST(LinearPlanTest, BlocksCoverTheMatmulAndFitScratch) {
  for (const auto* matrices : {&kSevenB, &kHalfB}) {
    for (const MatrixShape& w : *matrices) {
      for (int64_t rows : kRowCounts) {
        LinearPlan p = plan(w, rows);
        SCOPED_TRACE(testing::Message() << w.name << ", " << rows << " rows");
        EXPECT_EQ(p.output_blocks, (w.outputs + p.shape.outputs - 1) / p.shape.outputs);
        EXPECT_EQ(p.row_blocks, (rows + p.shape.rows - 1) / p.shape.rows);
        EXPECT_TRUE(p.splits == 1 || p.splits == 2 || p.splits == 4 || p.splits == 8);
        EXPECT_LE(p.scratch_bytes(), kLimits.scratch_bytes);
        if (p.splits > 1) {
          EXPECT_LE(p.tiles(), kLimits.tickets);
        }
      }
    }
  }
}

// A row is in one block up to 128 rows, so that weights are read from memory once.
TEST(LinearPlanTest, AllRowsOfADecodeStepShareTheWeights) {
  for (int64_t rows : {1, 8, 9, 16, 17, 32, 33, 64, 65, 96, 128}) EXPECT_EQ(plan(kSevenB[0], rows).row_blocks, 1);
}

TEST(LinearPlanTest, ReadsAtMostAByteOfInputsPerByteOfWeights) {
  for (LinearShape shape : kLinearShapes) EXPECT_LE(shape.rows, shape.outputs);
  for (LinearShape shape : kInt8Shapes) EXPECT_LE(shape.rows, shape.outputs);
}

// The busiest multiprocessor has at most 1.4 times its share, of blocks that may share one 1.9 times.
TEST(LinearPlanTest, MatricesOfA7BFillTheDevice) {
  for (const MatrixShape& w : kSevenB) {
    for (int64_t rows : kRowCounts) {
      LinearPlan p = plan(w, rows);
      double share = static_cast<double>(p.tiles()) / kMultiprocessors;
      double busiest = static_cast<double>((p.blocks() + kMultiprocessors - 1) / kMultiprocessors) / p.splits;
      EXPECT_LE(busiest, share * (p.shape.rows < 64 ? 1.9 : 1.4)) << w.name << ", " << rows << " rows";
    }
  }
}

// The small matrices of a 0.5B: as many blocks as there are pieces worth splitting.
TEST(LinearPlanTest, MatricesOfAHalfBAreSplitAsFarAsItPays) {
  for (const MatrixShape& w : kHalfB) {
    for (int64_t rows : kRowCounts) {
      LinearPlan p = plan(w, rows);
      SCOPED_TRACE(testing::Message() << w.name << ", " << rows << " rows, " << p.blocks() << " blocks");
      int64_t bytes = p.shape.outputs * w.cols * 2;
      if (p.splits > 1) {
        EXPECT_GE(bytes / p.splits, kFewestBytesOfSplit);
      }
      bool small = bytes / (2 * p.splits) < kFewestBytesOfSplit;
      EXPECT_TRUE(small || p.splits == 8 || p.blocks() >= 0.8 * kMultiprocessors);
    }
  }
}

// Nowhere up to 128 rows does one more row cost more than one row in eight would; a small matrix may then have as few
// blocks as are worth splitting.
TEST(LinearPlanTest, OneMoreRowIsNoCliff) {
  for (int64_t rows : {8, 16, 32, 64}) {
    for (const MatrixShape& w : kSevenB)
      EXPECT_LE(busiest_bytes(w, rows + 1), 1.2 * busiest_bytes(w, rows)) << w.name << ", from " << rows << " rows";
    for (const MatrixShape& w : kHalfB)
      EXPECT_LE(busiest_bytes(w, rows + 1), 1.8 * busiest_bytes(w, rows)) << w.name << ", from " << rows << " rows";
  }
}

TEST(LinearPlanTest, ASplitIsWithinThePartsOfTheDevice) {
  for (int parts : {1, 2, 4, 8})
    for (const MatrixShape& w : kSevenB)
      for (int64_t rows : kRowCounts) EXPECT_EQ(parts % plan(w, rows, parts).splits, 0);
  EXPECT_EQ(plan(kSevenB[1], 64, 1).splits, 1);
  EXPECT_GT(plan(kSevenB[1], 64, 8).splits, 1);
}

TEST(LinearPlanTest, SubtreesCoverThePartsOfTheDevice) {
  for (int first = 0; first < 8; ++first) {
    for (int last = first; last < 8; ++last) {
      Subtree subtree = subtree_of(first, last);
      EXPECT_LE(subtree.first, first);
      EXPECT_GT(subtree.first + subtree.parts, last);
      EXPECT_EQ(subtree.first % subtree.parts, 0);
      EXPECT_EQ(8 % subtree.parts, 0);
    }
  }
  EXPECT_EQ(subtree_of(4, 5).parts, 2);
  EXPECT_EQ(subtree_of(3, 4).parts, 8);
}

}  // namespace
