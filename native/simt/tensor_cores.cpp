#include "simt/tensor_cores.h"

#include <algorithm>
#include <cstring>

#include "common/formats.h"
#include "simt/block.h"

#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__)
#define ST_FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define ST_FASTEST
#endif

namespace st::simt {
namespace {

constexpr int kRows = 16, kColumns = 8, kDepth = 16;
constexpr uint32_t kNaN = 0x7fffffff;  // CUDA's
constexpr int kExtraBits = 2;
constexpr int kFraction = 10;   // bits of an operand's significand behind the point; of bf16 some are 0
constexpr int kNothing = -512;  // exponent of zero: less than that of any product

// Of each column, so that the compiler computes them together.
using Integers = int32_t __attribute__((vector_size(kColumns * sizeof(int32_t))));
using Floats = float __attribute__((vector_size(kColumns * sizeof(float))));

// Rows of kColumns numbers significand * 2^(exponent - fraction), where 2^fraction <= |significand| < 2^(fraction + 1),
// or 0.
template <int kCount>
struct Numbers {
  Integers significand[kCount], exponent[kCount];
};

bool is_finite(uint16_t bits, MmaFormat format) {
  const int exponent = format == MmaFormat::kBf16 ? 0x7f80 : 0x7c00;
  return (bits & exponent) != exponent;
}

float to_float(uint16_t bits, MmaFormat format) {
  return format == MmaFormat::kBf16 ? bf16_to_float(bits) : f16_to_float(bits);
}

// To the bits of an f32; of what is not finite, any.
ST_FASTEST void widen(const uint16_t* from, int count, MmaFormat format, uint32_t* to) {
  if (format == MmaFormat::kBf16) {
    for (int i = 0; i < count; ++i) to[i] = static_cast<uint32_t>(from[i]) << 16;
  } else {
    for (int i = 0; i < count; ++i) {
      const float magnitude = float_of((from[i] & 0x7fffu) << 13) * 0x1p112f;
      to[i] = bits_of(magnitude) | (from[i] & 0x8000u) << 16;
    }
  }
}

ST_FASTEST void decode(const uint32_t* from, int count, int fraction, Integers* significand, Integers* exponent) {
  for (int i = 0; i < count; ++i) {
    Integers bits;
    memcpy(&bits, from + i * kColumns, sizeof bits);
    const Integers magnitude = bits & 0x7fffffff;
    const Integers subnormal = magnitude < 0x00800000;
    const auto scaled = (Integers)((Floats)magnitude * 0x1p24f);
    const Integers normal = subnormal ? scaled : magnitude;
    Integers leading = ((normal & 0x007fffff) | 0x00800000) >> (23 - fraction);
    leading = bits < 0 ? -leading : leading;
    significand[i] = magnitude == 0 ? magnitude : leading;
    exponent[i] = magnitude == 0 ? magnitude + kNothing : (normal >> 23) - 127 + (subnormal & -24);
  }
}

template <int kCount>
void decode(const uint32_t* from, int fraction, Numbers<kCount>& numbers) {
  decode(from, kCount, fraction, numbers.significand, numbers.exponent);
}

// 2^exponent.
double power_of_2(int exponent) {
  uint64_t bits = static_cast<uint64_t>(exponent + 1023) << 52;
  double result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

// A sum with an operand that is infinite or no number.
float special_sum(const Tile& tile, int row, int column, MmaFormat format) {
  double sum = static_cast<double>(tile.d[row][column]);
  for (int k = 0; k < kDepth && !std::isnan(sum); ++k)
    sum += static_cast<double>(to_float(tile.a[row][k], format)) *
           static_cast<double>(to_float(tile.b[k][column], format));
  return std::isnan(sum) ? float_of(kNaN) : static_cast<float>(sum);
}

// Sums of a row in units of 2^(exponent - 23 - kExtraBits), in two halves that 32 bits hold.
struct RowSums {
  Integers halves[2], exponent;
};

// Those of row `row`; a has two rows of Numbers for it.
ST_FASTEST void add_products(const Numbers<kRows * kDepth / kColumns>& all, const Numbers<kDepth>& b,
                             const Numbers<kRows>& d, int row, RowSums& sums) {
  const auto* a = reinterpret_cast<const int32_t*>(all.significand) + row * kDepth;
  const auto* exponents_of_a = reinterpret_cast<const int32_t*>(all.exponent) + row * kDepth;
  const Integers significand = d.significand[row], exponent = d.exponent[row];
  Integers exponents[kDepth], largest = exponent;
  for (int k = 0; k < kDepth; ++k) {
    exponents[k] = b.exponent[k] + exponents_of_a[k];
    largest = exponents[k] > largest ? exponents[k] : largest;
  }
  Integers apart = largest - exponent;
  Integers magnitude = (significand < 0 ? -significand : significand) << kExtraBits;
  magnitude >>= apart > 31 ? 31 : apart;
  sums.halves[0] = significand < 0 ? -magnitude : magnitude;
  sums.halves[1] = Integers{};
  for (int k = 0; k < kDepth; ++k) {
    Integers product = b.significand[k] * a[k];
    apart = largest - exponents[k];
    magnitude = (product < 0 ? -product : product) << (23 + kExtraBits - 2 * kFraction);
    magnitude >>= apart > 31 ? 31 : apart;
    sums.halves[k / (kDepth / 2)] += product < 0 ? -magnitude : magnitude;
  }
  sums.exponent = largest;
}

// The f32 next to each sum, toward zero.
ST_FASTEST void cut(const RowSums& sums, float* row) {
  for (int column = 0; column < kColumns; ++column) {
    const double exact = static_cast<double>(sums.halves[0][column]) + static_cast<double>(sums.halves[1][column]);
    const double value = exact * power_of_2(sums.exponent[column] - 23 - kExtraBits);
    const double subnormal = std::trunc(value * 0x1p149) * 0x1p-149;
    const double any = std::fabs(value) < 0x1p-126 ? subnormal : value;
    uint64_t bits;
    memcpy(&bits, &any, sizeof bits);
    bits &= ~uint64_t{(1u << 29) - 1};
    double rounded;
    memcpy(&rounded, &bits, sizeof rounded);
    row[column] = static_cast<float>(rounded) + 0.0f;
  }
}

}  // namespace

void multiply(Tile& tile, MmaFormat format) {
  uint32_t bits[kRows * kDepth];
  Numbers<kRows * kDepth / kColumns> a;
  Numbers<kDepth> b;
  Numbers<kRows> d;
  widen(tile.a[0], kRows * kDepth, format, bits);
  decode(bits, kFraction, a);
  widen(tile.b[0], kDepth * kColumns, format, bits);
  decode(bits, kFraction, b);
  memcpy(bits, tile.d, sizeof tile.d);
  decode(bits, 23, d);
  bool finite_column[kColumns];
  std::fill_n(finite_column, kColumns, true);
  for (const auto& row : tile.b)
    for (int column = 0; column < kColumns; ++column) finite_column[column] &= is_finite(row[column], format);
  for (int row = 0; row < kRows; ++row) {
    RowSums sums;
    float results[kColumns];
    add_products(a, b, d, row, sums);
    cut(sums, results);
    bool finite_row = true;
    for (uint16_t each : tile.a[row]) finite_row &= is_finite(each, format);
    for (int column = 0; column < kColumns; ++column) {
      float& result = tile.d[row][column];
      result = finite_row && finite_column[column] && std::isfinite(result) ? results[column]
                                                                            : special_sum(tile, row, column, format);
    }
  }
}

// --- operations of a warp ------------------------------------------------------------------------------------------

namespace {

constexpr int kLanes = 32;

struct Operands {
  float* d;
  const uint32_t *a, *b;
  MmaFormat format;

