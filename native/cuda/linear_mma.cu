// linear on tensor cores: out[r, n] = sum over k of x[r, k] W[n, k]. The weights are the 16-row operand, stored in the
// register layout of mma; rows of x are the 8 columns, so that a row's sums do not depend on the other rows. One loop
// for any number of rows: weights and x pass through a ring of stages in shared memory, which asynchronous copies fill
// ahead of the products. The shapes differ in how many outputs and rows a block has, and in where the parts of K are:
// side by side, a warp each, while few sums are needed, or one after another. Speeds are computed, not yet measured.

#include <algorithm>
#include <type_traits>

#include "cuda/linear_plan.h"
#include "cuda/linear_stages.cuh"

namespace st::cuda {
namespace {

using namespace tiled;

constexpr int kThreads = 256;  // at most

// Calls f(m, g, e) for every sum of a lane; the loops are unrolled, so that arrays of sums stay in registers.
template <typename S, typename Function>
__device__ __forceinline__ void each_sum(const Function& f) {
#pragma unroll
  for (int m = 0; m < S::kTiles; ++m)
#pragma unroll
    for (int g = 0; g < S::kGroups; ++g)
#pragma unroll
      for (int e = 0; e < 4; ++e) f(m, g, e);
}

// The parts that one team takes in turn, added up by the tree. Sums of one part and of two wait until their siblings
// are done, in registers as far as these go, those of four and most of those of two in shared memory, where each thread
// has its own places.
template <typename S>
struct Tree {
  static constexpr int kHeld = 2, kPlaces = S::kTiles * (2 * S::kGroups - kHeld) * 4;  // groups; sums of a thread
  static constexpr int kBytes = S::kInTurn ? kPlaces * S::kTeam * 4 : 0;
  LaneSums<S> of_one;
  float held[S::kTiles][kHeld][4];
  float* shared;

  __device__ __forceinline__ float& place(int m, int g, int e) {
    return shared[((m * (2 * S::kGroups - kHeld) + g) * 4 + e) * S::kTeam];
  }
  __device__ __forceinline__ float& of_four(int m, int g, int e) { return place(m, g, e); }
  __device__ __forceinline__ float& of_two(int m, int g, int e) {
    return g < kHeld ? held[m][g][e] : place(m, S::kGroups - kHeld + g, e);
  }
  // After part `part` of the block, which is not its last.
  __device__ __forceinline__ void put(int part, LaneSums<S>& sums) {
    each_sum<S>([&](int m, int g, int e) {
      float pair = of_one[m][g][e] + sums[m][g][e];
      if (part == 3) of_four(m, g, e) = of_two(m, g, e) + pair;
      if (part % 2 == 1) of_two(m, g, e) = pair;
      of_one[m][g][e] = sums[m][g][e];
      sums[m][g][e] = 0.0f;
    });
  }
  // After the last of `parts` parts.
  __device__ __forceinline__ void finish(int parts, LaneSums<S>& sums) {
    each_sum<S>([&](int m, int g, int e) {
      float sum = sums[m][g][e];
      if (parts > 1) sum = of_one[m][g][e] + sum;
      if (parts > 2) sum = of_two(m, g, e) + sum;
      if (parts > 4) sum = of_four(m, g, e) + sum;
      sums[m][g][e] = sum;
    });
  }
};

// The stages of a team's parts, one after another. Those of all teams are equally many; some may be empty.
template <typename S>
struct Cursor {
  int part, stage = 0;
  Tiles tiles;  // of the part

  __device__ __forceinline__ Cursor(const st_linear& op, int first) : part(first), tiles(tiles_of_part(op, first)) {}

