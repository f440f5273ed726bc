// The models of mma.sync's arithmetic against exact sums: the bound that tests of products use holds for each of them.
#include "mma_model.h"

#include "support.h"

namespace {

using namespace st::test;

// Numbers of very different size, of which some cancel.
std::vector<float> mixed(Random& random, size_t count) {
  std::vector<float> all;
  for (size_t i = 0; i < count; ++i)
    all.push_back(static_cast<float>(std::ldexp(random.normal(), random.integer(-12, 0))));
  return rounded(all, ST_BF16);
}

TEST(MmaModelTest, BoundHoldsForEveryModel) {
  Random random;
  for (size_t products : {4, 8, 16}) {
    for (int extra_bits : {0, 2}) {
      for (bool nearest : {false, true}) {
        const MmaModel model = {products, extra_bits, nearest};
        for (size_t cols : {1, 15, 16, 160, 1000}) {
          std::vector<float> x = mixed(random, cols), w = mixed(random, cols);
          double exact = 0.0;
          for (size_t k = 0; k < cols; ++k) exact += static_cast<double>(x[k]) * static_cast<double>(w[k]);
          const double error = std::fabs(static_cast<double>(model(w.data(), x.data(), cols, 0.0f)) - exact);
          EXPECT_LE(error, mma_error_bounds(x, w, cols)[0]) << products << " products, " << cols << " columns";
        }
      }
    }
  }
}

// Otherwise the bound would say nothing: far above the error of a single rounding, far below a wrong operand.
TEST(MmaModelTest, BoundIsFarBelowTheResult) {
  Random random;
  std::vector<float> x = rounded(random.normals(3000), ST_BF16), w = rounded(random.normals(3000), ST_BF16);
  double magnitude = 0.0;
  for (size_t k = 0; k < x.size(); ++k) magnitude += std::fabs(static_cast<double>(x[k]) * static_cast<double>(w[k]));
  EXPECT_LT(mma_error_bounds(x, w, x.size())[0], 1e-3 * magnitude);
}

// Sums that only cutting explains: each term loses what is below the last bit of the largest.
TEST(MmaModelTest, TermsAreCutTowardZero) {
  const float ones[16] = {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f};
  float terms[16] = {1.0f, 0x1.8p-24f, 0x1.8p-24f, 0x1.8p-24f};
  EXPECT_EQ((MmaModel{16, 0, false}(terms, ones, 16, 0.0f)), 1.0f);
  EXPECT_EQ((MmaModel{16, 1, false}(terms, ones, 16, 0.0f)), 1.0f + 0x1p-23f);
  EXPECT_EQ((MmaModel{16, 4, true}(terms, ones, 16, 0.0f)), 1.0f + 0x1p-22f);
}

}  // namespace
