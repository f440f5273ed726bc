// The ring of stages of linear on tensor cores: its shapes, its copies, and the products of a stage.
#pragma once

#include "cuda/linear.cuh"
#include "cuda/mma.cuh"

namespace st::cuda::tiled {

constexpr int kGroup = 8;  // rows of x in one mma

using Piece = Pack<uint32_t, 4>;  // 16 bytes: of weights a lane's part of a tile, of x eight columns of a row

// A team of warps shares a ring. Each warp has kTiles tiles of outputs and kGroups groups of rows. kInTurn: the block
// is one team, which takes its parts of K one after another; otherwise it has a team for each part. kScaled: the
// numbers are integers of 8 bits, two in the place of one of 16, and each tile of columns has scales for its outputs
// and rows.
template <int kTiles_, int kGroups_, int kOutputWarps_, int kRowWarps_, int kStageTiles_, int kStages_, bool kInTurn_,
          bool kScaled_>
struct Shape {
  static constexpr int kTiles = kTiles_, kGroups = kGroups_, kOutputWarps = kOutputWarps_;
  static constexpr int kStageTiles = kStageTiles_;  // tiles of columns of a stage
  static constexpr int kStages = kStages_;
  static constexpr bool kInTurn = kInTurn_, kScaled = kScaled_;
  static constexpr int kTeam = kOutputWarps_ * kRowWarps_ * kWarpSize;  // threads
  static constexpr int kOutputTiles = kTiles * kOutputWarps;
  static constexpr int kOutputs = kOutputTiles * kTile, kRows = kGroups * kGroup * kRowWarps_;
  static constexpr int kWeightPieces = kOutputTiles * kStageTiles * kWarpSize;
  static constexpr int kRowPieces = 2 * kStageTiles, kInputPieces = kRows * kRowPieces;
  // Sums leave the registers by one tile of each warp at a time; the 4 keep the lanes of a warp in different banks.
  static constexpr int kPassOutputs = kOutputWarps * kTile, kPassStride = kPassOutputs + 4;
  static constexpr int kWeightScalePieces = kScaled ? kOutputTiles * kStageTiles * 2 : 0;
  static constexpr int kInputScalePieces = kScaled ? kStageTiles * kRows / 4 : 0;
  static constexpr int kWeightScales = kWeightPieces + kInputPieces;
  static constexpr int kInputScales = kWeightScales + kWeightScalePieces;
  static constexpr int kStagePieces = kInputScales + kInputScalePieces;
  static constexpr int kRingBytes = kStages * kStagePieces * 16;
  static_assert(kRows * kPassStride * 4 <= kRingBytes, "the sums take the place of the ring");
};

// Weights [kOutputTiles][kStageTiles][lane]; x [kRows][kRowPieces], see input_place; from kWeightScales on f16
// [kOutputTiles][kStageTiles][kTile]; from kInputScales on f32 [kStageTiles][kRows].
template <typename S>
struct Stage {
  Piece pieces[S::kStagePieces];
};

// Of numbers of 8 bits, pieces of 16 bytes: for weights f16 [tile of outputs][tile of columns][kTile], for x f32 [tile
// of columns][4 input_stride].
struct Scales {
  const Piece *weights, *inputs;
  int input_stride;
};

// The place of two integers of 8 bits.
struct Int8 {
  uint16_t bits;
};

// How the parts of K are distributed: a block has `parts` of them, a power of two, from first + blockIdx.y * parts on.
struct Cut {
  int first, parts;
  int stages;  // of each part
  int row_blocks;
};

// Where a piece of a row of x is: the eight rows that ldmatrix reads together are in different banks.
template <typename S>
__device__ __forceinline__ int input_place(int row, int piece) {
  return row * S::kRowPieces + (piece ^ row / (8 / S::kRowPieces) % S::kRowPieces);
}

// The place of a block and of a thread in it. Blocks of the same outputs are adjacent, so that the second-level cache
// serves all but the first of them with weights.
template <typename S>
struct Place {
  int64_t first_row;
  int first_tile;  // of outputs
  int thread;      // of the team
  int lane, team, output_warp, row_warp;

