// attention on tensor cores, for a cache of integers: half the bytes of bf16. They become bf16, exactly, in seven
// instructions for each product of tensor cores, which a memory-bound step has to spare, and a prompt pays for.

#include "cuda/attention_mma.cuh"

namespace st::cuda {

template st_status attention_mma<Bf16, KvInt8>(st_stream*, const st_attention&);
template st_status attention_mma<F16, KvInt8>(st_stream*, const st_attention&);

}  // namespace st::cuda
