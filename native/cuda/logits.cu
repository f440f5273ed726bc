// Statistics of rows of logits: maxima of tiles, then sums over the whole vocabulary.

#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

constexpr int kPassWarps = kPassThreads / kWarpSize;

// Block (group of tiles, row): a warp loads one four of each of its tiles a lane, all loads in flight together. Reads
// 4 V bytes a row, writes V / 31. Many rows: bound by memory bandwidth, built for 85 % of it (8 blocks an SM with
// 128 KB in flight). One row: one latency, 38 blocks at V = 151,936. Registers: 40.
__global__ void __launch_bounds__(kPassThreads) logit_tiles_kernel(LogitRows op) {
  follow_previous();
  constexpr int kEach = kPassTiles / kPassWarps;
  ST_SHARED(float, of_warp, kPassWarps);
  int64_t r = blockIdx.y, tiles = logit_tiles(op.vocabulary), ids[kEach];
  if (op.slot(r) < 0) return;
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  int64_t first = int64_t{blockIdx.x} * kPassTiles + warp;
  Four fours[kEach];
#pragma unroll
  for (int n = 0; n < kEach; ++n) ids[n] = (first + n * kPassWarps) * kLogitTile + lane * 4;
  load_fours(row_at(op, r), ids, fours);
  Workspace workspace = workspace_of(op);
  float of_tiles = -INFINITY;
#pragma unroll
  for (int n = 0; n < kEach; ++n) {
    float maximum = -INFINITY;
    for (int e = 0; e < 4; ++e)
      if (ids[n] + e < op.vocabulary) maximum = MaxOrNan()(maximum, fours[n].at[e]);
    maximum = warp_reduce(maximum, MaxOrNan());
    int64_t tile = first + n * kPassWarps;
    if (lane == 0 && tile < tiles) workspace.tiles[r * tiles + tile] = maximum;
    of_tiles = MaxOrNan()(of_tiles, maximum);
  }
  if (lane == 0) of_warp[warp] = of_tiles;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < kPassWarps; ++w) of_tiles = MaxOrNan()(of_tiles, of_warp[w]);
  workspace.maxima[r * groups_of(op.vocabulary) + blockIdx.x] = of_tiles;
}

// Adds what a four contributes. No entry does that is at most kNothing below the maximum: neither e^x nor -x e^x is
// half a unit of fixed point there.
__device__ __forceinline__ void add_four(SoftmaxSums& sums, const Four& four, int count, float maximum, float inverse) {
  constexpr float kNothing = -32.0f;
  float largest = -INFINITY;
  for (int e = 0; e < 4; ++e) largest = e < count && four.at[e] > largest ? four.at[e] : largest;
  if (!__any_sync(kWholeWarp, scaled_logit(largest, maximum, inverse) > kNothing)) return;
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    float x = scaled_logit(e < count ? four.at[e] : -INFINITY, maximum, inverse);
    add_mass(sums, x, mass_of(x));
  }
}

// Block (chunk, row): its logits are loaded before the maximum of the row is known. Reads 4 V bytes a row, where the
// second-level cache holds them from there. Many rows: bound by arithmetic, about 32 instructions a logit (two of them
// conversions to 64 bits at an eighth of the rate), none for tiles far below the maximum. One row: two latencies, 75
// blocks at V = 151,936. Registers: 64.
template <int kFours>
__global__ void __launch_bounds__(kPassThreads, 4) logit_sums_kernel(LogitRows op) {
  follow_previous();
  ST_SHARED(SoftmaxSums, of_warp, 2 * kPassWarps);
  int64_t r = blockIdx.y, chunk = blockIdx.x, ids[kFours];
  int32_t slot = op.slot(r);
  if (slot < 0) return;
  Four fours[kFours];
#pragma unroll
  for (int n = 0; n < kFours; ++n) ids[n] = ((chunk * kFours + n) * kPassThreads + threadIdx.x) * 4;
  load_fours(row_at(op, r), ids, fours);
  LogitRow row = open_row(op, r, slot);
  if (!row.good()) return;
  bool both = row.inverse_temperature != 1.0f &&
              (op.sampling ? needs_sums_at_1(op.sampling[slot], op.states[slot]) : op.temperatures != nullptr);
  int lane = static_cast<int>(threadIdx.x % kWarpSize), warp = static_cast<int>(threadIdx.x / kWarpSize);
  SoftmaxSums sums = {0, 0};
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    SoftmaxSums own = {0, 0};
    float inverse = pass == 0 ? row.inverse_temperature : 1.0f;
    if (pass == 0 || both) {
#pragma unroll
      for (int n = 0; n < kFours; ++n) {
        int64_t left = op.vocabulary - ids[n];
        add_four(own, fours[n], left < 4 ? static_cast<int>(left) : 4, row.maximum, inverse);
      }
      own = warp_sums(own);
    }
    if (lane == 0) of_warp[pass * kPassWarps + warp] = own;
  }
  __syncthreads();
  if (threadIdx.x >= 2) return;
  for (int w = 0; w < kPassWarps; ++w) {
    const SoftmaxSums& other = of_warp[static_cast<int>(threadIdx.x) * kPassWarps + w];
    sums = {sums.z + other.z, sums.s + other.s};
  }
  ChunkSums& result = workspace_of(op).chunks[r * chunks_of(op.rows, op.vocabulary) + chunk];
  (threadIdx.x == 0 ? result.at_t : result.at_1) = sums;
}

}  // namespace

uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary) {
  if (rows <= 0 || vocabulary <= 0) return 0;
  // As for one row, which has most chunks: the memory for many rows must do for a few.
  uint64_t row = static_cast<uint64_t>(chunks_of(1, vocabulary)) * sizeof(ChunkSums) +
                 static_cast<uint64_t>(groups_of(vocabulary) + logit_tiles(vocabulary)) * sizeof(float);
  return size_product(static_cast<uint64_t>(rows), row);
}

st_status logit_statistics(const char* operation, st_stream* stream, const LogitRows& rows) {
  auto count = static_cast<unsigned>(rows.rows);
  dim3 groups(static_cast<unsigned>(groups_of(rows.vocabulary)), count),
      chunks(static_cast<unsigned>(chunks_of(rows.rows, rows.vocabulary)), count);
  st_status status = launch<logit_tiles_kernel>(operation, groups, kPassThreads, 0, stream, rows);
  if (status != ST_OK) return status;
  return rows.rows <= kFewRows
             ? launch<logit_sums_kernel<kFoursOfFew>>(operation, chunks, kPassThreads, 0, stream, rows)
             : launch<logit_sums_kernel<kFoursOfMany>>(operation, chunks, kPassThreads, 0, stream, rows);
}

}  // namespace st::cuda
