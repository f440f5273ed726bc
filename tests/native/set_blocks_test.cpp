#include "support.h"

namespace {

using namespace st::test;

ST_TEST_EVERY_BACKEND(SetBlocksTest);

TEST_P(SetBlocksTest, WritesEntriesAndNothingElse) {
  for (int32_t places : {1, 16, 700}) {
    for (int32_t count : {0, 1, places / 2, places}) {
      SCOPED_TRACE(testing::Message() << count << " of " << places);
      std::vector<int32_t> expected(static_cast<size_t>(places)), order = random.permutation(places);
      for (int32_t& block : expected) block = random.integer(0, 1000);
      Buffer<int32_t> tables(device(), expected);
      std::vector<st_table_entry> entries;
      for (int32_t i = 0; i < count; ++i) {
        int32_t place = order[static_cast<size_t>(i)];
        entries.push_back({place, random.integer(0, 1000), 0});
        expected[static_cast<size_t>(place)] = entries.back().block;
      }
      entries.push_back({0, -7, 0});  // behind the count
      Buffer<st_table_entry> list(device(), entries);
      st_set_blocks op = {sizeof op, count, list.get(), tables.get(), places};
      device().check(device().api.set_blocks(device().stream, &op));
      EXPECT_EQ(tables.read(), expected);
    }
  }
}

TEST_P(SetBlocksTest, KeepsToTheTables) {
  for (int64_t place : {int64_t{-1}, int64_t{4}, int64_t{1} << 40}) {
    Buffer<int32_t> tables(device(), std::vector<int32_t>{1, 2, 3, 4, 5});
    Buffer<st_table_entry> entry(device(), std::vector<st_table_entry>{{place, 9, 0}});
    st_set_blocks op = {sizeof op, 1, entry.get(), tables.get(), 4};
    st_status launched = device().api.set_blocks(device().stream, &op);
    st_status done = device().api.stream_synchronize(device().stream);
    if (device().info.graphs == 0) {
      EXPECT_TRUE(launched == ST_INVALID_ARGUMENT || done == ST_INVALID_ARGUMENT);
    }
    EXPECT_EQ(tables.read(), (std::vector<int32_t>{1, 2, 3, 4, 5}));
  }
}

TEST_P(SetBlocksTest, RefusesMistakes) {
  Buffer<int32_t> tables(device(), 4);
  Buffer<st_table_entry> entry(device(), std::vector<st_table_entry>{{0, 1, 0}});
  const st_set_blocks good = {sizeof good, 1, entry.get(), tables.get(), 4};
  auto refused = [&](auto change) {
    st_set_blocks op = good;
    change(op);
    return device().api.set_blocks(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.set_blocks(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_set_blocks& op) { op.size = 4; }));
  EXPECT_TRUE(refused([](st_set_blocks& op) { op.count = -1; }));
  EXPECT_TRUE(refused([](st_set_blocks& op) { op.places = -1; }));
  EXPECT_TRUE(refused([](st_set_blocks& op) { op.entries = nullptr; }));
  EXPECT_TRUE(refused([](st_set_blocks& op) { op.tables = nullptr; }));
}

}  // namespace