  __device__ __forceinline__ int tile() const { return tiles.begin + stage * S::kStageTiles; }
  __device__ __forceinline__ int count() const {
    int left = tiles.end - tile();
    return left < 0 ? 0 : left > S::kStageTiles ? S::kStageTiles : left;
  }
  // Whether a part has ended.
  __device__ __forceinline__ bool advance(const st_linear& op, int stages) {
    if (++stage < stages) return false;
    if constexpr (S::kInTurn) {
      stage = 0;
      tiles = tiles_of_part(op, ++part);
    }
    return true;
  }
};

// sums = x W^T over the parts of the team.
template <typename T, typename S, bool kAligned>
__device__ __forceinline__ void add_products(const st_linear& op, const Scales& scales, const Cut& cut,
                                             const Place<S>& place, Stage<S>* ring, float* waiting, LaneSums<S>& sums) {
  int first_part = cut.first + static_cast<int>(blockIdx.y) * cut.parts + place.team;
  int parts = S::kInTurn ? cut.parts : 1, stages = parts * cut.stages, part = 0;
  Cursor<S> copies(op, first_part), products = copies;
  Copier<T, S, kAligned> copier(op, scales, place);
  Tree<S> tree = {{}, {}, waiting + threadIdx.x};
  SharedAddress address = shared_address(ring);
  constexpr int kStageBytes = static_cast<int>(sizeof(Stage<S>)), kWeightBytes = S::kWeightPieces * 16;
  auto begin_stage = [&](int stage) {
    int slot = stage % S::kStages;
    SharedAddress to = address + slot * kStageBytes;
    if (stage < stages) {
      copier.copy(place, ring[slot], to, copies.tile(), copies.count());
      if constexpr (S::kScaled) copier.copy_scales(op, place, to, copies.tile(), copies.count());
    }
    copy_async_commit();
    copies.advance(op, cut.stages);
  };
#pragma unroll 1
  for (int stage = 0; stage < S::kStages - 1; ++stage) begin_stage(stage);
  for (int stage = 0; stage < stages; ++stage) {
    copy_async_wait<S::kStages - 2>();
    if constexpr (S::kTeam == kWarpSize)
      __syncwarp();
    else
      __syncthreads();
    begin_stage(stage + S::kStages - 1);
    const Stage<S>& landed = ring[stage % S::kStages];
    SharedAddress inputs = address + stage % S::kStages * kStageBytes + kWeightBytes;
    int count = products.count();
    if (count == S::kStageTiles) {
#pragma unroll
      for (int i = 0; i < S::kStageTiles; ++i) multiply<T, S>(place, landed, inputs, i, sums);
    } else {  // the last of a part
#pragma unroll 1
      for (int i = 0; i < count; ++i) multiply<T, S>(place, landed, inputs, i, sums);
    }
    if (products.advance(op, cut.stages) && S::kInTurn && ++part < parts) tree.put(part - 1, sums);
  }
  if constexpr (S::kInTurn) tree.finish(parts, sums);
}

// The sums of the teams, through shared memory, for each run of four outputs of the block to use(row, output, sums).
template <typename S, typename Use>
__device__ __forceinline__ void add_teams(const Place<S>& place, int rows, float* partial, const LaneSums<S>& sums,
                                          const Use& use) {
  constexpr int kRuns = S::kPassOutputs / 4;  // of a row
  int teams = static_cast<int>(blockDim.x) / S::kTeam;
#pragma unroll 1
  for (int pass = 0; pass < S::kTiles; ++pass) {
    __syncthreads();
    each_sum<S>([&](int m, int g, int e) {
      int row = (place.row_warp * S::kGroups + g) * kGroup + 2 * (place.lane % 4) + e % 2;
      int output = place.output_warp * kTile + place.lane / 4 + e / 2 * 8;
      if (m == pass) partial[(place.team * S::kRows + row) * S::kPassStride + output] = sums[m][g][e];
    });
    __syncthreads();
    for (int at = static_cast<int>(threadIdx.x); at < rows * kRuns; at += static_cast<int>(blockDim.x)) {
      int row = at / kRuns, output = at % kRuns * 4;
      float run[4];
      for (int i = 0; i < 4; ++i) {
        run[i] = sum_of_parts([&](int team) {
          return team < teams ? partial[(team * S::kRows + row) * S::kPassStride + output + i] : 0.0f;
        });
      }
      use(row, (output / kTile * S::kTiles + pass) * kTile + output % kTile, run);
    }
  }
}

// Of the blocks that share a tile, the last to arrive adds up what all have written to scratch memory,
// [tile][split][kRows][kOutputs], by the tree. Tickets, one for a tile, are 0 before and after.
template <typename A, typename S>
__device__ __forceinline__ void add_splits(const st_linear& op, const Place<S>& place, int rows, const float* scratch,
                                           unsigned* tickets) {
  ST_SHARED(unsigned, ticket, 1);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) ticket[0] = atomicAdd(&tickets[blockIdx.x], 1u);
  __syncthreads();
  if (ticket[0] != gridDim.y - 1) return;
  __threadfence();
  constexpr int kRuns = S::kOutputs / 4, kAhead = 2;  // runs of four outputs that a thread loads at once
  const auto* splits =
      reinterpret_cast<const Pack<float, 4>*>(scratch) + int64_t{blockIdx.x} * gridDim.y * S::kRows * kRuns;
  int step = static_cast<int>(blockDim.x), end = rows * kRuns;
  for (int first = static_cast<int>(threadIdx.x); first < end; first += kAhead * step) {
    float sums[kAhead][4];
#pragma unroll
    for (int j = 0; j < kAhead; ++j) {
      Pack<float, 4> of_split[kParts] = {};
#pragma unroll
      for (int split = 0; split < kParts; ++split)
        if (split < static_cast<int>(gridDim.y) && first + j * step < end)
          of_split[split] = splits[split * S::kRows * kRuns + first + j * step];
      for (int i = 0; i < 4; ++i) sums[j][i] = sum_of_parts([&](int split) { return of_split[split].at[i]; });
    }
#pragma unroll
    for (int j = 0; j < kAhead; ++j) {
      int at = first + j * step;
      if (at < end)
        finish_outputs<A>(op, place.first_row + at / kRuns, place.first_tile * kTile + at % kRuns * 4, sums[j]);
    }
  }
  if (threadIdx.x == 0) tickets[blockIdx.x] = 0;
}

template <typename T, typename A, typename S, bool kAligned>
__device__ __forceinline__ void linear_block(const st_linear& op, const Scales& scales, const Cut& cut, float* scratch,
                                             unsigned* tickets) {
  ST_DYNAMIC_SHARED(Stage<S>, stages);
  Place<S> place(cut);
  auto* waiting = reinterpret_cast<float*>(stages + S::kStages);  // of those that take parts in turn
  LaneSums<S> sums = {};
  add_products<T, S, kAligned>(op, scales, cut, place, stages + place.team * S::kStages, waiting, sums);
  int64_t rows_left = op.rows - place.first_row;
  int rows = rows_left < S::kRows ? static_cast<int>(rows_left) : S::kRows;
  float* split = scratch + (int64_t{blockIdx.x} * gridDim.y + blockIdx.y) * S::kRows * S::kOutputs;
  add_teams<S>(place, rows, reinterpret_cast<float*>(stages), sums, [&](int row, int output, float(&run)[4]) {
    if (gridDim.y == 1)
      finish_outputs<A>(op, place.first_row + row, int64_t{place.first_tile} * kTile + output, run);
    else
      *reinterpret_cast<Pack<float, 4>*>(split + row * S::kOutputs + output) = {{run[0], run[1], run[2], run[3]}};
  });
  if (gridDim.y > 1) add_splits<A, S>(op, place, rows, scratch, tickets);
}

// Up to 64 rows, decode: a warp for each part of K. Bytes: 2 N K of weights from memory, once; of x from the
// second-level cache 1/2 byte for each of them, 1 from 33 rows on. Bound by memory: three stages of 2 KiB in flight for
// each of 8 warps are 48 KiB a block, 96 KiB a multiprocessor up to 32 rows, where 4.3 TB/s with 0.8 us of latency need
// 26 KiB. Built for 90% of the read bandwidth for wide matrices; from 33 rows on the cache moves twice the bytes of the
// memory, and bounds an H200 to 70% if it moves 6 TB/s. Registers: 208.
template <typename T, typename A, typename S, bool kAligned>
__global__ void __launch_bounds__(kThreads, S::kTiles* S::kGroups <= (S::kScaled ? 4 : 16) ? 2 : 1)
    linear_parts_kernel(st_linear op, Scales scales, Cut cut, float* scratch, unsigned* tickets) {
  follow_previous();
  linear_block<T, A, S, kAligned>(op, scales, cut, scratch, tickets);
}

// More rows: 128 outputs and rows a block. Bytes: 2 N K of weights and 2 rows K of x, from the second-level cache once
// for every 128 rows, or outputs. 64 operations a byte: bound by that cache, to 380 TFLOP/s if it moves 6 TB/s, half
// of what the tensor cores can do; then by shared memory, whose 32 KiB for 16 columns take 256 cycles against 206 of
// mma. Registers: 248.
template <typename T, typename A, typename S, bool kAligned>
__global__ void __launch_bounds__(kThreads)
    linear_turns_kernel(st_linear op, Scales scales, Cut cut, float* scratch, unsigned* tickets) {
  follow_previous();
  linear_block<T, A, S, kAligned>(op, scales, cut, scratch, tickets);
}

// A plan of blocks, and what they need in addition to the operation.
struct Blocks {
  LinearPlan plan;
  Subtree subtree;
  Scales scales;
  float* scratch;
};

template <auto kKernel>
st_status launch_blocks(st_stream* stream, const st_linear& op, const Blocks& blocks, const Cut& cut, int threads,
                        size_t bytes) {
  dim3 grid(static_cast<unsigned>(blocks.plan.tiles()), static_cast<unsigned>(blocks.plan.splits));
  ST_TRY(permit_shared_memory(*stream, kKernel, bytes));
  return launch<kKernel>("linear", grid, static_cast<unsigned>(threads), bytes, stream, op, blocks.scales, cut,
                         blocks.scratch, static_cast<unsigned*>(stream->scratch));
}

template <typename T, typename A, bool kAligned, typename S>
st_status launch_shape(st_stream* stream, const st_linear& op, const Blocks& blocks, S) {
  const LinearPlan& plan = blocks.plan;
  Cut cut = {blocks.subtree.first, blocks.subtree.parts / plan.splits, 0, static_cast<int>(plan.row_blocks)};
  for (int part = 0; part < kParts; ++part) {
    Tiles tiles = tiles_of_part(op, part);
    cut.stages = std::max(cut.stages, (tiles.end - tiles.begin + S::kStageTiles - 1) / S::kStageTiles);
  }
  int teams = S::kInTurn ? 1 : cut.parts;
  constexpr int kMostTeams = S::kInTurn ? 1 : kParts;
  static_assert(int64_t{kMostTeams} * S::kRingBytes + Tree<S>::kBytes ==
                    (S::kScaled ? shared_bytes_of(kInt8Shapes, S::kRows) : shared_bytes_of(kLinearShapes, S::kRows)),
                "linear_plan.h has another size");
  size_t bytes = static_cast<size_t>(teams) * S::kRingBytes + Tree<S>::kBytes;
  int threads = teams * S::kTeam;
  if constexpr (S::kInTurn)
    return launch_blocks<linear_turns_kernel<T, A, S, kAligned>>(stream, op, blocks, cut, threads, bytes);
  else
    return launch_blocks<linear_parts_kernel<T, A, S, kAligned>>(stream, op, blocks, cut, threads, bytes);
}

// The shapes of linear_plan.h.
template <typename T, typename A, bool kAligned>
st_status launch_plan(st_stream* stream, const st_linear& op, const Blocks& blocks) {
  constexpr bool kScaled = std::is_same_v<T, Int8>;
  auto start = [&](auto shape) { return launch_shape<T, A, kAligned>(stream, op, blocks, shape); };
  //                   tiles, groups, warps of outputs, of rows, tiles of a stage, stages, in turn
  int rows = blocks.plan.shape.rows;
  constexpr int kStages = kScaled ? 3 : 4;  // with its scales, a fourth would not fit where a block has 99 KiB
  if (rows == 8) return start(Shape<1, 1, 1, 1, 4, kStages, false, kScaled>());
  if (rows == 16) return start(Shape<2, 2, 1, 1, 2, kStages, false, kScaled>());
  if (rows == 32) return start(Shape<4, 4, 1, 1, 1, kStages, false, kScaled>());
  if constexpr (kScaled) {
    return start(Shape<2, 4, 4, 2, 2, 5, true, true>());
  } else {
    if (rows == 64) return start(Shape<4, 8, 1, 1, 1, 4, false, false>());
    return start(Shape<2, 8, 4, 2, 2, 3, true, false>());
  }
}

}  // namespace

