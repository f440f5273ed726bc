// Random numbers of a step. They depend on the request's seed, the step, and the place or id that they are for.
#pragma once

#include "common/math.h"
#include "common/philox.h"
#include "softthinking/backend.h"

namespace st {

// Purposes of random numbers: the second word of the Philox counter.
enum RandomPurpose : uint32_t { kRandomDraw = 0, kRandomDirichlet = 1, kRandomGumbel = 2 };

// Standard normal pair by Marsaglia's polar method; `attempt` counts the words drawn for this entry.
ST_HD double normal(uint64_t seed, uint32_t step, uint32_t index, uint32_t* attempt) {
  for (;;) {
    Philox p = philox(seed, step, kRandomDirichlet, index, (*attempt)++);
    double u = 2.0 * unit_interval(p.word[0], p.word[1]) - 1.0;
    double v = 2.0 * unit_interval(p.word[2], p.word[3]) - 1.0;
    double s = u * u + v * v;
    if (s < 1.0 && s > 1e-300) return u * sqrt(-2.0 * log64(s) / s);
  }
}

// ln of a Gamma(shape, 1) draw, by Marsaglia and Tsang (2000). In logarithms, because draws of a tiny shape underflow
// a double: Gamma(a) = Gamma(a + 1) U^(1/a).
ST_HD double log_gamma_draw(double shape, uint64_t seed, uint32_t step, uint32_t index) {
  uint32_t attempt = 0;
  double boost = 0.0;
  if (shape < 1.0) {
    Philox p = philox(seed, step, kRandomDirichlet, index, attempt++);
    boost = log64(unit_interval(p.word[0], p.word[1])) / shape;
    shape += 1.0;
  }
  double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
  for (;;) {
    double x = normal(seed, step, index, &attempt);
    double v = 1.0 + c * x;
    if (v <= 0.0) continue;
    v = v * v * v;
    Philox p = philox(seed, step, kRandomDirichlet, index, attempt++);
    double u = unit_interval(p.word[0], p.word[1]);
    if (log64(u) < 0.5 * x * x + d - d * v + d * log64(v)) return boost + log64(d * v);
  }
}

ST_HD double gumbel_draw(uint64_t seed, uint32_t step, uint32_t index) {
  Philox p = philox(seed, step, kRandomGumbel, index, 0);
  return -log64(-log64(unit_interval(p.word[0], p.word[1])));
}

// Position of the draw of a place within `mass` units.
ST_HD uint64_t draw_mass(uint64_t seed, uint32_t step, uint32_t place, uint64_t mass) {
  return multiply_high(philox_u64(philox(seed, step, kRandomDraw, place, 0)), mass);
}

ST_HD double clamp_noise(const st_noise& noise, double g) {
  double low = static_cast<double>(noise.low), high = static_cast<double>(noise.high);
  return g < low ? low : g > high ? high : g;
}

// What is added to the logarithm of an id's probability: scale times the clamped Gumbel variable, from 0 if one-sided.
ST_HD double scaled_noise(const st_noise& noise, bool one_sided, uint64_t seed, uint32_t step, uint32_t id) {
  if (noise.scale == 0.0f) return 0.0;
  double g = clamp_noise(noise, gumbel_draw(seed, step, id));
  return static_cast<double>(noise.scale) * (one_sided ? g - static_cast<double>(noise.low) : g);
}

// Log-density of the standard Gumbel distribution.
ST_HD double log_gumbel_density(double g) {
  return -g - exp64(-g);
}

// Log-density of Gamma(shape, 1) at e^x.
ST_HD double log_gamma_density(double shape, double x) {
  return (shape - 1.0) * x - exp64(x) - log_gamma64(shape);
}

}  // namespace st
