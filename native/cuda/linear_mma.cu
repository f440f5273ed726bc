// linear on tensor cores: out[r, n] = sum over k of x[r, k] W[n, k]. The weights are the 16-row operand, stored in the
// register layout of mma; rows of x are the 8 columns, so that a row's sums do not depend on the other rows. One loop
// for any number of rows: as many blocks as the device holds go through tiles of outputs, and weights and x pass
// through a ring of stages in shared memory, which asynchronous copies fill ahead of the products, from one tile to the
// next.

#include <iterator>

#include "cuda/linear_stages.cuh"

namespace st::cuda {
namespace {

using namespace tiled;

// The same number, of which the compiler does not know that it is the same.
__device__ __forceinline__ int forget(int number) {
#if !defined(ST_SIMT)
  asm volatile("" : "+r"(number));
#endif
  return number;
}

// Sums of a lane in scratch memory, [block][part][quad of sums][thread]: a block's place, if it is the first of those
// that have a tile, and in it the places of the tree's nodes by their first part.
struct Exchange {
  Pack<float, 4>* sums;
  unsigned* tickets;  // of a block: how many blocks have written, and in the upper half which places
};

template <typename S>
__device__ __forceinline__ Pack<float, 4>* exchange_place(const Exchange& exchange, int block, int part) {
  constexpr int kQuads = S::kTiles * S::kGroups;
  return exchange.sums + int64_t{block * kParts + part} * kQuads * kLinearThreads + threadIdx.x;
}

template <typename S>
__device__ __forceinline__ void store_sums(Pack<float, 4>* place, const LaneSums<S>& sums) {
#pragma unroll
  for (int m = 0; m < S::kTiles; ++m)
#pragma unroll
    for (int g = 0; g < S::kGroups; ++g) {
      const float(&quad)[4] = sums[m][g];
      place[(m * S::kGroups + g) * kLinearThreads] = {{quad[0], quad[1], quad[2], quad[3]}};
    }
}

// Where there are none, numbers that change no sum.
template <typename S>
__device__ __forceinline__ void load_sums(const Pack<float, 4>* place, bool there, LaneSums<S>& sums) {
#pragma unroll
  for (int m = 0; m < S::kTiles; ++m)
#pragma unroll
    for (int g = 0; g < S::kGroups; ++g) {
      Pack<float, 4> quad = {{-0.0f, -0.0f, -0.0f, -0.0f}};
      if (there) quad = place[(m * S::kGroups + g) * kLinearThreads];
      for (int e = 0; e < 4; ++e) sums[m][g][e] = quad.at[e];
    }
}

// The tree over the parts of a segment: sums of 1, 2 and 4 parts that wait for their siblings. A node whose sibling is
// another block's goes to the exchange.
template <typename S>
struct Tree {
  static constexpr int kHeld = 3 - S::kSharedLevels;  // levels in registers
  LaneSums<S> held[kHeld];
  float* shared;           // [level][sum][thread]
  unsigned waiting = 0;    // levels, one bit each
  unsigned exchanged = 0;  // parts at which nodes of the exchange begin

  template <int kLevel>
  __device__ __forceinline__ float& at(int m, int g, int e) {
    if constexpr (kLevel < kHeld)
      return held[kLevel][m][g][e];
    else
      return shared[((((kLevel - kHeld) * S::kTiles + m) * S::kGroups + g) * 4 + e) * kLinearThreads + threadIdx.x];
  }

  // The sums of `part`, counted from the subtree's first; those of the whole subtree stay in `sums`.
  template <int kLevel = 0>
  __device__ __forceinline__ void put(const Exchange& exchange, const Segment& segment, const Subtree& subtree,
                                      int part, LaneSums<S>& sums) {
    if constexpr (kLevel < 3) {
      if (1 << kLevel == subtree.parts) return;
      bool right = (part >> kLevel & 1) != 0;
      if (!right) {
        each_sum<S>([&](int m, int g, int e) { at<kLevel>(m, g, e) = sums[m][g][e]; });
        waiting |= 1u << kLevel;
      } else if (waiting >> kLevel & 1) {
        each_sum<S>([&](int m, int g, int e) { sums[m][g][e] = at<kLevel>(m, g, e) + sums[m][g][e]; });
        waiting &= ~(1u << kLevel);
        put<kLevel + 1>(exchange, segment, subtree, part, sums);
      } else {
        give(exchange, segment, part >> kLevel << kLevel, sums);
      }
    }
  }

