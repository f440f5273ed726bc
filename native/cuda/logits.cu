// Statistics of rows of logits: maxima of tiles, then sums over the whole vocabulary.

#include "cuda/logits.cuh"

namespace st::cuda {
namespace {

// Block (tiles, row), a warp per tile. Registers: 32.
__global__ void __launch_bounds__(kThreads) logit_tiles_kernel(LogitRows op) {
  int64_t r = blockIdx.y, tiles = logit_tiles(op.vocabulary);
  int64_t tile = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarpSize;
  if (op.slot(r) < 0 || tile >= tiles) return;
  const float* logits = op.logits + r * op.vocabulary;
  float maximum = -INFINITY;
  int nan = 0;
  for (int i = 0; i < kLogitTile / kWarpSize; ++i) {
    int64_t id = tile * kLogitTile + i * kWarpSize + threadIdx.x % kWarpSize;
    if (id >= op.vocabulary) break;
    float logit = logits[id];
    nan |= logit != logit;
    maximum = logit > maximum ? logit : maximum;
  }
  maximum = warp_reduce(maximum, Max());
  if (__any_sync(kWholeWarp, nan)) maximum = float_of(0x7fc00000u);
  if (threadIdx.x % kWarpSize == 0) workspace_of(op).tiles[r * tiles + tile] = maximum;
}

// Block (chunk, row). Registers: 40.
__global__ void __launch_bounds__(kThreads) logit_sums_kernel(LogitRows op) {
  int64_t r = blockIdx.y, chunk = blockIdx.x;
  int32_t slot = op.slot(r);
  if (slot < 0) return;
  LogitRow row = open_row(op, r, slot);
  if (!row.good()) return;
  uint64_t limit = op.sampling ? min_p_limit(filter_of_slot(op, slot).min_p) : 0;
  bool both = row.inverse_temperature != 1.0f &&
              (op.sampling ? needs_sums_at_1(op.sampling[slot], op.states[slot]) : op.temperatures != nullptr);
  ChunkSums sums = {{0, 0}, {0, 0}, 0};
  int64_t end = (chunk + 1) * kChunk < op.vocabulary ? (chunk + 1) * kChunk : op.vocabulary;
  for (int64_t id = chunk * kChunk + threadIdx.x; id < end; id += kThreads) {
    float logit = row.logits[id], x = scaled_logit(logit, row.maximum, row.inverse_temperature), mass = mass_of(x);
    uint64_t fixed = to_fixed(mass);
    add_mass(sums.at_t, x, mass);
    if (both) {
      float x_1 = scaled_logit(logit, row.maximum, 1.0f);
      add_mass(sums.at_1, x_1, mass_of(x_1));
    }
    if (fixed < limit || mass < kSmallestMass)
      sums.first_cut = Max()(sums.first_cut, order_key(logit, static_cast<uint32_t>(id)));
  }
  sums.at_t = block_sums(sums.at_t);
  sums.at_1 = block_sums(sums.at_1);
  sums.first_cut = block_reduce<kWarps>(sums.first_cut, Max());
  if (threadIdx.x == 0) workspace_of(op).chunks[r * chunks_of(op.vocabulary) + chunk] = sums;
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
