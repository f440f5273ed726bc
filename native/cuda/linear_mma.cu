// linear on tensor cores. The weights are the 16-row operand, stored in the register layout of mma; rows of x are the
// 8 columns, so that a row's sums do not depend on the other rows.

#include "cuda/linear.cuh"
#include "cuda/mma.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = kParts * kWarpSize;  // at most
constexpr int kGroup = 8;                     // rows of x in one mma

// A lane's part of a tile of weights: 16 bytes, in the order of matrix.cuh; mma expects the middle two swapped.
struct alignas(16) WeightPart {
  uint32_t at[4];
};

__device__ __forceinline__ void load_weights(const WeightPart* place, uint32_t (&a)[4]) {
  WeightPart part = *place;
  a[0] = part.at[0];
  a[1] = part.at[2];
  a[2] = part.at[1];
  a[3] = part.at[3];
}

// Columns col, col + 1 of a row of x, 0 beyond its end; one load where the row is aligned.
template <typename T>
__device__ __forceinline__ uint32_t load_pair(const T* row, int col, int cols) {
  if (cols % 2 == 0) return col < cols ? *reinterpret_cast<const uint32_t*>(row + col) : 0u;
  return packed(col < cols ? row[col] : T{}, col + 1 < cols ? row[col + 1] : T{});
}

// --- few rows ------------------------------------------------------------------------------------------------------

// Block (tile of outputs, kGroups groups of rows), a warp per part of K that W has: the weights of a tile are read
// once, by one block, in up to 8 streams of adjacent memory, with kAhead loads in flight for each lane. Registers: 96.
// (8 groups; 68 and less for fewer.)
template <typename T, int kGroups>
__global__ void __launch_bounds__(kThreads) linear_few_rows_kernel(st_linear op, Parts parts) {
  constexpr int kRows = kGroups * kGroup, kAhead = 4;
  ST_SHARED(float, partial, kParts* kRows* kTile);
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  int cols = op.w.cols, col_tiles = static_cast<int>(tiles_of(cols));
  int64_t tile = blockIdx.x, first_row = int64_t{blockIdx.y} * kRows;
  const auto* weights = static_cast<const WeightPart*>(op.w.data) + tile * col_tiles * kWarpSize + lane;
  const T* x = static_cast<const T*>(op.x) + (first_row + lane / 4) * cols;
  int64_t rows_left = op.rows - first_row - lane / 4;  // from this lane's first row on
  float sums[kGroups][4] = {};
  auto add_tile = [&](int t, const uint32_t(&a)[4]) {
    int col = t * kTile + 2 * (lane % 4);
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      uint32_t b[2] = {0u, 0u};
      if (g * kGroup < rows_left) {
        b[0] = load_pair(x + int64_t{g} * kGroup * cols, col, cols);
        b[1] = load_pair(x + int64_t{g} * kGroup * cols, col + 8, cols);
      }
      mma<T>(sums[g], a, b);
    }
  };
  Tiles tiles = tiles_of_part(op, parts.first + warp);
  int t = tiles.begin;
  for (; t + kAhead <= tiles.end; t += kAhead) {
    uint32_t a[kAhead][4];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) load_weights(weights + int64_t{t + i} * kWarpSize, a[i]);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) add_tile(t + i, a[i]);
  }
  for (; t < tiles.end; ++t) {
    uint32_t a[4];
    load_weights(weights + int64_t{t} * kWarpSize, a);
    add_tile(t, a);
  }
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    for (int i = 0; i < 4; ++i) {
      int row = g * kGroup + 2 * (lane % 4) + i % 2, output = lane / 4 + i / 2 * 8;
      partial[(warp * kRows + row) * kTile + output] = sums[g][i];
    }
  }
  __syncthreads();
  finish_tile<T>(op, parts, partial, kRows, first_row, tile);
}

template <typename T, int kGroups>
st_status few_rows(st_stream* stream, const st_linear& op) {
  dim3 grid(static_cast<unsigned>(tiles_of(op.w.rows)), blocks_for(op.rows, kGroups * kGroup));
  Parts parts = parts_of(op);
  return launch<linear_few_rows_kernel<T, kGroups>>("linear", grid, static_cast<unsigned>(parts.count * kWarpSize), 0,
                                                    stream, op, parts);
}

