// linear on tensor cores for few rows: out[r, n] = sum over k of x[r, k] W[n, k], where reading the weights takes
// almost all the time. A tile of 16 outputs belongs to one block, and each of its 8 parts of K to one warp: no warp
// waits for another before the end of a tile, no block for another at all, and tiles are so small that any matrix
// occupies the device. Every sum has the order that linear_mma.cu gives it, so the bits are the same.

#include <algorithm>

#include "cuda/linear_stages.cuh"

namespace st::cuda {
namespace {

using namespace tiled;

template <int kRows_, WeightFormat kFormat_>
struct FewRows {
  static constexpr int kRows = kRows_, kGroups = kRows / kGroup;
  static constexpr bool kInt8 = kFormat_ == WeightFormat::kInt8, kFp8 = kFormat_ == WeightFormat::kFp8;
  static constexpr FewRowsShape kPlan = {kRows, kFormat_};
  static constexpr int kStages = FewRowsShape::kStages;
  static constexpr int kTileScalePieces = kInt8 ? 2 : kFp8 ? 1 : 0;  // of a tile of columns
  static constexpr int kScalePieces = kTileScalePieces * kStageTiles;
  static constexpr int kSteps = kStageTiles * (kFp8 ? 2 : 1);  // of 16 columns, in a stage
};

// Weights [kStageTiles][lane], then the scales of int8, f16 [kStageTiles][kTile], or of 8-bit floats, f32 [kTile].
template <typename F>
struct WarpStage {
  Piece pieces[kRun + F::kScalePieces];
  static_assert((kRun + F::kScalePieces) * 16 == F::kPlan.stage_bytes(), "linear_plan.h has another size");
};

// A lane's sums, for each group of 8 rows: of outputs l / 4 and l / 4 + 8, rows 2 (l % 4) and 2 (l % 4) + 1.
using Quad = Pack<float, 4>;

// The weights of a warp, stage by stage: those of its part in one tile of outputs, then in the block's next.
template <typename F>
struct Weights {
  Tiles part;
  int output_tile, tile;       // of the next stage
  const Piece *from, *scales;  // its first piece for this lane

  __device__ __forceinline__ Weights(const st_linear& op, const Scales& all, Tiles of_warp, int lane)
      : part(of_warp), output_tile(static_cast<int>(blockIdx.x)) {
    begin_tile(op, all, lane);
  }

  __device__ __forceinline__ void begin_tile(const st_linear& op, const Scales& all, int lane) {
    int64_t first = output_tile * column_tiles<F>(op) + part.begin;
    tile = part.begin;
    from = static_cast<const Piece*>(op.w.data) + first * kWarpSize + lane;
    scales = all.weights + first * F::kTileScalePieces + lane;
  }

  __device__ __forceinline__ bool done(int output_tiles) const {
    return output_tile >= output_tiles || part.begin == part.end;
  }

  __device__ __forceinline__ void copy(SharedAddress to, int lane) const {
    int tiles = part.end - tile;
    to += lane * 16;
    auto copy_tile = [&](int i) { copy_async_16(to + i * kWarpSize * 16, from + i * kWarpSize, true); };
    if (tiles >= kStageTiles) {
#pragma unroll
      for (int i = 0; i < kStageTiles; ++i) copy_tile(i);
    } else {
#pragma unroll 1
      for (int i = 0; i < tiles; ++i) copy_tile(i);
    }
    if (F::kScalePieces > 0 && lane < F::kScalePieces && lane < F::kTileScalePieces * tiles)
      copy_async_16(to + kRun * 16, scales, true);
  }

  __device__ __forceinline__ void next_stage(const st_linear& op, const Scales& all, int lane) {
    tile += kStageTiles;
    from += kRun;
    scales += F::kScalePieces;
    if (tile < part.end) return;
    output_tile += static_cast<int>(gridDim.x);
    begin_tile(op, all, lane);
  }
};

// What a lane multiplies of x in a stage: of row l / 4 of each group columns 2 (l % 4), + 1, + 8 and + 9 of every 16.
// Columns that do not exist are 0; in the place of rows that do not exist is the last one, and their sums are never
// stored.
template <typename T, typename F>
struct Inputs {
  uint32_t words[F::kSteps][F::kGroups][2];
  Pack<float, 2> of_rows[F::kInt8 ? kStageTiles : 1][F::kGroups];  // scales of rows 2 (l % 4) and + 1

