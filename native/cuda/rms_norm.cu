// rms_norm: residual += delta (when there is one); out = residual / sqrt(mean(residual^2) + epsilon) * weight.

#include "common/checks.h"
#include "cuda/numbers.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpSize;
constexpr int kWidth = 8;  // columns that a thread processes at a time
constexpr int kKept = 4;   // such pieces that stay in registers: rows of up to 8,192 columns are read once

// Columns [first, first + kWidth) of a row of `cols`; what is beyond reads as 0. Wide where the row's address allows.
template <typename T>
__device__ __forceinline__ void load_piece(const T* row, int first, int cols, float (&values)[kWidth]) {
  if (cols % kWidth == 0) {
    auto pack = *reinterpret_cast<const Pack<T, 4>*>(row + first),
         next = *reinterpret_cast<const Pack<T, 4>*>(row + first + 4);
    for (int i = 0; i < 4; ++i) {
      values[i] = to_float(pack.at[i]);
      values[i + 4] = to_float(next.at[i]);
    }
    return;
  }
  for (int i = 0; i < kWidth; ++i) values[i] = first + i < cols ? to_float(row[first + i]) : 0.0f;
}

template <typename T>
__device__ __forceinline__ void store_piece(T* row, int first, int cols, const float (&values)[kWidth]) {
  if (cols % kWidth == 0) {
    Pack<T, 4> pack[2];
    for (int i = 0; i < kWidth; ++i) pack[i / 4].at[i % 4] = from_float<T>(values[i]);
    *reinterpret_cast<Pack<T, 4>*>(row + first) = pack[0];
    *reinterpret_cast<Pack<T, 4>*>(row + first + 4) = pack[1];
    return;
  }
  for (int i = 0; i < kWidth; ++i)
    if (first + i < cols) row[first + i] = from_float<T>(values[i]);
}

// One block per row; thread t has the pieces t, t + kThreads, ... Registers: 80.
template <typename A>
__global__ void __launch_bounds__(kThreads) rms_norm_kernel(st_rms_norm op) {
  int64_t offset = int64_t{blockIdx.x} * op.cols;
  A* residual = static_cast<A*>(op.residual) + offset;
  const A* delta = op.delta ? static_cast<const A*>(op.delta) + offset : nullptr;
  A* out = static_cast<A*>(op.out) + offset;
  constexpr int kStride = kThreads * kWidth;
  float kept[kKept][kWidth], squares = 0.0f;
  auto add_piece = [&](int first, float(&values)[kWidth]) {
    load_piece(residual, first, op.cols, values);
    if (delta) {
      float added[kWidth];
      load_piece(delta, first, op.cols, added);
      // Uses the value as stored, because the next operation reads that.
      for (int i = 0; i < kWidth; ++i) values[i] = to_float(from_float<A>(values[i] + added[i]));
      store_piece(residual, first, op.cols, values);
    }
    for (int i = 0; i < kWidth; ++i) squares = fmaf(values[i], values[i], squares);
  };
  int begin = static_cast<int>(threadIdx.x) * kWidth;
#pragma unroll
  for (int piece = 0; piece < kKept; ++piece)
    if (begin + piece * kStride < op.cols) add_piece(begin + piece * kStride, kept[piece]);
  for (int first = begin + kKept * kStride; first < op.cols; first += kStride) {
    float values[kWidth];
    add_piece(first, values);
  }
  float total = block_reduce<kWarps>(squares, Sum());
  float factor = 1.0f / sqrtf(total / static_cast<float>(op.cols) + op.epsilon);
  auto write_piece = [&](int first, float(&values)[kWidth]) {
    float weight[kWidth];
    load_piece(op.weight, first, op.cols, weight);
    for (int i = 0; i < kWidth; ++i) values[i] = values[i] * factor * weight[i];
    store_piece(out, first, op.cols, values);
  };
#pragma unroll
  for (int piece = 0; piece < kKept; ++piece)
    if (begin + piece * kStride < op.cols) write_piece(begin + piece * kStride, kept[piece]);
  for (int first = begin + kKept * kStride; first < op.cols; first += kStride) {
    float values[kWidth];
    load_piece(residual, first, op.cols, values);
    write_piece(first, values);
  }
}

}  // namespace

st_status rms_norm(st_stream* stream, const st_rms_norm* op) {
  ST_TRY(check(stream, op));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    return launch<rms_norm_kernel<decltype(activation)>>("rms_norm", static_cast<unsigned>(op->rows), kThreads, 0,
                                                         stream, *op);
  });
}

}  // namespace st::cuda
