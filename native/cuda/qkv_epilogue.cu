// qkv_epilogue: the work between the QKV matmul and attention: norms, rotation, writing to the cache.

#include "common/checks.h"
#include "cuda/kv.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / kWarpSize;
constexpr int kPairs = ST_MAX_HEAD_DIM / 2 / kWarpSize;  // pairs of a head that a lane may have

// x / sqrt(mean(x^2) + epsilon) * weight for the halves a and b of a head; lane l has the pairs l, l + 32, ...
__device__ __forceinline__ void normalize_head(float (&a)[kPairs], float (&b)[kPairs], const float* weight,
                                               float epsilon, int half, int lane) {
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < kPairs; ++i)
    if (lane + i * kWarpSize < half) squares = fmaf(b[i], b[i], fmaf(a[i], a[i], squares));
  float factor = 1.0f / sqrtf(warp_reduce(squares, Sum()) / static_cast<float>(2 * half) + epsilon);
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
    int at = lane + i * kWarpSize;
    if (at >= half) continue;
    a[i] = a[i] * factor * weight[at];
    b[i] = b[i] * factor * weight[half + at];
  }
}

// A warp per head, of queries, keys and values alike; block (row, heads). K: type of the cache. Registers: 64.
template <typename A, typename K>
__global__ void __launch_bounds__(kThreads) qkv_epilogue_kernel(st_qkv_epilogue op) {
  follow_previous();
  int lane = static_cast<int>(threadIdx.x % kWarpSize);
  int head = static_cast<int>(blockIdx.y) * kWarps + static_cast<int>(threadIdx.x / kWarpSize);
  auto row = static_cast<int32_t>(blockIdx.x);
  int32_t position = op.batch.positions[row];
  int all_heads = op.heads + 2 * op.kv_heads, half = op.head_dim / 2;
  if (position < 0 || head >= all_heads) return;  // whole warps
  A* x = static_cast<A*>(op.qkv) + (int64_t{row} * all_heads + head) * op.head_dim;
  float a[kPairs], b[kPairs];
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
    int at = lane + i * kWarpSize;
    a[i] = at < half ? to_float(x[at]) : 0.0f;
    b[i] = at < half ? to_float(x[half + at]) : 0.0f;
  }
  bool is_query = head < op.heads, is_value = head >= op.heads + op.kv_heads;
  const float* norm = is_query ? op.q_norm : is_value ? nullptr : op.k_norm;
  if (norm) normalize_head(a, b, norm, op.epsilon, half, lane);
  const float* angles = op.angles + int64_t{row} * op.head_dim;
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
    int at = lane + i * kWarpSize;
    if (at >= half || is_value) continue;
    float c = angles[at], s = angles[half + at], first = a[i], second = b[i];
    a[i] = first * c - second * s;
    b[i] = second * c + first * s;
  }
  int64_t stride = 1;
  K* kv = nullptr;
  if (!is_query) {
    int32_t block = block_of(op.batch, op.cache, sequence_of(op.batch, row), position);
    if (block < 0) return;
    int g = head - op.heads - (is_value ? op.kv_heads : 0), within = position % kBlock;
    kv = static_cast<K*>(is_value ? op.cache.values : op.cache.keys) + kv_offset(block, op.kv_heads, g, op.head_dim) +
         (is_value ? value_slot(within) : within * op.head_dim);
    stride = is_value ? kBlock : 1;
  }
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
    int at = lane + i * kWarpSize;
    if (at >= half) continue;
    if (is_query) {
      x[at] = from_float<A>(a[i]);
      x[half + at] = from_float<A>(b[i]);
    } else {
      kv[at * stride] = from_float<K>(a[i]);
      kv[(half + at) * stride] = from_float<K>(b[i]);
    }
  }
}

}  // namespace

st_status qkv_epilogue(st_stream* stream, const st_qkv_epilogue* op) {
  ST_TRY(check(stream, op));
  dim3 grid(static_cast<unsigned>(op->batch.rows), blocks_for(op->heads + 2 * op->kv_heads, kWarps));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    using A = decltype(activation);
    if (op->cache.dtype == ST_F32)
      return launch<qkv_epilogue_kernel<A, float>>("qkv_epilogue", grid, kThreads, 0, stream, *op);
    return launch<qkv_epilogue_kernel<A, Bf16>>("qkv_epilogue", grid, kThreads, 0, stream, *op);
  });
}

}  // namespace st::cuda
