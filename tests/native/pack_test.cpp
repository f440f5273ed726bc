// pack, convert_to_f32, copy and the functions that return sizes.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "support.h"

namespace {

using namespace st::test;

// W itself, read back through a product with every unit vector.
std::vector<float> unpacked(Device& device, const st_matrix& w) {
  auto rows = static_cast<size_t>(w.rows), cols = static_cast<size_t>(w.cols);
  std::vector<float> unit(cols * cols, 0.0f);
  for (size_t k = 0; k < cols; ++k) unit[k * cols + k] = 1.0f;
  Activations x(device, unit);
  Buffer<float> out(device, cols * rows);
  st_linear op = {sizeof op, w.cols, x.get(), w, nullptr, out.get(), 1, 0, 0, 0, 0, 0};
  device.check(device.api.linear(device.stream, &op));
  std::vector<float> columns = out.read(), result(rows * cols);
  for (size_t k = 0; k < cols; ++k)
    for (size_t r = 0; r < rows; ++r) result[r * cols + k] = columns[k * rows + r];
  return result;
}

ST_TEST_EVERY_BACKEND(PackTest);

TEST_P(PackTest, PutsPartsBelowOneAnother) {
  for (int32_t dtype : kWeightTypes) {
    for (int threads : thread_counts()) {
      auto other = open(threads);
      std::vector<float> values = rounded(random.normals(75 * 13), dtype);
      Memory data(*other, other->api.matrix_bytes(75, 13, dtype), kNaNPoison);
      st_matrix w = {data.get(), 75, 13, dtype, 0};
      // Boundaries inside tiles, and an order that is not the order of the rows.
      const int32_t parts[][2] = {{40, 35}, {0, 7}, {7, 1}, {8, 32}};
      for (auto [first, count] : parts) {
        auto source = encoded(slice(values, static_cast<size_t>(first) * 13, static_cast<size_t>(count) * 13), dtype);
        other->check(other->pack(w, first, 1, count, source.data(), dtype));
        other->synchronize();
      }
      EXPECT_TRUE(same_bits(unpacked(*other, w), values)) << dtype_name(dtype) << ", " << threads << " threads";
    }
  }
}

// Matrices row by row between one another: the bytes of the matrix that they make.
TEST_P(PackTest, PutsPartsBetweenOneAnother) {
  constexpr size_t kCols = 40;
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8}) {
    if (!device().holds(dtype)) continue;
    for (int32_t rows : {6, 75, 131, 1300}) {
      int32_t source_dtype = dtype == ST_INT8 ? ST_F32 : dtype;
      std::vector<float> values = rounded(random.normals(static_cast<size_t>(rows) * kCols), source_dtype);
      Memory data(device(), device().api.matrix_bytes(rows, kCols, dtype), kNaNPoison);
      st_matrix w = {data.get(), rows, kCols, dtype, 0};
      for (int32_t part = 2; part >= 0; --part) {
        std::vector<float> some;
        for (auto row = static_cast<size_t>(part); row < static_cast<size_t>(rows); row += 3)
          some.insert(some.end(), &values[row * kCols], &values[row * kCols] + kCols);
        auto source = encoded(some, source_dtype);
        auto count = static_cast<int32_t>(some.size() / kCols);
        device().check(device().pack(w, part, 3, count, source.data(), source_dtype));
        device().synchronize();
      }
      Matrix whole(device(), rows, kCols, dtype, values);
      EXPECT_TRUE(same_bits(data.read_bytes(), whole.read_bytes())) << dtype_name(dtype) << ", " << rows << " rows";
    }
  }
}

