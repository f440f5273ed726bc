// Products of matrices whose columns several devices share.
#include <cmath>

#include "support.h"

namespace {

using namespace st::test;

constexpr int32_t kOutputs = 37;

struct Shared {
  int32_t cols, dtype, tile;
  std::vector<float> w;

  Shared(Random& random, int32_t tiles, bool cut, int32_t type)
      : cols(0),
        dtype(type),
        tile(type == ST_INT8  ? 32
             : type == ST_FP8 ? 128
                              : 16) {
    cols = tiles * tile - (cut ? 5 : 0);
    w = random.normals(static_cast<size_t>(kOutputs) * static_cast<size_t>(cols), 0.1);
    if (!has_blocks(type)) w = rounded(w, type);
  }

  // The first column of a part, as backend.h says.
  int32_t begin_of_part(int32_t s) const {
    int32_t tiles = (cols + tile - 1) / tile;
    return std::min(s * tiles / 8 * tile, cols);
  }

  // With the columns first .. end - 1: sums in f32.
  std::vector<float> run(Device& device, const std::vector<float>& x, int32_t first, int32_t end) const {
    size_t rows = x.size() / static_cast<size_t>(cols);
    if (first == end) return std::vector<float>(rows * kOutputs, 0.0f);
    std::vector<float> columns_of_x;
    for (size_t r = 0; r < rows; ++r)
      columns_of_x.insert(columns_of_x.end(), &x[r * static_cast<size_t>(cols)] + first,
                          &x[r * static_cast<size_t>(cols)] + end);
    Memory memory(device, device.api.matrix_bytes(kOutputs, end - first, dtype), kNaNPoison);
    Source source(w, static_cast<size_t>(cols), dtype);
    st_matrix matrix = {memory.get(), kOutputs, end - first, dtype, 0};
    st_pack pack = {sizeof pack,         0, 1, kOutputs, source.dtype, cols, first, 0, matrix, source.bytes.data(),
                    source.scales.data()};
    device.check(device.api.pack(device.stream, &pack));
    Activations input(device, columns_of_x);
    Buffer<float> out(device, rows * kOutputs);
    auto count = static_cast<int32_t>(rows);
    st_linear op = {sizeof op, count, input.get(), matrix, nullptr, out.get(), 1, 0, 0, 0, cols, first};
    device.check(device.api.linear(device.stream, &op));
    return out.read();
  }

  // By devices that have the parts border[k] .. border[k + 1] - 1.
  std::vector<float> run_shards(Device& device, const std::vector<float>& x, const std::vector<int32_t>& border) const {
    std::vector<std::vector<float>> sums;
    for (size_t k = 0; k + 1 < border.size(); ++k)
      sums.push_back(run(device, x, begin_of_part(border[k]), begin_of_part(border[k + 1])));
    return tree(sums, 0, sums.size());
  }
};

ST_TEST_EVERY_BACKEND(LinearShardsTest);

TEST_P(LinearShardsTest, SubtreesAddUpToTheWholeBitByBit) {
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8, ST_FP8}) {
    if (!device().holds(dtype)) continue;
    for (int32_t tiles : {1, 3, 5, 8, 11, 16, 29}) {
      for (size_t rows : {1, 3, 9, 17, 40, 70, 130}) {
        SCOPED_TRACE(testing::Message() << dtype_name(dtype) << ", " << tiles << " tiles, " << rows << " rows");
        Shared shared(random, tiles, tiles % 2 == 1, dtype);
        std::vector<float> x = random.activations(device(), rows * static_cast<size_t>(shared.cols));
        std::vector<float> whole = shared.run(device(), x, 0, shared.cols);
        ASSERT_TRUE(same_bits(shared.run_shards(device(), x, {0, 4, 8}), whole));
        ASSERT_TRUE(same_bits(shared.run_shards(device(), x, {0, 2, 4, 6, 8}), whole));
        ASSERT_TRUE(same_bits(shared.run_shards(device(), x, {0, 1, 2, 3, 4, 5, 6, 7, 8}), whole));
      }
    }
  }
}

