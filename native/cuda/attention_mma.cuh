// attention on tensor cores, for a cache of bf16 or integers, K. Pairs (row, query head) that share a sequence and a KV
// head are the rows of mma, so that a pair's sums do not depend on the other pairs; attention_work.h divides the work.
//
// Bytes: keys and values of each position that it attends to once per unit, 4 D per KV head (integers: 2 D + 8); a unit
// is one decoding row with its group, or 64 pairs of a prompt. Partial results of splits that no block could merge in
// registers: 8 or 16 pairs of D + 2 numbers, 6% or 13% of the bytes of the split, written and read in the second-level
// cache. Decoding is bound by memory: a multiprocessor has up to 192 KiB of loads in flight, where 33 KiB hide the
// latency. Built to reach 85% of the bandwidth at 64 sequences of 2,048 positions (estimated). Prompts are bound by
// mma, 2^x and the barriers between them.

#pragma once

#include "cuda/attention_split.cuh"

namespace st::cuda {
namespace {

constexpr int32_t kNoWindow = INT32_MAX;  // of the operations that the kernel gets: no position is that far away

// Partial results, in the stream's scratch memory.
struct Scratch {
  unsigned* tickets;  // of the blocks, for the span that begins in a share; then of units, at their first span. 0
  char* shares;       // slots [blocks, share_slots]: splits by their place in the share; last those merged at its end
  char* spans;        // slots [span_slots]
  int32_t span_slots;
  int64_t slot_bytes, share_stride;
};

// The unit that begins at a row of a sequence.
__device__ __forceinline__ Unit unit_at(const st_attention& op, const UnitShape& shape, int32_t row, int32_t sequence) {
  const st_batch& batch = op.batch;
  int32_t begin = batch.first_row[sequence], end = batch.first_row[sequence + 1];
  if (row >= end || (row - begin) % shape.rows != 0) return {sequence, row, 0, 0, -1};
  Unit unit = {sequence, row, end - row < shape.rows ? end - row : shape.rows, 0, -1};
  for (int32_t last = unit.rows; unit.top < 0 && last > 0; --last) unit.top = batch.positions[row + last - 1];
  if (op.window == kNoWindow || unit.top < 0) return unit;
  int32_t lowest = batch.positions[row];
  for (int32_t next = row + 1; lowest < 0; ++next) lowest = batch.positions[next];
  unit.bottom = first_in_window(lowest, op.window);
  return unit;
}

// Counts the work, divides it, and finds where this block's share begins.
__device__ __forceinline__ Place find_start(const st_attention& op, const UnitShape& shape, int tiles,
                                            int32_t span_slots, Division& division) {
  ST_SHARED(Place, start, 1);
  int32_t rows = (op.batch.rows + kMmaThreads - 1) / kMmaThreads, first = static_cast<int32_t>(threadIdx.x) * rows;
  int32_t copies = op.kv_heads * shape.chunks;
  int32_t sequence = first < op.batch.rows ? sequence_of(op.batch, first) : 0;
  uint64_t mine = 0;  // splits, and stored spans in the upper half
  for (int32_t row = first, s = sequence; row < first + rows && row < op.batch.rows; ++row) {
    while (s + 1 < op.batch.sequences && row >= op.batch.first_row[s + 1]) ++s;
    Unit unit = unit_at(op, shape, row, s);
    if (unit.rows == 0) continue;
    Segment splits = splits_of(unit.bottom, unit.top);
    mine += static_cast<uint64_t>(count_of(splits)) | static_cast<uint64_t>(stored_spans(splits)) << 32;
  }
  uint64_t all, before = block_prefix_sum<kMmaWarps>(mine, &all);
  auto splits = [&](uint64_t count) { return static_cast<int32_t>(count) * copies; };
  auto spans = [&](uint64_t count) { return static_cast<int32_t>(count >> 32) * copies; };
  division = divide(splits(all), spans(all), span_slots, static_cast<int32_t>(gridDim.x), tiles);
  if (static_cast<int32_t>(blockIdx.x) >= division.blocks) return {};
  int32_t begin = share_begin(division, static_cast<int32_t>(blockIdx.x));
  if (splits(before) <= begin && begin < splits(before + mine))
    start[0] = {first, sequence, splits(before), spans(before)};
  __syncthreads();
  return start[0];
}

// --- partial results -----------------------------------------------------------------------------------------------

// Counts what has arrived; true for the block that arrives last, which then sees the stores of the others.
__device__ __forceinline__ bool arrives_last(unsigned* ticket, unsigned count, unsigned expected) {
  ST_SHARED(unsigned, arrived, 1);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    arrived[0] = atomicAdd(ticket, count) + count;
    if (arrived[0] == expected) *ticket = 0;
  }
  __syncthreads();
  bool last = arrived[0] == expected;
  __syncthreads();  // before the next one writes there
  if (last) __threadfence();
  return last;
}

// The slot of piece `index` of a span of splits first .. end - 1: the first is what its first block has merged, each
// other one a split.
__device__ __forceinline__ int32_t slot_of_piece(const Division& division, int32_t first, int32_t end, int index) {
  int32_t owner = share_owner(division, first), next = share_begin(division, owner + 1);
  if (index == 0) return owner * kSpanSplits + kSpanSplits - 1;
  int32_t split = next + index - 1;
  if (split >= end) return 0;
  owner = share_owner(division, split);
  return owner * kSpanSplits + split - share_begin(division, owner);
}

// The splits of a unit that belong to a span.
__device__ __forceinline__ Segment span_of(const Task& task, int32_t span) {
  int32_t first = span * kSpanSplits, end = first + kSpanSplits;
  return {first > task.splits.begin ? first : task.splits.begin, end < task.splits.end ? end : task.splits.end};
}

// Called with a stored piece of `count` of the splits of a span that others share; true, with the sums of the whole
// span, if all its pieces have arrived.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ bool gather_span(const Scratch& scratch, const Division& division, const Task& task,
                                            const Segment& span, int32_t count, Sums<kHeadDim, kTiles>& sums) {
  int32_t first = task.base + span.begin, splits = count_of(span);
  int32_t owner = share_owner(division, first);
  if (!arrives_last(&scratch.tickets[owner], static_cast<unsigned>(count), static_cast<unsigned>(splits))) return false;
  int lane = static_cast<int>(threadIdx.x % kWarpSize);
  int32_t mine = slot_of_piece(division, first, first + splits, lane);
  int pieces = first + splits - share_begin(division, owner + 1) + 1;
  merge(sums, pieces, task.pairs,
        [&](int i) { return scratch.shares + __shfl_sync(kWholeWarp, mine, i) * scratch.slot_bytes; });
  return true;
}