// From every type, in any parts, the same bytes; what is packed reads as the nearest numbers (see the embed test).
TEST_P(PackTest, RoundsToInt8) {
  if (!device().holds(ST_INT8)) GTEST_SKIP() << "this backend has no 8-bit weights";
  std::vector<float> values = rounded(rounded(random.normals(75 * 100, 0.1), ST_F16), ST_BF16);
  values[3] = 0.0f;
  std::fill_n(values.begin() + 200, 64, 0.0f);
  Memory whole(device(), device().api.matrix_bytes(75, 100, ST_INT8), kIntegerPoison);
  st_matrix w = {whole.get(), 75, 100, ST_INT8, 0};
  auto f32 = encoded(values, ST_F32);
  device().check(device().pack(w, 0, 1, 75, f32.data(), ST_F32));
  std::vector<uint8_t> expected = whole.read_bytes();
  for (int32_t dtype : kWeightTypes) {
    if (dtype == ST_F16 && rounded(values, ST_F16) != values) continue;  // bf16 has numbers that f16 does not have
    Memory parts(device(), device().api.matrix_bytes(75, 100, ST_INT8), kIntegerPoison);
    w.data = parts.get();
    for (auto [first, count] : {std::pair{40, 35}, {0, 7}, {7, 1}, {8, 32}}) {
      auto source = encoded(slice(values, static_cast<size_t>(first) * 100, static_cast<size_t>(count) * 100), dtype);
      device().check(device().pack(w, first, 1, count, source.data(), dtype));
      device().synchronize();  // before the source goes
    }
    EXPECT_TRUE(same_bits(parts.read_bytes(), expected)) << dtype_name(dtype);
  }
  EXPECT_EQ(device().pack(w, 0, 1, 75, f32.data(), ST_FP8), ST_INVALID_ARGUMENT);
}

// Rows of blocks of int8 as a checkpoint stores them, and the values that they stand for.
struct StoredBlocks {
  std::vector<uint8_t> stored;
  std::vector<float> values;

  StoredBlocks(Random& random, size_t rows, size_t cols) : values(rows * cols) {
    for (size_t row = 0; row < rows; ++row) {
      for (size_t block = 0; block < (cols + 31) / 32; ++block) {
        float scale = std::ldexp(1.0f, random.integer(-8, 0));
        uint16_t half = to_f16(scale);
        stored.insert(stored.end(), {static_cast<uint8_t>(half), static_cast<uint8_t>(half >> 8)});
        for (size_t k = 32 * block; k < 32 * (block + 1); ++k) {
          // The first of a block is the largest, so that rounding the value finds this scale again.
          int32_t integer = k >= cols ? 0 : k % 32 == 0 ? 127 : random.integer(-127, 127);
          stored.push_back(static_cast<uint8_t>(integer));
          if (k < cols) values[row * cols + k] = scale * static_cast<float>(integer);
        }
      }
    }
  }
};

// Blocks that were rounded before: packed as they are.
TEST_P(PackTest, KeepsStoredBlocksOfInt8) {
  if (!device().holds(ST_INT8)) GTEST_SKIP() << "this backend has no 8-bit weights";
  constexpr size_t kRows = 35, kCols = 70;
  StoredBlocks blocks(random, kRows, kCols);
  auto packed = [&](const std::vector<uint8_t>& source, int32_t dtype) {
    Memory memory(device(), device().api.matrix_bytes(kRows, kCols, ST_INT8), kIntegerPoison);
    st_matrix w = {memory.get(), kRows, kCols, ST_INT8, 0};
    device().check(device().pack(w, 0, 1, kRows, source.data(), dtype));
    return memory.read_bytes();
  };
  EXPECT_TRUE(same_bits(packed(blocks.stored, ST_INT8), packed(encoded(blocks.values, ST_F32), ST_F32)));
}

constexpr int32_t kWindowRows = 75, kWindowCols = 100;  // of the sources that windows are cut from

