// embed: concept tokens to hidden rows. The table may be the LM head's own matrix.

#include "common/checks.h"
#include "cuda/embed.cuh"
#include "cuda/matrix.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 64;
constexpr int kFlight = 8;  // rows of the table that are read together

// An entry of a concept token, as the lane that loaded it knows it.
struct Entry {
  int64_t place;  // in the table, of column 0
  float weight;
  int32_t part;  // of the vocabulary; -1: the table lacks it
};

__device__ __forceinline__ Entry entry_of(const st_embed& op, int32_t id, float weight) {
  int64_t at = int64_t{id} - op.first_id;
  if (at < 0 || at >= op.table.rows) return {0, 0.0f, -1};
  int32_t part = 0;  // counted: a division would take longer than the load
#pragma unroll
  for (int s = 1; s < kParts; ++s) part += id >= part_begin(op.vocabulary, s);
  return {quarter_index(at, 0, 0, op.table.cols), weight, part};
}

// The index of an array in registers must be known to the compiler.
template <typename W>
__device__ __forceinline__ void add(float (&total)[4], float weight, const Words<W, 4>& values) {
#pragma unroll
  for (int e = 0; e < 4; ++e) total[e] += weight * values.at(e);
}
template <typename W>
__device__ __forceinline__ void add_to_part(float (&totals)[kParts][4], int part, float weight,
                                            const Words<W, 4>& values) {
  static_assert(kParts == 8, "a case for each part");
  switch (part) {
    case 0:
      return add(totals[0], weight, values);
    case 1:
      return add(totals[1], weight, values);
    case 2:
      return add(totals[2], weight, values);
    case 3:
      return add(totals[3], weight, values);
    case 4:
      return add(totals[4], weight, values);
    case 5:
      return add(totals[5], weight, values);
    case 6:
      return add(totals[6], weight, values);
    case 7:
      return add(totals[7], weight, values);
  }
}

// Adds the entries of `lanes`, in their order. `columns`: this lane's four, of row 0; nullptr beyond the table.
template <typename W>
__device__ __forceinline__ void add_entries(float (&totals)[kParts][4], const Entry& entry, unsigned lanes,
                                            const W* columns) {
  while (lanes != 0) {
    int parts[kFlight];
    float weights[kFlight];
    Words<W, 4> values[kFlight] = {};
#pragma unroll
    for (int n = 0; n < kFlight; ++n) {
      int lane = lanes != 0 ? __popc((lanes & -lanes) - 1) : 0;
      int64_t place = __shfl_sync(kWholeWarp, entry.place, lane);
      weights[n] = __shfl_sync(kWholeWarp, entry.weight, lane);
      parts[n] = __shfl_sync(kWholeWarp, entry.part, lane);
      if (lanes == 0) parts[n] = -1;
      if (parts[n] >= 0 && columns) values[n] = *reinterpret_cast<const Words<W, 4>*>(columns + place);
      lanes &= lanes - 1;
    }
#pragma unroll
    for (int n = 0; n < kFlight; ++n) add_to_part(totals, parts[n], weights[n], values[n]);
  }
}

// out[r] = sum over i of weights[index[r], i] table[ids[index[r], i] - first_id], of the ids in the table, for each of
// the 8 parts of the vocabulary in the order of i, and the parts by their tree. Block (r, chunk); a thread has the four
// columns that stand together in a row of the table. A warp loads 32 places of the token together, a lane each, and the
// rows of up to 8 entries. Ids and tokens come from the host's input or from the sampler: a wrong one makes its row
// NaN. Reads 8 bytes a place, and each entry's row once: 2 H bytes (4 for f32), in sectors of 32 bytes that hold as
// much of another row. Few rows: bound by three latencies and one for each further 8 entries; many: by the sectors,
// twice the floor. Registers: 112.
template <typename W, typename A>
__global__ void __launch_bounds__(kThreads, 1) embed_kernel(st_embed op) {
  follow_previous();
  int64_t quarter_at = int64_t{blockIdx.y} * kThreads + threadIdx.x;
  int64_t col_tile = quarter_at / 4;
  int quarter = static_cast<int>(quarter_at % 4);
  bool inside = col_tile < tiles_of(op.table.cols);
  const W* columns =
      inside ? static_cast<const W*>(op.table.data) + quarter_index(0, col_tile, quarter, op.table.cols) : nullptr;
  int64_t row = blockIdx.x, token = op.index ? op.index[row] : row;
  bool known = token >= 0 && token < op.tokens;
  float totals[kParts][4] = {};
  for (int first = 0; known && first < op.entries; first += kWarpSize) {
    int place = first + static_cast<int>(threadIdx.x % kWarpSize);
    bool exists = place < op.entries;
    float weight = exists ? op.weights[token * op.entries + place] : 0.0f;
    int32_t id = exists ? op.ids[token * op.entries + place] : 0;
    bool used = weight != 0.0f;
    unsigned lanes = __ballot_sync(kWholeWarp, used);
    known = !__any_sync(kWholeWarp, used && (id < 0 || id >= op.vocabulary));
    if (known) add_entries(totals, entry_of(op, id, weight), lanes, columns);
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
