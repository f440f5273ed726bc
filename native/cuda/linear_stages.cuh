// The ring of stages of linear on tensor cores: its shapes, its copies, and the products of a stage.
#pragma once

#include "cuda/linear.cuh"
#include "cuda/linear_plan.h"
#include "cuda/mma.cuh"

namespace st::cuda::tiled {

constexpr int kGroup = 8;                              // rows of x in one mma
constexpr int kStageTiles = kLinearStageCols / kTile;  // tiles of columns of a stage
constexpr int kOutputTiles = kLinearOutputs / kTile;   // tiles of outputs of a block
constexpr int kRun = kStageTiles * kWarpSize;          // adjacent pieces of weights: of a tile of outputs in a stage
constexpr int kWeightPieces = kOutputTiles * kRun;

using Piece = Pack<uint32_t, 4>;  // 16 bytes: of weights a lane's part of a tile, of x eight columns of a row

// Up to 32 rows, each of the 8 warps has one tile of outputs and all rows; then 2 tiles and half of the rows, and from
// 65 on 4 tiles and a quarter.
// kInt8: the numbers are integers of 8 bits, two in the place of one of 16, and each tile of columns has scales for its
// outputs and rows. kFp8: weights are two in the place of one, x is not; a stage has a scale for each of its outputs.
template <int kRows_, int kStages_, int kBlocks_, WeightFormat kFormat_>
struct Shape {
  static constexpr int kRows = kRows_, kStages = kStages_, kBlocks = kBlocks_;
  static constexpr bool kInt8 = kFormat_ == WeightFormat::kInt8, kFp8 = kFormat_ == WeightFormat::kFp8;
  static constexpr LinearShape kPlan = {kRows, kStages, kBlocks, kFormat_};
  static constexpr int kSharedLevels = kPlan.shared_levels();
  static constexpr int kTiles = kRows > 64 ? 4 : kRows > 32 ? 2 : 1, kRowWarps = kTiles;
  static constexpr int kGroups = kRows / kGroup / kRowWarps;
  static constexpr int kTileInputs = kFp8 ? kFp8TileCols : kTile;    // of a row of x, in a tile of columns
  static constexpr int kRowPieces = kStageTiles * kTileInputs / 8;   // of a row of x
  static constexpr int kTileScalePieces = kInt8 ? 2 : kFp8 ? 1 : 0;  // of a tile of outputs and columns
  static constexpr int kScaleRun = kTileScalePieces * kStageTiles;   // adjacent ones, of a tile of outputs
  static constexpr int kInputPieces = kRows * kRowPieces;
  static constexpr int kWeightScalePieces = kOutputTiles * kScaleRun;
  static constexpr int kInputScalePieces = kInt8 ? kStageTiles * kRows / 4 : 0;
  static constexpr int kWeightScales = kWeightPieces + kInputPieces;
  static constexpr int kInputScales = kWeightScales + kWeightScalePieces;
  static constexpr int kStagePieces = kInputScales + kInputScalePieces;
  static_assert(kStagePieces * 16 == kPlan.stage_bytes(), "linear_plan.h has another size");
  static_assert(!kFp8 || kStageTiles == kFp8BlockTiles, "a stage is a block");
};

// Weights [kOutputTiles][kStageTiles][lane]; x [kRows][kRowPieces], see input_place; from kWeightScales on f16
// [kOutputTiles][kStageTiles][kTile], of kFp8 f32 [kOutputTiles][kTile]; from kInputScales on f32 [kStageTiles][kRows].
template <typename S>
struct Stage {
  Piece pieces[S::kStagePieces];
};

// Of numbers of 8 bits, pieces of 16 bytes: for weights f16 [tile of outputs][tile of columns][kTile], or of kFp8 f32
// [tile of outputs][block of columns][kTile]; for x f32 [tile of columns][4 input_stride].
struct Scales {
  const Piece *weights, *inputs;
  int input_stride;
};

// The place of two integers of 8 bits.
struct Int8 {
  uint16_t bits;
};

// Where a piece of a row of x is: the eight rows that ldmatrix reads together are in different banks.
template <typename S>
__device__ __forceinline__ int input_place(int row, int piece) {
  return row * S::kRowPieces + (piece ^ row % kGroup);
}

// Tiles of columns that W has, and those of part s; of kFp8 of whole blocks.
template <typename S>
__device__ __forceinline__ int64_t column_tiles(const st_linear& op) {
  return S::kFp8 ? fp8_blocks(op.w.cols) * kFp8BlockTiles : tiles_of(op.w.cols);
}
template <typename S>
__device__ __forceinline__ Tiles column_tiles_of_part(const st_linear& op, int s) {
  if constexpr (!S::kFp8) return tiles_of_part(op, s);
  Tiles blocks = tiles_of_part<kFp8Block>(op, s);
  return {blocks.begin * kFp8BlockTiles, blocks.end * kFp8BlockTiles};
}

// What a block adds up at a stretch: tiles of columns, of whole parts, of a tile of outputs and rows.
struct Segment {
  int first_row, end_row;   // of the rows of x
  int first_tile;           // of outputs
  uint32_t matrix;          // in pieces from the first matrix on
  int part, last_part;      // of the tree's 8
  int begin, end;           // tiles of columns
  int first_block, blocks;  // that have the tile; 1: this block alone
};

// The index-th segment of the block; false if it has fewer. Those of cut tiles come first, so that what is exchanged is
// added up while others still read.
template <typename S>
__device__ __forceinline__ bool find_segment(const st_linear& op, const LinearWork& work, int index, Segment& segment) {
  int units = work.units, block = static_cast<int>(blockIdx.x), begin = 0, end = units;
  int first = first_unit(work, block), last = first_unit(work, block + 1);
  int cut_tile = first / units, cut_tiles = first < last ? (last - 1) / units - cut_tile + 1 : 0, tile;
  segment.blocks = 1;
  segment.first_block = block;
  if (index < cut_tiles) {
    cut_tile += index;
    begin = Max()(first - cut_tile * units, 0);
    end = Min()(last - cut_tile * units, units);
    tile = work.waves * work.blocks + cut_tile;
    if (end - begin < units) {
      segment.first_block = block_of(work, cut_tile * units);
      segment.blocks = block_of(work, cut_tile * units + units - 1) - segment.first_block + 1;
    }
  } else {
    if (index - cut_tiles >= work.waves) return false;
    tile = (index - cut_tiles) * work.blocks + block;
  }
  int output_block = work.row_blocks == 1 ? tile : tile / work.row_blocks;
  segment.first_row = (tile - output_block * work.row_blocks) * S::kRows;
  segment.end_row = op.rows;
  segment.matrix = 0;
  segment.first_tile = output_block * kOutputTiles;
  segment.part = work.subtree.first + begin * work.unit_parts;
  segment.last_part = work.subtree.first + end * work.unit_parts - 1;
  segment.begin = column_tiles_of_part<S>(op, segment.part).begin;
  segment.end = column_tiles_of_part<S>(op, segment.last_part).end;
  return true;
}

template <typename S>
__device__ __forceinline__ bool find_segment(const st_linear& op, const ExpertWork& work, int index, Segment& segment) {
  int group = static_cast<int>(blockIdx.y);
  segment.first_row = Max()(work.places[group], work.first_place) - work.first_place + index * S::kRows;
  segment.end_row = Min()(work.places[group + 1], work.end_place) - work.first_place;
  if (segment.first_row >= segment.end_row) return false;
  segment.matrix = static_cast<uint32_t>(work.experts[group]) * static_cast<uint32_t>(work.matrix_bytes / 16);
  segment.first_tile = static_cast<int>(blockIdx.x) * kOutputTiles;
  segment.first_block = 0;
  segment.blocks = 1;
  segment.part = work.subtree.first;
  segment.last_part = work.subtree.first + work.subtree.parts - 1;
  segment.begin = column_tiles_of_part<S>(op, segment.part).begin;
  segment.end = column_tiles_of_part<S>(op, segment.last_part).end;
  return true;
}

template <typename T>
__device__ __forceinline__ void copy_elements(Piece* to, const T* from, int count) {
  auto* elements = reinterpret_cast<T*>(to);
  for (int i = 0; i < 8; ++i) elements[i] = i < count ? from[i] : T{};
}

// The copies of a block's stages, one segment after another. A thread copies every kLinearThreads-th piece. Of x,
// columns beyond the last are 0; rows and outputs that do not exist keep what was there, and their sums are never
// stored.
template <typename T, typename S, bool kAligned, typename Work>
struct Copier {
  static constexpr int kTilesApart = kLinearThreads / kRun, kRowsApart = kLinearThreads / S::kRowPieces;
  const Piece* weights = nullptr;  // the thread's first piece of the stage
  const T* x = nullptr;
  int tile = 0, end = 0;              // tiles of columns: the stage's first, the segment's end
  int tiles_left = 0, rows_left = 0;  // from the thread's first ones on
  int index = 0;
  int output_tile = 0,
      input_run = 0;    // of the thread's scales: rows in fours, or of a group, which begins anywhere, rows
  uint32_t matrix = 0;  // in pieces
  // Scales of rows that are copied together, and how often that is in a column of a stage.
  static constexpr int kScaleRows = Work::kGroups ? 1 : 4, kScaleRuns = S::kRows / kScaleRows;
  static_assert(!S::kInt8 || kStageTiles * kScaleRuns <= kLinearThreads, "a thread copies one run");

