// The tensor cores' matmul of 16 x 16 by 16 x 8, loads of its operands from shared memory, and asynchronous copies to
// there. On the emulated device they are functions of native/simt.
//
// Lane l of the warp, with g = l / 4 and q = l % 4, holds
//   a: row g columns 2q, 2q+1; row g+8 the same; row g columns 2q+8, 2q+9; row g+8 the same
//   b: column g rows 2q, 2q+1; column g rows 2q+8, 2q+9
//   d: row g columns 2q, 2q+1; row g+8 columns 2q, 2q+1
// Integers of 8 bits are two to a place of a number of 16 bits: a tile is 16 x 32.
#pragma once

#include "cuda/numbers.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {

#if defined(ST_SIMT)

// d += a b. Operands are in registers: what a kernel reads for them from memory is read here.
template <typename T>
void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const uint32_t first[4] = {a[0], a[1], a[2], a[3]}, second[2] = {b[0], b[1]};
  simt::mma(d, first, second, std::is_same_v<T, F16> ? simt::MmaFormat::kF16 : simt::MmaFormat::kBf16);
}

// d += a b, of 16 x 32 by 32 x 8 integers of 8 bits, exactly.
inline void mma_int8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const uint32_t first[4] = {a[0], a[1], a[2], a[3]}, second[2] = {b[0], b[1]};
  simt::mma_int8(d, first, second);
}

// An address in shared memory, to which bytes can be added. (nvcc computes one from a pointer again and again.)
using SharedAddress = char*;
inline SharedAddress shared_address(void* pointer) {
  return static_cast<char*>(pointer);
}

// kMatrices (2 or 4) matrices of 8 x 8 numbers of 16 bits: lane l passes row l % 8 of matrix l / 8, 16 aligned bytes in
// shared memory, and gets numbers 2 (l % 4), 2 (l % 4) + 1 of row l / 4 of each. So a matrix whose rows are columns of
// mma's second operand is half of that operand.
template <int kMatrices>
void load_matrices(uint32_t* parts, SharedAddress row) {
  simt::load_matrices(parts, row, kMatrices);
}

// 16 bytes; `valid` = false writes zeros instead and reads nothing.
inline void copy_async_16(SharedAddress shared, const void* global, bool valid) {
  simt::async_copy(shared, valid ? global : nullptr, 16);
}
inline void copy_async_4(SharedAddress shared, const void* global) {
  simt::async_copy(shared, global, 4);
}
inline void copy_async_commit() {
  simt::async_commit();
}
template <int kGroupsLeft>
void copy_async_wait() {
  simt::async_wait(kGroupsLeft);
}

#else

template <typename T>
__device__ __forceinline__ void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);

template <>
__device__ __forceinline__ void mma<Bf16>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

template <>
__device__ __forceinline__ void mma<F16>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ void mma_int8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

using SharedAddress = uint32_t;
__device__ __forceinline__ SharedAddress shared_address(void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

template <int kMatrices>
__device__ __forceinline__ void load_matrices(uint32_t* parts, SharedAddress row) {
  static_assert(kMatrices == 2 || kMatrices == 4, "what ldmatrix loads for an operand");
  if constexpr (kMatrices == 4)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
                 : "r"(row)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(parts[0]), "=r"(parts[1])
                 : "r"(row)
                 : "memory");
}

__device__ __forceinline__ void copy_async_16(SharedAddress shared, const void* global, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(valid ? 16 : 0)
               : "memory");
}
__device__ __forceinline__ void copy_async_4(SharedAddress shared, const void* global) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared), "l"(global) : "memory");
}
__device__ __forceinline__ void copy_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kGroupsLeft>
__device__ __forceinline__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroupsLeft) : "memory");
}

#endif

}  // namespace st::cuda