template <typename T, typename A>
st_status tiled::multiply_tiles(st_stream* stream, const st_linear& op, const Scales& scales, int64_t used) {
  Parts parts = parts_of(op);
  Subtree subtree = subtree_of(parts.first, parts.first + parts.count - 1);
  LinearLimits limits = {stream->device->multiprocessors, static_cast<int64_t>(kScratchBytes - kTicketBytes) - used,
                         int64_t{kTicketBytes / sizeof(unsigned)}, stream->device->shared_bytes_of_block()};
  auto* scratch = static_cast<char*>(stream->scratch) + kTicketBytes + used;
  auto plan = [&](auto& shapes) { return plan_linear(op.rows, op.w.rows, op.w.cols, subtree.parts, limits, shapes); };
  Blocks blocks = {std::is_same_v<T, Int8> ? plan(kInt8Shapes) : plan(kLinearShapes), subtree, scales,
                   reinterpret_cast<float*>(scratch)};
  bool aligned = op.w.cols % 8 == 0 && reinterpret_cast<uintptr_t>(op.x) % sizeof(Piece) == 0;
  if constexpr (!std::is_same_v<T, Int8>)
    if (!aligned) return launch_plan<T, A, false>(stream, op, blocks);
  return launch_plan<T, A, true>(stream, op, blocks);
}

template <typename T>
st_status linear_mma(st_stream* stream, const st_linear& op) {
  return multiply_tiles<T, T>(stream, op, {}, 0);
}

template st_status linear_mma<Bf16>(st_stream*, const st_linear&);
template st_status linear_mma<F16>(st_stream*, const st_linear&);
template st_status tiled::multiply_tiles<Int8, float>(st_stream*, const st_linear&, const Scales&, int64_t);
template st_status tiled::multiply_tiles<Int8, Bf16>(st_stream*, const st_linear&, const Scales&, int64_t);
template st_status tiled::multiply_tiles<Int8, F16>(st_stream*, const st_linear&, const Scales&, int64_t);

}  // namespace st::cuda
