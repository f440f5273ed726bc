// Operations on one row; part of kernels.inl.
#pragma once

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

}  // namespace
}  // namespace st::cpu
