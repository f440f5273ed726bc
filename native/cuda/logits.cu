// Statistics of rows of logits: maxima of tiles, then sums over the whole vocabulary.

#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

// Block (tiles, row), a warp per tile: one load of 16 bytes a lane. Reads 4 V bytes a row, writes V / 32. Many rows:
// bound by memory bandwidth, built for 80 % of it (5 blocks an SM with 30 KB in flight). One row: one latency.
// Registers: 24.
__global__ void __launch_bounds__(kThreads) logit_tiles_kernel(LogitRows op) {
  follow_previous();
  int64_t r = blockIdx.y, tiles = logit_tiles(op.vocabulary);
  int64_t tile = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarpSize;
  if (op.slot(r) < 0 || tile >= tiles) return;
  int64_t first[1] = {tile * kLogitTile + threadIdx.x % kWarpSize * 4};
  Four four[1];
  LogitRow row = row_at(op, r);
  load_fours(row, first, four);
  float maximum = -INFINITY;
  for (int e = 0; e < 4; ++e)
    if (first[0] + e < op.vocabulary) maximum = MaxOrNan()(maximum, four[0].at[e]);
  maximum = warp_reduce(maximum, MaxOrNan());
  if (threadIdx.x % kWarpSize == 0) workspace_of(op).tiles[r * tiles + tile] = maximum;
}

// The sums of a thread's logits, and the first entry of the order among those that are cut.
struct ThreadSums {
  ChunkSums sums;
  float cut;  // NaN: none
  uint32_t cut_id;

  // Ids ascend, so that of equal logits the first stays.
  __device__ __forceinline__ void add(const LogitRow& row, uint64_t limit, bool both, float logit, uint32_t id) {
    float x = scaled_logit(logit, row.maximum, row.inverse_temperature), mass = mass_of(x);
    add_mass(sums.at_t, x, mass);
    if (both) {
      float x_1 = scaled_logit(logit, row.maximum, 1.0f);
      add_mass(sums.at_1, x_1, mass_of(x_1));
    }
    if ((to_fixed(mass) < limit || mass < kSmallestMass) && !(logit <= cut)) {
      cut = logit;
      cut_id = id;
    }
  }
};

// Block (chunk, row): its logits are loaded before the maximum of the row is known. Reads 4 V bytes a row, where the
// second-level cache holds them from there, and V / 32 in every block. Many rows: bound by arithmetic, about 45
// instructions a logit (two of them conversions to 64 bits at a quarter of the rate or less). One row: two latencies,
// 50 blocks at V = 151,936. Registers: 48.
__global__ void __launch_bounds__(kThreads) logit_sums_kernel(LogitRows op) {
  follow_previous();
  ST_SHARED(ChunkSums, of_warp, kWarps);
  int64_t r = blockIdx.y, chunk = blockIdx.x, ids[kChunkFours];
  int32_t slot = op.slot(r);
  if (slot < 0) return;
  Four fours[kChunkFours];
  for (int n = 0; n < kChunkFours; ++n) ids[n] = chunk * kChunk + (n * kThreads + threadIdx.x) * 4;
  load_fours(row_at(op, r), ids, fours);
  LogitRow row = open_row(op, r, slot);
  if (!row.good()) return;
  uint64_t limit = op.sampling ? min_p_limit(filter_of_slot(op, slot).min_p) : 0;
  bool both = row.inverse_temperature != 1.0f &&
              (op.sampling ? needs_sums_at_1(op.sampling[slot], op.states[slot]) : op.temperatures != nullptr);
  ThreadSums own = {{{0, 0}, {0, 0}, 0}, __builtin_nanf(""), 0};
#pragma unroll
  for (int n = 0; n < kChunkFours; ++n)
    for (int e = 0; e < 4; ++e)
      if (ids[n] + e < op.vocabulary) own.add(row, limit, both, fours[n].at[e], static_cast<uint32_t>(ids[n] + e));
  if (own.cut == own.cut) own.sums.first_cut = order_key(own.cut, own.cut_id);
  ChunkSums sums = warp_sums(own.sums);
  if (threadIdx.x % kWarpSize == 0) of_warp[threadIdx.x / kWarpSize] = sums;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < kWarps; ++warp) add_sums(sums, of_warp[warp]);
  workspace_of(op).chunks[r * chunks_of(op.vocabulary) + chunk] = sums;
}

}  // namespace

uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary) {
  if (rows <= 0 || vocabulary <= 0) return 0;
  uint64_t row = static_cast<uint64_t>(chunks_of(vocabulary)) * sizeof(ChunkSums) +
                 static_cast<uint64_t>(logit_tiles(vocabulary)) * sizeof(float);
  return size_product(static_cast<uint64_t>(rows), row);
}

st_status logit_statistics(const char* operation, st_stream* stream, const LogitRows& rows) {
  auto count = static_cast<unsigned>(rows.rows);
  dim3 tiles(blocks_for(logit_tiles(rows.vocabulary), kWarps), count),
      chunks(blocks_for(rows.vocabulary, kChunk), count);
  st_status status = launch<logit_tiles_kernel>(operation, tiles, kThreads, 0, stream, rows);
  return status == ST_OK ? launch<logit_sums_kernel>(operation, chunks, kThreads, 0, stream, rows) : status;
}

}  // namespace st::cuda
