#include <algorithm>
#include <cmath>
#include <tuple>

#include "mma_model.h"
#include "support.h"

namespace {

using namespace st::test;

struct Linear {
  int32_t outputs, cols, dtype;
  std::vector<float> w, bias;
  bool exact = false, fast = false, gated = false;

  Linear(Random& random, int32_t out, int32_t in, int32_t type) : outputs(out), cols(in), dtype(type) {
    double scale = 1.0 / std::sqrt(static_cast<double>(in));
    w = random.normals(static_cast<size_t>(out) * static_cast<size_t>(in), scale);
    if (!has_blocks(type)) w = rounded(w, type);
    bias = random.normals(static_cast<size_t>(out));
  }

  std::vector<float> run(Device& device, const std::vector<float>& x, bool with_bias, bool out_f32 = false) const {
    Matrix matrix(device, outputs, cols, dtype, w);
    Buffer<float> bias_buffer(device, bias);
    Activations input(device, x);
    size_t count = x.size() / static_cast<size_t>(cols) * width();
    Activations out(device, out_f32 ? 0 : count);
    Buffer<float> logits(device, out_f32 ? count : 0);
    st_linear op = {sizeof op,
                    static_cast<int32_t>(x.size()) / cols,
                    input.get(),
                    matrix.get(),
                    with_bias ? bias_buffer.get() : nullptr,
                    out_f32 ? logits.get() : out.get(),
                    out_f32,
                    exact,
                    fast,
                    gated,
                    0,
                    0};
    device.check(device.api.linear(device.stream, &op));
    return out_f32 ? logits.read() : out.read();
  }

  size_t width() const { return static_cast<size_t>(gated ? outputs / 2 : outputs); }

  // x as the device multiplies it: weights of int8 require int8, and one instruction set rounds to bf16.
  std::vector<float> operand(const Device& device, const std::vector<float>& x) const {
    if (dtype == ST_INT8) return int8_operand(x);
    bool for_bf16 = (dtype == ST_BF16 || dtype == ST_FP8) && !exact;
    return for_bf16 && std::string(device.info.instruction_set) == "avx512bf16" ? rounded(x, ST_BF16) : x;
  }

  std::vector<float> int8_operand(const std::vector<float>& x) const {
    std::vector<float> result;
    for (size_t i = 0; i < x.size(); ++i) {
      size_t cell = i % static_cast<size_t>(cols) % 32, first = i - cell;
      size_t row_end = i / static_cast<size_t>(cols) * static_cast<size_t>(cols) + static_cast<size_t>(cols);
      float largest = 0.0f;
      for (size_t k = first; k < std::min(first + 32, row_end); ++k) largest = std::max(largest, std::fabs(x[k]));
      result.push_back(largest > 0.0f ? std::nearbyint(x[i] * (127.0f / largest)) * (largest / 127.0f) : 0.0f);
    }
    return result;
  }

