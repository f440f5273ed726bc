// attention on tensor cores, for a bf16 cache.

#include "cuda/attention_mma.cuh"

namespace st::cuda {

uint64_t attention_scratch_bytes(const st_device& device) {
  int64_t of_block =
      std::max(share_slots(1) * slot_bytes(128, 1), share_slots(kManyTiles) * slot_bytes(128, kManyTiles));
  return kTicketBytes + static_cast<uint64_t>(kSpanBytes + kMaxResident * device.multiprocessors * of_block);
}

template st_status attention_mma<Bf16, Bf16>(st_stream*, const st_attention&);
template st_status attention_mma<F16, Bf16>(st_stream*, const st_attention&);

}  // namespace st::cuda
