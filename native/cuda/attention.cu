// attention: out[r, h] = sum over t of softmax_t(scale q[r, h] . k[t, g]) v[t, g], t <= positions[r] in the window. The
// general kernel for all types and head sizes; the one for tensor cores is in attention_mma.cu.

#include "common/checks.h"
#include "cuda/attention.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = kSplit, kWarps = kThreads / kWarpSize;
constexpr int kElements = ST_MAX_HEAD_DIM / kThreads;  // of a head, per thread
constexpr int kHeads = kWarps;                         // of a block: each warp has the weights of one
constexpr int kTeam = 8;                               // lanes that read a key together

using OfHeads = Pack<float, kHeads>;

template <typename K>
struct Context {
  const K* keys;
  const K* values;
  const int32_t* blocks;  // of the split, in shared memory; -1: none
  int kv_heads, kv_head, head_dim;
  int heads;         // of the block
  int first, count;  // positions first .. count - 1 of the split are attended to
};

// scale q . k of all positions of the split and heads of the block; -inf if a position is not attended to, NaN if its
// block does not exist.
template <typename K>
__device__ __forceinline__ void score(const Context<K>& context, const float* q, float scale, OfHeads* scores) {
  int lane = static_cast<int>(threadIdx.x) % kTeam, team = static_cast<int>(threadIdx.x) / kTeam;
  for (int position = team; position < kSplit; position += kThreads / kTeam) {
    bool exists = position >= context.first && position < context.count;
    int32_t block = exists ? context.blocks[position / kBlock] : -1;
    float mine = exists ? float_of(0x7fc00000u) : float_of(0xff800000u), sums[kHeads] = {};
    const K* keys = context.keys;
    if (block >= 0) keys += kv_offset<K>(block, context.kv_heads, context.kv_head, context.head_dim);
    const K* key = keys + position % kBlock * context.head_dim;
    float factor = scale;
    if (kIntegers<K> && block >= 0) factor *= kv_scales(keys, context.head_dim)[position % kBlock];
    for (int d = lane; block >= 0 && d < context.head_dim; d += kTeam) {
      float element = to_float(key[d]);
#pragma unroll
      for (int h = 0; h < kHeads; ++h)
        if (h < context.heads) sums[h] = fmaf(element, q[h * ST_MAX_HEAD_DIM + d], sums[h]);
    }
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
      if (h >= context.heads) continue;
      for (int lanes = 1; lanes < kTeam; lanes *= 2) sums[h] += __shfl_xor_sync(kWholeWarp, sums[h], lanes);
      if (lane == h && block >= 0) mine = sums[h] * factor;
    }
    scores[position].at[lane] = mine;
  }
}

// sums[h] = sum over the positions of p v for element d of the head.
template <typename K>
__device__ __forceinline__ void sum_values(const Context<K>& context, const OfHeads* p, int d, float (&sums)[kHeads]) {
  for (int begin = context.first / kBlock * kBlock; begin < context.count; begin += kBlock) {
    int32_t block = context.blocks[begin / kBlock];
    if (block < 0) continue;  // its weights are already NaN
    const K* of_block = context.values + kv_offset<K>(block, context.kv_heads, context.kv_head, context.head_dim);
    Pack<K, 4> values[kBlock / 4];
#pragma unroll
    for (int i = 0; i < kBlock / 4; ++i)
      values[i] = reinterpret_cast<const Pack<K, 4>*>(of_block)[value_part<K>(d, i, context.head_dim)];
#pragma unroll
    for (int t = 0; t < kBlock; ++t) {
      if (begin + t < context.first || begin + t >= context.count) continue;
      float value = to_float(values[value_quad(t)].at[place_in_part<K>(t)]);
      if (kIntegers<K>) value *= kv_scales(of_block, context.head_dim)[t];
      OfHeads weights = p[begin + t];
#pragma unroll
      for (int h = 0; h < kHeads; ++h)
        if (h < context.heads) sums[h] = fmaf(value, weights.at[h], sums[h]);
    }
  }
}

