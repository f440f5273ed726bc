// Statistics of a row of logits, from the sums that the passes over it return.
#pragma once

#include "common/sampling.h"

namespace st {

// Sums over a set of entries at one temperature, in fixed point: of e^x and of -x e^x.
struct SoftmaxSums {
  uint64_t z, s;
};

// Adds an entry of mass e^x. An x of -inf has no mass and no moment.
ST_HD void add_mass(SoftmaxSums& sums, float x, float mass) {
  sums.z += to_fixed(mass);
  sums.s += to_fixed((x < Exp32::low ? -Exp32::low : -x) * mass);
}

// Places of the order that `confidence` and `entropy_top20` cover.
constexpr int kTopPlaces = 20;

struct RowStatistics {
  float maximum;
  float temperature;  // 1 for greedy rows
  SoftmaxSums at_t;   // of the whole vocabulary, the maximum's own entry included
  SoftmaxSums at_1;   // the same at temperature 1; unknown where the row does not need it
  double log_z, log_z_1;
};

ST_HD double log_of_sum(uint64_t z) {
  return log64(static_cast<double>(z) / static_cast<double>(kFixedOne));
}

ST_HD RowStatistics row_statistics(float maximum, float temperature, SoftmaxSums at_t, SoftmaxSums at_1) {
  if (!(temperature > 0.0f)) temperature = 1.0f;
  if (temperature == 1.0f) at_1 = at_t;
  return {maximum, temperature, at_t, at_1, log_of_sum(at_t.z), at_1.z > 0 ? log_of_sum(at_1.z) : 0.0};
}

// ln p_1 and ln p_T of a logit.
ST_HD double log_p1_of(const RowStatistics& row, float logit) {
  return static_cast<double>(logit) - static_cast<double>(row.maximum) - row.log_z_1;
}

ST_HD double log_pt_of(const RowStatistics& row, float logit) {
  return (static_cast<double>(logit) - static_cast<double>(row.maximum)) / static_cast<double>(row.temperature) -
         row.log_z;
}

// Entropy of a row or of a set that holds the maximum.
ST_HD float entropy_of(SoftmaxSums sums) {
  return entropy_of(sums.z - static_cast<uint64_t>(kFixedOne), sums.s);
}

ST_HD float largest_probability(SoftmaxSums sums) {
  return static_cast<float>(static_cast<double>(kFixedOne) / static_cast<double>(sums.z));
}

// Of the first ids of the order, at temperature 1.
struct TopStatistics {
  double confidence;  // -(1/m) sum of ln p_1
  double mass;        // sum of e^(l - maximum)
  double entropy;     // of their softmax, divided by ln m
};

// By one thread: logit(i) of the first `count` places.
template <typename Logit>
ST_HD TopStatistics top_statistics(const RowStatistics& row, int count, Logit logit) {
  double sum = 0.0, rest = 0.0, moment = 0.0;
  for (int i = 0; i < count; ++i) {
    double x = static_cast<double>(logit(i)) - static_cast<double>(row.maximum);
    sum += x - row.log_z_1;
    if (i == 0) continue;  // the maximum, whose own 1 would cost a small entropy its digits
    double mass = exp64(x);
    rest += mass;
    moment -= x * mass;
  }
  double entropy = log1p64(rest) + moment / (1.0 + rest);
  return {-sum / count, 1.0 + rest, count > 1 ? entropy / log64(static_cast<double>(count)) : 0.0};
}

}  // namespace st