  std::vector<double> reference(const Device& device, const std::vector<float>& unrounded, bool with_bias) const {
    std::vector<float> x = operand(device, unrounded);
    std::vector<float> weight = rounded_to_blocks(w, static_cast<size_t>(cols), dtype);
    std::vector<double> out;
    auto n = static_cast<size_t>(cols), m = static_cast<size_t>(outputs);
    for (size_t r = 0; r < x.size() / n; ++r) {
      for (size_t o = 0; o < m; ++o) {
        double sum = with_bias ? static_cast<double>(bias[o]) : 0.0;
        for (size_t k = 0; k < n; ++k)
          sum += static_cast<double>(x[r * n + k]) * static_cast<double>(weight[o * n + k]);
        out.push_back(sum);
      }
    }
    if (!gated) return out;
    std::vector<double> activated;
    for (size_t i = 0; i < out.size(); i += 2) activated.push_back(out[i] / (1.0 + std::exp(-out[i])) * out[i + 1]);
    return activated;
  }
};

constexpr int32_t kMatrixTypes[] = {ST_F32, ST_F16, ST_BF16, ST_INT8, ST_FP8};

ST_TEST_EVERY_BACKEND(LinearTest);

TEST_P(LinearTest, MatchesReference) {
  for (int32_t dtype : kMatrixTypes) {
    if (!device().holds(dtype)) continue;
    for (int32_t outputs : {1, 7, 16, 17, 63, 64, 80, 130, 455}) {
      for (int32_t cols : {1, 2, 15, 33, 64, 200}) {
        for (size_t rows : {0, 1, 3, 5, 17}) {
          SCOPED_TRACE(testing::Message() << dtype_name(dtype) << " " << outputs << " x " << cols << ", rows " << rows);
          Linear linear(random, outputs, cols, dtype);
          std::vector<float> x = random.activations(device(), rows * static_cast<size_t>(cols));
          bool with_bias = (outputs + cols) % 2 == 0;
          for (bool exact : {false, true}) {
            if (exact && ((dtype != ST_BF16 && dtype != ST_FP8) || device().emulated()))
              continue;  // nothing else is rounded
            linear.exact = exact;
            ASSERT_TRUE(near(linear.run(device(), x, with_bias), linear.reference(device(), x, with_bias),
                             device().tolerance(5e-6)));
          }
        }
      }
    }
  }
}

TEST_P(LinearTest, GatedMatchesReference) {
  for (int32_t dtype : kMatrixTypes) {
    if (!device().holds(dtype)) continue;
    for (int32_t outputs : {2, 14, 16, 18, 30, 34, 64, 66, 130, 454}) {
      for (int32_t cols : {1, 33, 64}) {
        for (size_t rows : {0, 1, 3, 17, 70}) {
          SCOPED_TRACE(testing::Message() << dtype_name(dtype) << " " << outputs << " x " << cols << ", rows " << rows);
          Linear linear(random, outputs, cols, dtype);
          linear.gated = true;
          std::vector<float> x = random.activations(device(), rows * static_cast<size_t>(cols), 2.0);
          bool with_bias = (outputs / 2 + cols) % 2 == 0, out_f32 = cols == 33;
          ASSERT_TRUE(near(linear.run(device(), x, with_bias, out_f32), linear.reference(device(), x, with_bias),
                           device().tolerance(1e-5)));
        }
      }
    }
  }
}

// Far out the gate is itself or nothing: neither overflow nor NaN.
TEST_P(LinearTest, LargeGatesSaturate) {
  Linear linear(random, 26, 1, ST_F32);
  linear.gated = true;
  for (float gate : {0.0f, 30.0f, -30.0f, 90.0f, -90.0f, 1e4f, -1e4f, 1e30f, -1e30f}) {
    if (std::isinf(rounded({gate}, device().info.activation_dtype)[0])) continue;  // its outputs have no such numbers
    for (size_t i = 0; i < 26; ++i) linear.w[i] = i % 2 == 0 ? gate : 1.5f;
    double expected = linear.reference(device(), {1.0f}, false)[0];
    // e^-x is clamped at e^88, so a result that vanishes does so to within 1e-38 |gate|.
    double allowed = device().tolerance(2e-6) * std::fabs(expected) + 1e-37 * std::fabs(static_cast<double>(gate));
    if (device().info.activation_dtype == ST_F16) allowed += 0x1p-25;  // half of its smallest number
    for (float out : linear.run(device(), {1.0f}, false))
      EXPECT_NEAR(static_cast<double>(out), expected, allowed) << "gate " << gate;
  }
}

TEST_P(LinearTest, LogitsAreF32OverAWholeVocabulary) {
  Linear linear(random, 151936, 8, ST_BF16);
  std::vector<float> x = random.activations(device(), 3 * 8);
  EXPECT_TRUE(within(linear.run(device(), x, false, true), linear.reference(device(), x, false),
                     mma_error_bounds(x, linear.w, 8)));
}

// A long product: the error of an f32 sum in order must stay what rounding explains.
TEST_P(LinearTest, LongRowsKeepTheirDigits) {
  for (int32_t dtype : kMatrixTypes) {
    if (!device().holds(dtype)) continue;
    Linear linear(random, 33, 8960, dtype);
    std::vector<float> x = random.activations(device(), 2 * 8960);
    EXPECT_TRUE(near(linear.run(device(), x, true), linear.reference(device(), x, true), device().tolerance(3e-5)));
  }
}

TEST_P(LinearTest, SameBitsForAnyRowsAndThreads) {
  for (int round = 0; round < 6; ++round) {
    int32_t dtype = round < 5 ? kMatrixTypes[round] : ST_BF16;
    if (!device().holds(dtype)) continue;
    Linear linear(random, 213, 99, dtype);
    linear.exact = round == 5;
    std::vector<float> x = random.activations(device(), 17 * 99);
    std::vector<float> expected = linear.run(device(), x, true);
    for (int threads : thread_counts()) {
      auto other = open(threads);
      EXPECT_TRUE(same_bits(linear.run(*other, x, true), expected)) << threads << " threads";
    }
    for (size_t rows = 1; rows <= 17; ++rows) {
      SCOPED_TRACE(testing::Message() << rows << " rows of " << dtype_name(dtype));
      EXPECT_TRUE(same_bits(linear.run(device(), slice(x, (17 - rows) * 99, rows * 99), true),
                            slice(expected, (17 - rows) * 213, rows * 213)));
    }
  }
}

// Backends have several kernels; which one runs is a matter of the rows.
TEST_P(LinearTest, SameBitsForManyRows) {
  for (auto [outputs, cols] : {std::pair<int32_t, int32_t>{150, 99}, {37, 160}, {20, 24}}) {
    for (int32_t dtype : {ST_F16, ST_BF16, ST_FP8}) {
      if (!device().holds(dtype)) continue;
      Linear linear(random, outputs, cols, dtype);
      auto n = static_cast<size_t>(cols), m = static_cast<size_t>(outputs);
      std::vector<float> x = random.activations(device(), 200 * n);
      std::vector<float> expected = linear.run(device(), x, true, true);
      EXPECT_TRUE(near(expected, linear.reference(device(), x, true), device().tolerance(5e-6)));
      for (size_t rows : {1, 8, 9, 30, 33, 64, 65, 130}) {
        SCOPED_TRACE(testing::Message() << rows << " rows of " << dtype_name(dtype) << ", " << outputs << " x "
                                        << cols);
        EXPECT_TRUE(same_bits(linear.run(device(), slice(x, (200 - rows) * n, rows * n), true, true),
                              slice(expected, (200 - rows) * m, rows * m)));
      }
    }
  }
}

// The kernel for few rows: more tiles of outputs than its blocks, which then go through several, and one for each
// number of rows that it has; odd columns, which it leaves to the others.
TEST_P(LinearTest, SameBitsForFewRows) {
  int32_t many = device().emulated() ? 901 : 7001;
  for (auto [outputs, cols] : {std::pair<int32_t, int32_t>{many, 50}, {333, 514}, {40, 4}, {40, 333}}) {
    for (int32_t dtype : {ST_F16, ST_BF16, ST_INT8, ST_FP8}) {
      if (!device().holds(dtype)) continue;
      Linear linear(random, outputs, cols, dtype);
      auto n = static_cast<size_t>(cols), m = static_cast<size_t>(outputs);
      std::vector<float> x = random.activations(device(), 65 * n);
      std::vector<float> expected = linear.run(device(), x, true, true);
      for (size_t rows : {1, 4, 5, 8, 9, 16, 17, 32, 33, 64}) {
        SCOPED_TRACE(testing::Message() << rows << " rows of " << dtype_name(dtype) << ", " << outputs << " x "
                                        << cols);
        ASSERT_TRUE(same_bits(linear.run(device(), slice(x, (65 - rows) * n, rows * n), true, true),
                              slice(expected, (65 - rows) * m, rows * m)));
      }
    }
  }
}

// How far the sums of tensor cores may be from the exact ones, by a model of their rounding: an instruction aligns 16
// products and the sum before them to the largest, of about 1 here, and cuts each off below 2^-23 of it. Four standard
// deviations of that many errors, each uniform up to 2^-23 with the sign of its product.
double tolerance_of_sums(size_t cols) {
  return 4.0 * std::sqrt(static_cast<double>(cols) * 17.0 / 16.0 / 3.0) * 0x1p-23;
}

// Rows and columns of real models, few outputs: the loops that production runs, with K split over blocks.
TEST_P(LinearTest, LongSumsHaveTheSameBitsForAnyRows) {
  constexpr size_t kRows = 128;
  int32_t type = device().info.activation_dtype == ST_F16 ? ST_F16 : ST_BF16;
  for (auto [outputs, cols, dtype] : {std::tuple<int32_t, int32_t, int32_t>{40, 1536, type},
                                      {22, 3584, type},
                                      {22, 3584, device().holds(ST_FP8) ? ST_FP8 : type}}) {
    Linear linear(random, outputs, cols, dtype);
    auto n = static_cast<size_t>(cols), m = static_cast<size_t>(outputs);
    std::vector<float> x = random.activations(device(), kRows * n);
    std::vector<float> expected = linear.run(device(), x, true, true);
    EXPECT_TRUE(near(expected, linear.reference(device(), x, true), tolerance_of_sums(n)));
    for (size_t rows : {1, 8, 16, 33, 64, 65}) {
      SCOPED_TRACE(testing::Message() << rows << " rows, K = " << cols);
      EXPECT_TRUE(same_bits(linear.run(device(), slice(x, (kRows - rows) * n, rows * n), true, true),
                            slice(expected, (kRows - rows) * m, rows * m)));
    }
    for (size_t row : {0, 63, 64, 127})
      EXPECT_TRUE(same_bits(linear.run(device(), slice(x, row * n, n), true, true), slice(expected, row * m, m)))
          << "row " << row << ", K = " << cols;
  }
}

// Blocks of 128 columns whose scales differ, the last one cut, and a row in batches of any size.
TEST_P(LinearTest, BlocksOfFp8AreScaledOneByOne) {
  if (!device().holds(ST_FP8)) GTEST_SKIP() << "this backend has no 8-bit floats";
  for (auto [outputs, cols] : {std::pair<int32_t, int32_t>{1, 1}, {40, 127}, {17, 128}, {150, 129}, {33, 1100}}) {
    constexpr size_t kRows = 130;
    Linear linear(random, outputs, cols, ST_FP8);
    auto n = static_cast<size_t>(cols), m = static_cast<size_t>(outputs);
    for (size_t row = 0; row < m; ++row) {
      for (size_t block = 0; block < n; block += 128) {
        float scale = std::ldexp(1.0f, random.integer(-9, 9));
        for (size_t k = block; k < std::min(block + 128, n); ++k) linear.w[row * n + k] *= scale;
      }
    }
    std::vector<float> x = random.activations(device(), kRows * n);
    std::vector<float> expected = linear.run(device(), x, false, true);
    EXPECT_TRUE(
        within(expected, linear.reference(device(), x, false), mma_error_bounds(x, rounded_to_fp8(linear.w, n), n)));
    for (size_t rows : {1, 2, 7, 8, 9, 16, 17, 31, 33, 63, 64, 65, 129}) {
      SCOPED_TRACE(testing::Message() << rows << " rows, " << outputs << " x " << cols);
      EXPECT_TRUE(same_bits(linear.run(device(), slice(x, (kRows - rows) * n, rows * n), false, true),
                            slice(expected, (kRows - rows) * m, rows * m)));
    }
  }
}

// On tensor cores weights become 16-bit numbers; their products must not get lost below the smallest f32.
TEST_P(LinearTest, Fp8KeepsTheDigitsOfSmallInputs) {
  if (!device().holds(ST_FP8)) GTEST_SKIP() << "this backend has no 8-bit floats";
  const double unit = device().info.activation_dtype == ST_F16 ? 0x1p-6 : 0x1p-100;
  constexpr size_t kCols = 200;
  Linear linear(random, 20, kCols, ST_FP8);
  std::vector<float> x = random.activations(device(), 3 * kCols, 0.25), small = x;
  if (device().info.activation_dtype == ST_F16) {  // multiples of its smallest number
    for (float& value : x) value = std::nearbyint(value * 0x1p10f) * 0x1p-10f;
  }
  for (size_t i = 0; i < x.size(); ++i) small[i] = static_cast<float>(static_cast<double>(x[i]) * unit);
  std::vector<float> out = linear.run(device(), small, false, true), expected = linear.run(device(), x, false, true);
  for (float& value : expected) value = static_cast<float>(static_cast<double>(value) * unit);
  EXPECT_TRUE(same_bits(out, expected));
}

// So many rows that they are cut into chunks, each with tiles of its own.
TEST_P(LinearTest, SameBitsInAChunkOfManyRows) {
  for (int32_t dtype : kMatrixTypes) {
    if (!device().holds(dtype)) continue;
    Linear linear(random, 300, 70, dtype);
    std::vector<float> x = random.activations(device(), 250 * 70);
    std::vector<float> expected = linear.run(device(), x, true);
    EXPECT_TRUE(near(expected, linear.reference(device(), x, true), device().tolerance(5e-6)));
    EXPECT_TRUE(same_bits(linear.run(*open(3), x, true), expected)) << dtype_name(dtype);
    for (size_t r : {0, 61, 62, 63, 124, 125, 187, 249})
      EXPECT_TRUE(same_bits(linear.run(device(), slice(x, r * 70, 70), true), slice(expected, r * 300, 300)))
          << "row " << r << " of " << dtype_name(dtype);
  }
}

// Gated outputs come from pairs of sums, which each kernel and each cut finds elsewhere.
TEST_P(LinearTest, GatedSameBitsForAnyRowsAndThreads) {
  constexpr size_t kRows = 130, kCols = 70;
  for (int32_t dtype : kMatrixTypes) {
    if (!device().holds(dtype)) continue;
    Linear linear(random, 214, kCols, dtype);
    linear.gated = true;
    size_t width = linear.width();
    std::vector<float> x = random.activations(device(), kRows * kCols), expected = linear.run(device(), x, true);
    for (int threads : thread_counts())
      EXPECT_TRUE(same_bits(linear.run(*open(threads), x, true), expected)) << threads << " threads";
    for (size_t rows : {1, 2, 5, 8, 9, 17, 33, 64, 65}) {
      SCOPED_TRACE(testing::Message() << rows << " rows of " << dtype_name(dtype));
      EXPECT_TRUE(same_bits(linear.run(device(), slice(x, (kRows - rows) * kCols, rows * kCols), true),
                            slice(expected, (kRows - rows) * width, rows * width)));
    }
  }
}

// More rows than the backend's workspace holds at once.
TEST_P(LinearTest, SameBitsWhereRowsNeedSeveralPasses) {
  if (std::string(device().info.instruction_set) != "avx512bf16") GTEST_SKIP() << "rows are multiplied in place";
  constexpr size_t kCols = 1 << 17, rows = 150;
  Linear linear(random, 2, kCols, ST_BF16);
  std::vector<float> row = random.activations(device(), kCols), x;
  for (size_t r = 0; r < rows; ++r) x.insert(x.end(), row.begin(), row.end());
  std::vector<float> expected = linear.run(device(), row, true), all = linear.run(device(), x, true);
  for (size_t r = 0; r < rows; ++r) ASSERT_TRUE(same_bits(slice(all, r * 2, 2), expected)) << "row " << r;
}

// Every instruction set sums the products of a block exactly: with one block they must agree to the bit.
TEST_P(LinearTest, BlocksOfInt8AreSummedExactly) {
  if (!device().holds(ST_INT8)) GTEST_SKIP() << "this backend has no 8-bit weights";
  if (device().info.activation_dtype != ST_F32) GTEST_SKIP() << "the result is rounded to the activations' type";
  Linear linear(random, 40, 32, ST_INT8);
  std::vector<float> x = random.activations(device(), 9 * 32, 100.0), out = linear.run(device(), x, false);
  std::vector<float> values = linear.int8_operand(x), weights = rounded_to_int8(linear.w, 32);
  for (size_t r = 0; r < 9; ++r) {
    for (size_t o = 0; o < 40; ++o) {
      float x_largest = 0.0f, w_largest = 0.0f;
      for (size_t k = 0; k < 32; ++k) {
        x_largest = std::max(x_largest, std::fabs(x[r * 32 + k]));
        w_largest = std::max(w_largest, std::fabs(linear.w[o * 32 + k]));
      }
      float x_scale = x_largest / 127.0f, w_scale = from_f16(to_f16(w_largest / 127.0f));
      double sum = 0.0;
      for (size_t k = 0; k < 32; ++k)
        sum += std::nearbyint(static_cast<double>(values[r * 32 + k] / x_scale)) *
               std::nearbyint(static_cast<double>(weights[o * 32 + k] / w_scale));
      float expected = static_cast<float>(sum) * (w_scale * x_scale);
      ASSERT_EQ(out[r * 40 + o], expected) << r << ", " << o;
    }
  }
}

TEST_P(LinearTest, Int8AcceptsAnyNumbers) {
  if (!device().holds(ST_INT8)) GTEST_SKIP() << "this backend has no 8-bit weights";
  Linear linear(random, 20, 70, ST_INT8);
  std::vector<float> x = random.activations(device(), 4 * 70);
  std::fill_n(x.begin() + 32, 32, 0.0f);    // a block of zeros
  std::fill_n(x.begin() + 70, 70, 1e-42f);  // whose inverse is not finite
  x[2 * 70 + 5] = NAN;
  x[3 * 70 + 69] = INFINITY;
  std::vector<float> out = linear.run(device(), x, false);
  std::vector<double> expected = linear.reference(device(), slice(x, 0, 70), false);
  EXPECT_TRUE(near(slice(out, 0, 20), expected, device().tolerance(5e-6)));
  EXPECT_TRUE(near(slice(out, 20, 20), std::vector<double>(20, 0.0), 1e-37));
  for (float value : slice(out, 40, 20)) EXPECT_TRUE(std::isnan(value));
  for (float value : slice(out, 60, 20)) EXPECT_FALSE(std::isfinite(value));
}

// Outputs of matrices that are packed below one another keep the bits that they have alone.
TEST_P(LinearTest, SameBitsWhereverAnOutputStands) {
  Linear all(random, 101, 50, ST_BF16);
  std::vector<float> x = random.activations(device(), 50);
  std::vector<float> expected = all.run(device(), x, true);
  for (int32_t first : {1, 16, 37, 100}) {
    Linear part = all;
    part.outputs = 101 - first;
    auto from = static_cast<size_t>(first);
    part.w = slice(all.w, from * 50, all.w.size() - from * 50);
    part.bias = slice(all.bias, from, 101 - from);
    EXPECT_TRUE(same_bits(part.run(device(), x, true), slice(expected, from, 101 - from))) << "from " << first;
  }
}

// The vendor's library where there is one; else, and for few rows or other types, the kernels that keep their bits.
class FastLinearTest : public LinearTest {
 protected:
  void SetUp() override {
    LinearTest::SetUp();
    if (IsSkipped()) return;
    Target target = GetParam();
    target.fast_products = 1;
    fast_ = std::make_unique<Device>(target, 2);
    type_ = device().info.activation_dtype == ST_F16 ? ST_F16 : ST_BF16;
    given_away_ = fast_->info.fast_products && device().info.activation_dtype == type_;
  }