  __device__ __forceinline__ void give(const Exchange& exchange, const Segment& segment, int first_part,
                                       const LaneSums<S>& sums) {
    store_sums<S>(exchange_place<S>(exchange, segment.first_block, first_part), sums);
    exchanged |= 1u << first_part;
  }

  // After the last part of a segment that is not the whole subtree: what still waits.
  template <int kLevel = 0>
  __device__ __forceinline__ void give_waiting(const Exchange& exchange, const Segment& segment, int next_part) {
    if constexpr (kLevel < 3) {
      if (waiting >> kLevel & 1) {
        LaneSums<S> sums;
        each_sum<S>([&](int m, int g, int e) { sums[m][g][e] = at<kLevel>(m, g, e); });
        give(exchange, segment, (next_part >> kLevel << kLevel) - (1 << kLevel), sums);
      }
      give_waiting<kLevel + 1>(exchange, segment, next_part);
    }
    waiting = 0;
  }
};

// Of the blocks that have a tile, the last to arrive adds up what all have given. Tickets are 0 before and after.
template <typename S>
__device__ __forceinline__ bool take_all(const Exchange& exchange, const Segment& segment, const Subtree& subtree,
                                         Tree<S>& tree, LaneSums<S>& sums) {
  ST_SHARED(unsigned, before, 1);
  unsigned *ticket = &exchange.tickets[segment.first_block], mine = tree.exchanged << 16 | 1u;
  __syncthreads();  // the fences of one thread order what all have stored before, and load after
  if (threadIdx.x == 0) {
    __threadfence();
    before[0] = atomicAdd(ticket, mine);
    __threadfence();
  }
  __syncthreads();
  unsigned all = before[0] + mine;
  if ((all & 0xffffu) != static_cast<unsigned>(segment.blocks)) return false;
  constexpr int kQuads = S::kTiles * S::kGroups, kTogether = kQuads < 4 ? 4 / kQuads : 1;
#pragma unroll 1
  for (int first = 0; first < subtree.parts; first += kTogether) {
    LaneSums<S> loaded[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i)
      load_sums<S>(exchange_place<S>(exchange, segment.first_block, first + i), (all >> (16 + first + i) & 1) != 0,
                   loaded[i]);
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (first + i >= subtree.parts) break;
      each_sum<S>([&](int m, int g, int e) { sums[m][g][e] = loaded[i][m][g][e]; });
      tree.put(exchange, segment, subtree, first + i, sums);
    }
  }
  if (threadIdx.x == 0) *ticket = 0;
  return true;
}

// The outputs of a tile. Each warp rearranges 16 outputs of 8 rows in its own shared memory, so that a lane has four
// adjacent outputs of a row.
template <typename A, typename S>
__device__ __forceinline__ void finish_tile(const st_linear& op, const Place<S>& place, const Segment& segment,
                                            float* transposed, const LaneSums<S>& sums) {
  constexpr int kStride = kTile + 4;  // the lanes of a warp are in different banks
  static_assert(kGroup * kStride * 4 == kLinearTransposed, "linear_plan.h has another size");
  float* own = transposed + threadIdx.x / kWarpSize * (kGroup * kStride);
  int lane = place.lane, row_of_lane = lane / 4, output_of_lane = lane % 4 * 4;
  int64_t first_row = int64_t{segment.first_row} + place.first_row + row_of_lane;
  int64_t first_output = int64_t{segment.first_tile + place.first_tile} * kTile + output_of_lane;
#pragma unroll
  for (int m = 0; m < S::kTiles; ++m) {
#pragma unroll
    for (int g = 0; g < S::kGroups; ++g) {
      __syncwarp();
      for (int e = 0; e < 4; ++e) own[(lane % 4 * 2 + e % 2) * kStride + lane / 4 + e / 2 * 8] = sums[m][g][e];
      __syncwarp();
      auto run = *reinterpret_cast<const Pack<float, 4>*>(own + row_of_lane * kStride + output_of_lane);
      int64_t row = first_row + g * kGroup;
      if (row < segment.end_row) finish_outputs<A>(op, row, first_output + m * kTile, run.at);
    }
  }
}

// Of a segment that is not the whole subtree, nodes are exchanged, and the last block finishes the tile.
template <typename A, typename S, typename Work>
__device__ __forceinline__ void finish_segment(const st_linear& op, const Work& work, const Place<S>& place,
                                               const Segment& segment, const Exchange& exchange, float* transposed,
                                               Tree<S>& tree, LaneSums<S>& sums) {
  if constexpr (!Work::kGroups) {
    if (segment.blocks > 1) {
      tree.give_waiting(exchange, segment, segment.last_part + 1 - work.subtree.first);
      if (!take_all<S>(exchange, segment, work.subtree, tree, sums)) return;
    }
  }
  if constexpr (S::kSharedLevels > 0) __syncthreads();  // the tree's places are used by other threads
  finish_tile<A>(op, place, segment, transposed, sums);
  if constexpr (S::kSharedLevels > 0) __syncthreads();
}

// Blocks of 128 outputs and up to 128 rows; work is as plan_linear distributes it. Bytes: 2 N K of weights from memory,
// once for every 128 rows; of x, rows / 128 bytes from the second-level cache for each byte of weights. Up to 64 rows
// bound by memory: 4 or more stages of 16 KiB of weights in flight, where a multiprocessor needs 33 KiB for 4.3 TB/s
// with 1 us of latency. Built for 90% of the read bandwidth; an H200 showed 75-83% for wide matrices and one row,
// 45-56% for 64. More rows are bound by shared memory, whose 32 KiB for 16 columns take 256 cycles against 214 of mma,
// to 83% of the rate of mma. With groups, a block has one tile of outputs, whose weights it reads again for each tile
// of rows, from the second-level cache.
// Of ST_FP8: 1.03 N K bytes of weights, once for every 64 rows; of x, rows / 64 bytes for each byte of weights. A stage
// has 16.5 KiB of weights, which arrive in about 950 cycles (4.3 TB/s over 132 multiprocessors). Widening takes 9
// instructions for 4 weights, with x of f16 7; with all others a scheduler issues about 600 a stage up to 16 rows,
// which memory bounds, and 1,000 to 1,200 with 64, which issue bounds. Counted in machine code: it has not run on a
// GPU. Registers: 255.
template <typename T, typename A, typename S, bool kAligned, typename Work>
__global__ void __launch_bounds__(kLinearThreads, S::kBlocks)
    linear_kernel(st_linear op, Scales scales, Work work, Exchange exchange) {
  ST_DYNAMIC_SHARED(Stage<S>, ring);
  auto* behind = reinterpret_cast<float*>(ring + S::kStages);
  SharedAddress address = shared_address(ring);
  constexpr int kStageBytes = static_cast<int>(sizeof(Stage<S>));
  Copier<T, S, kAligned, Work> copies;
  if constexpr (Work::kGroups) wait_for_previous();  // which writes the groups
  copies.next_segment(op, work);
  auto copy_weights = [&](const auto& from, int slot) {
    from.copy_weights(op, address + slot * kStageBytes);
    if constexpr (S::kScaleRun > 0) from.copy_weight_scales(op, scales, address + slot * kStageBytes);
  };
  auto copy_inputs = [&](int slot) {
    copies.copy_inputs(op, ring[slot], address + slot * kStageBytes);
    if constexpr (S::kInt8) copies.copy_input_scales(op, scales, address + slot * kStageBytes);
  };
  let_next_begin();
  auto ahead = copies;  // of weights, which no kernel of a graph writes
#pragma unroll 1
  for (int slot = 0; slot < S::kStages - 1 && ahead.end > 0; ++slot, ahead.next_stage(op, work))
    copy_weights(ahead, slot);
  if constexpr (!Work::kGroups) wait_for_previous();
#pragma unroll 1
  for (int slot = 0; slot < S::kStages - 1; ++slot) {
    if (copies.end > 0) {
      copy_inputs(slot);
      copies.next_stage(op, work);
    }
    copy_async_commit();
  }
  int slot = 0;  // of the stage that is multiplied

  Place<S> place;
  Segment segment;
  for (int index = 0; find_segment<S>(op, work, index, segment); ++index) {
    Tree<S> tree;
    tree.shared = behind;
    LaneSums<S> sums = {};
    int part = segment.part, part_end = column_tiles_of_part<S>(op, part).end;
    auto end_parts = [&](int tile) {  // those that end before `tile`
      while (part <= segment.last_part && part_end <= tile) {
        tree.put(exchange, segment, work.subtree, part - work.subtree.first, sums);
        if (part < segment.last_part) each_sum<S>([&](int m, int g, int e) { sums[m][g][e] = 0.0f; });
        part_end = column_tiles_of_part<S>(op, ++part).end;
      }
    };
    for (int tile = segment.begin; tile < segment.end; tile += kStageTiles) {
      copy_async_wait<S::kStages - 2>();
      __syncthreads();
      const Stage<S>& stage = ring[slot];
      SharedAddress inputs = address + slot * kStageBytes;
      int free = slot > 0 ? slot - 1 : S::kStages - 1;
      slot = slot + 1 < S::kStages ? slot + 1 : 0;
      auto copy_part = [&](int i) {  // of the stage to come, while tile i of this one is multiplied
        if (i == 0 && copies.end > 0) copy_weights(copies, free);
        if (i == 1 && copies.end > 0) copy_inputs(free);
      };
      if constexpr (S::kFp8) {
        end_parts(tile);
        multiply_block<T, S>(place, stage, inputs, sums, copy_part);
      } else {
        for (int i = 0; i < kStageTiles && tile + i < segment.end;) {
          end_parts(tile + i);
          if (i == 0 && tile + kStageTiles <= part_end) {
            if constexpr (S::kInt8) {  // there are no registers for both
              copy_part(0);
              copy_part(1);
              multiply_stage<T, S>(place, stage, inputs, sums, [](int) {});
            } else {
              multiply_stage<T, S>(place, stage, inputs, sums, copy_part);
            }
            i = kStageTiles;
          } else {
            if (i < 2) copy_part(i);
            Fragments<T, S> fragments;
            fragments.load(place, stage, inputs, i++);
            fragments.multiply(sums);
          }
        }
        if (tile + 1 == segment.end) copy_part(1);  // the loop had only tile 0
      }
      copy_async_commit();
      if (copies.end > 0) copies.next_stage(op, work);
    }
    end_parts(segment.end);
    // Found again, so that it needs no registers meanwhile.
    find_segment<S>(op, work, forget(index), segment);
    finish_segment<A>(op, work, place, segment, exchange, behind, tree, sums);
  }
}

template <typename T, typename A, bool kAligned, typename S, typename Work>
st_status launch_shape(st_stream* stream, const st_linear& op, const Scales& scales, const Work& work,
                       const Exchange& exchange, dim3 blocks, S) {
  constexpr size_t kBytes = S::kPlan.shared_bytes();
  constexpr auto kKernel = linear_kernel<T, A, S, kAligned, Work>;
  ST_TRY((permit_shared_memory<kKernel, kBytes>(*stream)));
  return launch<kKernel>("linear", blocks, kLinearThreads, kBytes, stream, op, scales, work, exchange);
}

// Calls start with the shape of a table of linear_plan.h that has so many rows.
template <const auto& kShapes, size_t kIndex = 0, typename Start>
st_status with_shape(int rows, const Start& start) {
  constexpr LinearShape kShape = kShapes[kIndex];
  if constexpr (kIndex + 1 < std::size(kShapes))
    if (rows != kShape.rows) return with_shape<kShapes, kIndex + 1>(rows, start);
  return start(Shape<kShape.rows, kShape.stages, kShape.blocks, kShape.format>());
}

template <WeightFormat kFormat>
constexpr auto& shapes_of() {
  if constexpr (kFormat == WeightFormat::kInt8)
    return kInt8Shapes;
  else if constexpr (kFormat == WeightFormat::kFp8)
    return kFp8Shapes;
  else
    return kLinearShapes;
}
template <WeightFormat kFormat>
constexpr auto& expert_shapes_of() {
  if constexpr (kFormat == WeightFormat::kInt8)
    return kInt8ExpertShapes;
  else if constexpr (kFormat == WeightFormat::kFp8)
    return kFp8ExpertShapes;
  else
    return kExpertShapes;
}

template <WeightFormat kFormat>
Subtree subtree_of_columns(const st_linear& op) {
  Parts parts = kFormat == WeightFormat::kFp8 ? parts_of<kFp8Block>(op) : parts_of(op);
  return subtree_of(parts.first, parts.first + parts.count - 1);
}

}  // namespace

