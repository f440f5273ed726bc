// The inner loops that are compiled once per instruction set, behind one table; the fastest set that the machine has is
// chosen when a device opens. SOFTTHINKING_ISA = scalar | avx2 | avx512 forces one, for tests.
#pragma once

#include <cstddef>
#include <cstdint>

namespace st::cpu {

constexpr int kLanes = 16;      // outputs of a weight tile, positions of a KV block
constexpr int kLogitTile = 64;  // logits whose maximum is kept
constexpr int kSplit = 256;     // positions of an attention split

struct LogitSums {
  uint64_t z, s;  // sums of e^x and of -x e^x in fixed point
};

// Queries q[group, head_dim] over the positions [0, positions) of a sequence. Block b of the cache holds, for KV head
// g, at (b kv_heads + g) * 16 head_dim: keys as [head_dim, 16], values as [16, head_dim].
struct AttentionRow {
  const float* q;
  int group, head_dim;
  float scale;
  const void* keys;
  const void* values;
  int dtype;
  const int32_t* block_table;
  int kv_heads, kv_head;
  int positions;
  float* out;  // [group, head_dim]
};

struct Kernels {
  const char* name;

  // out[r, tile] = sum over k of x[r, k] w[tile, k] for the tiles [first, last) of 16 outputs and `rows` rows.
  // Each product chain runs over k in order. w: [tiles, cols, 16] of `dtype`; bias may be null; outputs beyond
  // `outputs` are padding and are not stored.
  void (*linear)(const float* x, int64_t rows, int64_t cols, const void* w, int dtype, int64_t first, int64_t last,
                 const float* bias, float* out, int64_t outputs);
  // residual += delta (may be null); out = residual / rms * weight.
  void (*rms_norm)(const float* delta, float* residual, const float* weight, float epsilon, float* out, int64_t cols);
  void (*silu_mul)(const float* gate, const float* up, float* out, int64_t cols);
  // One row's attention for the query heads that share one KV head.
  void (*attention)(const AttentionRow& row);
  // Maximum of every kLogitTile logits; returns false if a logit is NaN.
  bool (*logit_maxima)(const float* logits, int64_t count, float* tile_maxima);
  // Sums over all logits, the maximum's own entry included.
  LogitSums (*logit_sums)(const float* logits, int64_t count, float maximum, float inverse_temperature);
};

const Kernels& kernels_scalar();
#if defined(__x86_64__)
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();
#endif

// The set that SOFTTHINKING_ISA names, else the best; null (with *problem said) when the named one is not to be had.
const Kernels* choose_kernels(const char** problem);

}  // namespace st::cpu
