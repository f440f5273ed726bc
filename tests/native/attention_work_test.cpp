// How attention on CUDA divides its work; needs no device.
#include "cuda/attention_work.h"

#include "common/kv.h"
#include "support.h"

namespace {

using namespace st::cuda;

constexpr int kH100 = 132;
constexpr int32_t kSlots = 4096;  // of spans: more than these batches need

// The batch, as far as the division depends on it: the last position of each unit, in order.
struct Work {
  std::vector<int32_t> tops;
  int32_t copies = 4;  // KV heads
  int tiles = 1;
  int32_t window = 0;

  Segment splits_at(int32_t top) const { return splits_of(st::first_in_window(top, window), top); }
  int32_t splits() const {
    int32_t sum = 0;
    for (int32_t top : tops) sum += count_of(splits_at(top)) * copies;
    return sum;
  }
  int32_t spans() const {
    int32_t sum = 0;
    for (int32_t top : tops) sum += stored_spans(splits_at(top)) * copies;
    return sum;
  }
  Division division(int32_t blocks, int32_t slots = kSlots) const {
    return divide(splits(), spans(), slots, blocks, tiles);
  }
};

// Splits per block, in the order of the blocks; every split must be one block's.
std::vector<int32_t> shares(const Work& work, const Division& division) {
  std::vector<int32_t> of_block(static_cast<size_t>(division.blocks), 0);
  int32_t place = 0;
  for (int32_t top : work.tops) {
    Segment splits = work.splits_at(top);
    for (int32_t copy = 0; copy < work.copies; ++copy, place += count_of(splits)) {
      int32_t next = splits.begin;
      for (int32_t block = 0; block < division.blocks; ++block) {
        Segment segment = segment_of(division, block, place - splits.begin, splits);
        if (segment.begin >= segment.end) continue;
        EXPECT_EQ(segment.begin, next) << "block " << block;
        if (segment.begin > splits.begin) {
          EXPECT_EQ(segment.begin % division.grain, 0);
        }
        of_block[static_cast<size_t>(block)] += count_of(segment);
        next = segment.end;
      }
      EXPECT_EQ(next, splits.end);
    }
  }
  return of_block;
}

int32_t blocks_of(int head_dim, int tiles) {
  // Queries, weights, keys and values: more than three blocks of one tile would fit with heads of 64.
  uint32_t bytes = uint32_t(tiles) * 32 * uint32_t(head_dim + kSplitPositions) + uint32_t{512} * uint32_t(head_dim);
  return kH100 * resident_blocks(static_cast<uint64_t>(bytes), 228 << 10);
}

// A context limit is no input of the division: only positions are.
TEST(AttentionWorkTest, OneSequenceOccupiesTheDevice) {
  struct {
    int32_t positions, kv_heads;
    int32_t blocks;
  } const cases[] = {{1, 4, 4}, {2048, 4, 64}, {2048, 8, 128}, {16384, 4, 396}, {131072, 4, 396}, {131072, 8, 396}};
  EXPECT_EQ(blocks_of(128, 1), 3 * kH100);
  for (const auto& each : cases) {
    Work work = {{each.positions - 1}, each.kv_heads};
    Division division = work.division(blocks_of(128, 1));
    EXPECT_EQ(division.blocks, each.blocks) << each.positions << " positions";
    EXPECT_EQ(division.grain, kGrainSplit);
    std::vector<int32_t> of_block = shares(work, division);
    auto [least, most] = std::minmax_element(of_block.begin(), of_block.end());
    EXPECT_GE(*least, 1);
    EXPECT_LE(*most - *least, 1) << each.positions << " positions";
  }
}

TEST(AttentionWorkTest, ManySequencesShareTheDeviceEvenly) {
  for (int32_t positions : {2048, 8192, 131072}) {
    for (size_t sequences : {2, 64, 128}) {
      Work work = {std::vector<int32_t>(sequences, positions - 1), 8};
      for (size_t i = 0; i < sequences; i += 3) work.tops[i] = static_cast<int32_t>(i) * positions / 200;
      Division division = work.division(blocks_of(128, 1), 1 << 20);
      std::vector<int32_t> of_block = shares(work, division);
      EXPECT_EQ(division.blocks, std::min(396, work.splits()));
      auto [least, most] = std::minmax_element(of_block.begin(), of_block.end());
      EXPECT_LE(*most - *least, 1) << sequences << " sequences of " << positions;
    }
  }
}

// A prompt's units share no span: a block may have up to one span more than another.
TEST(AttentionWorkTest, PromptsAreDividedBySpans) {
  Work work = {{}, 4, kManyTiles};
  for (int32_t row = 9; row <= 2304; row += 9) work.tops.push_back(row - 1);
  int32_t blocks = blocks_of(128, kManyTiles);
  EXPECT_EQ(blocks, 2 * kH100);
  Division division = work.division(blocks);
  EXPECT_EQ(division.grain, kGrainSpan);
  std::vector<int32_t> of_block = shares(work, division);
  EXPECT_LE(*std::max_element(of_block.begin(), of_block.end()), work.splits() / blocks + kSpanSplits);
  EXPECT_EQ(std::count(of_block.begin(), of_block.end(), 0), 0);
}

// The work is that of the window; spans begin at multiples of their size, wherever it begins.
TEST(AttentionWorkTest, WindowsBoundTheWork) {
  for (int32_t window : {1, 128, 129, 2048, 4096}) {
    for (int tiles : {1, kManyTiles}) {
      Work work = {{131071, 131072, 5000, 100, -1}, 4, tiles, window};
      EXPECT_LE(work.splits(), 4 * 5 * (window / kSplitPositions + 2));
      for (int32_t blocks : {3, 48, 396}) shares(work, work.division(blocks));
      shares(work, work.division(48, 0));
    }
  }
  EXPECT_EQ(stored_spans({15, 17}), 2);
  EXPECT_EQ(stored_spans({16, 32}), 0);
}

TEST(AttentionWorkTest, UnitsAreWholeWhereSpansHaveNoPlace) {
  Work work = {{5000, 3, 40000, -1, 9000}, 2};
  Division division = work.division(48, work.spans() - 1);
  EXPECT_EQ(division.grain, kGrainUnit);
  shares(work, division);
  EXPECT_EQ(work.division(48, work.spans()).grain, kGrainSplit);
}

TEST(AttentionWorkTest, OwnersAreTheInverseOfShares) {
  for (int32_t splits : {1, 7, 48, 49, 1000, 8193}) {
    Division division = divide(splits, 0, 0, 48, 1);
    int32_t block = 0;
    for (int32_t split = 0; split < splits; ++split) {
      while (share_begin(division, block + 1) <= split) ++block;
      ASSERT_EQ(share_owner(division, split), block) << "split " << split << " of " << splits;
    }
    EXPECT_EQ(share_begin(division, division.blocks), splits);
  }
}

// What the scratch memory of a device must hold: see attention_scratch_bytes.
TEST(AttentionWorkTest, LongAndManyContextsHaveAPlace) {
  constexpr int64_t kSpanBytes = int64_t{64} << 20;
  struct {
    size_t sequences;
    int32_t positions;
  } const cases[] = {{128, 2048}, {64, 8192}, {1, 131072}, {64, 16384}};
  for (const auto& each : cases) {
    Work work = {std::vector<int32_t>(each.sequences, each.positions - 1), 8};
    EXPECT_LE(work.spans() * slot_bytes(128, 1), kSpanBytes) << each.sequences << " of " << each.positions;
  }
}

TEST(AttentionWorkTest, UnitsHoldTheirPairs) {
  for (int tiles : {1, kManyTiles}) {
    for (int group : {1, 2, 5, 7, 8, 16, 17, 24, 71, 128}) {
      UnitShape shape = unit_shape(group, tiles);
      EXPECT_GE(shape.rows, 1);
      EXPECT_LE(shape.rows * shape.heads, tiles * kTilePairs);
      EXPECT_GE(shape.heads * shape.chunks, group);
      EXPECT_LT(shape.heads * (shape.chunks - 1), group);
    }
  }
  EXPECT_EQ(unit_tiles(64, 64, 7), 1);
  EXPECT_EQ(unit_tiles(64, 64, 16), 1);
  EXPECT_EQ(unit_tiles(256, 1, 7), kManyTiles);
}

}  // namespace
