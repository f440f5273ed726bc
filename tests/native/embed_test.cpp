#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.h"

namespace {

using namespace st::test;

struct Embed {
  int32_t vocabulary, hidden, entries, tokens, dtype;
  std::vector<float> table, weights;
  std::vector<int32_t> ids;

  Embed(Random& random, int32_t v, int32_t h, int32_t n, int32_t t, int32_t type)
      : vocabulary(v), hidden(h), entries(n), tokens(t), dtype(type) {
    table = random.normals(static_cast<size_t>(v) * static_cast<size_t>(h));
    // Rounding to int8 once more leaves what was rounded before.
    table = type == ST_INT8 ? rounded_to_int8(table, static_cast<size_t>(h)) : rounded(table, type);
    for (int32_t i = 0; i < t * n; ++i) {
      // Unused places are (0, 0.0); a plain token has one entry.
      bool used = i % n == 0 || random.chance(0.7);
      ids.push_back(used ? random.integer(0, v - 1) : 0);
      weights.push_back(used ? static_cast<float>(random.uniform()) : 0.0f);
    }
  }

  std::vector<float> run(Device& device, const std::vector<int32_t>& index, bool pass_index = true) const {
    Activations out(device, index.size() * static_cast<size_t>(hidden));
    device.check(run(device, index, pass_index, 0, vocabulary, out.get(), 0));
    return out.read();
  }

  // With the rows first .. end - 1 of the table: the partial sums, in f32.
  std::vector<float> run_shard(Device& device, const std::vector<int32_t>& index, int32_t first, int32_t end) const {
    Buffer<float> out(device, index.size() * static_cast<size_t>(hidden));
    device.check(run(device, index, true, first, end, out.get(), 1));
    return out.read();
  }

  st_status run(Device& device, const std::vector<int32_t>& index, bool pass_index, int32_t first, int32_t end,
                void* out, int32_t out_f32) const {
    auto h = static_cast<size_t>(hidden), begin = static_cast<size_t>(first), count = static_cast<size_t>(end - first);
    Matrix matrix(device, end - first, hidden, dtype, slice(table, begin * h, count * h));
    Buffer<int32_t> id_buffer(device, ids), index_buffer(device, index);
    Buffer<float> weight_buffer(device, weights);
    st_embed op = {sizeof op,
                   static_cast<int32_t>(index.size()),
                   entries,
                   tokens,
                   vocabulary,
                   first,
                   out_f32,
                   0,
                   matrix.get(),
                   id_buffer.get(),
                   weight_buffer.get(),
                   pass_index ? index_buffer.get() : nullptr,
                   out};
    st_status status = device.api.embed(device.stream, &op);
    return status == ST_OK ? device.api.stream_synchronize(device.stream) : status;
  }

  std::vector<double> reference(const std::vector<int32_t>& index) const {
    std::vector<double> out;
    for (int32_t token : index) {
      for (int32_t k = 0; k < hidden; ++k) {
        double sum = 0.0;
        for (int32_t i = 0; i < entries; ++i) {
          auto at = static_cast<size_t>(token * entries + i);
          sum +=
              static_cast<double>(weights[at]) * static_cast<double>(table[static_cast<size_t>(ids[at] * hidden + k)]);
        }
        out.push_back(sum);
      }
    }
    return out;
  }
};

std::vector<int32_t> random_index(Random& random, int32_t rows, int32_t tokens) {
  std::vector<int32_t> index;
  for (int32_t r = 0; r < rows; ++r) index.push_back(random.integer(0, tokens - 1));
  return index;
}

ST_TEST_EVERY_BACKEND(EmbedTest);

TEST_P(EmbedTest, MixesRowsOfTheTable) {
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8}) {
    if (!device().holds(dtype)) continue;
    for (int32_t vocabulary : {1, 7, 16, 455}) {
      for (int32_t hidden : {1, 15, 16, 64, 200}) {
        for (int32_t rows : {0, 1, 3, 5, 17}) {
          SCOPED_TRACE(testing::Message()
                       << dtype_name(dtype) << " V " << vocabulary << " H " << hidden << " rows " << rows);
          Embed embed(random, vocabulary, hidden, rows % 2 ? 10 : 1, 6, dtype);
          std::vector<int32_t> index = random_index(random, rows, 6);
          ASSERT_TRUE(near(embed.run(device(), index), embed.reference(index), device().tolerance(2e-6)));
        }
      }
    }
  }
}