// Merges a whole span with the others of the unit; true, with the sums of the unit, if this was the last one.
template <int kHeadDim, int kTiles>
__device__ __forceinline__ bool gather_unit(const Scratch& scratch, const Division& division, const Task& task,
                                            int32_t span, Sums<kHeadDim, kTiles>& sums) {
  int32_t spans = stored_spans(task.splits);
  if (spans == 0) return true;
  if (division.grain == kGrainUnit) {  // the block has them all, in order
    char* slot = scratch.shares + blockIdx.x * scratch.share_stride;
    if (span > 0) {
      Sums<kHeadDim, kTiles> before;
      merge(before, 1, task.pairs, [&](int) { return slot; });
      __syncthreads();  // all warps read the maxima and totals that one of them replaces
      before.add(sums);
      sums = before;
    }
    if (span + 1 < spans) sums.store(slot, task.pairs);
    __syncthreads();
    return span + 1 == spans;
  }
  char* slots = scratch.spans + task.first_span * scratch.slot_bytes;
  sums.store(slots + span * scratch.slot_bytes, task.pairs);
  if (!arrives_last(&scratch.tickets[gridDim.x + task.first_span], 1, static_cast<unsigned>(spans))) return false;
  merge(sums, spans, task.pairs, [&](int i) { return slots + i * scratch.slot_bytes; });
  return true;
}

template <typename A, typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void write_unit(const st_attention& op, const Task& task,
                                           const Shared<K, kHeadDim, kTiles>& shared, int lane,
                                           const Sums<kHeadDim, kTiles>& sums) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    int pair = sums.first_pair(h) + lane / 4;
    if (pair >= task.pairs) continue;
    int64_t row = task.unit.row + pair / task.heads, head = task.first_head + pair % task.heads;
    A* out = static_cast<A*>(op.out) + (row * op.heads + head) * kHeadDim + sums.column() + 2 * (lane % 4);
    bool idle = shared.limits[pair] < 0;
    float factor = 1.0f / sums.total[h];