  static void complete(void* const* lanes, unsigned) {
    Tile tile;
    const MmaFormat format = static_cast<Operands*>(lanes[0])->format;
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto& of = *static_cast<Operands*>(lanes[lane]);
      int g = lane / 4, q = lane % 4;
      for (int i = 0; i < 4; ++i) memcpy(&tile.a[g + i % 2 * 8][2 * q + i / 2 * 8], &of.a[i], 4);
      for (int i = 0; i < 2; ++i) {
        tile.b[2 * q + 8 * i][g] = static_cast<uint16_t>(of.b[i]);
        tile.b[2 * q + 8 * i + 1][g] = static_cast<uint16_t>(of.b[i] >> 16);
      }
      for (int i = 0; i < 2; ++i) memcpy(&tile.d[g + i * 8][2 * q], of.d + 2 * i, 8);
    }
    multiply(tile, format);
    for (int lane = 0; lane < kLanes; ++lane)
      for (int i = 0; i < 2; ++i)
        memcpy(static_cast<Operands*>(lanes[lane])->d + 2 * i, &tile.d[lane / 4 + i * 8][lane % 4 * 2], 8);
  }
};

struct Int8Operands {
  static constexpr int kDepth = 32;
  int32_t* d;
  const uint32_t *a, *b;

  static void complete(void* const* lanes, unsigned) {
    int8_t a[kRows][kDepth], b[kColumns][kDepth];
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto& of = *static_cast<Int8Operands*>(lanes[lane]);
      int g = lane / 4, q = lane % 4;
      for (int i = 0; i < 4; ++i) memcpy(&a[g + i % 2 * 8][4 * q + i / 2 * 16], &of.a[i], 4);
      for (int i = 0; i < 2; ++i) memcpy(&b[g][4 * q + 16 * i], &of.b[i], 4);
    }
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        int32_t sum = 0;
        for (int k = 0; k < kDepth; ++k) sum += int32_t{a[row][k]} * int32_t{b[column][k]};
        static_cast<Int8Operands*>(lanes[row % 8 * 4 + column / 2])->d[row / 8 * 2 + column % 2] += sum;
      }
    }
  }
};

struct MatrixRow {
  uint32_t* parts;
  const void* row;
  int matrices;

  static void complete(void* const* lanes, unsigned) {
    for (int lane = 0; lane < kLanes; ++lane) {
      auto* to = static_cast<MatrixRow*>(lanes[lane]);
      for (int i = 0; i < to->matrices; ++i) {
        const auto* from = static_cast<MatrixRow*>(lanes[i * 8 + lane / 4]);
        memcpy(&to->parts[i], static_cast<const char*>(from->row) + lane % 4 * 4, 4);
      }
    }
  }
};

}  // namespace

void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], MmaFormat format) {
  Operands mine = {d, a, b, format};
  collective(kWholeWarp, &mine, Operands::complete);
}

void mma_int8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  Int8Operands mine = {d, a, b};
  collective(kWholeWarp, &mine, Int8Operands::complete);
}

void load_matrices(uint32_t* parts, const void* row, int matrices) {
  MatrixRow mine = {parts, row, matrices};
  if (races_of_thread && lane_of_thread() < 8 * matrices)
    races_of_thread->access(row, 16, Access::kRead, __builtin_return_address(0));
  collective(kWholeWarp, &mine, MatrixRow::complete);
}

}  // namespace st::simt
