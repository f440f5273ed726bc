// qkv_epilogue: the work between the QKV matmul and attention: norms, rotation, writing to the cache.

#include "common/checks.h"
#include "common/int8.h"
#include "cuda/kv.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / kWarpSize;

// The elements of a head in pairs that rotate together, i and i + rotated / 2 for i < rotated / 2; those that do not
// rotate form pairs, too.
struct Pairs {
  int rotating, count;

  __device__ __forceinline__ int first(int i) const { return i < rotating ? i : rotating + i; }
  __device__ __forceinline__ int second(int i) const { return i < rotating ? rotating + i : count + i; }
};

// Of a head lane l has the pairs l, l + 32, ... 0 beyond the head.
template <int kPairs>
struct Halves {
  float first[kPairs] = {}, second[kPairs] = {};

  template <typename T>
  __device__ __forceinline__ void load(const T* head, Pairs pairs, int lane) {
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      int at = lane + i * kWarpSize;
      if (at >= pairs.count) continue;
      first[i] = to_float(head[pairs.first(at)]);
      second[i] = to_float(head[pairs.second(at)]);
    }
  }

  // Calls store(d, x) for the elements of the lane.
  template <typename Store>
  __device__ __forceinline__ void each(Pairs pairs, int lane, const Store& store) const {
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      int at = lane + i * kWarpSize;
      if (at >= pairs.count) continue;
      store(pairs.first(at), first[i]);
      store(pairs.second(at), second[i]);
    }
  }

  // How the head is rounded to integers.
  __device__ __forceinline__ Rounding rounding() const {
    float largest = 0.0f;
    bool nan = false;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      largest = fmaxf(largest, fmaxf(fabsf(first[i]), fabsf(second[i])));
      nan |= first[i] != first[i] || second[i] != second[i];
    }
    return rounding_of(warp_reduce(largest, Max()), __any_sync(kWholeWarp, nan) != 0, 127.0f);
  }

  // Multiplies the head by the Hadamard matrix: see st_qkv_epilogue. Pairs that are combined lie in two lanes, or in
  // two places of a lane.
  __device__ __forceinline__ void hadamard(int most, int lane) {
#pragma unroll
    for (int distance = 1; distance < kWarpSize; distance *= 2) {
      if (distance >= most) break;
      bool upper = (lane & distance) != 0;
#pragma unroll
      for (int i = 0; i < kPairs; ++i) {
        float other = __shfl_xor_sync(kWholeWarp, first[i], distance);
        first[i] = upper ? other - first[i] : first[i] + other;
        other = __shfl_xor_sync(kWholeWarp, second[i], distance);
        second[i] = upper ? other - second[i] : second[i] + other;
      }
    }
#pragma unroll
    for (int distance = 1; distance < kPairs; distance *= 2) {
      if (distance * kWarpSize >= most) break;
#pragma unroll
      for (int i = 0; i < kPairs; ++i) {
        if (i & distance) continue;
        combine(first[i], first[i + distance]);
        combine(second[i], second[i + distance]);
      }
    }
#pragma unroll
    for (int i = 0; i < kPairs; ++i) combine(first[i], second[i]);
  }

  static __device__ __forceinline__ void combine(float& a, float& b) {
    float sum = a + b;
    b = a - b;
    a = sum;
  }

  // x / sqrt(mean(x^2) + epsilon) * weight.
  __device__ __forceinline__ void normalize(const Halves& weight, float epsilon, int half) {
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) squares = fmaf(second[i], second[i], fmaf(first[i], first[i], squares));
    float factor = 1.0f / sqrtf(warp_reduce(squares, Sum()) / static_cast<float>(2 * half) + epsilon);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      first[i] = first[i] * factor * weight.first[i];
      second[i] = second[i] * factor * weight.second[i];
    }
  }

  // By angles whose cosines and sines are the halves of `angles`.
  __device__ __forceinline__ void rotate(const Halves& angles, Pairs pairs, int lane) {
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      if (lane + i * kWarpSize >= pairs.rotating) continue;
      float c = angles.first[i], s = angles.second[i], a = first[i], b = second[i];
      first[i] = a * c - b * s;
      second[i] = b * c + a * s;
    }
  }
};