  // The product of `rows` random rows, by both devices.
  std::pair<std::vector<float>, std::vector<float>> both(Linear& linear, size_t rows, bool with_bias, bool out_f32) {
    x_ = random.activations(device(), rows * static_cast<size_t>(linear.cols));
    linear.fast = false;
    std::vector<float> own = linear.run(device(), x_, with_bias, out_f32);
    linear.fast = true;
    return {own, linear.run(*fast_, x_, with_bias, out_f32)};
  }

  std::unique_ptr<Device> fast_;
  std::vector<float> x_;
  int32_t type_ = ST_BF16;
  bool given_away_ = false;
};

INSTANTIATE_TEST_SUITE_P(Native, FastLinearTest, testing::ValuesIn(targets()), target_name);

TEST_P(FastLinearTest, MatchesReference) {
  // Outputs and columns of no round number, several passes through the memory for plain rows, rows too long for it.
  for (auto [outputs, cols] : {std::pair<int32_t, int32_t>{1, 1}, {17, 15}, {150, 99}, {455, 160}, {37, 3100}}) {
    for (bool out_f32 : {false, true}) {
      bool with_bias = out_f32 == (cols % 2 == 0);
      SCOPED_TRACE(testing::Message() << outputs << " x " << cols << (with_bias ? ", bias" : ""));
      Linear linear(random, outputs, cols, type_);
      linear.fast = true;
      std::vector<float> x = random.activations(device(), 530 * static_cast<size_t>(cols));
      const std::vector<float> out = linear.run(*fast_, x, with_bias, out_f32);
      const std::vector<double> expected = linear.reference(device(), x, with_bias);
      ASSERT_TRUE(out_f32 ? within(out, expected, mma_error_bounds(x, linear.w, static_cast<size_t>(cols)))
                          : near(out, expected, device().tolerance(2e-5)));
    }
  }
}

TEST_P(FastLinearTest, GatedMatchesReference) {
  // One part, several, and rows too long for the memory. In a step of the tensor cores an accumulator of some size A
  // loses at most 6 A 2^-23, see mma_model.h; gates and values are below 4, and steps have 4 products at least.
  constexpr double kStep = 6 * 4 * 0x1p-23;
  for (auto [outputs, cols] : {std::pair<int32_t, int32_t>{2, 1}, {18, 15}, {150, 99}, {454, 160}, {36, 3100}}) {
    for (bool out_f32 : {false, true}) {
      bool with_bias = out_f32 == (cols % 2 == 0);
      SCOPED_TRACE(testing::Message() << outputs << " x " << cols << (with_bias ? ", bias" : ""));
      Linear linear(random, outputs, cols, type_);
      linear.fast = linear.gated = true;
      std::vector<float> x = random.activations(device(), 530 * static_cast<size_t>(cols));
      ASSERT_TRUE(near(linear.run(*fast_, x, with_bias, out_f32), linear.reference(device(), x, with_bias),
                       out_f32 ? 2e-5 + kStep * cols / 4 : device().tolerance(2e-5)));
    }
  }
}

TEST_P(FastLinearTest, FewRowsAndOtherTypesKeepTheirBits) {
  for (auto [dtype, rows] : {std::pair<int32_t, size_t>{type_, 1}, {type_, 511}, {ST_F32, 520}}) {
    Linear linear(random, 37, 24, dtype);
    auto [own, fast] = both(linear, rows, true, true);
    EXPECT_TRUE(same_bits(own, fast)) << rows << " rows of " << dtype_name(dtype);
  }
}

TEST_P(FastLinearTest, PermissionIsOfTheProduct) {
  Linear linear(random, 37, 48, type_);
  auto [own, fast] = both(linear, 512, false, true);
  linear.fast = false;
  EXPECT_TRUE(same_bits(own, linear.run(*fast_, x_, false, true))) << "without the permission";
  // The stand-in's sums begin elsewhere: this shows that the stand-in ran.
  if (!given_away_ || fast_->emulated()) {
    EXPECT_EQ(static_cast<bool>(same_bits(own, fast)), !given_away_);
  }
}

TEST_P(FastLinearTest, CanBeRecorded) {
  if (!fast_->info.graphs) GTEST_SKIP() << "this backend has no graphs";
  const st_api& api = fast_->api;
  Linear linear(random, 37, 48, type_);
  Matrix matrix(*fast_, 37, 48, type_, linear.w);
  Buffer<float> bias(*fast_, linear.bias);
  Activations x(*fast_, random.activations(device(), 512 * 48)), out(*fast_, 512 * 37);
  st_linear op = {sizeof op, 512, x.get(), matrix.get(), bias.get(), out.get(), 0, 0, 1, 0, 0, 0};
  fast_->check(api.linear(fast_->stream, &op));
  std::vector<uint8_t> expected = out.read_bytes(), poison(expected.size(), 0xFF);
  fast_->check(api.graph_begin(fast_->stream));
  fast_->check(api.linear(fast_->stream, &op));
  st_graph* graph = nullptr;
  fast_->check(api.graph_end(fast_->stream, &graph));
  for (int round = 0; round < 2; ++round) {
    fast_->check(api.copy(fast_->stream, out.get(), poison.data(), poison.size()));
    fast_->check(api.graph_launch(fast_->stream, graph));
    EXPECT_TRUE(same_bits(out.read_bytes(), expected));
  }
  api.graph_destroy(graph);
}

TEST_P(FastLinearTest, TheDeviceReportsItsLibrary) {
  EXPECT_EQ(device().info.fast_products, 0);
  EXPECT_STRNE(fast_->info.products, "");
  if (GetParam().backend != "cuda") {
    EXPECT_EQ(fast_->info.fast_products == 1, fast_->emulated());
  }
}

TEST_P(LinearTest, RefusesMistakes) {
  Linear linear(random, 5, 4, ST_F32);
  Matrix matrix(device(), 5, 4, ST_F32, linear.w);
  Activations x(device(), std::vector<float>(4, 1.0f)), out(device(), 5);
  const st_linear good = {sizeof good, 1, x.get(), matrix.get(), nullptr, out.get(), 0, 0, 0, 0, 0, 0};
  auto refused = [&](auto change) {
    st_linear op = good;
    change(op);
    return device().api.linear(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.linear(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_linear& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.w.rows = 0; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.w.cols = -3; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.w.dtype = 9; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.w.data = nullptr; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.x = nullptr; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.out = nullptr; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.fast = 2; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.gated = 1; }));  // five rows
  EXPECT_TRUE(refused([](st_linear& op) { op.gated = -1; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.total_cols = -1; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.total_cols = 3; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.first_col = 16; }));  // of no matrix
  EXPECT_TRUE(refused([](st_linear& op) { op.total_cols = 20, op.first_col = 8; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.total_cols = 19, op.first_col = 16; }));
  EXPECT_TRUE(refused([](st_linear& op) { op.total_cols = 100, op.first_col = -16; }));
}

}  // namespace
