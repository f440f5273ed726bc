// What the opaque handles of the ABI are on the CPU.
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

// The operations of the table, one file each.
st_status pack(st_stream*, const st_matrix*, int32_t, int32_t, int32_t, const void*, int32_t);
st_status embed(st_stream*, const st_embed*);
st_status rms_norm(st_stream*, const st_rms_norm*);
st_status linear(st_stream*, const st_linear*);
st_status rope_angles(st_stream*, const st_rope_angles*);
st_status qkv_epilogue(st_stream*, const st_qkv_epilogue*);
st_status attention(st_stream*, const st_attention*);
st_status gather_rows(st_stream*, const st_gather_rows*);
st_status penalize(st_stream*, const st_penalize*);
st_status sample(st_stream*, const st_sample*);
st_status log_probs(st_stream*, const st_log_probs*);

uint64_t matrix_bytes(int32_t rows, int32_t cols, int32_t dtype);
uint64_t kv_bytes(int32_t blocks, int32_t kv_heads, int32_t head_dim, int32_t dtype);
uint64_t sample_workspace_bytes(int32_t rows, int32_t vocabulary);

}  // namespace st::cpu