// --- many rows -----------------------------------------------------------------------------------------------------

constexpr int kManyRows = 128;                  // rows of x of a block
constexpr int kManyTiles = 8;                   // tiles of outputs of a block: 128 outputs
constexpr int kWarpTiles = 2, kWarpGroups = 8;  // of a warp: 32 outputs, 64 rows; 4 x 2 warps
constexpr int kStageTiles = 2;                  // tiles of columns of a stage
constexpr int kStages = 3;
constexpr int kStageCols = kStageTiles * kTile;
constexpr int kStride = kStageCols + 8;  // of a row in shared memory: the 8 keep the lanes of a warp in different banks
constexpr int kWarpSums = kWarpTiles * kWarpGroups * 4;  // of a lane

// Calls f(m, g, e) for every sum of a lane; the loops are unrolled, so that arrays of sums stay in registers.
template <typename Function>
__device__ __forceinline__ void each_sum(const Function& f) {
#pragma unroll
  for (int m = 0; m < kWarpTiles; ++m)
#pragma unroll
    for (int g = 0; g < kWarpGroups; ++g)
#pragma unroll
      for (int e = 0; e < 4; ++e) f(m, g, e);
}

// Copies the rows of x, columns of one stage, to shared memory; elements beyond the matrix become 0.
template <typename T>
__device__ __forceinline__ void load_stage(const st_linear& op, T* stage, int64_t first_row, int first_col) {
  constexpr int kPieces = kStageCols / 8;  // of 16 bytes
  int cols = op.w.cols;
  const T* x = static_cast<const T*>(op.x);
  for (int at = static_cast<int>(threadIdx.x); at < kManyRows * kPieces; at += kThreads) {
    int row = at / kPieces, col = first_col + at % kPieces * 8;
    T* to = stage + row * kStride + at % kPieces * 8;
    const T* from = x + (first_row + row) * cols + col;
    bool row_exists = first_row + row < op.rows;
    if (cols % 8 == 0) {
      bool valid = row_exists && col < cols;
      copy_async_16(to, valid ? from : x, valid);
    } else {
      for (int i = 0; i < 8; ++i) to[i] = row_exists && col + i < cols ? from[i] : T{};
    }
  }
}

