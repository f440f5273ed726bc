// Operations on one row; part of kernels.inl.
#pragma once

#include "common/int8.h"
#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace st::cpu {
namespace {

void rms_norm(const float* delta, float* residual, const float* weight, float epsilon, float* out, int64_t cols) {
  F16x squares = zero();
  int64_t i = 0;
  for (; i + kLanes <= cols; i += kLanes) {
    F16x value = delta ? add(load(residual + i), load(delta + i)) : load(residual + i);
    store(residual + i, value);
    squares = mul_add(value, value, squares);
  }
  float total = sum(squares);
  for (; i < cols; ++i) {
    if (delta) residual[i] += delta[i];
    total += residual[i] * residual[i];
  }
  float factor = 1.0f / sqrtf(total / static_cast<float>(cols) + epsilon);
  for (i = 0; i + kLanes <= cols; i += kLanes)
    store(out + i, mul(mul(load(residual + i), broadcast(factor)), load(weight + i)));
  for (; i < cols; ++i) out[i] = residual[i] * factor * weight[i];
}

void normalize(const float* x, const float* weight, float epsilon, float* out, bool add_to, int64_t cols) {
  F16x squares = zero();
  int64_t i = 0;
  for (; i + kLanes <= cols; i += kLanes) squares = mul_add(load(x + i), load(x + i), squares);
  float total = sum(squares);
  for (; i < cols; ++i) total += x[i] * x[i];
  float factor = 1.0f / sqrtf(total / static_cast<float>(cols) + epsilon);
  for (i = 0; i + kLanes <= cols; i += kLanes) {
    F16x value = mul(mul(load(x + i), broadcast(factor)), load(weight + i));
    store(out + i, add_to ? add(load(out + i), value) : value);
  }
  for (; i < cols; ++i) out[i] = x[i] * factor * weight[i] + (add_to ? out[i] : 0.0f);
}

// Rotates the first `rotated` elements.
void norm_and_rotate(float* x, int64_t dim, const float* weight, float epsilon, const float* angles, int64_t rotated) {
  if (weight) normalize(x, weight, epsilon, x, false, dim);
  int64_t half = rotated / 2, i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    F16x a = load(x + i), b = load(x + half + i), c = load(angles + i), s = load(angles + half + i);
    store(x + i, sub(mul(a, c), mul(b, s)));
    store(x + half + i, add(mul(b, c), mul(a, s)));
  }
  for (; i < half; ++i) {
    float a = x[i], b = x[half + i], c = angles[i], s = angles[half + i];
    x[i] = a * c - b * s;
    x[half + i] = b * c + a * s;
  }
}

// Sums and differences of the elements at `distance`.
void butterflies(float* x, int64_t dim, int64_t distance) {
  for (int64_t begin = 0; begin < dim; begin += 2 * distance) {
    float *a = x + begin, *b = a + distance;
    int64_t i = 0;
    for (; i + kLanes <= distance; i += kLanes) {
      F16x first = load(a + i), second = load(b + i);
      store(a + i, add(first, second));
      store(b + i, sub(first, second));
    }
    for (; i < distance; ++i) {
      float first = a[i], second = b[i];
      a[i] = first + second;
      b[i] = first - second;
    }
  }
}

void hadamard(float* x, int64_t dim) {
  int64_t most = hadamard_half(static_cast<int32_t>(dim));
  for (int64_t distance = 1; distance < most; distance *= 2) butterflies(x, dim, distance);
  butterflies(x, dim, dim / 2);
}

// How x is rounded to integers of at most `most`.
Rounding rounding_of(const float* x, int64_t count, float most) {
  F16x largest = zero();
  bool nan = false;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    F16x next = load(x + i);
    nan |= any_nan(next);
    largest = max(largest, absolute(next));
  }
  float all = maximum(largest);
  for (; i < count; ++i) {
    nan |= x[i] != x[i];
    all = fabsf(x[i]) > all ? fabsf(x[i]) : all;
  }
  return st::rounding_of(all, nan, most);
}

float round_head(const float* x, int64_t dim, int8_t* out) {
  Rounding rounding = rounding_of(x, dim, 127.0f);
  int64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) store_int8(out + i, to_nearest(mul(load(x + i), broadcast(rounding.inverse))));
  for (; i < dim; ++i) out[i] = static_cast<int8_t>(nearest_int8(x[i] * rounding.inverse));
  return rounding.scale;
}

}  // namespace
}  // namespace st::cpu