  // Goes to the next segment that has columns. Past the last one, end is 0.
  __device__ __forceinline__ void next_segment(const st_linear& op, const Work& work) {
    Segment segment;
    tile = end = 0;
    while (find_segment<S>(op, work, index++, segment)) {
      if (segment.begin == segment.end) continue;
      int thread = static_cast<int>(threadIdx.x), row = thread / S::kRowPieces;
      tile = segment.begin;
      end = segment.end;
      int first_tile = segment.first_tile + thread / kRun;
      int64_t first_row = segment.first_row, rows = segment.end_row - first_row;
      if constexpr (Work::kGroups) matrix = segment.matrix;
      if constexpr (S::kScaleRun > 0) output_tile = segment.first_tile + thread / S::kScaleRun;
      if constexpr (S::kInt8) input_run = static_cast<int>(first_row / kScaleRows) + thread % kScaleRuns;
      tiles_left = static_cast<int>(tiles_of(op.w.rows)) - first_tile;
      weights = static_cast<const Piece*>(op.w.data) + matrix + (first_tile * column_tiles<S>(op) + tile) * kWarpSize +
                thread % kRun;
      rows_left = static_cast<int>(rows < S::kRows ? rows : S::kRows) - row;
      x = static_cast<const T*>(op.x) + (first_row + row) * op.w.cols + tile * S::kTileInputs +
          thread % S::kRowPieces * 8;
      return;
    }
  }