template <typename T, typename A, WeightFormat kFormat>
st_status tiled::multiply_tiles(st_stream* stream, const st_linear& op, const Scales& scales, int64_t used) {
  if (op.rows == 0) return ST_OK;
  Subtree subtree = subtree_of_columns<kFormat>(op);
  bool in_pairs = op.w.cols % 2 == 0 && reinterpret_cast<uintptr_t>(op.x) % sizeof(uint32_t) == 0;
  if (in_pairs && suits_few_rows(op.rows, op.w.rows, op.w.cols, kFormat))
    return multiply_few_rows<T, A, kFormat>(stream, op, scales, subtree);
  constexpr auto& kShapes = shapes_of<kFormat>();
  used += static_cast<int64_t>(kTicketBytes);
  LinearLimits limits = {stream->device->multiprocessors, static_cast<int64_t>(stream->scratch_bytes) - used,
                         int64_t{kTicketBytes / sizeof(unsigned)}, stream->device->shared_bytes_of_block()};
  int64_t cols = kFormat == WeightFormat::kFp8 ? fp8_blocks(op.w.cols) * kLinearStageCols : op.w.cols;
  LinearPlan plan = plan_linear(op.rows, op.w.rows, cols, subtree, limits, kShapes);
  Exchange exchange = {reinterpret_cast<Pack<float, 4>*>(static_cast<char*>(stream->scratch) + used),
                       static_cast<unsigned*>(stream->scratch)};
  dim3 blocks(static_cast<unsigned>(plan.work.blocks));
  bool aligned = op.w.cols % 8 == 0 && reinterpret_cast<uintptr_t>(op.x) % sizeof(Piece) == 0;
  return with_shape<kShapes>(plan.shape.rows, [&](auto shape) {
    if constexpr (kFormat != WeightFormat::kInt8)
      if (!aligned) return launch_shape<T, A, false>(stream, op, scales, plan.work, exchange, blocks, shape);
    return launch_shape<T, A, true>(stream, op, scales, plan.work, exchange, blocks, shape);
  });
}