// So many columns that several blocks share them.
TEST_P(LinearShardsTest, SubtreesOfLongSumsAddUpToTheWhole) {
  for (int32_t dtype : {device().info.activation_dtype == ST_F16 ? ST_F16 : ST_BF16, ST_INT8, ST_FP8}) {
    if (!device().holds(dtype)) continue;
    Shared shared(random, 131, true, dtype);
    for (size_t rows : {1, 9, 33, 70}) {
      std::vector<float> x = random.activations(device(), rows * static_cast<size_t>(shared.cols));
      std::vector<float> whole = shared.run(device(), x, 0, shared.cols);
      for (const auto& border : {std::vector<int32_t>{0, 4, 8}, {0, 2, 4, 6, 8}, {0, 1, 2, 3, 4, 5, 6, 7, 8}})
        ASSERT_TRUE(same_bits(shared.run_shards(device(), x, border), whole))
            << rows << " rows of " << dtype_name(dtype);
    }
  }
}

// Other numbers of devices have no subtrees: the same sum, with other roundings.
TEST_P(LinearShardsTest, AnyRangesOfPartsAddUpToTheWhole) {
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8, ST_FP8}) {
    if (!device().holds(dtype)) continue;
    for (size_t rows : {2, 20, 70}) {
      Shared shared(random, 13, true, dtype);
      std::vector<float> x = random.activations(device(), rows * static_cast<size_t>(shared.cols));
      std::vector<float> whole = shared.run(device(), x, 0, shared.cols);
      std::vector<double> expected(whole.begin(), whole.end());
      for (const auto& border : {std::vector<int32_t>{0, 2, 5, 8}, {0, 1, 3, 4, 6, 8}, {0, 7, 8}})
        ASSERT_TRUE(near(shared.run_shards(device(), x, border), expected, 2e-6)) << dtype_name(dtype);
    }
  }
}

// A shard keeps the promise of every product: its bits do not depend on the other rows.
TEST_P(LinearShardsTest, SameBitsForAnyRows) {
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8, ST_FP8}) {
    if (!device().holds(dtype)) continue;
    Shared shared(random, 19, true, dtype);
    auto cols = static_cast<size_t>(shared.cols);
    std::vector<float> x = random.activations(device(), 70 * cols);
    for (auto [first, end] : {std::pair{2, 4}, {4, 8}, {5, 6}, {3, 7}}) {
      auto run = [&](const std::vector<float>& rows) {
        return shared.run(device(), rows, shared.begin_of_part(first), shared.begin_of_part(end));
      };
      std::vector<float> expected = run(x);
      for (size_t rows : {1, 7, 16, 33, 64, 65})
        ASSERT_TRUE(same_bits(run(slice(x, (70 - rows) * cols, rows * cols)),
                              slice(expected, (70 - rows) * kOutputs, rows * kOutputs)))
            << rows << " rows of " << dtype_name(dtype) << ", parts " << first << " .. " << end - 1;
    }
  }
}

// Against float64: that a part that W lacks is 0, and that all others are there.
TEST_P(LinearShardsTest, MatchesReference) {
  for (int32_t dtype : kWeightTypes) {
    Shared shared(random, 11, true, dtype);
    auto cols = static_cast<size_t>(shared.cols);
    for (size_t rows : {3, 70}) {
      std::vector<float> x = rounded(random.activations(device(), rows * cols), ST_BF16);
      for (auto [first, end] : {std::pair{0, 8}, {0, 4}, {2, 3}, {6, 8}}) {
        std::vector<double> expected;
        for (size_t r = 0; r < rows; ++r) {
          for (size_t o = 0; o < kOutputs; ++o) {
            double sum = 0.0;
            for (auto k = static_cast<size_t>(shared.begin_of_part(first));
                 k < static_cast<size_t>(shared.begin_of_part(end)); ++k)
              sum += static_cast<double>(x[r * cols + k]) * static_cast<double>(shared.w[o * cols + k]);
            expected.push_back(sum);
          }
        }
        EXPECT_TRUE(
            near(shared.run(device(), x, shared.begin_of_part(first), shared.begin_of_part(end)), expected, 5e-6))
            << rows << " rows of " << dtype_name(dtype) << ", parts " << first << " .. " << end - 1;
      }
    }
  }
}

}  // namespace
