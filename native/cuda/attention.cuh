// Shared by the attention kernels.
#pragma once

#include "common/math.h"
#include "cuda/kv.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {

// e^x, or 0 on underflow.
__device__ __forceinline__ float weight_of(float x) {
  return x < Exp32::low ? 0.0f : exp32(x);
}

// Sums of the splits so far of one row and head, relative to their largest score; -inf: of none.
struct Merge {
  float top, scale_before, scale_next;  // what the sums before and those of the next split are multiplied by
};

__device__ __forceinline__ Merge merge_of(float maximum, float next_maximum) {
  float top = maximum > next_maximum ? maximum : next_maximum;
  return {top, weight_of(maximum - top), weight_of(next_maximum - top)};
}

// On tensor cores, if activations A are bf16 or f16, the cache K is bf16 or integers, and heads have 64 or 128
// elements. The context is processed in splits of 128 positions; see attention_work.h.
template <typename A, typename K>
st_status attention_mma(st_stream* stream, const st_attention& op);

}  // namespace st::cuda
