// set_blocks: entries of block tables that stay on the device.

#include "common/checks.h"
#include "cuda/numbers.cuh"

namespace st::cuda {
namespace {

constexpr unsigned kThreads = 256;

// A thread per entry; the entries of a step are few, so this takes as long as a launch. Registers: 32.
__global__ void __launch_bounds__(kThreads) set_blocks_kernel(st_set_blocks op) {
  follow_previous();
  int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= op.count) return;
  st_table_entry entry = op.entries[i];
  if (entry.place >= 0 && entry.place < op.places) op.tables[entry.place] = entry.block;
}

}  // namespace

st_status set_blocks(st_stream* stream, const st_set_blocks* op) {
  ST_TRY(check(stream, op));
  return launch<set_blocks_kernel>("set_blocks", blocks_for(op->count, kThreads), kThreads, 0, stream, *op);
}

}  // namespace st::cuda