#pragma unroll
    for (int n = 0; n < Sums<kHeadDim, kTiles>::kParts; ++n) {
      Pack<A, 2> two;
      for (int e = 0; e < 2; ++e) two.at[e] = from_float<A>(idle ? 0.0f : sums.values[n][2 * h + e] * factor);
      *reinterpret_cast<Pack<A, 2>*>(out + 8 * n) = two;
    }
  }
}

// --- the kernel ----------------------------------------------------------------------------------------------------

// The splits of a segment, one after another.
template <typename A, bool kSharesSpans, typename K, int kHeadDim, int kTiles>
__device__ __forceinline__ void process(const st_attention& op, const Scratch& scratch, const Division& division,
                                        const Task& task, Shared<K, kHeadDim, kTiles>& shared) {
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  const Segment& share = task.segment;
  int32_t blocks = load_blocks(op, task, share.begin, task.unit.bottom, lane);
  __syncthreads();  // warps may still read the task before
  copy_keys(op, task.kv_head, share.begin, blocks, warp, lane, shared);
  copy_values(op, task.kv_head, blocks, warp, lane, shared);
  load_queries<A>(op, task, warp, lane, shared);
  for (int pair = static_cast<int>(threadIdx.x); pair < kTiles * kTilePairs; pair += kMmaThreads)
    shared.limits[pair] = pair < task.pairs ? op.batch.positions[task.unit.row + pair / task.heads] : -1;
  __syncthreads();
  Sums<kHeadDim, kTiles> sums;
  sums.clear();
  for (int32_t split = share.begin; split < share.end; ++split) {
    int32_t ahead = split + 1 < share.end ? load_blocks(op, task, split + 1, 0, lane) : kBeyond;
    Sums<kHeadDim, kTiles> of_split;
    attend(op, task, split * kSplitPositions, blocks, ahead, warp, lane, shared, of_split);
    blocks = ahead;
    sums.add(of_split);

    Segment span = span_of(task, split / kSpanSplits);
    bool merges = span.begin >= share.begin;  // the block has the first split of the span
    bool ends_span = split + 1 == span.end;
    bool ends_piece = ends_span || split + 1 == share.end;
    if (merges && !ends_piece) continue;
    bool whole = merges && ends_span;
    if (kSharesSpans && !whole) {
      auto block = static_cast<int32_t>(blockIdx.x);
      int32_t place = merges ? kSpanSplits - 1 : task.base + split - share_begin(division, block);
      sums.store(scratch.shares + (block * kSpanSplits + place) * scratch.slot_bytes, task.pairs);
      int32_t count = split + 1 - (merges ? span.begin : share.begin);
      whole = ends_piece && gather_span(scratch, division, task, span, count, sums);
    }
    int32_t index = split / kSpanSplits - task.splits.begin / kSpanSplits;
    if (whole && gather_unit(scratch, division, task, index, sums)) write_unit<A>(op, task, shared, lane, sums);
    sums.clear();
  }
}

// What all threads of the block have, in shared memory: units of many tiles need all registers for their sums.
template <typename T>
__device__ __forceinline__ const T& in_shared_memory(const T& value) {
  ST_SHARED(T, shared, 1);
  __syncthreads();  // warps may still read the one before
  if (threadIdx.x == 0) shared[0] = value;
  __syncthreads();
  return shared[0];
}

