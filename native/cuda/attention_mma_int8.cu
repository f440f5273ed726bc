// attention on tensor cores, for a cache of integers: half the bytes of bf16. They become bf16, exactly, in seven
// instructions for each product of tensor cores, which a memory-bound step has to spare, and a prompt pays for.

#include "cuda/attention_mma.cuh"

namespace st::cuda {

template <typename A>
st_status attention_mma_int8(st_stream* stream, const st_attention& op) {
  return run_attention<A, KvInt8>(stream, op);
}

template st_status attention_mma_int8<Bf16>(st_stream*, const st_attention&);
template st_status attention_mma_int8<F16>(st_stream*, const st_attention&);

}  // namespace st::cuda