// The bytes of a matrix with some columns of a source; the matrix's rows come in two calls.
std::vector<uint8_t> packed_window(Device& device, int32_t dtype, int32_t source_dtype,
                                   const std::vector<uint8_t>& source, int32_t first_col, int32_t cols) {
  Memory memory(device, device.api.matrix_bytes(kWindowRows, cols, dtype), kNaNPoison);
  size_t row_bytes = source.size() / kWindowRows;
  for (auto [first, count] : {std::pair{40, kWindowRows - 40}, {0, 40}}) {
    // A copy that ends with the last row, so that a read beyond it is noticed.
    std::vector<uint8_t> rows(source.begin() + static_cast<std::ptrdiff_t>(row_bytes) * first,
                              source.begin() + static_cast<std::ptrdiff_t>(row_bytes) * (first + count));
    st_matrix w = {memory.get(), kWindowRows, cols, dtype, 0};
    st_pack op = {sizeof op, first, 1, count, source_dtype, kWindowCols, first_col, 0, w, rows.data(), nullptr};
    device.check(device.api.pack(device.stream, &op));
    device.synchronize();
  }
  return memory.read_bytes();
}

std::vector<float> columns(const std::vector<float>& values, int32_t first_col, int32_t cols) {
  std::vector<float> result;
  for (int32_t row = 0; row < kWindowRows; ++row)
    for (int32_t k = 0; k < cols; ++k) result.push_back(values[static_cast<size_t>(row * kWindowCols + first_col + k)]);
  return result;
}

TEST_P(PackTest, CutsWindowsOutOfASource) {
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8}) {
    if (!device().holds(dtype)) continue;
    int32_t source_dtype = dtype == ST_INT8 ? ST_F32 : dtype;
    std::vector<float> values = rounded(random.normals(size_t{kWindowRows} * kWindowCols), source_dtype);
    std::vector<uint8_t> source = encoded(values, source_dtype);
    for (auto [first, cols] :
         {std::pair{0, 100}, {0, 32}, {32, 32}, {32, 68}, {64, 36}, {96, 4}, {1, 50}, {17, 83}, {99, 1}}) {
      if (dtype == ST_INT8 && first % 32 != 0) continue;
      Matrix expected(device(), kWindowRows, cols, dtype, columns(values, first, cols));
      EXPECT_TRUE(same_bits(packed_window(device(), dtype, source_dtype, source, first, cols), expected.read_bytes()))
          << dtype_name(dtype) << ", " << cols << " columns from " << first << " on";
    }
  }
}

TEST_P(PackTest, CutsWindowsOutOfStoredBlocks) {
  if (!device().holds(ST_INT8)) GTEST_SKIP() << "this backend has no 8-bit weights";
  StoredBlocks blocks(random, kWindowRows, kWindowCols);
  for (auto [first, cols] : {std::pair{0, 100}, {0, 32}, {32, 64}, {32, 68}, {96, 4}}) {
    Matrix expected(device(), kWindowRows, cols, ST_INT8, columns(blocks.values, first, cols));
    EXPECT_TRUE(same_bits(packed_window(device(), ST_INT8, ST_INT8, blocks.stored, first, cols), expected.read_bytes()))
        << cols << " columns from " << first << " on";
  }
}

// Every code, in blocks of a scale of their own, below one another and interleaved.
TEST_P(PackTest, KeepsEveryCodeOfFp8) {
  if (!device().holds(ST_FP8)) GTEST_SKIP() << "this backend has no 8-bit floats";
  constexpr int32_t kRows = 70, kCols = 300;
  for (int32_t step : {1, 2}) {
    Memory memory(device(), device().api.matrix_bytes(kRows, kCols, ST_FP8), kNaNPoison);
    st_matrix w = {memory.get(), kRows, kCols, ST_FP8, 0};
    std::vector<float> expected(size_t{kRows} * kCols);
    for (int32_t part = 0; part < 2; ++part) {
      std::vector<uint8_t> codes;
      std::vector<float> scales;
      for (int32_t i = 0; i < kRows / 2; ++i) {
        int32_t row = step == 1 ? part * kRows / 2 + i : 2 * i + part;
        for (int32_t k = 0; k < kCols; ++k) {
          if (k % 128 == 0) scales.push_back(std::ldexp(1.0f, random.integer(-12, 2)));
          auto code = static_cast<uint8_t>(row + k);
          codes.push_back(code % 128 == 127 ? 0 : code);
          expected[static_cast<size_t>(row * kCols + k)] =
              static_cast<float>(from_e4m3(codes.back())) * scales.back() + 0.0f;  // no -0
        }
      }
      device().check(
          device().pack(w, step == 1 ? part * kRows / 2 : part, step, kRows / 2, codes.data(), ST_FP8, scales.data()));
      device().synchronize();
    }
    EXPECT_TRUE(same_bits(unpacked(device(), w), expected)) << "step " << step;
  }
}

