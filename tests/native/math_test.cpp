// native/common: the arithmetic that every backend shares, against the double precision of libm.
#include "common/math.h"

#include <cmath>

#include "common/formats.h"
#include "common/philox.h"
#include "common/sampling.h"
#include "support.h"

namespace {

using st::test::Random;

double relative_error(double actual, double expected) {
  return expected == 0.0 ? std::fabs(actual) : std::fabs(actual / expected - 1.0);
}

TEST(Math, Exp32) {
  Random random;
  EXPECT_EQ(st::exp32(0.0f), 1.0f);
  EXPECT_EQ(st::exp32(-0.0f), 1.0f);
  double worst = 0.0;
  for (int i = 0; i < 500000; ++i) {
    auto x = static_cast<float>(i % 2 ? random.uniform(-87.0, 88.0) : random.uniform(-1.0, 1.0));
    worst = std::max(worst, relative_error(static_cast<double>(st::exp32(x)), std::exp(static_cast<double>(x))));
  }
  EXPECT_LT(worst, 2e-7);
  EXPECT_EQ(st::exp32(-1e30f), st::exp32(-87.0f));
  EXPECT_EQ(st::exp32(INFINITY), st::exp32(88.0f));
}

TEST(Math, F16IsTheNearest) {
  Random random;
  for (uint32_t half = 0; half < 0x10000; ++half) {
    float value = st::f16_to_float(static_cast<uint16_t>(half));
    uint16_t again = st::float_to_f16(value);
    EXPECT_TRUE(std::isnan(value) ? std::isnan(st::f16_to_float(again)) : again == half) << half;
  }
  for (int i = 0; i < 500000; ++i) {
    auto value = static_cast<float>(random.normal() * std::exp2(random.uniform(-28.0, 17.0)));
    if (std::fabs(value) > 65504.0f) continue;
    EXPECT_EQ(st::float_to_f16(value), st::test::to_f16(value)) << value;
  }
  EXPECT_EQ(st::float_to_f16(65519.9f), 0x7bff);
  EXPECT_EQ(st::float_to_f16(65520.0f), 0x7c00);  // half way to 2^16, which is even
  EXPECT_EQ(st::float_to_f16(-INFINITY), 0xfc00);
}

TEST(Math, Log64) {
  Random random;
  EXPECT_EQ(st::log64(1.0), 0.0);
  double worst = 0.0;
  for (int i = 0; i < 200000; ++i) {
    double x = i % 2 ? std::exp(random.uniform(-700.0, 700.0)) : random.uniform(0.5, 2.0);
    worst = std::max(worst, relative_error(st::log64(x), std::log(x)));
  }
  EXPECT_LT(worst, 1e-15);
  EXPECT_NEAR(st::log64(1.0 - 0x1p-53), -0x1p-53, 1e-31);
}

TEST(Math, Log1p64) {
  Random random;
  EXPECT_EQ(st::log1p64(0.0), 0.0);
  double worst = 0.0;
  for (int i = 0; i < 200000; ++i) {
    double z = std::exp(random.uniform(-300.0, 30.0));
    worst = std::max(worst, relative_error(st::log1p64(z), std::log1p(z)));
  }
  EXPECT_LT(worst, 1e-15);
}

TEST(Math, Exp64) {
  Random random;
  EXPECT_EQ(st::exp64(0.0), 1.0);
  EXPECT_EQ(st::exp64(-709.0), 0.0);
  EXPECT_EQ(st::exp64(-INFINITY), 0.0);
  double worst = 0.0;
  for (int i = 0; i < 200000; ++i) {
    double x = i % 2 ? random.uniform(-708.0, 709.0) : random.uniform(-1.0, 1.0);
    worst = std::max(worst, relative_error(st::exp64(x), std::exp(x)));
  }
  EXPECT_LT(worst, 1e-15);
}

// The known-answer vectors of the Random123 library: counter, key, result.
TEST(Philox, KnownAnswers) {
  struct Case {
    uint32_t counter[4], key[2], result[4];
  };
  const Case cases[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Case& c : cases) {
    uint64_t seed = static_cast<uint64_t>(c.key[1]) << 32 | c.key[0];
    st::Philox p = st::philox(seed, c.counter[0], c.counter[1], c.counter[2], c.counter[3]);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(p.word[i], c.result[i]) << "word " << i;
  }
}

TEST(Philox, UnitIntervalHasNoEnds) {
  EXPECT_GT(st::unit_interval(0, 0), 0.0);
  EXPECT_LT(st::unit_interval(0xffffffff, 0xffffffff), 1.0);
  EXPECT_NEAR(st::unit_interval(0, 0x80000000), 0.5, 1e-15);
}

TEST(Formats, ConversionsAgreeWithTheirDefinition) {
  Random random;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto half = static_cast<uint16_t>(bits);
    float f16 = st::test::from_f16(half), bf16 = st::test::from_bf16(half);
    if (std::isnan(f16))
      EXPECT_TRUE(std::isnan(st::f16_to_float(half)));
    else
      ASSERT_EQ(st::bits_of(st::f16_to_float(half)), st::bits_of(f16)) << bits;
    ASSERT_EQ(st::bits_of(st::bf16_to_float(half)), st::bits_of(bf16)) << bits;
    if (std::isnan(bf16))
      EXPECT_TRUE(std::isnan(st::bf16_to_float(st::float_to_bf16(bf16))));
    else
      ASSERT_EQ(st::float_to_bf16(bf16), half);
  }
  for (int i = 0; i < 200000; ++i) {
    auto value = static_cast<float>(random.normal() * std::exp(random.uniform(-60.0, 60.0)));
    ASSERT_EQ(st::float_to_bf16(value), st::test::to_bf16(value)) << value;
  }
  EXPECT_TRUE(std::isnan(st::bf16_to_float(st::float_to_bf16(st::float_of(0x7f800001u)))));
  EXPECT_EQ(st::float_to_bf16(INFINITY), 0x7f80);
}

TEST(OrderKey, LargerLogitsFirstThenLowerIds) {
  const float ascending[] = {-INFINITY, -3e38f, -1.0f, -1e-40f, 0.0f, 1e-40f, 1.0f, 3e38f};
  for (size_t i = 0; i + 1 < std::size(ascending); ++i) {
    EXPECT_LT(st::order_key(ascending[i], 0), st::order_key(ascending[i + 1], 151935));
    EXPECT_GT(st::order_key(ascending[i], 4), st::order_key(ascending[i], 5));
    EXPECT_EQ(st::key_logit(st::order_key(ascending[i], 7)), ascending[i]);
    EXPECT_EQ(st::key_id(st::order_key(ascending[i], 7)), 7u);
  }
  EXPECT_EQ(st::order_key(-0.0f, 3), st::order_key(0.0f, 3));
}

}  // namespace