// Block (row, up to 8 heads of a KV head), so that keys and values are read once for all of them: 8 lanes per position
// of a split for the scores, a warp per head for the weights, a thread per element of the head for the values.
// Bytes: keys and values of each position in the window once per row and 8 heads. Bound by fused multiply-adds, each
// with a number from shared memory, and by the few loads in flight: for exactness, not for speed. Registers: 80.
template <typename A, typename K>
__global__ void __launch_bounds__(kThreads) attention_kernel(st_attention op) {
  follow_previous();
  ST_SHARED(float, q, kHeads* ST_MAX_HEAD_DIM);
  ST_SHARED(OfHeads, p, kSplit);  // scores, then weights
  ST_SHARED(Merge, merges, kHeads);
  ST_SHARED(float, totals, kHeads);
  ST_SHARED(int32_t, blocks, kSplit / kBlock);
  int thread = static_cast<int>(threadIdx.x), lane = thread % kWarpSize, warp = thread / kWarpSize;
  int group = op.heads / op.kv_heads, chunks = (group + kHeads - 1) / kHeads;
  int kv_head = static_cast<int>(blockIdx.y) / chunks, first = static_cast<int>(blockIdx.y) % chunks * kHeads;
  int heads = group - first < kHeads ? group - first : kHeads, head = kv_head * group + first;
  auto row = static_cast<int32_t>(blockIdx.x);
  int32_t positions = op.batch.positions[row] + 1, sequence = sequence_of(op.batch, row);
  A* out = static_cast<A*>(op.out) + (int64_t{row} * op.heads + head) * op.head_dim;
  const A* query = static_cast<const A*>(op.qkv) + (int64_t{row} * (op.heads + 2 * op.kv_heads) + head) * op.head_dim;
  for (int at = thread; at < heads * op.head_dim; at += kThreads)
    q[at / op.head_dim * ST_MAX_HEAD_DIM + at % op.head_dim] = to_float(query[at]);
  Context<K> context = {static_cast<const K*>(op.cache.keys),
                        static_cast<const K*>(op.cache.values),
                        blocks,
                        op.kv_heads,
                        kv_head,
                        op.head_dim,
                        heads,
                        0,
                        0};
  float maximum = float_of(0xff800000u), total = 0.0f,
        sums[kElements][kHeads] = {};  // the former two of the warp's head
  int32_t first_position = first_in_window(positions - 1, op.window);
  for (int32_t begin = first_position / kSplit * kSplit; begin < positions; begin += kSplit) {
    context.first = first_position > begin ? first_position - begin : 0;
    context.count = positions - begin < kSplit ? positions - begin : kSplit;
    if (thread < kSplit / kBlock) blocks[thread] = block_of(op.batch, op.cache, sequence, begin + thread * kBlock);
    __syncthreads();
    score(context, q, op.scale, p);
    __syncthreads();
    if (warp < heads) {
      float top = float_of(0xff800000u), sum = 0.0f;
      for (int t = lane; t < kSplit; t += kWarpSize) top = Max()(top, p[t].at[warp]);
      top = warp_reduce(top, Max());
      for (int t = lane; t < kSplit; t += kWarpSize) {
        float weight = t < context.count ? weight_of(p[t].at[warp] - top) : 0.0f;
        p[t].at[warp] = weight;
        sum += weight;
      }
      Merge merge = merge_of(maximum, top);
      maximum = merge.top;
      total = total * merge.scale_before + warp_reduce(sum, Sum()) * merge.scale_next;
      if (lane == 0) merges[warp] = merge;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      if (thread + i * kThreads >= op.head_dim) continue;
      float of_split[kHeads] = {};
      sum_values(context, p, thread + i * kThreads, of_split);
#pragma unroll
      for (int h = 0; h < kHeads; ++h)
        if (h < heads) sums[i][h] = sums[i][h] * merges[h].scale_before + of_split[h] * merges[h].scale_next;
    }
    __syncthreads();  // before the next split's blocks, scores and merges are written
  }
  if (warp < heads && lane == 0) totals[warp] = total;
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kElements; ++i) {
    int d = thread + i * kThreads;
    if (d >= op.head_dim) continue;
#pragma unroll
    for (int h = 0; h < kHeads; ++h)
      if (h < heads) out[h * op.head_dim + d] = from_float<A>(positions > 0 ? sums[i][h] / totals[h] : 0.0f);
  }
}

template <typename A, typename K>
st_status attention_of(st_stream* stream, const st_attention& op) {
  int chunks = (op.heads / op.kv_heads + kHeads - 1) / kHeads;
  dim3 grid(static_cast<unsigned>(op.batch.rows), static_cast<unsigned>(op.kv_heads * chunks));
  return launch<attention_kernel<A, K>>("attention", grid, kThreads, 0, stream, op);
}

}  // namespace

st_status attention(st_stream* stream, const st_attention* op) {
  ST_TRY(check(stream, op));
  int32_t activations = stream->device->activation_dtype;
  return with_type(activations, [&](auto activation) {
    using A = decltype(activation);
    if constexpr (sizeof(A) == 2) {
      bool known = op->head_dim == 64 || op->head_dim == 128;
      if (known && op->cache.dtype == ST_BF16) return attention_mma<A, Bf16>(stream, *op);
      if (known && op->cache.dtype == ST_INT8) return attention_mma<A, KvInt8>(stream, *op);
    }
    if (op->cache.dtype == ST_INT8) return attention_of<A, KvInt8>(stream, *op);
    return op->cache.dtype == ST_F32 ? attention_of<A, float>(stream, *op) : attention_of<A, Bf16>(stream, *op);
  });
}

}  // namespace st::cuda
