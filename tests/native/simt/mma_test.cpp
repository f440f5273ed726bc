// The emulated mma.sync against the model that a GPU's results fit, bit by bit.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "../mma_model.h"
#include "common/formats.h"
#include "simt/tensor_cores.h"

namespace {

using namespace st::simt;

constexpr int kRows = 16, kColumns = 8, kDepth = 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class MmaTest : public testing::TestWithParam<MmaFormat> {
 protected:
  float number(uint16_t bits) const {
    return GetParam() == MmaFormat::kBf16 ? st::bf16_to_float(bits) : st::f16_to_float(bits);
  }
  uint16_t bits(float number) const {
    return GetParam() == MmaFormat::kBf16 ? st::float_to_bf16(number) : st::float_to_f16(number);
  }

  // A finite operand whose exponent is one of the `spread` from the largest one down, or one of all.
  uint16_t random_operand(int spread) {
    const int fraction = GetParam() == MmaFormat::kBf16 ? 7 : 10, largest = (1 << (15 - fraction)) - 2;
    const int exponent = spread == 0 ? integer(0, largest) : largest / 2 + 3 - integer(0, spread);
    return static_cast<uint16_t>(integer(0, 1) << 15 | std::max(exponent, 0) << fraction |
                                 integer(0, (1 << fraction) - 1));
  }

  Tile random_tile(int spread) {
    Tile tile;
    for (auto& row : tile.a)
      for (uint16_t& each : row) each = random_operand(spread);
    for (auto& row : tile.b)
      for (uint16_t& each : row) each = random_operand(spread);
    for (auto& row : tile.d)
      for (float& each : row)
        each = std::ldexp(static_cast<float>(integer(-(1 << 24), 1 << 24)), integer(-50, 10) - 20);
    return tile;
  }

  int integer(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }

  // All sums of the tile must be those of the model.
  void expect_model(const Tile& tile, const char* what) {
    const st::test::MmaModel model = {16, 2, false};
    Tile result = tile;
    multiply(result, GetParam());
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        float a[kDepth], b[kDepth];
        for (int k = 0; k < kDepth; ++k) {
          a[k] = number(tile.a[row][k]);
          b[k] = number(tile.b[k][column]);
        }
        const float expected = model(a, b, kDepth, tile.d[row][column]);
        ASSERT_EQ(st::bits_of(result.d[row][column]), st::bits_of(expected))
            << what << ": " << result.d[row][column] << " for " << expected;
      }
    }
  }

  std::mt19937 engine_{20};
};

// Products of f16 are neither so small nor so large.
class WideMmaTest : public MmaTest {};

TEST_P(MmaTest, RandomTilesAreThoseOfTheModel) {
  for (int i = 0; i < 300; ++i)
    for (int spread : {0, 1, 4, 12, 30}) expect_model(random_tile(spread), "random");
}

// Products of both signs that leave only the last bits of the sum, or nothing.
TEST_P(MmaTest, SumsThatCancel) {
  for (int i = 0; i < 300; ++i) {
    Tile tile = random_tile(6);
    for (int k = 0; k + 1 < kDepth; k += 2) {
      for (int row = 0; row < kRows; ++row) tile.a[row][k + 1] = tile.a[row][k] ^ 0x8000;
      for (int column = 0; column < kColumns; ++column)
        tile.b[k + 1][column] = static_cast<uint16_t>(tile.b[k][column] ^ integer(0, 1));
    }
    for (auto& row : tile.d)
      for (float& each : row) each = i % 3 == 0 ? 0.0f : std::ldexp(each, -20);
    expect_model(tile, "cancelling");
  }
}

TEST_P(MmaTest, SubnormalNumbersAndZeros) {
  for (int i = 0; i < 300; ++i) {
    Tile tile = random_tile(i % 2 == 0 ? 0 : 8);
    for (auto& row : tile.a)
      for (uint16_t& each : row)
        if (integer(0, 1) == 0) each = static_cast<uint16_t>(integer(0, 1) << 15 | (i % 3 == 0 ? 0 : integer(0, 0x7f)));
    for (auto& row : tile.b)
      for (uint16_t& each : row)
        if (integer(0, 3) == 0) each = static_cast<uint16_t>(integer(0, 1) << 15);
    for (auto& row : tile.d)
      for (float& each : row)
        each = i % 4 == 0 ? -0.0f : std::ldexp(static_cast<float>(integer(-255, 255)), -150 + integer(0, 20));
    expect_model(tile, "subnormal");
  }
}