TEST_P(PackTest, CutsWindowsOutOfFp8) {
  if (!device().holds(ST_FP8)) GTEST_SKIP() << "this backend has no 8-bit floats";
  constexpr int32_t kRows = 20, kCols = 300;
  Source source(random.normals(size_t{kRows} * kCols), kCols, ST_FP8);
  Memory all(device(), device().api.matrix_bytes(kRows, kCols, ST_FP8), kNaNPoison);
  st_matrix whole = {all.get(), kRows, kCols, ST_FP8, 0};
  device().check(device().pack(whole, 0, 1, kRows, source.bytes.data(), ST_FP8, source.scales.data()));
  device().synchronize();
  std::vector<float> values = unpacked(device(), whole);
  auto window = [&](int32_t first, int32_t cols) {
    Memory memory(device(), device().api.matrix_bytes(kRows, cols, ST_FP8), kNaNPoison);
    st_matrix w = {memory.get(), kRows, cols, ST_FP8, 0};
    st_pack op = {sizeof op, 0, 1, kRows, ST_FP8, kCols, first, 0, w, source.bytes.data(), source.scales.data()};
    st_status status = device().api.pack(device().stream, &op);
    device().synchronize();
    return std::pair(status, status == ST_OK ? unpacked(device(), w) : std::vector<float>());
  };
  for (auto [first, cols] : {std::pair{0, 128}, {0, 256}, {128, 128}, {128, 172}, {256, 44}}) {
    std::vector<float> expected;
    for (int32_t row = 0; row < kRows; ++row)
      for (int32_t k = 0; k < cols; ++k) expected.push_back(values[static_cast<size_t>(row * kCols + first + k)]);
    EXPECT_TRUE(same_bits(window(first, cols).second, expected)) << cols << " columns from " << first << " on";
  }
  EXPECT_EQ(window(64, 128).first, ST_INVALID_ARGUMENT) << "a block is cut at its first column";
  EXPECT_EQ(window(128, 64).first, ST_INVALID_ARGUMENT) << "a block is cut at its last column";
  source.scales = std::vector<float>();
  EXPECT_EQ(window(0, 300).first, ST_INVALID_ARGUMENT) << "no scales";
}

TEST_P(PackTest, RefusesWindowsThatAreNotThere) {
  std::vector<uint8_t> source(20 * 100 * 4);
  Memory data(device(), device().api.matrix_bytes(20, 100, ST_F32), kNaNPoison);
  auto status = [&](int32_t dtype, int32_t source_cols, int32_t first_col, int32_t cols) {
    st_pack op = {sizeof op,     0,      1, 20, dtype, source_cols, first_col, 0, {data.get(), 20, cols, dtype, 0},
                  source.data(), nullptr};
    st_status result = device().api.pack(device().stream, &op);
    device().synchronize();
    return result;
  };
  EXPECT_EQ(status(ST_F32, 100, 37, 63), ST_OK);
  EXPECT_EQ(status(ST_F32, 100, -1, 10), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(ST_F32, 100, 38, 63), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(ST_F32, 100, INT32_MAX, 63), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(ST_F32, 0, 0, 1), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(ST_F32, -5, 0, 1), ST_INVALID_ARGUMENT);
  if (!device().holds(ST_INT8)) return;
  EXPECT_EQ(status(ST_INT8, 100, 32, 68), ST_OK);
  EXPECT_EQ(status(ST_INT8, 100, 16, 32), ST_INVALID_ARGUMENT) << "a block is cut at its first column";
  EXPECT_EQ(status(ST_INT8, 100, 32, 48), ST_INVALID_ARGUMENT) << "a block is cut at its last column";
}

