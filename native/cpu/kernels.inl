// The kernels, included by one file per instruction set. Everything here has internal linkage, and no template of
// the standard library is used: a shared instance could contain instructions that the CPU does not have.

#include "cpu/kernels_attention.inl"
#include "cpu/kernels_linear.inl"
#include "cpu/kernels_logits.inl"
#include "cpu/kernels_measure.inl"
#include "cpu/kernels_rows.inl"

namespace st::cpu {
namespace {

constexpr Kernels make_kernels(const char* name) {
  return {name,     kBf16Products,  make_operand,    linear,         rms_norm,        normalize,    norm_and_rotate,
          hadamard, round_head,     attention_split, merge_partials, finish_partials, logit_maxima, logit_sums,
          masses,   count_reaching, keys_reaching,   read_bytes,     multiply_adds};
}

}  // namespace
}  // namespace st::cpu