// Sums that are subnormal, though no term is cut away: they are cut to multiples of 2^-149.
TEST_P(WideMmaTest, SmallSumsAreCutTowardZero) {
  for (int i = 0; i < 300; ++i) {
    Tile tile = random_tile(3);
    for (auto* operand : {&tile.a[0][0], &tile.b[0][0]})
      for (int n = 0; n < kRows * kColumns; ++n) operand[n] = bits(std::ldexp(number(operand[n]), -70 - integer(0, 6)));
    for (auto& row : tile.d)
      for (float& each : row) each = std::ldexp(static_cast<float>(integer(-7, 7)), -149);
    expect_model(tile, "small");
  }
}

TEST_P(WideMmaTest, LargeSumsBecomeInfinite) {
  Tile tile = {};
  tile.a[0][0] = bits(0x1.8p127f);
  tile.b[0][0] = bits(1.0f);
  tile.b[0][1] = bits(-1.0f);
  tile.b[0][2] = bits(0.5f);
  std::fill_n(tile.d[0], kColumns, 0x1.8p126f);
  tile.d[0][1] = -0x1.8p126f;
  expect_model(tile, "large");
  multiply(tile, GetParam());
  EXPECT_EQ(tile.d[0][0], kInfinity);
  EXPECT_EQ(tile.d[0][1], -kInfinity);
  EXPECT_EQ(tile.d[0][2], 0x1.8p127f);
}

// Only the sums that have such an operand are affected.
TEST_P(MmaTest, InfinitiesAndNaN) {
  const uint16_t infinite = bits(kInfinity), nan = bits(std::nanf(""));
  struct Case {
    float a, b, d;
    uint32_t expected;
  };
  const uint32_t kNaN = 0x7fffffff, kPlus = 0x7f800000, kMinus = 0xff800000;
  const Case cases[] = {{kInfinity, 2.0f, 1.0f, kPlus},      {kInfinity, -2.0f, 1.0f, kMinus},
                        {kInfinity, 0.0f, 1.0f, kNaN},       {kInfinity, 1.0f, -kInfinity, kNaN},
                        {1.0f, kInfinity, kInfinity, kPlus}, {1.0f, 1.0f, -kInfinity, kMinus},
                        {std::nanf(""), 1.0f, 1.0f, kNaN},   {1.0f, std::nanf(""), 0.0f, kNaN},
                        {1.0f, 1.0f, std::nanf(""), kNaN},   {std::nanf(""), 0.0f, kInfinity, kNaN}};
  EXPECT_FALSE(std::isfinite(number(infinite)) || std::isfinite(number(nan)));
  for (const Case& each : cases) {
    Tile tile = random_tile(4), plain = tile;
    tile.a[9][13] = bits(each.a);
    tile.b[13][5] = bits(each.b);
    tile.d[9][5] = each.d;
    multiply(tile, GetParam());
    multiply(plain, GetParam());
    EXPECT_EQ(st::bits_of(tile.d[9][5]), each.expected) << each.a << " * " << each.b << " + " << each.d;
    for (int row = 0; row < kRows; ++row)
      for (int column = 0; column < kColumns; ++column)
        if (row != 9 && column != 5) {
          EXPECT_EQ(st::bits_of(tile.d[row][column]), st::bits_of(plain.d[row][column]));
        }
  }
}

INSTANTIATE_TEST_SUITE_P(Simt, MmaTest, testing::Values(MmaFormat::kBf16, MmaFormat::kF16), [](const auto& format) {
  return std::string(format.param == MmaFormat::kBf16 ? "bf16" : "f16");
});

INSTANTIATE_TEST_SUITE_P(Simt, WideMmaTest, testing::Values(MmaFormat::kBf16));

}  // namespace
