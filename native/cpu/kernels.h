// The inner loops, compiled once per instruction set, behind one table; the fastest set that the machine supports is
// selected when a device opens. SOFTTHINKING_ISA = scalar | avx2 | avx512 | avx512bf16 forces one, for tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/kv.h"
#include "common/parts.h"

namespace st::cpu {

constexpr int kLanes = 16;      // outputs of a weight tile, positions of a KV block
constexpr int kGroup = 64;      // outputs whose weights are stored together
constexpr int kLogitTile = 64;  // logits whose maximum is kept

constexpr int kBlock = kInt8Block;

// Formats of a matmul's input rows. Rows in formats other than kF32 are converted from it once, before the matmul.
enum class Operand {
  kF32,   // f32[cols]
  kBf16,  // bf16[cols], padded with a zero to an even number, for weights of bf16 and ST_FP8
  kInt8,  // blocks of 32, padded with zeros, for weights of ST_INT8: see OperandInt8 in matrix.h
};

// y = x W^T + bias over `rows` rows; W in the layout of matrix.h. Each output is the sum over the parts by their tree,
// and a part is one chain over k in order. out = y, or if gated, out[r, j] = silu(y[r, 2j]) y[r, 2j + 1].
struct Product {
  Operand operand;
  const void* x;
  int64_t row_bytes;  // from one row of x to the next
  int64_t rows, cols;
  const void* w;
  int dtype;          // of w
  const float* bias;  // [outputs] or null
  float* out;         // [rows, width_of]
  int64_t outputs;
  bool gated;
  int parts;                   // 1 or kParts
  int32_t begins[kParts + 1];  // first column of each part, and the end; a multiple of a tile
};
ST_HD int64_t width_of(const Product& p) {
  return p.gated ? p.outputs / 2 : p.outputs;
}

struct LogitSums {
  uint64_t z, s;  // sums of e^x and of -x e^x in fixed point
};

// Softmax sums of a query over a range of positions: values = sum of e^(score - maximum) v, total = sum of
// e^(score - maximum). A cache of bf16 lets kernels with dot products round queries and weights to bf16. In memory:
// values[head_dim], maximum, total, padding; partial_floats(head_dim) in all.
ST_HD constexpr int64_t partial_floats(int head_dim) {
  return (head_dim + 2 + kLanes - 1) / kLanes * kLanes;
}

// Block b of a cache holds, for KV head g, at (b kv_heads + g) * kv_head_bytes: keys as [head_dim, 16], values as
// [16, head_dim]. In bf16 and as integers each two that a sum reads one after another are adjacent, as dot-product
// instructions read them: keys [head_dim / 2, 16, 2], values [8, head_dim, 2]. Integers are followed by scales [16].
constexpr int kKvPair = 2;
template <int TOGETHER>
ST_HD int64_t key_place(int64_t position, int64_t d) {
  return (d / TOGETHER * kLanes + position) * TOGETHER + d % TOGETHER;
}
template <int TOGETHER>
ST_HD int64_t value_place(int64_t position, int64_t d, int64_t head_dim) {
  return (position / TOGETHER * head_dim + d) * TOGETHER + position % TOGETHER;
}

// The scales of a block of integers.
ST_HD float* kv_scales(int8_t* block, int64_t head_dim) {
  return reinterpret_cast<float*>(block + ST_BLOCK_POSITIONS * head_dim);
}
ST_HD const float* kv_scales(const int8_t* block, int64_t head_dim) {
  return reinterpret_cast<const float*>(block + ST_BLOCK_POSITIONS * head_dim);
}

// The queries q[heads, head_dim] of one row, which share a KV head, over the positions first .. count - 1 of a split,
// counted from its start, a multiple of kSplit: 0 <= first < count <= kSplit.
struct AttentionSplit {
  const float* q;
  int heads, head_dim;
  float scale;
  const void* keys;
  const void* values;
  int dtype;
  const int32_t* block_table;
  int kv_heads, kv_head;
  int start, first, count;
  int blocks;       // of the block table, from `start` on, that hold positions
  float* partials;  // [heads, partial_floats(head_dim)]
};

struct Kernels {
  const char* name;

  bool bf16_products;  // weights of bf16 and ST_FP8 may be multiplied by inputs of kBf16

  // Converts one row x[cols] from kF32 to another format.
  void (*make_operand)(Operand form, const float* x, int64_t cols, void* row);
  // The outputs of the tiles [first, last), 16 each; those beyond product.outputs are padding and are not stored.
  void (*linear)(const Product& product, int64_t first, int64_t last);
  // residual += delta (may be null); out = residual / rms * weight.
  void (*rms_norm)(const float* delta, float* residual, const float* weight, float epsilon, float* out, int64_t cols);
  // out = x / sqrt(mean(x^2) + epsilon) * weight, or out += that.
  void (*normalize)(const float* x, const float* weight, float epsilon, float* out, bool add, int64_t cols);
  // x = x / rms(x) * weight if there is a weight; then the halves of the first `rotated` elements are rotated by
  // angles[rotated].
  void (*norm_and_rotate)(float* x, int64_t dim, const float* weight, float epsilon, const float* angles,
                          int64_t rotated);
  // x = H x: see st_qkv_epilogue.
  void (*hadamard)(float* x, int64_t dim);
  // Rounds a key or value to integers; returns their scale.
  float (*round_head)(const float* x, int64_t dim, int8_t* out);
  void (*attention_split)(const AttentionSplit& split);
  // sum = sum merged with next, which covers later positions.
  void (*merge_partials)(float* sum, const float* next, int heads, int head_dim);
  // out[heads, head_dim] = values / total.
  void (*finish_partials)(const float* sum, int heads, int head_dim, float* out);
  // Maximum of every kLogitTile logits; returns false if a logit is NaN.
  bool (*logit_maxima)(const float* logits, int64_t count, float* tile_maxima);
  // Sums over all logits, the maximum's own entry included.
  LogitSums (*logit_sums)(const float* logits, int64_t count, float maximum, float inverse_temperature);
  // Logits become e^((logit - maximum) / T).
  void (*masses)(float* logits, int64_t count, float maximum, float inverse_temperature);
  // Number of logits not below the bound. keys_reaching also writes their keys: logit i is that of first_id + i.
  int64_t (*count_reaching)(const float* logits, int64_t count, float bound);
  int64_t (*keys_reaching)(const float* logits, int64_t count, float bound, uint32_t first_id, uint64_t* keys);

  // For `measure`. The sum of `bytes` bytes, a multiple of 4096, as f32.
  float (*read)(const void* data, int64_t bytes);
  // Executes about `count` multiply-adds of inputs in a format; returns how many, 0 if there is no instruction for it.
  int64_t (*multiply_adds)(Operand form, int64_t count);
};

const Kernels& kernels_scalar();
#if defined(__x86_64__)
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();
const Kernels& kernels_avx512bf16();
#endif

// The set that SOFTTHINKING_ISA names, else the fastest; null (and *problem set) if the named one is not available.
const Kernels* choose_kernels(const char** problem);

}  // namespace st::cpu