  __device__ __forceinline__ void copy_weights(const st_linear& op, SharedAddress to) const {
    int thread = static_cast<int>(threadIdx.x);
    if (thread % kRun >= (end - tile) * kWarpSize) return;
    int64_t apart = column_tiles<S>(op) * (kTilesApart * kWarpSize);
    to += thread * 16;
#pragma unroll
    for (int i = 0; i < kOutputTiles / kTilesApart; ++i)
      if (i * kTilesApart < tiles_left) copy_async_16(to + i * kLinearThreads * 16, weights + i * apart, true);
  }

  __device__ __forceinline__ void copy_inputs(const st_linear& op, Stage<S>& stage, SharedAddress to) const {
    int thread = static_cast<int>(threadIdx.x), row = thread / S::kRowPieces, piece = thread % S::kRowPieces;
    if (piece >= (end - tile) * (S::kTileInputs / 8)) return;
    int left = op.w.cols - tile * S::kTileInputs - piece * 8;  // columns
#pragma unroll
    for (int i = 0; i < (S::kInputPieces + kLinearThreads - 1) / kLinearThreads; ++i) {
      if (i * kRowsApart >= rows_left) return;
      // kRowsApart is a multiple of kGroup: each of the rows has the piece at the same place
      int at = kWeightPieces + input_place<S>(row, piece) + i * kRowsApart * S::kRowPieces;
      const T* from = x + int64_t{i * kRowsApart} * op.w.cols;
      if constexpr (kAligned)
        copy_async_16(to + at * 16, left > 0 ? from : static_cast<const T*>(op.x), left > 0);
      else
        copy_elements(&stage.pieces[at], from, left);
    }
  }

  __device__ __forceinline__ void copy_weight_scales(const st_linear& op, const Scales& scales,
                                                     SharedAddress to) const {
    int thread = static_cast<int>(threadIdx.x);
    int piece = thread % S::kScaleRun;
    if (thread < S::kWeightScalePieces && piece < S::kTileScalePieces * (end - tile) &&
        output_tile < tiles_of(op.w.rows))
      copy_async_16(to + (S::kWeightScales + thread) * 16,
                    scales.weights + matrix + (output_tile * column_tiles<S>(op) + tile) * S::kTileScalePieces + piece,
                    true);
  }

  __device__ __forceinline__ void copy_input_scales(const st_linear& op, const Scales& scales, SharedAddress to) const {
    constexpr int kBytes = kScaleRows * 4;
    int thread = static_cast<int>(threadIdx.x), of_tile = thread / kScaleRuns;
    if (thread >= kStageTiles * kScaleRuns || of_tile >= end - tile || int64_t{input_run} * kScaleRows >= op.rows)
      return;
    const char* from = reinterpret_cast<const char*>(scales.inputs + int64_t{tile + of_tile} * scales.input_stride);
    to += S::kInputScales * 16 + thread * kBytes;
    if constexpr (Work::kGroups)
      copy_async_4(to, from + int64_t{input_run} * kBytes);
    else
      copy_async_16(to, from + int64_t{input_run} * kBytes, true);
  }

