// Which blocks compute a matmul on CUDA: for the matrices of real models, on 132 multiprocessors, without a device.
#include "cuda/linear_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace st::cuda;

constexpr int kMultiprocessors = 132;
constexpr LinearLimits kLimits = {kMultiprocessors, 100 << 20, 16384, 227 << 10};
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

LinearPlan plan(const MatrixShape& w, int64_t rows, Subtree subtree = {0, 8}) {
  return plan_linear(rows, w.outputs, w.cols, subtree, kLimits, kLinearShapes);
}

// Units that a block has: those of whole tiles, and of its run of the rest.
int units_of_block(const LinearWork& work, int block) {
  return work.waves * work.units + first_unit(work, block + 1) - first_unit(work, block);
}

// A GPU for desktops has 99 KiB for a block; shapes that need more are replaced by more tiles of fewer rows.
TEST(LinearPlanTest, ShapesFitTheSharedMemoryOfTheDevice) {
  LinearLimits small = kLimits;
  small.shared_bytes = 99 << 10;
  for (int64_t rows : kRowCounts) {
    EXPECT_LE(plan_linear(rows, 3584, 3584, {0, 8}, small, kLinearShapes).shape.shared_bytes(), small.shared_bytes);
    EXPECT_LE(plan_linear(rows, 3584, 3584, {0, 8}, small, kInt8Shapes).shape.shared_bytes(), small.shared_bytes);
    EXPECT_LE(plan_linear(rows, 3584, 1792, {0, 8}, small, kFp8Shapes).shape.shared_bytes(), small.shared_bytes);
  }
  EXPECT_EQ(plan_linear(2048, 3584, 3584, {0, 8}, small, kLinearShapes).work.row_blocks, 64);
}

// On sm_90 a multiprocessor has 228 KiB, of which a block takes 1 more.
TEST(LinearPlanTest, AMultiprocessorHoldsTheBlocksOfItsShape) {
  for (LinearShape shape : kLinearShapes) EXPECT_LE(shape.blocks * (shape.shared_bytes() + 1024), 228 << 10);
  for (LinearShape shape : kInt8Shapes) EXPECT_LE(shape.blocks * (shape.shared_bytes() + 1024), 228 << 10);
  for (LinearShape shape : kFp8Shapes) EXPECT_LE(shape.blocks * (shape.shared_bytes() + 1024), 228 << 10);
}

// The kernel for few rows fits a GPU for desktops in every shape, so it has no smaller ones.
TEST(LinearPlanTest, FewRowsFitAnyDevice) {
  for (WeightFormat format : {WeightFormat::k16Bits, WeightFormat::kInt8, WeightFormat::kFp8}) {
    for (int rows = 8; rows <= FewRowsShape::most_rows(format); rows *= 2) {
      FewRowsShape shape = {rows, format};
      EXPECT_LE(shape.shared_bytes(8), 99 << 10) << rows;
      EXPECT_LE(shape.blocks() * (shape.shared_bytes(8) + 1024), 228 << 10) << rows;
    }
  }
}

// Of a 7B: a step of one sequence uses it for every matrix, a step of 16 for those that are read in a few us.
TEST(LinearPlanTest, FewRowsAreThoseThatCostLessThanExchangingSums) {
  auto suits = [](const MatrixShape& w, int64_t rows) {
    return suits_few_rows(rows, w.outputs, w.cols, WeightFormat::k16Bits);
  };
  for (const auto* matrices : {&kSevenB, &kHalfB})
    for (const MatrixShape& w : *matrices) EXPECT_TRUE(suits(w, 1) && suits(w, 4)) << w.name;
  for (const MatrixShape& w : kSevenB) EXPECT_EQ(suits(w, 16), w.outputs <= 4608 && w.cols == 3584) << w.name;
  for (const MatrixShape& w : kHalfB) EXPECT_EQ(suits(w, 64), w.outputs <= 1152 && w.cols == 896) << w.name;
  for (const MatrixShape& w : kHalfB) EXPECT_FALSE(suits(w, 65)) << w.name;
}

TEST(LinearPlanTest, EveryUnitHasABlockAndEveryBlockItsShare) {
  for (const auto* matrices : {&kSevenB, &kHalfB}) {
    for (const MatrixShape& w : *matrices) {
      for (int64_t rows : kRowCounts) {
        for (Subtree subtree : {Subtree{0, 8}, Subtree{4, 2}, Subtree{7, 1}}) {
          LinearPlan p = plan(w, rows, subtree);
          SCOPED_TRACE(testing::Message() << w.name << ", " << rows << " rows, " << subtree.parts << " parts");
          EXPECT_EQ(p.work.row_blocks, (rows + p.shape.rows - 1) / p.shape.rows);
          EXPECT_EQ(p.work.tiles, (w.outputs + kLinearOutputs - 1) / kLinearOutputs * p.work.row_blocks);
          EXPECT_LE(p.scratch_bytes(), kLimits.scratch_bytes);
          int64_t all = int64_t{p.work.tiles} * p.work.units, sum = 0, most = 0;
          for (int block = 0; block < p.work.blocks; ++block) {
            int units = units_of_block(p.work, block);
            sum += units;
            most = std::max<int64_t>(most, units);
            for (int unit = first_unit(p.work, block); unit < first_unit(p.work, block + 1); ++unit)
              EXPECT_EQ(block_of(p.work, unit), block);
          }
          EXPECT_EQ(sum, all);
          EXPECT_LE(most, (all + p.work.blocks - 1) / p.work.blocks);
        }
      }
    }
  }
}

// Where there is no memory to exchange sums, tiles stay whole.
TEST(LinearPlanTest, WithoutScratchMemoryTilesAreNotCut) {
  LinearLimits none = kLimits;
  none.scratch_bytes = 0;
  LinearPlan p = plan_linear(64, 3584, 3584, {0, 8}, none, kLinearShapes);
  EXPECT_EQ(p.work.units, 1);
  EXPECT_EQ(p.work.blocks, p.work.tiles);
}

// A row is in one tile up to 128 rows, so that weights are read from memory once.
TEST(LinearPlanTest, AllRowsOfADecodeStepShareTheWeights) {
  for (int64_t rows : {1, 8, 9, 16, 17, 32, 33, 64, 65, 96, 128}) EXPECT_EQ(plan(kSevenB[0], rows).work.row_blocks, 1);
}

// Exchanging sums would cost more than what it saves.
TEST(LinearPlanTest, SmallMatricesStayWhole) {
  for (const MatrixShape& w : kHalfB) EXPECT_EQ(plan(w, 1).work.units == 1, w.cols == 896) << w.name;
}

TEST(LinearPlanTest, MatricesOfA7BOccupyTheDevice) {
  for (const MatrixShape& w : kSevenB)
    for (int64_t rows : kRowCounts) EXPECT_GE(plan(w, rows).work.blocks, kMultiprocessors) << w.name << ", " << rows;
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
