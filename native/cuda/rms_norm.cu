// rms_norm: residual += delta (when there is one); out = residual / sqrt(mean(residual^2) + epsilon) * weight.

#include "common/checks.h"
#include "cuda/numbers.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpSize;
constexpr int kWidth = 8;  // columns that a thread processes at a time
constexpr int kKept = 4;   // such pieces that stay in registers: rows of up to 8,192 columns are read once

// Columns of a row as they are stored: kWidth from `first` on.
template <typename T>
struct Piece {
  Words<T, 4> words[2];

  __device__ __forceinline__ float at(int i) const { return words[i / 4].at(i % 4); }
};

// What is beyond the row, or of no row, reads as 0. Wide where the row's address allows: cols divide by kWidth.
template <bool kWide, typename T>
__device__ __forceinline__ Piece<T> load_piece(const T* row, int first, int cols) {
  Piece<T> piece = {};
  if constexpr (kWide) {
    if (row && first < cols) {
      piece.words[0] = *reinterpret_cast<const Words<T, 4>*>(row + first);
      piece.words[1] = *reinterpret_cast<const Words<T, 4>*>(row + first + 4);
    }
  } else {
    T values[kWidth] = {};
    for (int i = 0; i < kWidth; ++i)
      if (row && first + i < cols) values[i] = row[first + i];
    memcpy(&piece, values, sizeof piece);
  }
  return piece;
}

template <bool kWide, typename T>
__device__ __forceinline__ void store_piece(T* row, int first, int cols, const float (&values)[kWidth]) {
  Pack<T, 4> packs[2];
  for (int i = 0; i < kWidth; ++i) packs[i / 4].at[i % 4] = from_float<T>(values[i]);
  if (kWide && first < cols) {
    *reinterpret_cast<Pack<T, 4>*>(row + first) = packs[0];
    *reinterpret_cast<Pack<T, 4>*>(row + first + 4) = packs[1];
  }
  for (int i = 0; i < kWidth; ++i)
    if (!kWide && first + i < cols) row[first + i] = packs[i / 4].at[i % 4];
}

// One block per row; thread t has the pieces t, t + kThreads, ... The first kKept of the residual, of delta and of the
// weight are loaded together, before any is used. Reads residual and delta, writes residual and out: 8 bytes a column
// (16 for f32), and reads 4 of the weight, which the caches hold. Few rows: bound by one latency and a reduction; many:
// by memory bandwidth, built for 80 % of it. Registers: 120.
template <typename A, bool kWide>
__global__ void __launch_bounds__(kThreads) rms_norm_kernel(st_rms_norm op) {
  follow_previous();
  int64_t offset = int64_t{blockIdx.x} * op.cols;
  A* residual = static_cast<A*>(op.residual) + offset;
  const A* delta = op.delta ? static_cast<const A*>(op.delta) + offset : nullptr;
  A* out = static_cast<A*>(op.out) + offset;
  constexpr int kStride = kThreads * kWidth;
  int begin = static_cast<int>(threadIdx.x) * kWidth;
  Piece<A> stored[kKept], added[kKept];
  Piece<float> weights[kKept];
#pragma unroll
  for (int piece = 0; piece < kKept; ++piece)
    stored[piece] = load_piece<kWide>(residual, begin + piece * kStride, op.cols);
#pragma unroll
  for (int piece = 0; piece < kKept; ++piece) added[piece] = load_piece<kWide>(delta, begin + piece * kStride, op.cols);
#pragma unroll
  for (int piece = 0; piece < kKept; ++piece)
    weights[piece] = load_piece<kWide>(op.weight, begin + piece * kStride, op.cols);

  float kept[kKept][kWidth], squares = 0.0f;
  auto add_piece = [&](int first, const Piece<A>& piece, const Piece<A>& more, float(&values)[kWidth]) {
    for (int i = 0; i < kWidth; ++i) {
      values[i] = piece.at(i);
      // Uses the value as stored, because the next operation reads that.
      if (delta) values[i] = to_float(from_float<A>(values[i] + more.at(i)));
    }
    if (delta) store_piece<kWide>(residual, first, op.cols, values);
    for (int i = 0; i < kWidth; ++i) squares = fmaf(values[i], values[i], squares);
  };
#pragma unroll
  for (int piece = 0; piece < kKept; ++piece)
    add_piece(begin + piece * kStride, stored[piece], added[piece], kept[piece]);
  for (int first = begin + kKept * kStride; first < op.cols; first += kStride) {
    float values[kWidth];
    add_piece(first, load_piece<kWide>(residual, first, op.cols), load_piece<kWide>(delta, first, op.cols), values);
  }
  float total = block_reduce<kWarps>(squares, Sum());
  float factor = 1.0f / sqrtf(total / static_cast<float>(op.cols) + op.epsilon);
  auto write_piece = [&](int first, const Piece<float>& weight, float(&values)[kWidth]) {
    for (int i = 0; i < kWidth; ++i) values[i] = values[i] * factor * weight.at(i);
    store_piece<kWide>(out, first, op.cols, values);
  };
#pragma unroll
  for (int piece = 0; piece < kKept; ++piece) write_piece(begin + piece * kStride, weights[piece], kept[piece]);
  for (int first = begin + kKept * kStride; first < op.cols; first += kStride) {
    Piece<A> piece = load_piece<kWide>(residual, first, op.cols);
    float values[kWidth];
    for (int i = 0; i < kWidth; ++i) values[i] = piece.at(i);
    write_piece(first, load_piece<kWide>(op.weight, first, op.cols), values);
  }
}

}  // namespace

st_status rms_norm(st_stream* stream, const st_rms_norm* op) {
  ST_TRY(check(stream, op));
  return with_type(stream->device->activation_dtype, [&](auto activation) {
    using A = decltype(activation);
    auto rows = static_cast<unsigned>(op->rows);
    return op->cols % kWidth == 0 ? launch<rms_norm_kernel<A, true>>("rms_norm", rows, kThreads, 0, stream, *op)
                                  : launch<rms_norm_kernel<A, false>>("rms_norm", rows, kThreads, 0, stream, *op);
  });
}

}  // namespace st::cuda
