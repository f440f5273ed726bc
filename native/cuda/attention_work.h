// How the work of attention on tensor cores is divided among blocks. It depends on the positions that exist in the
// window, not on how many a sequence could have. Plain C++, for the kernel and for tests without a device.
//
// A unit is rows of one sequence with some heads of one KV head. Its context is cut into splits; each has exactly one
// partial result. Those of a span are merged in order, then the spans, so that the bits are those of any division.
// Splits and spans begin at multiples of their sizes from position 0, wherever the window of a unit begins: a row whose
// window begins later has no sums in those before. All splits, in the order (unit, KV head, split), are dealt out to
// the blocks in equal shares of adjacent ones.
#pragma once

#include <algorithm>

#include "common/formats.h"

namespace st::cuda {

// Splits of 64 would occupy twice the multiprocessors at one short sequence, for twice the bytes of partial results;
// with 256, keys and values of a split would need 128 KiB of shared memory.
constexpr int kSplitPositions = 128;
// A multiple: longer spans need more slots per block; shorter ones leave more to the last block of a unit.
constexpr int kSpanSplits = 16;
constexpr int kTilePairs = 16;  // (row, head) pairs of an mma
constexpr int kManyTiles = 4;   // of a unit of prefill; one in a step that only decodes

// The units of a KV head: up to `rows` rows with up to `heads` heads; a wide group has several `chunks` of heads.
struct UnitShape {
  int rows, heads, chunks, group;
};

ST_HD UnitShape unit_shape(int group, int tiles) {
  int pairs = tiles * kTilePairs, heads = group < pairs ? group : pairs;
  return {pairs / heads, heads, (group + pairs - 1) / pairs, group};
}

// Splits begin .. end - 1 of a context.
struct Segment {
  int32_t begin, end;
};
ST_HD int32_t count_of(const Segment& segment) {
  return segment.end - segment.begin;
}

// Splits of a unit that attends to the positions bottom .. top; an idle unit (top = -1) has one, which writes its
// zeros.
ST_HD Segment splits_of(int32_t bottom, int32_t top) {
  return top < 0 ? Segment{0, 1} : Segment{bottom / kSplitPositions, top / kSplitPositions + 1};
}

// Spans of a unit whose sums are stored: none, if a single one is the result.
ST_HD int32_t stored_spans(const Segment& splits) {
  int32_t before = splits.begin / kSpanSplits, last = (splits.end - 1) / kSpanSplits;
  return last == before ? 0 : last - before + 1;
}

// What a block never shares with another one: a split, a span, or all of a unit and KV head.
constexpr int kGrainSplit = 1, kGrainSpan = kSpanSplits, kGrainUnit = 1 << 30;

// The first `larger` blocks have a share of each + 1 splits, the others of `each`. (Every block computes places of
// shares several times, one after another: 32-bit products and divisions, because 64-bit divisions are calls of a
// hundred instructions.)
struct Division {
  int32_t blocks;  // that have a share, at most one per split
  int32_t each, larger;
  int32_t grain;
};

// Units of many tiles share no span, because the sums of their splits would be large.
ST_HD Division divide(int32_t splits, int32_t spans, int32_t span_slots, int32_t blocks, int tiles) {
  if (splits < blocks) blocks = splits;
  int32_t each = blocks > 0 ? splits / blocks : 0;
  return {blocks, each, splits - each * blocks, spans > span_slots ? kGrainUnit : tiles > 1 ? kGrainSpan : kGrainSplit};
}

// First split of a block's share; that of the next block is its end.
ST_HD int32_t share_begin(const Division& division, int32_t block) {
  return block * division.each + (block < division.larger ? block : division.larger);
}

// The block whose share has the split.
ST_HD int32_t share_owner(const Division& division, int32_t split) {
  int32_t of_larger = division.larger * (division.each + 1);
  return split < of_larger ? split / (division.each + 1) : division.larger + (split - of_larger) / division.each;
}

// The splits of a unit and KV head that a block processes: those of the grains that begin in its share. Split i is at
// place base + i among all.
ST_HD Segment segment_of(const Division& division, int32_t block, int32_t base, const Segment& splits) {
  auto place = [&](int32_t at) {
    int32_t split = at - base;
    if (split <= splits.begin) return splits.begin;
    if (split >= splits.end || division.grain == kGrainUnit) return splits.end;
    int32_t aligned = (split + division.grain - 1) / division.grain * division.grain;
    return aligned < splits.end ? aligned : splits.end;
  };
  return {place(share_begin(division, block)), place(share_begin(division, block + 1))};
}

// --- chosen by the host --------------------------------------------------------------------------------------------

// A step in which sequences have few rows has units of one tile.
inline int unit_tiles(int64_t rows, int64_t sequences, int64_t group) {
  return rows * group > sequences * kTilePairs ? kManyTiles : 1;
}

// Blocks that a multiprocessor holds at once: up to three, which together have up to 192 KiB of loads in flight.
constexpr int kMaxResident = 3;

inline int resident_blocks(uint64_t block_bytes, uint64_t shared_bytes) {
  constexpr uint64_t kReserved = 1024;  // by the system, for each block
  return static_cast<int>(std::clamp<uint64_t>(shared_bytes / (block_bytes + kReserved), 1, kMaxResident));
}

// Slots of a block for the partial results of its share; units of many tiles need one for what it has merged.
ST_HD int share_slots(int tiles) {
  return tiles > 1 ? 1 : kSpanSplits;
}

// Bytes of the sums of a unit: of each pair the values, a maximum and a total.
ST_HD int64_t slot_bytes(int head_dim, int tiles) {
  return int64_t{4} * tiles * kTilePairs * (head_dim + 2);
}

}  // namespace st::cuda