// A block takes its share of the splits. Registers: 255. (168 with units of one tile.)
template <typename A, typename K, int kHeadDim, int kTiles>
__global__ void __launch_bounds__(kMmaThreads, kTiles == 1 ? kMaxResident : 2)
    attention_mma_kernel(st_attention op, Scratch scratch) {
  follow_previous();
  ST_DYNAMIC_SHARED(unsigned char, memory);
  UnitShape units = unit_shape(op.heads / op.kv_heads, kTiles);
  const UnitShape& shape = kTiles > 1 ? in_shared_memory(units) : units;
  Division divided;
  Task task;
  task.at = find_start(op, shape, kTiles, scratch.span_slots, divided);
  if (static_cast<int32_t>(blockIdx.x) >= divided.blocks) return;
  const Division& division = kTiles > 1 ? in_shared_memory(divided) : divided;
  auto block = static_cast<int32_t>(blockIdx.x);
  auto begins_before_end = [&](int32_t split) { return split < share_begin(division, block + 1); };
  Place& at = task.at;
  for (; begins_before_end(at.splits) && at.row < op.batch.rows; ++at.row) {
    while (at.sequence + 1 < op.batch.sequences && at.row >= op.batch.first_row[at.sequence + 1]) ++at.sequence;
    task.unit = unit_at(op, shape, at.row, at.sequence);
    if (task.unit.rows == 0) continue;
    task.splits = splits_of(task.unit.bottom, task.unit.top);
    int32_t before = share_begin(division, block) - at.splits;
    for (task.copy = before > 0 ? before / count_of(task.splits) : 0;
         task.copy < op.kv_heads * shape.chunks && begins_before_end(at.splits + task.copy * count_of(task.splits));
         ++task.copy) {
      int32_t chunk = task.copy % shape.chunks * shape.heads;
      task.kv_head = task.copy / shape.chunks;
      task.first_head = task.kv_head * shape.group + chunk;
      task.heads = shape.group - chunk < shape.heads ? shape.group - chunk : shape.heads;
      task.pairs = task.unit.rows * task.heads;
      task.base = at.splits + task.copy * count_of(task.splits) - task.splits.begin;
      task.first_span = at.spans + task.copy * stored_spans(task.splits);
      task.segment = segment_of(division, block, task.base, task.splits);
      if (task.segment.begin >= task.segment.end) continue;
      const Task& mine = kTiles > 1 ? in_shared_memory(task) : task;
      if (kTiles > 1 && task.pairs <= kTilePairs)
        process<A, kTiles == 1>(op, scratch, division, mine, *reinterpret_cast<Shared<K, kHeadDim, 1>*>(memory));
      else
        process<A, kTiles == 1>(op, scratch, division, mine, *reinterpret_cast<Shared<K, kHeadDim, kTiles>*>(memory));
      if (kTiles > 1) task = mine;  // which no registers hold meanwhile
    }
    at.splits += count_of(task.splits) * op.kv_heads * shape.chunks;
    at.spans += stored_spans(task.splits) * op.kv_heads * shape.chunks;
  }
}

// For the sums of spans: those of a batch whose keys and values fill the memory of a device are smaller (0.8% of the
// bytes of a layer). Beyond that, and only then, no two blocks share a unit.
#if defined(ST_SIMT)
constexpr int64_t kSpanBytes = 256 << 10;  // so that tests get there
#else
constexpr int64_t kSpanBytes = int64_t{64} << 20;
#endif

template <typename A, typename K, int kHeadDim, int kTiles>
st_status run(st_stream* stream, const st_attention& op) {
  constexpr size_t kShared = sizeof(Shared<K, kHeadDim, kTiles>);
  static_assert(kShared >= sizeof(Shared<K, kHeadDim, 1>), "units of few pairs are computed in the same memory");
  static_assert(kShared + 512 <= 99 * 1024, "more shared memory than a block has on every device from sm_80 on");
  ST_TRY((permit_shared_memory<attention_mma_kernel<A, K, kHeadDim, kTiles>, kShared>(*stream)));
  const st_device& device = *stream->device;
  int64_t blocks = int64_t{device.multiprocessors} * resident_blocks(kShared, device.shared_bytes);
  int64_t bytes = slot_bytes(kHeadDim, kTiles), stride = share_slots(kTiles) * bytes;
  auto* shares = static_cast<char*>(stream->scratch) + kTicketBytes;
  int64_t tickets = static_cast<int64_t>(kTicketBytes / sizeof(unsigned)) - blocks;
  Scratch scratch = {static_cast<unsigned*>(stream->scratch),
                     shares,
                     shares + blocks * stride,
                     static_cast<int32_t>(std::min(kSpanBytes / bytes, tickets)),
                     bytes,
                     stride};
  return launch<attention_mma_kernel<A, K, kHeadDim, kTiles>>("attention", static_cast<unsigned>(blocks), kMmaThreads,
                                                              kShared, stream, op, scratch);
}

template <typename A, typename K, int kHeadDim>
st_status run_units(st_stream* stream, const st_attention& op) {
  return unit_tiles(op.batch.rows, op.batch.sequences, op.heads / op.kv_heads) == 1
             ? run<A, K, kHeadDim, 1>(stream, op)
             : run<A, K, kHeadDim, kManyTiles>(stream, op);
}

}  // namespace

template <typename A, typename K>
st_status attention_mma(st_stream* stream, const st_attention& op) {
  if (op.batch.rows == 0) return ST_OK;
  st_attention bounded = op;
  if (bounded.window == 0) bounded.window = kNoWindow;
  return op.head_dim == 64 ? run_units<A, K, 64>(stream, bounded) : run_units<A, K, 128>(stream, bounded);
}

}  // namespace st::cuda