  __device__ __forceinline__ void load(const st_linear& op, const Scales& scales, int tile, int lane) {
    int first_col = tile * (kTile * F::kSteps / kStageTiles), col = first_col + 2 * (lane % 4);
    bool whole = first_col + F::kSteps * kTile <= op.w.cols;
#pragma unroll
    for (int g = 0; g < F::kGroups; ++g) {
      int row = Min()(g * kGroup + lane / 4, op.rows - 1);
      const T* x = static_cast<const T*>(op.x) + int64_t{row} * op.w.cols + col;
#pragma unroll
      for (int i = 0; i < 2 * F::kSteps; ++i) {
        bool there = whole || col + i * 8 < op.w.cols;  // and so is the next column: they are even
        words[i / 2][g][i % 2] = there ? *reinterpret_cast<const uint32_t*>(x + i * 8) : 0u;
      }
      if constexpr (F::kInt8) {
        int first_row = Min()(g * kGroup + 2 * (lane % 4), (op.rows - 1) / 2 * 2);
        const float* of_row = reinterpret_cast<const float*>(scales.inputs) + first_row;
#pragma unroll
        for (int i = 0; i < kStageTiles; ++i) {
          of_rows[i][g] = {};
          if (whole || (tile + i) * kTile < op.w.cols)
            of_rows[i][g] =
                *reinterpret_cast<const Pack<float, 2>*>(of_row + int64_t{tile + i} * scales.input_stride * 4);
        }
      }
    }
  }
};

// sums += the products of tile i of a stage.
template <typename T, typename F>
__device__ __forceinline__ void multiply_tile(const WarpStage<F>& stage, const Inputs<T, F>& x, int i, int lane,
                                              Quad (&sums)[F::kGroups]) {
  const Piece piece = stage.pieces[i * kWarpSize + lane];
  const uint32_t a[4] = {piece.at[0], piece.at[2], piece.at[1], piece.at[3]};  // mma's order
  const auto* scales = reinterpret_cast<const F16*>(stage.pieces + kRun) + i * kTile + lane / 4;
#pragma unroll
  for (int g = 0; g < F::kGroups; ++g) {
    if constexpr (F::kInt8)
      add_scaled(sums[g].at, a, x.words[i][g], {to_float(scales[0]), to_float(scales[8])}, x.of_rows[i][g]);
    else
      mma<T>(sums[g].at, a, x.words[i][g]);
  }
}

// Of 8-bit floats a stage is a block of 128 columns: its products are added up in the order of k, then scaled once.
template <typename T, typename F>
__device__ __forceinline__ void multiply_block(const WarpStage<F>& stage, const Inputs<T, F>& x, int lane,
                                               Quad (&sums)[F::kGroups]) {
  float products[F::kGroups][4] = {};
#pragma unroll
  for (int step = 0; step < F::kSteps; ++step) {
    const Piece& piece = stage.pieces[step / 2 * kWarpSize + lane];
    uint32_t a[4];
    for (int row = 0; row < 2; ++row) widen<T>(piece.at[step % 2 * 2 + row], a[row], a[2 + row]);
#pragma unroll
    for (int g = 0; g < F::kGroups; ++g) mma<T>(products[g], a, x.words[step][g]);
  }
  const auto* scales = reinterpret_cast<const float*>(stage.pieces + kRun) + lane / 4;
#pragma unroll
  for (int g = 0; g < F::kGroups; ++g)
    for (int e = 0; e < 4; ++e) sums[g].at[e] = fmaf(products[g][e] * kFp8Unit<T>, scales[e / 2 * 8], sums[g].at[e]);
}

// The same of a stage that has `tiles` tiles of columns of the part, or more.
template <typename T, typename F>
__device__ __forceinline__ void multiply_stage(const WarpStage<F>& stage, const Inputs<T, F>& x, int tiles, int lane,
                                               Quad (&sums)[F::kGroups]) {
  if constexpr (F::kFp8) {
    multiply_block(stage, x, lane, sums);
  } else if (tiles >= kStageTiles) {
#pragma unroll
    for (int i = 0; i < kStageTiles; ++i) multiply_tile(stage, x, i, lane, sums);
  } else {
#pragma unroll
    for (int i = 0; i < kStageTiles - 1; ++i)
      if (i < tiles) multiply_tile(stage, x, i, lane, sums);
  }
}

// The outputs of 8 rows of a tile, by one warp: the tree over the parts' sums, sums[part][group][lane], for four
// outputs of a row.
template <typename A, typename F>
__device__ __forceinline__ void finish_group(const st_linear& op, const Quad* sums, int parts, int output_tile,
                                             int group, int lane) {
  int row = lane / 4, first_output = lane % 4 * 4;
  float outputs[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    int output = first_output + i, from = output % 8 * 4 + row / 2, element = output / 8 * 2 + row % 2;
    float nodes[kParts];  // all loaded at once, for which tree_sum() would need many more registers
#pragma unroll
    for (int part = 0; part < kParts; ++part)
      if (part < parts) nodes[part] = sums[(part * F::kGroups + group) * kWarpSize + from].at[element];
#pragma unroll
    for (int apart = 1; apart < kParts; apart *= 2)
#pragma unroll
      for (int part = 0; part < kParts; part += 2 * apart)
        if (part + apart < parts) nodes[part] = nodes[part] + nodes[part + apart];
    outputs[i] = nodes[0];
  }
  row += group * kGroup;
  if (row < op.rows) finish_outputs<A>(op, row, int64_t{output_tile} * kTile + first_output, outputs);
}

// Blocks of a warp for each part of `subtree`; block b has tiles b, b + gridDim.x, ... of 16 outputs. Bytes: w N K of
// weights, w = 2, of int8 1.06, of 8-bit floats 1.03, and 2 K R for every 16 outputs from the first- and second-level
// cache. Bound by memory, as long as x is not more than the weights: a warp has 3 stages of 2 KiB in flight, a
// multiprocessor 96 KiB or more, where it needs 33 KiB for 4.3 TB/s with 1 us of latency. Loads of x pass while a warp
// waits for weights. Built for 90% of the read bandwidth where W has 16 MiB and more; not measured. Registers: 168.
template <typename T, typename A, typename F>
__global__ void __launch_bounds__(kLinearThreads, F::kPlan.blocks())
    few_rows_kernel(st_linear op, Scales scales, int output_tiles, Subtree subtree) {
  ST_DYNAMIC_SHARED(WarpStage<F>, rings);  // [warp][kStages], then the sums of the parts
  int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
  WarpStage<F>* ring = rings + warp * F::kStages;
  auto* of_parts = reinterpret_cast<Quad*>(rings + subtree.parts * F::kStages);
  SharedAddress address = shared_address(ring);
  constexpr int kStageBytes = static_cast<int>(sizeof(WarpStage<F>));
  Tiles part = column_tiles_of_part<F>(op, subtree.first + warp);
  Weights<F> weights(op, scales, part, lane);
  auto copy_next = [&](int slot) {
    if (!weights.done(output_tiles)) {
      weights.copy(address + slot * kStageBytes, lane);
      weights.next_stage(op, scales, lane);
    }
    copy_async_commit();
  };
  let_next_begin();
#pragma unroll 1
  for (int slot = 0; slot < F::kStages - 1; ++slot) copy_next(slot);  // weights, which no kernel of a graph writes
  wait_for_previous();
  int slot = 0;  // of the stage that is multiplied
#pragma unroll 1
  for (int output_tile = static_cast<int>(blockIdx.x); output_tile < output_tiles;
       output_tile += static_cast<int>(gridDim.x)) {
    Quad sums[F::kGroups] = {};
#pragma unroll 1
    for (int tile = part.begin; tile < part.end; tile += kStageTiles) {
      Inputs<T, F> x;
      x.load(op, scales, tile, lane);
      copy_async_wait<F::kStages - 2>();
      __syncwarp();
      copy_next(slot > 0 ? slot - 1 : F::kStages - 1);
      multiply_stage(ring[slot], x, part.end - tile, lane, sums);
      slot = slot + 1 < F::kStages ? slot + 1 : 0;
    }
    __syncthreads();  // the sums of the tile before have been read
#pragma unroll
    for (int g = 0; g < F::kGroups; ++g) of_parts[(warp * F::kGroups + g) * kWarpSize + lane] = sums[g];
    __syncthreads();
#pragma unroll 1
    for (int g = warp; g < F::kGroups; g += subtree.parts)
      finish_group<A, F>(op, of_parts, subtree.parts, output_tile, g, lane);
  }
}

template <typename T, typename A, WeightFormat kFormat, int kRows>
st_status launch_rows(st_stream* stream, const st_linear& op, const Scales& scales, Subtree subtree) {
  using F = FewRows<kRows, kFormat>;
  if constexpr (kRows < FewRowsShape::most_rows(kFormat))
    if (op.rows > kRows) return launch_rows<T, A, kFormat, kRows * 2>(stream, op, scales, subtree);
  constexpr auto kKernel = few_rows_kernel<T, A, F>;
  ST_TRY((permit_shared_memory<kKernel, F::kPlan.shared_bytes(kParts)>(*stream)));
  auto bytes = static_cast<size_t>(F::kPlan.shared_bytes(subtree.parts));
  int tiles = static_cast<int>(tiles_of(op.w.rows));
  auto blocks = static_cast<unsigned>(std::min(tiles, F::kPlan.blocks() * stream->device->multiprocessors));
  auto threads = static_cast<unsigned>(subtree.parts * kWarpSize);
  return launch<kKernel>("linear", blocks, threads, bytes, stream, op, scales, tiles, subtree);
}

}  // namespace

template <typename T, typename A, WeightFormat kFormat>
st_status tiled::multiply_few_rows(st_stream* stream, const st_linear& op, const Scales& scales, Subtree subtree) {
  return launch_rows<T, A, kFormat, kGroup>(stream, op, scales, subtree);
}

#define ST_FEW_ROWS(T, A, FORMAT)                                                                                      \
  template st_status tiled::multiply_few_rows<T, A, WeightFormat::FORMAT>(st_stream*, const st_linear&, const Scales&, \
                                                                          Subtree);
ST_FEW_ROWS(Bf16, Bf16, k16Bits)
ST_FEW_ROWS(F16, F16, k16Bits)
ST_FEW_ROWS(Bf16, Bf16, kFp8)
ST_FEW_ROWS(F16, F16, kFp8)
ST_FEW_ROWS(Int8, float, kInt8)
ST_FEW_ROWS(Int8, Bf16, kInt8)
ST_FEW_ROWS(Int8, F16, kInt8)
#undef ST_FEW_ROWS

}  // namespace st::cuda
