// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
#pragma once

#include "common/portable.h"

namespace st {

struct Philox {
  uint32_t word[4];
};

// The random words of counter (step, purpose, index, attempt) under a request's seed.
ST_HD Philox philox(uint64_t seed, uint32_t step, uint32_t purpose, uint32_t index, uint32_t attempt) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  Philox c = {{step, purpose, index, attempt}};
  for (int round = 0; round < 10; ++round) {
    uint64_t a = static_cast<uint64_t>(0xD2511F53u) * c.word[0];
    uint64_t b = static_cast<uint64_t>(0xCD9E8D57u) * c.word[2];
    c = {{static_cast<uint32_t>(b >> 32) ^ c.word[1] ^ key0, static_cast<uint32_t>(b),
          static_cast<uint32_t>(a >> 32) ^ c.word[3] ^ key1, static_cast<uint32_t>(a)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return c;
}

ST_HD uint64_t philox_u64(const Philox& p) {
  return (static_cast<uint64_t>(p.word[1]) << 32) | p.word[0];
}

// Uniform on (0, 1), 53 bits, never an end point.
ST_HD double unit_interval(uint32_t low, uint32_t high) {
  uint64_t bits = (static_cast<uint64_t>(high) << 32 | low) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

}  // namespace st
