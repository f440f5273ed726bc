// Definitions of the ABI's opaque handles on the CPU.
#pragma once

#include "common/status.h"
#include "cpu/kernels.h"
#include "cpu/thread_pool.h"
#include "cpu/workspace.h"

struct st_device {
  st::cpu::ThreadPool pool;
  const st::cpu::Kernels& kernels;
  st::cpu::Workspace workspace = {};
};

namespace st::cpu {

st_status memory_alloc(st_device* device, uint64_t bytes, void** pointer);
void memory_free(st_device* device, void* pointer);
st_status measure(st_device* device, st_rates* rates);

#include "common/operations.inl"

}  // namespace st::cpu