TEST_P(EmbedTest, WithoutAnIndexRowsUseTheirOwnTokens) {
  Embed embed(random, 40, 33, 3, 5, ST_BF16);
  EXPECT_TRUE(
      near(embed.run(device(), {0, 1, 2, 3, 4}, false), embed.reference({0, 1, 2, 3, 4}), device().tolerance(2e-6)));
}

TEST_P(EmbedTest, APlainTokenIsItsRowExactly) {
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8}) {
    if (!device().holds(dtype)) continue;
    Embed embed(random, 151, 70, 1, 4, dtype);
    embed.table = rounded(embed.table, device().info.activation_dtype);
    embed.weights.assign(4, 1.0f);
    std::vector<float> rows = embed.table, expected;
    if (dtype == ST_INT8) rows = rounded(rounded_to_int8(rows, 70), device().info.activation_dtype);
    for (int32_t id : embed.ids) {
      std::vector<float> row = slice(rows, static_cast<size_t>(id) * 70, 70);
      expected.insert(expected.end(), row.begin(), row.end());
    }
    EXPECT_TRUE(same_bits(embed.run(device(), {0, 1, 2, 3}), expected)) << dtype_name(dtype);
  }
}

// The table may hold anything at the id of an unused place.
TEST_P(EmbedTest, EntriesOfWeightZeroAreNotRead) {
  Embed embed(random, 20, 18, 2, 1, ST_F32);
  embed.ids = {5, 0};
  embed.weights = {1.0f, 0.0f};
  for (size_t k = 0; k < 18; ++k) embed.table[k] = NAN;
  EXPECT_TRUE(
      same_bits(embed.run(device(), {0}), rounded(slice(embed.table, 5 * 18, 18), device().info.activation_dtype)));
}

// In a part of the vocabulary by the entries' order; parts by their tree.
TEST_P(EmbedTest, EntriesAreAddedInOrder) {
  constexpr float kLarge = 0x1p24f;                                            // 1 is lost in it
  const std::pair<std::vector<int32_t>, float> cases[] = {{{0, 1, 2}, 0.0f},   // 1 + kLarge - kLarge
                                                          {{1, 2, 0}, 1.0f},   // in another order
                                                          {{0, 4, 5}, 1.0f},   // 1 + (kLarge - kLarge)
                                                          {{4, 0, 5}, 1.0f},   // parts have no order
                                                          {{0, 4, 8}, 0.0f}};  // (1 + kLarge) - kLarge
  for (const auto& [ids, expected] : cases) {
    Embed embed(random, 24, 1, 3, 1, ST_F32);  // parts of three ids
    embed.ids = ids;
    embed.weights = {1.0f, 1.0f, 1.0f};
    embed.table.assign(24, 0.0f);
    for (size_t i : {0, 3}) embed.table[i] = 1.0f;
    for (size_t i : {1, 4, 7}) embed.table[i] = kLarge;
    for (size_t i : {2, 5, 8}) embed.table[i] = -kLarge;
    EXPECT_EQ(embed.run(device(), {0}).front(), expected) << testing::PrintToString(ids);
  }
}

// Where each of `ranks` devices has its shard: floor(k V / N).
std::vector<int32_t> borders(int32_t vocabulary, int32_t ranks) {
  std::vector<int32_t> result;
  for (int32_t k = 0; k <= ranks; ++k) result.push_back(static_cast<int32_t>(int64_t{k} * vocabulary / ranks));
  return result;
}