TEST_P(PackTest, RefusesMistakes) {
  Memory data(device(), device().api.matrix_bytes(20, 4, ST_BF16), kNaNPoison);
  std::vector<uint16_t> source(80);
  const st_matrix good = {data.get(), 20, 4, ST_BF16, 0};
  auto status = [&](const st_matrix& w, int32_t first, int32_t count, const void* from, int32_t dtype,
                    int32_t step = 1) {
    st_status result = device().pack(w, first, step, count, from, dtype);
    EXPECT_TRUE(result == ST_OK || *device().api.last_error() != 0);
    return result;
  };
  EXPECT_EQ(status(good, 0, 20, source.data(), ST_BF16), ST_OK);
  device().synchronize();  // before the source goes
  EXPECT_EQ(status(good, 0, 20, nullptr, ST_BF16), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 0, 20, source.data(), ST_F16), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, -1, 2, source.data(), ST_BF16), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 0, 0, source.data(), ST_BF16), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 0, 21, source.data(), ST_BF16), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 20, 1, source.data(), ST_BF16), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, INT32_MAX, INT32_MAX, source.data(), ST_BF16), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 1, 10, source.data(), ST_BF16, 2), ST_OK);
  device().synchronize();
  EXPECT_EQ(status(good, 2, 10, source.data(), ST_BF16, 2), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 0, 3, source.data(), ST_BF16, INT32_MAX), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 0, 1, source.data(), ST_BF16, 0), ST_INVALID_ARGUMENT);
  EXPECT_EQ(status(good, 9, 2, source.data(), ST_BF16, -1), ST_INVALID_ARGUMENT);
  st_matrix bad = good;
  bad.rows = 0;
  EXPECT_EQ(status(bad, 0, 1, source.data(), ST_BF16), ST_INVALID_ARGUMENT);
  bad = good;
  bad.dtype = 7;
  EXPECT_EQ(status(bad, 0, 1, source.data(), 7), ST_INVALID_ARGUMENT);
  st_pack op = {sizeof op, 0, 1, 20, ST_BF16, 4, 0, 0, good, source.data(), nullptr};
  EXPECT_EQ(device().api.pack(nullptr, &op), ST_INVALID_ARGUMENT);
}

TEST_P(PackTest, ConvertsEveryHalf) {
  std::vector<uint16_t> halves(0x10000);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  for (int32_t dtype : {ST_F16, ST_BF16}) {
    Buffer<float> out(device(), halves.size());
    device().check(device().api.convert_to_f32(device().stream, out.get(), halves.data(), dtype, 0x10000));
    std::vector<float> values = out.read();
    for (size_t i = 0; i < halves.size(); ++i) {
      float expected = dtype == ST_F16 ? from_f16(halves[i]) : from_bf16(halves[i]);
      if (std::isnan(expected))
        ASSERT_TRUE(std::isnan(values[i])) << dtype_name(dtype) << " " << i;
      else
        ASSERT_TRUE(compare_bits(&values[i], &expected, 1, 4)) << dtype_name(dtype) << " " << i;
    }
  }
  std::vector<float> source = random.normals(1001);
  Buffer<float> out(device(), source.size());
  device().check(device().api.convert_to_f32(device().stream, out.get(), source.data(), ST_F32, 1001));
  EXPECT_TRUE(same_bits(out.read(), source));
  EXPECT_EQ(device().api.convert_to_f32(device().stream, out.get(), source.data(), 5, 1), ST_INVALID_ARGUMENT);
  EXPECT_EQ(device().api.convert_to_f32(device().stream, out.get(), source.data(), ST_F32, -1), ST_INVALID_ARGUMENT);
  EXPECT_EQ(device().api.convert_to_f32(device().stream, nullptr, source.data(), ST_F32, 1), ST_INVALID_ARGUMENT);
}

