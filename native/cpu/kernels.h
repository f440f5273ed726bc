// The inner loops that are compiled once per instruction set, behind one table; the fastest set that the machine has is
// chosen when a device opens. SOFTTHINKING_ISA = scalar | avx2 | avx512 | avx512bf16 forces one, for tests.
#pragma once

#include <cstddef>
#include <cstdint>

namespace st::cpu {

constexpr int kLanes = 16;      // outputs of a weight tile, positions of a KV block
constexpr int kLogitTile = 64;  // logits whose maximum is kept
constexpr int kSplit = 256;     // positions of an attention split

// What a product reads as its input rows. Rows of other forms than kF32 are made from it once, before the product.
enum class Operand {
  kF32,   // f32[cols]
  kBf16,  // bf16[cols], padded with a zero to an even number, for weights of bf16
};

// out = x W^T + bias over `rows` rows; W in the layout of matrix.h. Each output is one chain over k in order.
struct Product {
  Operand operand;
  const void* x;
  int64_t row_bytes;  // from one row of x to the next
  int64_t rows, cols;
  const void* w;
  int dtype;          // of w
  const float* bias;  // [outputs] or null
  float* out;         // [rows, outputs]
  int64_t outputs;
};

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

  bool bf16_products;  // weights of bf16 may be multiplied by inputs of kBf16

  // Makes one row of another form of kF32's x[cols].
  void (*make_operand)(Operand form, const float* x, int64_t cols, void* row);
  // The outputs of the tiles [first, last), 16 each; those beyond product.outputs are padding and are not stored.
  void (*linear)(const Product& product, int64_t first, int64_t last);
  // residual += delta (may be null); out = residual / rms * weight.
  void (*rms_norm)(const float* delta, float* residual, const float* weight, float epsilon, float* out, int64_t cols);
  void (*silu_mul)(const float* gate, const float* up, float* out, int64_t cols);
  // One row's attention for the query heads that share one KV head.
  void (*attention)(const AttentionRow& row);
  // Maximum of every kLogitTile logits; returns false if a logit is NaN.
  bool (*logit_maxima)(const float* logits, int64_t count, float* tile_maxima);
  // Sums over all logits, the maximum's own entry included.
  LogitSums (*logit_sums)(const float* logits, int64_t count, float maximum, float inverse_temperature);

  // For `measure`. The sum of `bytes` bytes, a multiple of 4096, as f32.
  float (*read)(const void* data, int64_t bytes);
  // Does about `count` multiply-adds of inputs of a form; how many, 0 where there is no instruction for it.
  int64_t (*multiply_adds)(Operand form, int64_t count);
};

const Kernels& kernels_scalar();
#if defined(__x86_64__)
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();
const Kernels& kernels_avx512bf16();
#endif

// The set that SOFTTHINKING_ISA names, else the best; null (with *problem said) when the named one is not to be had.
const Kernels* choose_kernels(const char** problem);

}  // namespace st::cpu