// Block (kManyTiles tiles of outputs, kManyRows rows); every warp iterates over all of K. At the end of a part its sums
// join the tree: those of one part and of two wait in registers until their siblings are done, those of the first four
// in shared memory, where each thread has its own places. Registers: 240.
template <typename T>
__global__ void __launch_bounds__(kThreads) linear_many_rows_kernel(st_linear op) {
  ST_DYNAMIC_SHARED(T, stages);
  auto* of_four = reinterpret_cast<float*>(stages + kStages * kManyRows * kStride) + threadIdx.x;
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  int col_tiles = static_cast<int>(tiles_of(op.w.cols)), row_tiles = static_cast<int>(tiles_of(op.w.rows));
  int64_t first_row = int64_t{blockIdx.y} * kManyRows;
  int first_tile = static_cast<int>(blockIdx.x) * kManyTiles + warp % 4 * kWarpTiles;
  const auto* weights = static_cast<const WeightPart*>(op.w.data) + int64_t{first_tile} * col_tiles * kWarpSize + lane;
  float sums[kWarpTiles][kWarpGroups][4] = {}, of_one[kWarpTiles][kWarpGroups][4] = {},
        of_two[kWarpTiles][kWarpGroups][4] = {};
  int count = col_tiles / kStageTiles + 1, part = 0, part_end = tiles_of_part(op, 0).end;
  auto finish_part = [&] {  // any but the last
    each_sum([&](int m, int g, int e) {
      float pair = of_one[m][g][e] + sums[m][g][e];
      if (part == 3) of_four[((m * kWarpGroups + g) * 4 + e) * kThreads] = of_two[m][g][e] + pair;
      of_two[m][g][e] = part % 2 == 1 ? pair : of_two[m][g][e];
      of_one[m][g][e] = sums[m][g][e];
      sums[m][g][e] = 0.0f;
    });
    part_end = tiles_of_part(op, ++part).end;
  };
  auto begin_stage = [&](int stage) {
    if (stage < count) load_stage(op, stages + stage % kStages * kManyRows * kStride, first_row, stage * kStageCols);
    copy_async_commit();
  };
  for (int stage = 0; stage < kStages - 1; ++stage) begin_stage(stage);
  for (int stage = 0; stage < count; ++stage) {
    copy_async_wait<kStages - 2>();
    __syncthreads();
    begin_stage(stage + kStages - 1);
    const T* x = stages + stage % kStages * kManyRows * kStride +
                 (warp / 4 * kWarpGroups * kGroup + lane / 4) * kStride + 2 * (lane % 4);
    for (int i = 0; i < kStageTiles; ++i) {
      int t = stage * kStageTiles + i;
      while (t == part_end && part < kParts - 1) finish_part();  // parts may be empty
      if (t >= col_tiles) break;
      uint32_t a[kWarpTiles][4] = {};
#pragma unroll
      for (int m = 0; m < kWarpTiles; ++m)
        if (first_tile + m < row_tiles) load_weights(weights + (int64_t{m} * col_tiles + t) * kWarpSize, a[m]);
#pragma unroll
      for (int g = 0; g < kWarpGroups; ++g) {
        const T* pair = x + g * kGroup * kStride + i * kTile;
        uint32_t b[2] = {*reinterpret_cast<const uint32_t*>(pair), *reinterpret_cast<const uint32_t*>(pair + 8)};
#pragma unroll
        for (int m = 0; m < kWarpTiles; ++m) mma<T>(sums[m][g], a[m], b);
      }
    }
  }
  each_sum([&](int m, int g, int e) {
    sums[m][g][e] =
        of_four[((m * kWarpGroups + g) * 4 + e) * kThreads] + (of_two[m][g][e] + (of_one[m][g][e] + sums[m][g][e]));
  });
  each_sum([&](int m, int g, int e) {
    int64_t row = first_row + (warp / 4 * kWarpGroups + g) * kGroup + 2 * (lane % 4) + e % 2;
    int64_t output = int64_t{first_tile + m} * kTile + lane / 4 + e / 2 * 8;
    float y = sums[m][g][e];
    if (output < op.w.rows) y = biased(op, output, y);
    if (op.gated) {  // the value is in lane + 4
      y = gated(y, __shfl_xor_sync(kWholeWarp, y, 4));
      if (output % 2 != 0) return;
      output /= 2;
    }
    if (row < op.rows && output < width_of(op)) store_output<T>(op, row, output, y);
  });
}

template <typename T>
st_status many_rows(st_stream* stream, const st_linear& op) {
  dim3 grid(blocks_for(tiles_of(op.w.rows), kManyTiles), blocks_for(op.rows, kManyRows));
  constexpr size_t kBytes = sizeof(T) * kStages * kManyRows * kStride + sizeof(float) * kWarpSums * kThreads;
  static_assert(kBytes <= 99 * 1024, "more shared memory than a block has on every device from sm_80 on");
  ST_TRY(permit_shared_memory(*stream, linear_many_rows_kernel<T>, kBytes));
  return launch<linear_many_rows_kernel<T>>("linear", grid, kThreads, kBytes, stream, op);
}

}  // namespace

// The choice of kernel affects only speed: the results are bit-identical.
template <typename T>
st_status linear_mma(st_stream* stream, const st_linear& op) {
  if (op.rows <= 8) return few_rows<T, 1>(stream, op);
  if (op.rows <= 16) return few_rows<T, 2>(stream, op);
  if (op.rows <= 32) return few_rows<T, 4>(stream, op);
  if (op.rows <= 64) return few_rows<T, 8>(stream, op);
  return many_rows<T>(stream, op);
}

template st_status linear_mma<Bf16>(st_stream*, const st_linear&);
template st_status linear_mma<F16>(st_stream*, const st_linear&);

}  // namespace st::cuda