  __device__ __forceinline__ void next_stage(const st_linear& op, const Work& work) {
    tile += kStageTiles;
    weights += kRun;
    x += kStageTiles * S::kTileInputs;
    if (tile >= end) next_segment(op, work);
  }
};

// Where a warp's tiles and rows are.
template <typename S>
struct Place {
  int lane, first_tile, first_row;  // within the block's
  __device__ __forceinline__ Place() {
    int warp = static_cast<int>(threadIdx.x) / kWarpSize;
    lane = static_cast<int>(threadIdx.x) % kWarpSize;
    first_tile = warp / S::kRowWarps * S::kTiles;
    first_row = warp % S::kRowWarps * S::kGroups * kGroup;
  }
};

template <typename S>
using LaneSums = float[S::kTiles][S::kGroups][4];

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

// sums += the products of a block of 32 columns, which are added exactly and then scaled. They are far below 2^22: an
// f32 of this size is 1.5 * 2^23 plus an integer.
__device__ __forceinline__ void add_scaled(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                                           const float (&of_outputs)[2], const Pack<float, 2>& of_rows) {
  constexpr int32_t kZero = 0x4b400000;
  int32_t products[4] = {kZero, kZero, kZero, kZero};
  mma_int8(products, a, b);
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    float sum = float_of(static_cast<uint32_t>(products[e])) - 12582912.0f;
    sums[e] = fmaf(sum, of_outputs[e / 2] * of_rows.at[e % 2], sums[e]);
  }
}

// What a warp multiplies of a tile of columns, in registers.
template <typename T, typename S>
struct Fragments {
  uint32_t a[S::kTiles][4], b[S::kGroups][2];
  float of_outputs[S::kTiles][2];
  Pack<float, 2> of_rows[S::kGroups];

  // Of tile i of the stage. `inputs` is where the lane's row of x begins, for the lane's matrix of ldmatrix.
  __device__ __forceinline__ void load(const Place<S>& place, const Stage<S>& stage, SharedAddress inputs, int i) {
    // mma expects the middle two registers swapped. `zero` is 0, but the compiler does not know: it copies registers
    // that are only renamed before every mma again.
    uint32_t zero = gridDim.z - 1;
#pragma unroll
    for (int m = 0; m < S::kTiles; ++m) {
      int tile = (place.first_tile + m) * kStageTiles + i;
      const Piece piece = stage.pieces[tile * kWarpSize + place.lane];
      for (int r = 0; r < 4; ++r) a[m][r] = piece.at[r % 2 * 2 + r / 2] ^ zero;
      if constexpr (S::kInt8) {
        const auto* scales = reinterpret_cast<const F16*>(stage.pieces + S::kWeightScales) + tile * kTile;
        for (int half = 0; half < 2; ++half) of_outputs[m][half] = to_float(scales[place.lane / 4 + half * 8]);
      }
    }
    constexpr int kMatrices = S::kGroups == 1 ? 2 : 4, kTogether = kMatrices / 2;  // groups of rows of one load
    int matrix = place.lane / 8 % kMatrices, row = place.first_row + matrix / 2 * kGroup + place.lane % 8;
    inputs += (kWeightPieces + input_place<S>(row, 2 * i + matrix % 2)) * 16;
    const auto* scales = reinterpret_cast<const float*>(stage.pieces + S::kInputScales) + i * S::kRows;
#pragma unroll
    for (int g = 0; g < S::kGroups; g += kTogether) {
      load_matrices<kMatrices>(b[g], inputs + g * kGroup * S::kRowPieces * 16);
      for (int j = 0; j < kTogether && S::kInt8; ++j)
        of_rows[g + j] = *reinterpret_cast<const Pack<float, 2>*>(scales + place.first_row + (g + j) * kGroup +
                                                                  2 * (place.lane % 4));
    }
  }

  __device__ __forceinline__ void multiply(LaneSums<S>& sums) const {
#pragma unroll
    for (int g = 0; g < S::kGroups; ++g) {
#pragma unroll
      for (int m = 0; m < S::kTiles; ++m) {
        if constexpr (S::kInt8)
          add_scaled(sums[m][g], a[m], b[g], of_outputs[m], of_rows[g]);
        else
          mma<T>(sums[m][g], a[m], b[g]);
      }
    }
  }
};

