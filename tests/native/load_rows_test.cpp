#include "support.h"

namespace {

using namespace st::test;

ST_TEST_EVERY_BACKEND(LoadRowsTest);

// What out must be: the source's numbers in the type of the activations, and no -0.
std::vector<float> expected_of(const std::vector<float>& source, int32_t source_dtype, int32_t activations) {
  std::vector<float> all = rounded(rounded(source, source_dtype), activations);
  for (float& x : all) x = x == 0.0f ? 0.0f : x;
  return all;
}

TEST_P(LoadRowsTest, ConvertsEveryTypeToActivations) {
  for (int32_t type : {ST_F32, ST_F16, ST_BF16}) {
    for (int32_t cols : {1, 7, 16, 33, 300}) {
      for (int32_t rows : {0, 1, 3, 17}) {
        SCOPED_TRACE(testing::Message() << dtype_name(type) << " " << rows << " x " << cols);
        std::vector<float> numbers = random.normals(static_cast<size_t>(rows) * cols);
        if (!numbers.empty()) numbers[numbers.size() / 2] = -0.0f;
        std::vector<uint8_t> bytes = encoded(numbers, type);
        Buffer<uint8_t> source(device(), bytes);
        Activations out(device(), numbers.size());
        st_load_rows op = {sizeof op, rows, cols, type, source.get(), out.get()};
        device().check(device().api.load_rows(device().stream, &op));
        ASSERT_TRUE(same_bits(out.read(), expected_of(numbers, type, device().info.activation_dtype)));
      }
    }
  }
}

// Rows of the table itself are what embed makes of their ids.
TEST_P(LoadRowsTest, RowsOfTheTableHaveTheBitsOfTheirIds) {
  constexpr int32_t kIds = 40, kCols = 48;
  for (int32_t type : kWeightTypes) {
    if (!device().holds(type)) continue;
    std::vector<float> table = rounded(random.normals(kIds * kCols), type);
    table[5] = -0.0f;
    Matrix matrix(device(), kIds, kCols, type, table);
    std::vector<int32_t> ids(kIds);
    for (int32_t i = 0; i < kIds; ++i) ids[static_cast<size_t>(i)] = i;
    Buffer<int32_t> id_buffer(device(), ids);
    Buffer<float> weights(device(), std::vector<float>(kIds, 1.0f));
    Buffer<uint8_t> rows(device(), encoded(table, type));
    Activations embedded(device(), table.size()), loaded(device(), table.size());
    st_embed embed = {sizeof embed,    kIds,          1,       kIds,          kIds, 0, 0, 0, matrix.get(),
                      id_buffer.get(), weights.get(), nullptr, embedded.get()};
    device().check(device().api.embed(device().stream, &embed));
    st_load_rows load = {sizeof load, kIds, kCols, type, rows.get(), loaded.get()};
    device().check(device().api.load_rows(device().stream, &load));
    ASSERT_TRUE(same_bits(loaded.read_bytes(), embedded.read_bytes())) << dtype_name(type);
  }
}

TEST_P(LoadRowsTest, RefusesMistakes) {
  Buffer<float> source(device(), std::vector<float>(8, 1.0f));
  Activations out(device(), 8);
  const st_load_rows good = {sizeof good, 2, 4, ST_F32, source.get(), out.get()};
  auto refused = [&](auto change) {
    st_load_rows op = good;
    change(op);
    return device().api.load_rows(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.load_rows(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_load_rows& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_load_rows& op) { op.cols = 0; }));
  EXPECT_TRUE(refused([](st_load_rows& op) { op.source_dtype = ST_INT8; }));
  EXPECT_TRUE(refused([](st_load_rows& op) { op.source_dtype = 9; }));
  EXPECT_TRUE(refused([](st_load_rows& op) { op.source = nullptr; }));
  EXPECT_TRUE(refused([](st_load_rows& op) { op.source = static_cast<const char*>(op.source) + 2; }));
  EXPECT_TRUE(refused([](st_load_rows& op) { op.out = nullptr; }));
  EXPECT_TRUE(refused([](st_load_rows& op) { op.size = 4; }));
  device().synchronize();
}

}  // namespace