TEST_P(PackTest, CopiesInEveryDirection) {
  std::vector<float> values = random.normals(777);
  Buffer<float> a(device(), values), b(device(), values.size());
  device().check(device().api.copy(device().stream, b.get(), a.get(), values.size() * sizeof(float)));
  EXPECT_TRUE(same_bits(b.read(), values));
  device().check(device().api.copy(device().stream, b.get(), a.get() + 1, 0));
  EXPECT_TRUE(same_bits(b.read(), values));
  EXPECT_EQ(device().api.copy(device().stream, nullptr, a.get(), 4), ST_INVALID_ARGUMENT);
  EXPECT_EQ(device().api.copy(nullptr, b.get(), a.get(), 4), ST_INVALID_ARGUMENT);
}

TEST_P(PackTest, SizesHoldTheirContentAndRefuseNonsense) {
  const st_api& api = device().api;
  for (int32_t rows : {1, 16, 17, 455}) {
    for (int32_t cols : {1, 7, 200}) {
      auto elements = static_cast<uint64_t>(rows) * static_cast<uint64_t>(cols);
      EXPECT_GE(api.matrix_bytes(rows, cols, ST_F32), elements * 4);
      EXPECT_GE(api.matrix_bytes(rows, cols, ST_BF16), elements * 2);
      EXPECT_TRUE(!device().holds(ST_INT8) || api.matrix_bytes(rows, cols, ST_INT8) >= elements);
    }
  }
  EXPECT_EQ(api.matrix_bytes(0, 4, ST_F32), 0u);
  EXPECT_EQ(api.matrix_bytes(4, -1, ST_F32), 0u);
  EXPECT_EQ(api.matrix_bytes(4, 4, 5), 0u);
  EXPECT_EQ(api.matrix_bytes(4, 4, -1), 0u);

  EXPECT_GE(api.kv_bytes(3, 2, 64, ST_F32), 3u * 2 * 64 * ST_BLOCK_POSITIONS * 4);
  EXPECT_GE(api.kv_bytes(3, 2, 64, ST_BF16), 3u * 2 * 64 * ST_BLOCK_POSITIONS * 2);
  EXPECT_EQ(api.kv_bytes(0, 2, 64, ST_F32), 0u);
  EXPECT_EQ(api.kv_bytes(3, 0, 64, ST_F32), 0u);
  EXPECT_EQ(api.kv_bytes(3, 2, 0, ST_F32), 0u);
  EXPECT_EQ(api.kv_bytes(3, 2, 64, ST_F16), 0u);

  for (int32_t rows = 1; rows < 70; ++rows)
    EXPECT_GE(api.sample_workspace_bytes(rows + 1, 151936), api.sample_workspace_bytes(rows, 151936));
  EXPECT_EQ(api.sample_workspace_bytes(0, 7), 0u);
  EXPECT_EQ(api.sample_workspace_bytes(1, 0), 0u);
}

// A size that 64 bits do not hold must not come back as a small one.
TEST_P(PackTest, SizesDoNotWrapAround) {
  const st_api& api = device().api;
  uint64_t large = api.matrix_bytes(INT32_MAX, INT32_MAX, ST_F32);
  EXPECT_TRUE(large == 0 || large >= uint64_t{INT32_MAX} * INT32_MAX * 4);
  EXPECT_EQ(api.kv_bytes(INT32_MAX, INT32_MAX, ST_MAX_HEAD_DIM, ST_F32), 0u);
  EXPECT_EQ(api.kv_bytes(1 << 30, 1 << 30, 16, ST_BF16), 0u);
  uint64_t row = api.sample_workspace_bytes(1, INT32_MAX);
  EXPECT_GE(row, uint64_t{INT32_MAX} / 64);
  large = api.sample_workspace_bytes(INT32_MAX, INT32_MAX);
  EXPECT_TRUE(large == 0 || large / INT32_MAX >= row);
}

}  // namespace
