// What is known of the arithmetic of mma.sync, and how far its results may be from exact ones. Published measurements
// say: products are exact; the products of a step and the accumulator are shifted to the largest exponent among them
// and cut there, toward zero, with no or few bits beyond those of an f32; their sum is exact, and is cut to an f32.
// Steps are of 4, 8 or 16 products, in the order of k. tests/gpu/probe.cu finds out what a device does: an H200 is
// MmaModel{16, 2, false}, and so is the emulated device. Chosen, not measured: a sum of zero is +0, and one of 2^128 or
// more is infinite.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace st::test {

struct MmaModel {
  size_t products;  // of a step
  int extra_bits;   // that are kept beyond those of an f32
  bool nearest;     // the sum is rounded, not cut

  // c + the sum over k of a[k] b[k], all finite; a and b hold numbers of 16 bits.
  float operator()(const float* a, const float* b, size_t count, float c) const {
    for (size_t k = 0; k < count; k += products) c = step(a + k, b + k, std::min(products, count - k), c);
    return c;
  }

 private:
  float step(const float* a, const float* b, size_t count, float c) const {
    int exponent = c == 0.0f ? -300 : std::ilogb(c);
    for (size_t k = 0; k < count; ++k)
      if (a[k] != 0.0f && b[k] != 0.0f) exponent = std::max(exponent, std::ilogb(a[k]) + std::ilogb(b[k]));
    const double unit = std::ldexp(1.0, exponent - 23 - extra_bits);
    double sum = std::trunc(static_cast<double>(c) / unit);
    for (size_t k = 0; k < count; ++k) sum += std::trunc(static_cast<double>(a[k]) * static_cast<double>(b[k]) / unit);
    const double value = sum * unit;
    auto rounded = static_cast<float>(value);
    if (std::fabs(value) >= 0x1p128) return rounded;
    if (!nearest && std::fabs(static_cast<double>(rounded)) > std::fabs(value)) rounded = std::nextafter(rounded, 0.0f);
    return rounded + 0.0f;
  }
};

// How far y = x W^T, computed by any of these models over at most 8 parts of the columns that are then added in f32,
// may be from the exact result: in a step of n products and the accumulator, each loses less than 2^-23 of the largest,
// and so does their sum of itself. Steps of 4 lose most.
inline std::vector<double> mma_error_bounds(const std::vector<float>& x, const std::vector<float>& w, size_t cols) {
  constexpr size_t kProducts = 4;
  constexpr double kUnit = 0x1p-23;
  std::vector<double> bounds;
  for (size_t row = 0; row < x.size(); row += cols) {
    for (size_t output = 0; output < w.size(); output += cols) {
      double bound = 0.0, magnitude = 0.0;  // of what an accumulator can hold, whichever its part of the columns is
      for (size_t k = 0; k < cols; k += kProducts) {
        double largest = 0.0;
        for (size_t i = k; i < std::min(k + kProducts, cols); ++i) {
          double product = std::fabs(static_cast<double>(x[row + i]) * static_cast<double>(w[output + i]));
          largest = std::max(largest, product);
          magnitude += product;
        }
        bound += kUnit * ((kProducts + 1) * std::max(largest, magnitude) + magnitude);
      }
      bounds.push_back(bound + 8 * kUnit * magnitude);
    }
  }
  return bounds;
}

}  // namespace st::test