// To a position of the block of the cache that begins at `to`.
template <typename K, int kPairs>
__device__ __forceinline__ void store_head(int head_dim, bool is_value, int position, Pairs pairs, int lane,
                                           const Halves<kPairs>& values, K* to) {
  auto place = [&](int d) {
    int of_value = value_part<K>(d, value_quad(position), head_dim) * 4 + place_in_part<K>(position);
    return is_value ? of_value : position * head_dim + d;
  };
  if constexpr (kIntegers<K>) {
    Rounding rounding = values.rounding();
    values.each(pairs, lane, [&](int d, float each) {
      to[place(d)] = {static_cast<uint8_t>(nearest_int8(each * rounding.inverse) + 128)};
    });
    if (lane == 0) kv_scales(to, head_dim)[position] = rounding.scale;
  } else {
    values.each(pairs, lane, [&](int d, float each) { to[place(d)] = from_float<K>(each); });
  }
}

// A warp per head, of queries, keys and values alike; block (row, heads). K: type of the cache; kPairs: of a lane, for
// heads of up to 64 kPairs. Reads and writes 2 bytes an element (4 for f32), reads 4 of the angles and 4 of the norms,
// which the caches hold. Few rows: bound by two latencies, that of the row and of its block of the cache; many: by
// instructions, about 200 a warp. Registers: 88.
template <typename A, typename K, int kPairs>
__global__ void __launch_bounds__(kThreads) qkv_epilogue_kernel(st_qkv_epilogue op) {
  follow_previous();
  int lane = static_cast<int>(threadIdx.x % kWarpSize);
  int head = static_cast<int>(blockIdx.y) * kWarps + static_cast<int>(threadIdx.x / kWarpSize);
  int all_heads = op.heads + 2 * op.kv_heads, half = op.head_dim / 2;
  Pairs pairs = {op.rotated / 2, half}, rotating = {op.rotated / 2, op.rotated / 2};
  bool is_query = head < op.heads, is_value = head >= op.heads + op.kv_heads;
  const float* norm = is_query ? op.q_norm : is_value ? nullptr : op.k_norm;
  Halves<kPairs> values, angles, weight;
  let_next_begin();
  if (norm) weight.load(norm, pairs, lane);
  wait_for_previous();

  if (head >= all_heads) return;  // whole warps
  auto row = static_cast<int32_t>(blockIdx.x);
  int32_t position = op.batch.positions[row];
  A* x = static_cast<A*>(op.qkv) + (int64_t{row} * all_heads + head) * op.head_dim;
  values.load(x, pairs, lane);
  if (!is_value) angles.load(op.angles + int64_t{row} * op.rotated, rotating, lane);
  int32_t sequence = is_query ? 0 : sequence_of(op.batch, row);
  if (position < 0) return;
  int32_t block = is_query ? 0 : block_of(op.batch, op.cache, sequence, position);
  if (block < 0) return;
  if (norm) values.normalize(weight, op.epsilon, half);
  if (!is_value) values.rotate(angles, pairs, lane);
  float factor = 1.0f;
  if (kIntegers<K> && !is_value) {
    int most = hadamard_half(op.head_dim);
    values.hadamard(most, lane);
    factor = 1.0f / static_cast<float>(2 * most);
  }
  if (is_query) return values.each(pairs, lane, [&](int d, float each) { x[d] = from_float<A>(each * factor); });
  int g = head - op.heads - (is_value ? op.kv_heads : 0);
  K* kv =
      static_cast<K*>(is_value ? op.cache.values : op.cache.keys) + kv_offset<K>(block, op.kv_heads, g, op.head_dim);
  store_head(op.head_dim, is_value, position % kBlock, pairs, lane, values, kv);
}

template <typename A, typename K>
st_status launch_epilogue(st_stream* stream, const st_qkv_epilogue& op) {
  dim3 grid(static_cast<unsigned>(op.batch.rows), blocks_for(op.heads + 2 * op.kv_heads, kWarps));
  return op.head_dim <= 128
             ? launch<qkv_epilogue_kernel<A, K, 2>>("qkv_epilogue", grid, kThreads, 0, stream, op)
             : launch<qkv_epilogue_kernel<A, K, ST_MAX_HEAD_DIM / 64>>("qkv_epilogue", grid, kThreads, 0, stream, op);
}

}  // namespace

st_status qkv_epilogue(st_stream* stream, const st_qkv_epilogue* op) {
  ST_TRY(check(stream, op));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    using A = decltype(activation);
    if (op->cache.dtype == ST_INT8) return launch_epilogue<A, KvInt8>(stream, *op);
    return op->cache.dtype == ST_F32 ? launch_epilogue<A, float>(stream, *op) : launch_epilogue<A, Bf16>(stream, *op);
  });
}

}  // namespace st::cuda
