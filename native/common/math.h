// Portable exp and log, so that all backends return the same bits. No fast-math, no contraction: fused operations are
// explicit.
#pragma once

#include <cmath>

#include "common/portable.h"

namespace st {

// Constants of exp(x) = 2^n exp(r), n = rint(x / ln 2), |r| <= ln(2) / 2, shared with the vectorized versions.
struct Exp32 {
  static constexpr float low = -87.0f, high = 88.0f;  // arguments are clamped to these
  static constexpr float log2e = 1.44269504088896341f;
  static constexpr float ln2_high = 0.693145751953125f, ln2_low = 1.42860682030941723e-6f;
  static constexpr float round = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr float c7 = 1.98412698e-4f, c6 = 1.38888889e-3f, c5 = 8.33333333e-3f, c4 = 4.16666667e-2f,
                         c3 = 1.66666667e-1f, c2 = 0.5f;
};

// exp32 of an argument between the two limits.
ST_HD float exp32_within(float x) {
  float shifted = fmaf(x, Exp32::log2e, Exp32::round);
  float n = shifted - Exp32::round;
  float r = fmaf(-n, Exp32::ln2_high, x);
  r = fmaf(-n, Exp32::ln2_low, r);
  float p = fmaf(Exp32::c7, r, Exp32::c6);
  p = fmaf(p, r, Exp32::c5);
  p = fmaf(p, r, Exp32::c4);
  p = fmaf(p, r, Exp32::c3);
  p = fmaf(p, r, Exp32::c2);
  p = fmaf(p, r, 1.0f);
  p = fmaf(p, r, 1.0f);
  return p * float_of((bits_of(shifted) + 127) << 23);  // the low bits of `shifted` are n
}

// e^x in f32, relative error below 2e-7; 1 exactly at 0.
ST_HD float exp32(float x) {
  x = x < Exp32::low ? Exp32::low : x;
  x = x > Exp32::high ? Exp32::high : x;
  return exp32_within(x);
}

// 2 atanh(s) = ln((1+s)/(1-s)) for |s| <= 0.172, by its series.
ST_HD double twice_atanh(double s) {
  double t = s * s;
  double sum = 1.0 / 25;
  for (int k = 23; k >= 1; k -= 2) sum = fma(sum, t, 1.0 / k);
  return 2.0 * s * sum;
}

// ln x for normal x > 0.
ST_HD double log64(double x) {
  uint64_t bits = bits_of(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = double_of((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.41421356237309515) {
    m *= 0.5;
    exponent += 1;
  }
  return fma(static_cast<double>(exponent), 0.693147180559945309, twice_atanh((m - 1.0) / (m + 1.0)));
}

// ln(1 + z), z >= 0, keeping the digits of a small z.
ST_HD double log1p64(double z) {
  return z < 0.4 ? twice_atanh(z / (2.0 + z)) : log64(1.0 + z);
}

// e^x for x <= 709; 0 below -708.
ST_HD double exp64(double x) {
  if (x < -708.0) return 0.0;
  double n = floor(fma(x, 1.44269504088896340736, 0.5));
  double r = fma(-n, 6.93147180369123816490e-01, x);
  r = fma(-n, 1.90821492927058770002e-10, r);
  double p = 1.0, sum = 1.0;  // Taylor; the 14th term is below 1e-17
  for (int k = 1; k <= 14; ++k) {
    p = p * r / k;
    sum += p;
  }
  return sum * double_of(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

// ln Gamma(x), x > 0, by Stirling's series from 10 on; absolute error below 1e-11.
ST_HD double log_gamma64(double x) {
  double product = 1.0;
  for (; x < 10.0; x += 1.0) product *= x;
  double inverse = 1.0 / x, t = inverse * inverse;
  double series = fma(fma(fma(-1.0 / 1680, t, 1.0 / 1260), t, -1.0 / 360), t, 1.0 / 12) * inverse;
  return (x - 0.5) * log64(x) - x + 0.918938533204672742 + series - log64(product);
}

}  // namespace st
