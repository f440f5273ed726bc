// rms_norm: residual += delta (when there is one); out = residual / sqrt(mean(residual^2) + epsilon) * weight.

#include "common/checks.h"
#include "cuda/numbers.cuh"
#include "cuda/reduce.cuh"

namespace st::cuda {
namespace {

constexpr int kThreads = 512, kWarps = kThreads / kWarpSize;
constexpr int kWidth = 8;  // columns that a thread processes at a time
constexpr int kKept = 2;   // such pieces that stay in registers: rows of up to 8,192 columns are read once
constexpr int kStride = kThreads * kWidth;  // from a thread's piece to its next one

// Columns of a row as they are stored: kWidth from `first` on, in loads of 16 bytes.
template <typename T>
struct Piece {
  static constexpr int kEach = 16 / sizeof(T);
  Words<T, kEach> words[kWidth / kEach];

  __device__ __forceinline__ float at(int i) const { return words[i / kEach].at(i % kEach); }
};

// What is beyond the row, or of no row, reads as 0. Wide where the row's address allows: cols divide by kWidth.
template <bool kWide, typename T>
__device__ __forceinline__ Piece<T> load_piece(const T* row, int first, int cols) {
  Piece<T> piece = {};
  if constexpr (kWide) {
    if (row && first < cols)
      for (int i = 0; i < kWidth; i += Piece<T>::kEach)
        piece.words[i / Piece<T>::kEach] = *reinterpret_cast<const Words<T, Piece<T>::kEach>*>(row + first + i);
  } else {
    T values[kWidth] = {};
    for (int i = 0; i < kWidth; ++i)
      if (row && first + i < cols) values[i] = row[first + i];
    memcpy(&piece, values, sizeof piece);
  }
  return piece;
}

template <bool kWide, typename T>
__device__ __forceinline__ void store_piece(T* row, int first, int cols, const Piece<T>& piece) {
  if constexpr (kWide) {
    if (first < cols)
      for (int i = 0; i < kWidth; i += Piece<T>::kEach)
        *reinterpret_cast<Words<T, Piece<T>::kEach>*>(row + first + i) = piece.words[i / Piece<T>::kEach];
  } else {
    T values[kWidth];
    memcpy(values, &piece, sizeof values);
    for (int i = 0; i < kWidth; ++i)
      if (first + i < cols) row[first + i] = values[i];
  }
}

template <typename T>
__device__ __forceinline__ Piece<T> rounded_piece(const float (&values)[kWidth]) {
  constexpr int kEach = Piece<T>::kEach;
  Piece<T> piece;
  for (int i = 0; i < kWidth; i += kEach) {
    float some[kEach];
    for (int k = 0; k < kEach; ++k) some[k] = values[i + k];
    piece.words[i / kEach] = rounded<T>(some);
  }
  return piece;
}

// residual += delta for a piece.
template <typename A>
__device__ __forceinline__ void add_delta(Piece<A>& stored, const Piece<A>& delta) {
  float values[kWidth];
  for (int i = 0; i < kWidth; ++i) values[i] = stored.at(i) + delta.at(i);
  stored = rounded_piece<A>(values);
}

// Of the values as stored, because the next operation reads those.
template <typename A>
__device__ __forceinline__ float sum_of_squares(const Piece<A>& stored) {
  float squares = 0.0f;
  for (int i = 0; i < kWidth; ++i) squares = fmaf(stored.at(i), stored.at(i), squares);
  return squares;
}

template <typename A>
__device__ __forceinline__ Piece<A> scaled(const Piece<A>& stored, float factor, const Piece<float>& weight) {
  float values[kWidth];
  for (int i = 0; i < kWidth; ++i) values[i] = stored.at(i) * factor * weight.at(i);
  return rounded_piece<A>(values);
}

// One block per row; thread t has the pieces t, t + kThreads, ... The first kKept of the weight are loaded before the
// kernel ahead has ended, those of the residual and of delta together, before any is used. Reads residual and delta,
// writes residual and out: 8 bytes a column (16 for f32), and reads 4 of the weight, which the caches hold. Few rows:
// bound by one latency, a reduction and its barrier, about 1 us with the start of the kernel; many: by memory
// bandwidth, built for 80 % of it. Registers: 96.
template <typename A, bool kWide>
__global__ void __launch_bounds__(kThreads, 1) rms_norm_kernel(st_rms_norm op) {
  int begin = static_cast<int>(threadIdx.x) * kWidth;
  Piece<float> weights[kKept];
  let_next_begin();
#pragma unroll
  for (int n = 0; n < kKept; ++n) weights[n] = load_piece<kWide>(op.weight, begin + n * kStride, op.cols);
  wait_for_previous();

  int64_t offset = int64_t{blockIdx.x} * op.cols;
  A* residual = static_cast<A*>(op.residual) + offset;
  const A* delta = op.delta ? static_cast<const A*>(op.delta) + offset : nullptr;
  A* out = static_cast<A*>(op.out) + offset;
  Piece<A> stored[kKept], added[kKept];
#pragma unroll
  for (int n = 0; n < kKept; ++n) stored[n] = load_piece<kWide>(residual, begin + n * kStride, op.cols);
#pragma unroll
  for (int n = 0; n < kKept; ++n) added[n] = load_piece<kWide>(delta, begin + n * kStride, op.cols);
  float squares = 0.0f;
#pragma unroll
  for (int n = 0; n < kKept; ++n) {
    if (delta) add_delta(stored[n], added[n]);
    squares += sum_of_squares(stored[n]);
  }
  for (int first = begin + kKept * kStride; first < op.cols; first += kStride) {
    Piece<A> piece = load_piece<kWide>(residual, first, op.cols);
    if (delta) {
      add_delta(piece, load_piece<kWide>(delta, first, op.cols));
      store_piece<kWide>(residual, first, op.cols, piece);
    }
    squares += sum_of_squares(piece);
  }
  float total = block_reduce<kWarps>(squares, Sum());
  float factor = 1.0f / sqrtf(total / static_cast<float>(op.cols) + op.epsilon);
#pragma unroll
  for (int n = 0; n < kKept; ++n) {
    int first = begin + n * kStride;
    store_piece<kWide>(out, first, op.cols, scaled(stored[n], factor, weights[n]));
    if (delta) store_piece<kWide>(residual, first, op.cols, stored[n]);
  }
  for (int first = begin + kKept * kStride; first < op.cols; first += kStride)
    store_piece<kWide>(
        out, first, op.cols,
        scaled(load_piece<kWide>(residual, first, op.cols), factor, load_piece<kWide>(op.weight, first, op.cols)));
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
