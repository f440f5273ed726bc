// embed: concept tokens to hidden rows. The table may be the LM head's own matrix.

#include "common/checks.h"
#include "cuda/embed.cuh"
#include "cuda/matrix.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// totals[part of id] += weight * values. The index of an array in registers must be known to the compiler.
template <typename W>
__device__ __forceinline__ void add_entry(float (&totals)[kParts][4], int32_t vocabulary, int32_t id, float weight,
                                          const Words<W, 4>& values) {
#pragma unroll
  for (int s = 0; s < kParts; ++s) {
    if (id < part_begin(vocabulary, s) || id >= part_begin(vocabulary, s + 1)) continue;
    for (int e = 0; e < 4; ++e) totals[s][e] += weight * values.at(e);
  }
}

// out[r] = sum over i of weights[index[r], i] table[ids[index[r], i] - first_id], of the ids in the table, for each of
// the 8 parts of the vocabulary in the order of i, and the parts by their tree. Block (r, chunk); a thread has the four
// columns that stand together in a row of the table. A warp loads 32 places of the token together, a lane each, and the
// rows of up to 8 entries. Ids and tokens come from the host's input or from the sampler: a wrong one makes its row
// NaN. Reads 8 bytes a place, and each entry's row once: 2 H bytes (4 for f32). Few rows: bound by three latencies and
// one for each further 8 entries; many: by memory bandwidth. Registers: 112.
template <typename W, typename A>
__global__ void __launch_bounds__(kThreads) embed_kernel(st_embed op) {
  follow_previous();
  constexpr int kFlight = 8;
  int64_t quarter_at = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  int64_t col_tile = quarter_at / 4;
  int quarter = static_cast<int>(quarter_at % 4);
  bool inside = col_tile < tiles_of(op.table.cols);
  int64_t row = blockIdx.x, token = op.index ? op.index[row] : row;
  bool known = token >= 0 && token < op.tokens;
  float totals[kParts][4] = {};
  for (int first = 0; known && first < op.entries; first += kWarpSize) {
    int place = first + static_cast<int>(threadIdx.x % kWarpSize);
    bool exists = place < op.entries;
    float weight_of_lane = exists ? op.weights[token * op.entries + place] : 0.0f;
    int32_t id_of_lane = exists ? op.ids[token * op.entries + place] : 0;
    bool used = weight_of_lane != 0.0f;
    unsigned left = __ballot_sync(kWholeWarp, used);
    known = !__any_sync(kWholeWarp, used && (id_of_lane < 0 || id_of_lane >= op.vocabulary));
    while (left != 0 && known) {
      float weights[kFlight];
      int32_t ids[kFlight];
      Words<W, 4> values[kFlight] = {};
#pragma unroll
      for (int n = 0; n < kFlight; ++n) {
        int lane = left != 0 ? __popc((left & -left) - 1) : 0;
        weights[n] = __shfl_sync(kWholeWarp, weight_of_lane, lane);
        ids[n] = __shfl_sync(kWholeWarp, id_of_lane, lane);
        int32_t at = ids[n] - op.first_id;
        bool here = left != 0 && at >= 0 && at < op.table.rows;
        ids[n] = here ? ids[n] : -1;  // in no part
        if (here && inside)
          values[n] = *reinterpret_cast<const Words<W, 4>*>(static_cast<const W*>(op.table.data) +
                                                            quarter_index(at, col_tile, quarter, op.table.cols));
        left &= left - 1;
      }
#pragma unroll
      for (int n = 0; n < kFlight; ++n) add_entry(totals, op.vocabulary, ids[n], weights[n], values[n]);
    }
  }
  if (!inside) return;
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    int64_t col = col_tile * kTile + quarter_col(quarter, e);
    if (col >= op.table.cols) continue;
    float sum = known ? sum_of_parts([&](int s) { return totals[s][e]; }) : float_of(0x7fc00000u);
    if (op.out_f32)
      static_cast<float*>(op.out)[row * op.table.cols + col] = sum;
    else
      static_cast<A*>(op.out)[row * op.table.cols + col] = from_float<A>(sum);
  }
}

}  // namespace

st_status embed(st_stream* stream, const st_embed* op) {
  ST_TRY(check(stream, op, matrix_bytes));
  if (op->table.dtype == ST_INT8) return embed_int8(stream, *op);
  dim3 grid(static_cast<unsigned>(op->rows), blocks_for(tiles_of(op->table.cols) * 4, kThreads));
  return with_type(op->table.dtype, [&](auto weight) {
    return with_type(stream->device->activation_dtype, [&](auto activation) {
      return launch<embed_kernel<decltype(weight), decltype(activation)>>("embed", grid, kThreads, 0, stream, *op);
    });
  });
}

}  // namespace st::cuda
