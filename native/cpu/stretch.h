// A few columns of a row, summed together.
#pragma once

namespace st::cpu {

constexpr int kStretch = 64;  // two blocks of int8

struct Stretch {
  float at[kStretch];
};

inline Stretch operator+(const Stretch& a, const Stretch& b) {
  Stretch sum;
  for (int k = 0; k < kStretch; ++k) sum.at[k] = a.at[k] + b.at[k];
  return sum;
}

}  // namespace st::cpu