// sums += the products of a whole stage. Fragments are loaded a tile ahead as far as registers go. meanwhile(i) is
// called after the products of tile i are begun.
template <typename T, typename S, typename Meanwhile>
__device__ __forceinline__ void multiply_stage(const Place<S>& place, const Stage<S>& stage, SharedAddress inputs,
                                               LaneSums<S>& sums, const Meanwhile& meanwhile) {
  constexpr int kAhead = S::kRows == 64 ? 1 : 0;
  Fragments<T, S> fragments[kAhead + 1];
  if (kAhead > 0) fragments[0].load(place, stage, inputs, 0);
#pragma unroll(S::kRows > 64 ? 2 : kStageTiles)
  for (int i = 0; i < kStageTiles; ++i) {
    if (i + kAhead < kStageTiles) fragments[(i + kAhead) % (kAhead + 1)].load(place, stage, inputs, i + kAhead);
    fragments[i % (kAhead + 1)].multiply(sums);
    meanwhile(i);
  }
}

// The inputs of a tile of 32 columns, for its halves.
template <typename S>
__device__ __forceinline__ void load_inputs(const Place<S>& place, SharedAddress inputs, int i,
                                            uint32_t (&b)[2][S::kGroups][2]) {
  int matrix = place.lane / 8, row = place.first_row + place.lane % 8;
  if constexpr (S::kGroups == 1) {
    load_matrices<4>(b[0][0], inputs + (kWeightPieces + input_place<S>(row, 4 * i + matrix)) * 16);
  } else {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      SharedAddress from =
          inputs + (kWeightPieces + input_place<S>(row + matrix / 2 * kGroup, 4 * i + 2 * half + matrix % 2)) * 16;
#pragma unroll
      for (int g = 0; g < S::kGroups; g += 2) load_matrices<4>(b[half][g], from + g * kGroup * S::kRowPieces * 16);
    }
  }
}

// sums += scale times the products of a stage of e4m3, which is a block of 128 columns: they are added up in the order
// of k, then scaled once. Columns that W lacks are 0 in x. meanwhile(i) is called after the products of tile i are
// begun.
template <typename T, typename S, typename Meanwhile>
__device__ __forceinline__ void multiply_block(const Place<S>& place, const Stage<S>& stage, SharedAddress inputs,
                                               LaneSums<S>& sums, const Meanwhile& meanwhile) {
  LaneSums<S> products = {};
  Piece weights[2][S::kTiles];  // the next tile's, too
  uint32_t b[2][2][S::kGroups][2];
  auto load = [&](int i) {
#pragma unroll
    for (int m = 0; m < S::kTiles; ++m)
      weights[i % 2][m] = stage.pieces[((place.first_tile + m) * kStageTiles + i) * kWarpSize + place.lane];
    load_inputs<S>(place, inputs, i, b[i % 2]);
  };
  load(0);
#pragma unroll
  for (int i = 0; i < kStageTiles; ++i) {
    if (i + 1 < kStageTiles) load(i + 1);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int m = 0; m < S::kTiles; ++m) {
        uint32_t a[4];
        for (int row = 0; row < 2; ++row) widen<T>(weights[i % 2][m].at[2 * half + row], a[row], a[2 + row]);
#pragma unroll
        for (int g = 0; g < S::kGroups; ++g) mma<T>(products[m][g], a, b[i % 2][half][g]);
      }
    }
    meanwhile(i);
  }
  const auto* scales = reinterpret_cast<const float*>(stage.pieces + S::kWeightScales) + place.first_tile * kTile;
  each_sum<S>([&](int m, int g, int e) {
    float scale = scales[m * kTile + place.lane / 4 + e / 2 * 8];
    sums[m][g][e] = fmaf(products[m][g][e] * kFp8Unit<T>, scale, sums[m][g][e]);
  });
}

// The matmul of op with weights and x of T, out of A. Weights of kFp8 are e4m3; for Int8, W and x are those of twice
// 16-bit columns; the first `used` bytes of the stream's scratch memory, a multiple of 16, are not written.
template <typename T, typename A, WeightFormat kFormat>
st_status multiply_tiles(st_stream* stream, const st_linear& op, const Scales& scales, int64_t used);

// The same for few rows (suits_few_rows) and an even number of columns; the device has those of the subtree.
template <typename T, typename A, WeightFormat kFormat>
st_status multiply_few_rows(st_stream* stream, const st_linear& op, const Scales& scales, Subtree subtree);

// The same for the groups of expert_linear; op.rows is the number of rows of x, op.w the first matrix.
template <typename T, typename A, WeightFormat kFormat>
st_status multiply_groups(st_stream* stream, const st_linear& op, const Scales& scales, ExpertWork work, int64_t rows);

}  // namespace st::cuda::tiled