template <typename T, typename A, WeightFormat kFormat>
st_status tiled::multiply_groups(st_stream* stream, const st_linear& op, const Scales& scales, ExpertWork work,
                                 int64_t rows) {
  constexpr auto& kShapes = expert_shapes_of<kFormat>();
  work.subtree = subtree_of_columns<kFormat>(op);
  dim3 blocks(blocks_for(op.w.rows, kLinearOutputs), static_cast<unsigned>(work.groups));
  int rows_of_tile = shape_for(rows, stream->device->shared_bytes_of_block(), kShapes).rows;
  return with_shape<kShapes>(
      rows_of_tile, [&](auto shape) { return launch_shape<T, A, true>(stream, op, scales, work, {}, blocks, shape); });
}

namespace {

// Those of ST_FP8, which follow all tiles.
Scales fp8_scales(const st_linear& op) {
  const char* scales = static_cast<const char*>(op.w.data) + fp8_scales_at(op.w.rows, op.w.cols);
  return {reinterpret_cast<const Piece*>(scales), nullptr, 0};
}

}  // namespace

template <typename T>
st_status linear_mma(st_stream* stream, const st_linear& op) {
  if (op.w.dtype == ST_FP8) return multiply_tiles<T, T, WeightFormat::kFp8>(stream, op, fp8_scales(op), 0);
  return multiply_tiles<T, T, WeightFormat::k16Bits>(stream, op, {}, 0);
}