TEST_P(EmbedTest, ShardsAddUpToTheWhole) {
  constexpr int32_t kTokens = 20;
  for (int32_t dtype : {ST_F32, ST_F16, ST_BF16, ST_INT8}) {
    if (!device().holds(dtype)) continue;
    for (int32_t vocabulary : {8, 61, 455}) {
      for (int32_t ranks = 1; ranks <= 8; ++ranks) {
        SCOPED_TRACE(testing::Message() << dtype_name(dtype) << " V " << vocabulary << " over " << ranks);
        Embed embed(random, vocabulary, 70, 10, kTokens, dtype);
        std::vector<int32_t> border = borders(vocabulary, ranks), index(kTokens);
        for (auto& id : embed.ids)  // the first and the last of the shards, many of them twice in a token
          if (random.chance(0.5))
            id = std::clamp(border[random.bits() % border.size()] - random.integer(0, 1), 0, vocabulary - 1);
        std::iota(index.begin(), index.end(), 0);
        std::vector<std::vector<float>> sums;
        for (size_t k = 0; k + 1 < border.size(); ++k)
          sums.push_back(embed.run_shard(device(), index, border[k], border[k + 1]));
        std::vector<float> sum = tree(sums, 0, sums.size());
        ASSERT_TRUE(near(sum, embed.reference(index), 2e-6));
        if (ranks == 1 || ranks == 2 || ranks == 4 || ranks == 8) {
          ASSERT_TRUE(same_bits(sum, embed.run_shard(device(), index, 0, vocabulary)));
        }
      }
    }
  }
}

TEST_P(EmbedTest, AShardWithoutEntriesIsZero) {
  Embed embed(random, 40, 33, 2, 1, ST_BF16);
  embed.ids = {9, 20};
  embed.weights = {0.5f, 0.5f};
  EXPECT_TRUE(same_bits(embed.run_shard(device(), {0}, 10, 20), std::vector<float>(33, 0.0f)));
}

TEST_P(EmbedTest, IdsOutsideTheVocabularyAreNotRead) {
  for (int32_t id : {40, -1, INT32_MAX, INT32_MIN}) {
    for (auto [first, end] : {std::pair{0, 40}, {0, 20}, {20, 40}}) {
      Embed embed(random, 40, 33, 2, 2, ST_F32);
      embed.ids = {3, id, 3, 21};
      embed.weights = {0.5f, 0.5f, 0.5f, 0.5f};
      Buffer<float> out(device(), 2 * 33);
      st_status status = embed.run(device(), {0, 1}, true, first, end, out.get(), 1);
      if (GetParam().backend == "cpu") {
        EXPECT_EQ(status, ST_INVALID_ARGUMENT);
        EXPECT_NE(std::string(device().api.last_error()).find("outside the vocabulary of 40"), std::string::npos);
        continue;
      }
      EXPECT_EQ(status, ST_OK);
      std::vector<float> rows = out.read();
      for (float value : slice(rows, 0, 33)) EXPECT_TRUE(std::isnan(value)) << id;
      for (float value : slice(rows, 33, 33)) EXPECT_FALSE(std::isnan(value)) << id;
    }
  }
}

TEST_P(EmbedTest, SameBitsForAnyRowsAndThreads) {
  Embed embed(random, 300, 150, 10, 9, ST_BF16);
  std::vector<int32_t> index = random_index(random, 17, 9);
  std::vector<float> expected = embed.run(device(), index);
  for (int threads : thread_counts()) {
    auto other = open(threads);
    EXPECT_TRUE(same_bits(embed.run(*other, index), expected)) << threads << " threads";
  }
  for (size_t r = 0; r < index.size(); ++r)
    EXPECT_TRUE(same_bits(embed.run(device(), {index[r]}), slice(expected, r * 150, 150))) << "row " << r;
}

TEST_P(EmbedTest, RefusesMistakes) {
  Embed embed(random, 7, 4, 1, 1, ST_F32);
  Matrix matrix(device(), 7, 4, ST_F32, embed.table);
  Buffer<int32_t> ids(device(), embed.ids);
  Buffer<float> weights(device(), embed.weights);
  Activations out(device(), 4);
  const st_embed good = {sizeof good, 1, 1, 1, 7, 0, 0, 0, matrix.get(), ids.get(), weights.get(), nullptr, out.get()};
  auto refused = [&](auto change) {
    st_embed op = good;
    change(op);
    return device().api.embed(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.embed(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_embed& op) { op.rows = -1; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.entries = 0; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.entries = ST_MAX_TOPK + 1; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.table.rows = 0; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.table.dtype = 9; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.table.data = nullptr; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.ids = nullptr; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.weights = nullptr; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.out = nullptr; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.vocabulary = 6; }));  // the table has seven rows
  EXPECT_TRUE(refused([](st_embed& op) { op.first_id = 1; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.first_id = -1, op.vocabulary = 9; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.first_id = INT32_MAX, op.vocabulary = INT32_MAX; }));
  EXPECT_TRUE(refused([](st_embed& op) { op.out_f32 = 2; }));
}

}  // namespace
