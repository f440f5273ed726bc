// Layout of the cache, [block, KV head]: keys [16 positions, D]; values as 4 D parts, the positions 2 q + {0, 1, 8, 9}
// of an element of the head, which a lane of a warp needs for mma's second operand. Integers are followed by the scales
// of the 16 positions.
#pragma once

#include "common/kv.h"
#include "cuda/numbers.cuh"

namespace st::cuda {

constexpr int kBlock = ST_BLOCK_POSITIONS;
// Whether a cache of K holds integers with scales.
template <typename K>
constexpr bool kIntegers = std::is_same_v<std::remove_const_t<K>, KvInt8>;

constexpr int kValueWarps = 4;  // that share the elements of a head

// First element of (block, KV head), of keys as of values.
template <typename K>
ST_HD int64_t kv_offset(int64_t block, int kv_heads, int kv_head, int head_dim) {
  constexpr int kScales = kIntegers<K> ? sizeof(float) : 0;
  return (block * kv_heads + kv_head) * kBlock * (head_dim + kScales);
}

// The scales of the block that begins at an element.
template <typename K>
__device__ __forceinline__ auto* kv_scales(K* block, int head_dim) {
  using Scale = std::conditional_t<std::is_const_v<K>, const float, float>;
  return reinterpret_cast<Scale*>(block + kBlock * head_dim);
}

// The part of a position: its q, and its place among the four.
ST_HD int value_quad(int position) {
  return position % 8 / 2;
}
template <typename K>
ST_HD int place_in_part(int position) {
  return kIntegers<K> ? position % 2 * 2 + position / 8 : position / 8 * 2 + position % 2;
}
ST_HD int position_of_value(int slot) {  // of 16 bits
  return slot / 4 * 2 + slot % 4 / 2 * 8 + slot % 2;
}

// Place of a part. Those of integers are words; a lane of tensor cores loads those of all the elements d, d + 8, ... of
// its warp at once, if the warps have as many elements.
template <typename K>
ST_HD int value_part(int d, int quad, int head_dim) {
  if (!kIntegers<K> || head_dim % (8 * kValueWarps) != 0) return d * 4 + quad;
  int of_warp = head_dim / kValueWarps, within = d % of_warp;
  return d / of_warp * of_warp * 4 + (within % 8 * 4 + quad) * (of_warp / 8) + within / 8;
}

// The block of the cache that holds a position of a sequence; -1 if the table has no valid block for it.
__device__ __forceinline__ int32_t block_of(const st_batch& batch, const st_kv_cache& cache, int32_t sequence,
                                            int32_t position) {
  int32_t index = position / kBlock;
  const int32_t* table = block_table(batch, sequence);
  if (!table || index >= batch.blocks_per_sequence) return -1;
  int32_t block = table[index];
  return block >= 0 && block < cache.blocks ? block : -1;
}

}  // namespace st::cuda