template <typename T>
st_status expert_mma(st_stream* stream, const st_linear& op, const ExpertWork& work, int64_t rows) {
  if (op.w.dtype == ST_FP8) return multiply_groups<T, T, WeightFormat::kFp8>(stream, op, fp8_scales(op), work, rows);
  return multiply_groups<T, T, WeightFormat::k16Bits>(stream, op, {}, work, rows);
}

template st_status linear_mma<Bf16>(st_stream*, const st_linear&);
template st_status linear_mma<F16>(st_stream*, const st_linear&);
template st_status expert_mma<Bf16>(st_stream*, const st_linear&, const ExpertWork&, int64_t);
template st_status expert_mma<F16>(st_stream*, const st_linear&, const ExpertWork&, int64_t);

#define ST_MULTIPLY_INT8(A)                                                                                            \
  template st_status tiled::multiply_tiles<Int8, A, WeightFormat::kInt8>(st_stream*, const st_linear&, const Scales&,  \
                                                                         int64_t);                                     \
  template st_status tiled::multiply_groups<Int8, A, WeightFormat::kInt8>(st_stream*, const st_linear&, const Scales&, \
                                                                          ExpertWork, int64_t);
ST_MULTIPLY_INT8(float)
ST_MULTIPLY_INT8(Bf16)
ST_MULTIPLY_INT8(F16)
#undef ST_MULTIPLY_INT8

}  // namespace st::cuda
