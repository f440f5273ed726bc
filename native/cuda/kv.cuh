// Layout of the cache, [block, KV head]: keys [16 positions, D]; values [D, 16 positions], the positions of a block in
// the order in which a lane of a warp needs them for mma's second operand: 2 q + {0, 1, 8, 9} are adjacent.
#pragma once

#include "common/kv.h"
#include "cuda/numbers.cuh"

namespace st::cuda {

constexpr int kBlock = ST_BLOCK_POSITIONS;

// Place of a position among the 16 of a row of values.
ST_HD int value_slot(int position) {
  return position % 8 / 2 * 4 + position / 8 * 2 + position % 2;
}

ST_HD int position_of_value(int slot) {
  return slot / 4 * 2 + slot % 4 / 2 * 8 + slot % 2;
}

// First element of (block, KV head), of keys as of values.
ST_HD int64_t kv_offset(int64_t block, int kv_heads, int kv_head, int head_dim) {
  return (block * kv_heads + kv_head) * kBlock * head_dim;
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
