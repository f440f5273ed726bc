// attention: out[r, h] = sum over t <= positions[r] of softmax_t(scale q[r, h] . k[t, g]) v[t, g]. The general
// kernel for all types and head sizes; the one for tensor cores is in attention_mma.cu.

#include "common/checks.h"
#include "cuda/attention.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = kSplit, kWarps = kThreads / kWarpSize;
constexpr int kElements = ST_MAX_HEAD_DIM / kThreads;  // of a head, per thread

template <typename K>
struct Context {
  const K* keys;
  const K* values;
  const int32_t* blocks;  // of the split, in shared memory; -1: none
  int kv_heads, kv_head, head_dim;
  int count;  // positions of the split that are attended to
};

// scale q . k of the thread's own position; -inf if the position does not exist, NaN if the block does not.
template <typename K>
__device__ __forceinline__ float score_of(const Context<K>& context, const float* q, float scale) {
  int position = static_cast<int>(threadIdx.x);
  if (position >= context.count) return float_of(0xff800000u);
  int32_t block = context.blocks[position / kBlock];
  if (block < 0) return float_of(0x7fc00000u);
  const K* key = context.keys + kv_offset(block, context.kv_heads, context.kv_head, context.head_dim) +
                 position % kBlock * context.head_dim;
  float sum = 0.0f;
  for (int d = 0; d < context.head_dim; ++d) sum = fmaf(to_float(key[d]), q[d], sum);
  return sum * scale;
}

// sum over the positions of p v for element d of the head.
template <typename K>
__device__ __forceinline__ float value_of(const Context<K>& context, const float* p, int d) {
  float sum = 0.0f;
  for (int begin = 0; begin < context.count; begin += kBlock) {
    int32_t block = context.blocks[begin / kBlock];
    if (block < 0) return float_of(0x7fc00000u);
    const K* values =
        context.values + kv_offset(block, context.kv_heads, context.kv_head, context.head_dim) + d * kBlock;
    int count = context.count - begin < kBlock ? context.count - begin : kBlock;
    for (int t = 0; t < count; ++t) sum = fmaf(to_float(values[value_slot(t)]), p[begin + t], sum);
  }
  return sum;
}

// Block (row, head), a thread per position of a split, then per element of the head. Registers: 40.
template <typename A, typename K>
__global__ void __launch_bounds__(kThreads) attention_kernel(st_attention op) {
  ST_SHARED(float, q, ST_MAX_HEAD_DIM);
  ST_SHARED(float, p, kSplit);
  ST_SHARED(int32_t, blocks, kSplit / kBlock);
  int thread = static_cast<int>(threadIdx.x), head = static_cast<int>(blockIdx.y);
  auto row = static_cast<int32_t>(blockIdx.x);
  A* out = static_cast<A*>(op.out) + (int64_t{row} * op.heads + head) * op.head_dim;
  int32_t positions = op.batch.positions[row] + 1, sequence = sequence_of(op.batch, row);
  const A* query = static_cast<const A*>(op.qkv) + (int64_t{row} * (op.heads + 2 * op.kv_heads) + head) * op.head_dim;
  for (int d = thread; d < op.head_dim; d += kThreads) q[d] = to_float(query[d]);
  Context<K> context = {static_cast<const K*>(op.cache.keys),
                        static_cast<const K*>(op.cache.values),
                        blocks,
                        op.kv_heads,
                        head / (op.heads / op.kv_heads),
                        op.head_dim,
                        0};
  float maximum = float_of(0xff800000u), total = 0.0f, sums[kElements] = {};
  for (int32_t begin = 0; begin < positions; begin += kSplit) {
    context.count = positions - begin < kSplit ? positions - begin : kSplit;
    __syncthreads();  // threads may still read the split before
    if (thread < kSplit / kBlock) blocks[thread] = block_of(op.batch, op.cache, sequence, begin + thread * kBlock);
    __syncthreads();
    float score = score_of(context, q, op.scale);
    float split_maximum = block_reduce<kWarps>(score, Max());
    p[thread] = thread < context.count ? weight_of(score - split_maximum) : 0.0f;
    float split_total = block_reduce<kWarps>(p[thread], Sum());
    Merge merge = merge_of(maximum, split_maximum);
    maximum = merge.top;
    total = total * merge.scale_before + split_total * merge.scale_next;
    for (int i = 0; i < kElements; ++i) {
      int d = thread + i * kThreads;
      if (d < op.head_dim) sums[i] = sums[i] * merge.scale_before + value_of(context, p, d) * merge.scale_next;
    }
  }
  for (int i = 0; i < kElements; ++i) {
    int d = thread + i * kThreads;
    if (d < op.head_dim) out[d] = from_float<A>(positions > 0 ? sums[i] / total : 0.0f);
  }
}

template <typename A, typename K>
st_status attention_of(st_stream* stream, const st_attention& op) {
  dim3 grid(static_cast<unsigned>(op.batch.rows), static_cast<unsigned>(op.heads));
  return launch("attention", attention_kernel<A, K>, grid, kThreads, 0, stream, op);
}

}  // namespace

st_status attention(st_stream* stream, const st_attention* op) {
  ST_TRY(check(stream, op));
  int32_t activations = stream->device->activation_dtype;
  return with_type(activations, [&](auto activation) {
    using A = decltype(activation);
    if constexpr (sizeof(A) == 2) {
      if (op->cache.dtype == ST_BF16 && op->head_dim == 64) return attention_mma<A, 64>(stream, *op);
      if (op->cache.dtype == ST_BF16 && op->head_dim == 128) return attention_mma<A, 128>(stream, *op);
    }
    return op->cache.dtype == ST_F32 ? attention_of<A, float>(stream, *op) : attention_of<A, Bf16>(stream, *op);
  });
}

}  // namespace st::cuda