  __device__ __forceinline__ explicit Place(const Cut& cut) {
    auto block = static_cast<int>(blockIdx.x);
    first_row = int64_t{block % cut.row_blocks} * S::kRows;
    first_tile = block / cut.row_blocks * S::kOutputTiles;
    team = S::kInTurn ? 0 : static_cast<int>(threadIdx.x) / S::kTeam;
    thread = static_cast<int>(threadIdx.x) % S::kTeam;
    lane = thread % kWarpSize;
    output_warp = thread / kWarpSize % S::kOutputWarps;
    row_warp = thread / kWarpSize / S::kOutputWarps;
  }
};

template <typename T>
__device__ __forceinline__ void copy_elements(Piece* to, const T* from, int count) {
  auto* elements = reinterpret_cast<T*>(to);
  for (int i = 0; i < 8; ++i) elements[i] = i < count ? from[i] : T{};
}

// What a thread copies to a stage: every kTeam-th piece. Of x, columns beyond the last are 0; rows and outputs that do
// not exist keep what was there, and their sums are never stored.
template <typename T, typename S, bool kAligned>
struct Copier {
  static constexpr int kTilePieces = S::kStageTiles * kWarpSize;  // of a tile of outputs
  const Piece* weights;  // the first piece of the thread, if the stage began with the first column
  const T* x;            // the row of its first piece
  int cols, tiles_left, piece, rows_left, col;
  int tile_stride;  // pieces from one tile of outputs to the next
  Scales scales;    // their first pieces of the thread

  __device__ __forceinline__ Copier(const st_linear& op, const Scales& all, const Place<S>& place) : scales(all) {
    cols = op.w.cols;
    tile_stride = static_cast<int>(tiles_of(cols)) * kWarpSize;
    int tile = place.first_tile + place.thread / kTilePieces;
    piece = place.thread % kTilePieces;
    weights = static_cast<const Piece*>(op.w.data) + int64_t{tile} * tile_stride + piece;
    tiles_left = static_cast<int>(tiles_of(op.w.rows)) - tile;
    int64_t row = place.first_row + place.thread / S::kRowPieces;
    x = static_cast<const T*>(op.x) + row * cols;
    rows_left = op.rows - row < S::kRows ? static_cast<int>(op.rows - row) : S::kRows;
    col = place.thread % S::kRowPieces * 8;
    if constexpr (S::kScaled) {
      constexpr int kTileScales = 2 * S::kStageTiles;
      tile = place.first_tile + place.thread / kTileScales;
      scales.weights += int64_t{tile} * (tile_stride / kWarpSize) * 2 + place.thread % kTileScales;
      scales.inputs += place.first_row / 4 + place.thread % (S::kRows / 4) +
                       int64_t{place.thread / (S::kRows / 4)} * scales.input_stride;
    }
  }

  // Starts the copies of `count` tiles of columns from tile t on.
  __device__ __forceinline__ void copy(const Place<S>& place, Stage<S>& stage, SharedAddress to, int t,
                                       int count) const {
    const Piece* tile_at = weights + int64_t{t} * kWarpSize;
    SharedAddress weights_to = to + place.thread * 16;
#pragma unroll
    for (int first = 0; first < S::kWeightPieces; first += S::kTeam) {
      int tile = first / kTilePieces, part = first % kTilePieces;
      if (tile < tiles_left && part + piece < count * kWarpSize)
        copy_async_16(weights_to + first * 16, tile_at + int64_t{tile} * tile_stride + part, true);
    }
    int col_at = t * kTile + col;
    const T* from = col_at < cols ? x + col_at : x;
    if (col >= count * kTile) return;
#pragma unroll
    for (int first = 0; first < S::kInputPieces; first += S::kTeam) {
      int row = first / S::kRowPieces;
      int at = input_place<S>(row + place.thread / S::kRowPieces, col / 8);
      if (row >= rows_left) continue;
      if constexpr (kAligned)
        copy_async_16(to + (S::kWeightPieces + at) * 16, from + int64_t{row} * cols, col_at < cols);
      else
        copy_elements(&stage.pieces[S::kWeightPieces + at], from + int64_t{row} * cols, cols - col_at);
    }
  }

