// The tensor cores' matmul of 16 x 16 by 16 x 8, loads of its operands from shared memory, and asynchronous copies to
// there. Plain C++ versions for the emulated device.
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

template <typename T>
struct MmaOperands {
  float* d;
  const uint32_t *a, *b;

  static float half_of(uint32_t pair, int i) { return to_float(T{static_cast<uint16_t>(pair >> 16 * i)}); }

  // Element (row, k) of the first operand, and (k, column) of the second, in whichever lane of the warp they are.
  static float first(void* const* lanes, int row, int k) {
    auto* lane = static_cast<MmaOperands*>(lanes[row % 8 * 4 + k % 8 / 2]);
    return half_of(lane->a[row / 8 + k / 8 * 2], k % 2);
  }
  static float second(void* const* lanes, int k, int column) {
    auto* lane = static_cast<MmaOperands*>(lanes[column * 4 + k % 8 / 2]);
    return half_of(lane->b[k / 8], k % 2);
  }

  static void complete(void* const* lanes, unsigned) {
    float of_column[8][16];
    for (int column = 0; column < 8; ++column)
      for (int k = 0; k < 16; ++k) of_column[column][k] = second(lanes, k, column);
    for (int row = 0; row < 16; ++row) {
      float of_row[16];
      for (int k = 0; k < 16; ++k) of_row[k] = first(lanes, row, k);
      for (int column = 0; column < 8; ++column) {
        float& d = static_cast<MmaOperands*>(lanes[row % 8 * 4 + column / 2])->d[row / 8 * 2 + column % 2];
        for (int k = 0; k < 16; ++k) d = fmaf(of_row[k], of_column[column][k], d);
      }
    }
  }
};

// d += a b.
template <typename T>
void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaOperands<T> mine = {d, a, b};
  simt::collective(simt::kWholeWarp, &mine, MmaOperands<T>::complete);
}

struct Int8Operands {
  int32_t* d;
  const uint32_t *a, *b;

  static int32_t byte_of(uint32_t four, int i) { return static_cast<int8_t>(four >> 8 * i); }

  static void complete(void* const* lanes, unsigned) {
    auto lane = [&](int i) { return static_cast<Int8Operands*>(lanes[i]); };
    for (int row = 0; row < 16; ++row) {
      for (int column = 0; column < 8; ++column) {
        int32_t sum = 0;
        for (int k = 0; k < 32; ++k) {
          uint32_t first = lane(row % 8 * 4 + k % 16 / 4)->a[row / 8 + k / 16 * 2];
          sum += byte_of(first, k % 4) * byte_of(lane(column * 4 + k % 16 / 4)->b[k / 16], k % 4);
        }
        lane(row % 8 * 4 + column / 2)->d[row / 8 * 2 + column % 2] += sum;
      }
    }
  }
};

// d += a b, of 16 x 32 by 32 x 8 integers of 8 bits, exactly.
inline void mma_int8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  Int8Operands mine = {d, a, b};
  simt::collective(simt::kWholeWarp, &mine, Int8Operands::complete);
}

// An address in shared memory, to which bytes can be added. (nvcc computes one from a pointer again and again.)
using SharedAddress = char*;
inline SharedAddress shared_address(void* pointer) {
  return static_cast<char*>(pointer);
}

struct MatrixRow {
  uint32_t* parts;
  const void* row;
  int matrices;

  static void complete(void* const* lanes, unsigned) {
    for (int lane = 0; lane < kWarpSize; ++lane) {
      auto* to = static_cast<MatrixRow*>(lanes[lane]);
      for (int i = 0; i < to->matrices; ++i) {
        const auto* from = static_cast<MatrixRow*>(lanes[i * 8 + lane / 4]);
        memcpy(&to->parts[i], static_cast<const char*>(from->row) + lane % 4 * 4, 4);
      }
    }
  }
};

// kMatrices (2 or 4) matrices of 8 x 8 numbers of 16 bits: lane l passes row l % 8 of matrix l / 8, 16 aligned bytes in
// shared memory, and gets numbers 2 (l % 4), 2 (l % 4) + 1 of row l / 4 of each. So a matrix whose rows are columns of
// mma's second operand is half of that operand.
template <int kMatrices>
void load_matrices(uint32_t* parts, SharedAddress row) {
  MatrixRow mine = {parts, row, kMatrices};
  simt::collective(simt::kWholeWarp, &mine, MatrixRow::complete);
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