  __device__ __forceinline__ void copy_scales(const st_linear& op, const Place<S>& place, SharedAddress to, int t,
                                              int count) const {
    constexpr int kTileScales = 2 * S::kStageTiles, kRuns = S::kRows / 4;
    int tile = place.first_tile + place.thread / kTileScales;
    if (place.thread < S::kWeightScalePieces && place.thread % kTileScales < 2 * count && tile < tiles_of(op.w.rows))
      copy_async_16(to + (S::kWeightScales + place.thread) * 16, scales.weights + int64_t{t} * 2, true);
    int64_t row = place.first_row + place.thread % kRuns * 4;
    if (place.thread < S::kInputScalePieces && place.thread / kRuns < count && row < op.rows)
      copy_async_16(to + (S::kInputScales + place.thread) * 16, scales.inputs + int64_t{t} * scales.input_stride, true);
  }
};

// A tile's operand of mma, which expects the middle two registers swapped. `zero` is 0, but the compiler does not know:
// it copies registers that are only renamed before every mma again.
__device__ __forceinline__ void load_weights(const Piece& piece, uint32_t zero, uint32_t (&a)[4]) {
  a[0] = piece.at[0] ^ zero;
  a[1] = piece.at[2] ^ zero;
  a[2] = piece.at[1] ^ zero;
  a[3] = piece.at[3] ^ zero;
}

template <typename S>
using LaneSums = float[S::kTiles][S::kGroups][4];

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

// sums += the products of tile i of a stage.
template <typename T, typename S>
__device__ __forceinline__ void multiply(const Place<S>& place, const Stage<S>& stage, SharedAddress inputs, int i,
                                         LaneSums<S>& sums) {
  constexpr int kMatrices = S::kGroups == 1 ? 2 : 4, kTogether = kMatrices / 2;  // groups of rows of one load
  uint32_t a[S::kTiles][4], zero = gridDim.z - 1;
  float of_outputs[S::kTiles][2];
  int first_tile = place.output_warp * S::kTiles, first_row = place.row_warp * S::kGroups * kGroup;
#pragma unroll
  for (int m = 0; m < S::kTiles; ++m) {
    int tile = (first_tile + m) * S::kStageTiles + i;
    load_weights(stage.pieces[tile * kWarpSize + place.lane], zero, a[m]);
    if constexpr (S::kScaled) {
      const auto* scales = reinterpret_cast<const F16*>(stage.pieces + S::kWeightScales) + tile * kTile;
      for (int half = 0; half < 2; ++half) of_outputs[m][half] = to_float(scales[place.lane / 4 + half * 8]);
    }
  }
  int matrix = place.lane / 8 % kMatrices;
  inputs += input_place<S>(first_row + matrix / 2 * kGroup + place.lane % 8, 2 * i + matrix % 2) * 16;
  const auto* of_rows = reinterpret_cast<const float*>(stage.pieces + S::kInputScales) + i * S::kRows + first_row;
#pragma unroll
  for (int g = 0; g < S::kGroups; g += kTogether) {
    uint32_t b[kTogether][2];
    load_matrices<kMatrices>(b[0], inputs + g * kGroup * S::kRowPieces * 16);
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {
      if constexpr (S::kScaled) {
        auto scales = *reinterpret_cast<const Pack<float, 2>*>(of_rows + (g + j) * kGroup + 2 * (place.lane % 4));
#pragma unroll
        for (int m = 0; m < S::kTiles; ++m) add_scaled(sums[m][g + j], a[m], b[j], of_outputs[m], scales);
      } else {
#pragma unroll
        for (int m = 0; m < S::kTiles; ++m) mma<T>(sums[m][g + j], a[m], b[j]);
      }
    }
  }
}

// The matmul of op with weights and x of T, out of A. For Int8, W and x are those of twice 16-bit columns; the first
// `used` bytes of the stream's scratch memory, a multiple of 16, are not written.
template <typename T, typename A>
st_status multiply_tiles(st_stream* stream, const st_linear& op, const Scales& scales, int64_t used);

}  // namespace st::cuda::tiled
