#include <algorithm>
#include <cmath>
#include <limits>

#include "kv_support.h"

namespace {

using namespace st::test;

// Sequences whose queries, keys and values are known. The cache is filled by qkv_epilogue without norm and rotation, so
// that the host knows which numbers it holds.
struct World {
  AttentionShape shape;
  int32_t dtype;
  Paging paging;
  std::vector<std::vector<float>> qkv;   // per sequence, [positions, row]
  std::vector<std::vector<float>> held;  // the same as attention uses them
  float scale;
  int32_t window = 0;
  // One instruction set rounds what it multiplies a bf16 cache by to bf16: queries, and the weights of a split. The CPU
  // rounds what it multiplies integers by to 16 bits.
  bool rounds, rounds_to_int16;

  World(Random& random, const Device& device, const AttentionShape& s, int32_t type,
        const std::vector<int32_t>& lengths)
      : shape(s),
        dtype(type),
        paging(random, static_cast<int32_t>(lengths.size()), *std::max_element(lengths.begin(), lengths.end())),
        scale(1.0f / std::sqrt(static_cast<float>(s.head_dim))) {
    for (int32_t length : lengths) {
      qkv.push_back(random.activations(device, static_cast<size_t>(length) * s.row(), 1.3));
      held.push_back(as_held(device, s, qkv.back(), type));
    }
    rounds = std::string(device.info.instruction_set) == "avx512bf16" && type == ST_BF16;
    rounds_to_int16 = !device.info.own_memory && type == ST_INT8;
  }

  // Where weights are rounded, one that is half way may be rounded to the other side: by 2^-8, times how far its value
  // is from the result. With integers the reference does not round weights: 256 in a split, each by up to 2^-16 of the
  // largest.
  double tolerance(const Device& device) const {
    return rounds ? 6e-3 : device.tolerance(dtype == ST_INT8 ? 5e-4 : 5e-6);
  }

  int32_t length(size_t sequence) const { return static_cast<int32_t>(qkv[sequence].size() / shape.row()); }

  std::vector<float> input(const std::vector<Rows>& rows) const { return gather(qkv, rows); }

  std::vector<float> gather(const std::vector<std::vector<float>>& sequences, const std::vector<Rows>& rows) const {
    std::vector<float> all;
    for (const Rows& each : rows) {
      for (int32_t position : each.positions) {
        auto at = static_cast<size_t>(std::max(position, 0)) * shape.row();
        std::vector<float> row = slice(sequences[static_cast<size_t>(each.sequence)], at, shape.row());
        all.insert(all.end(), row.begin(), row.end());
      }
    }
    return all;
  }

  // Stores the keys and values of the rows; `buffer` is their qkv.
  void store(Device& device, const Cache& cache, const Batch& batch, const Activations& buffer) const {
    std::vector<float> identity(static_cast<size_t>(batch.get().rows) * shape.dim(), 0.0f);
    for (size_t i = 0; i < identity.size(); ++i)
      if (i % shape.dim() < shape.dim() / 2) identity[i] = 1.0f;
    Buffer<float> angles(device, identity);
    st_qkv_epilogue op = {sizeof op, shape.heads, shape.kv_heads, shape.head_dim, 0.0f,        shape.head_dim,
                          nullptr,   nullptr,     angles.get(),   buffer.get(),   batch.get(), cache.get()};
    device.check(device.api.qkv_epilogue(device.stream, &op));
    device.synchronize();
  }

  void store(Device& device, const Cache& cache, const std::vector<Rows>& rows) const {
    store(device, cache, Batch(device, paging, rows), Activations(device, input(rows)));
  }

  std::vector<float> attend(Device& device, const Cache& cache, const Batch& batch, const Activations& buffer) const {
    Activations out(device, static_cast<size_t>(batch.get().rows) * shape.out());
    st_attention op = {sizeof op, shape.heads,  shape.kv_heads, shape.head_dim, scale,
                       window,    buffer.get(), out.get(),      batch.get(),    cache.get()};
    device.check(device.api.attention(device.stream, &op));
    return out.read();
  }

  // The same for positions that are stored, of which a batch may have several rows.
  std::vector<float> attend(Device& device, const Cache& cache, const std::vector<Rows>& rows) const {
    return attend(device, cache, Batch(device, paging, rows), Activations(device, gather(held, rows)));
  }

  // One forward pass over the rows: stores, then attends.
  std::vector<float> run(Device& device, const Cache& cache, const std::vector<Rows>& rows) const {
    Batch batch(device, paging, rows);
    Activations buffer(device, input(rows));
    store(device, cache, batch, buffer);
    return attend(device, cache, batch, buffer);
  }

  std::unique_ptr<Cache> new_cache(Device& device) const {
    return std::make_unique<Cache>(device, shape, paging.blocks, dtype);
  }

  std::vector<float> query(std::vector<float> q) const {
    if (!rounds_to_int16) return q;
    float largest = 0.0f;
    for (float each : q) largest = std::max(largest, std::fabs(each));
    for (float& each : q) each = std::nearbyint(each * (32767.0f / largest)) * (largest / 32767.0f);
    return q;
  }

  std::vector<double> reference(int32_t sequence, int32_t position) const {
    const std::vector<float>& x = held[static_cast<size_t>(sequence)];
    size_t dim = shape.dim(), count = static_cast<size_t>(position) + 1;
    size_t first = window > 0 && position >= window ? count - static_cast<size_t>(window) : 0;
    std::vector<double> out;
    for (int32_t h = 0; h < shape.heads; ++h) {
      auto g = static_cast<size_t>(h / (shape.heads / shape.kv_heads));
      std::vector<float> q =
          query(slice(x, static_cast<size_t>(position) * shape.row() + static_cast<size_t>(h) * dim, dim));
      auto factor = [&](double value) {
        return rounds ? static_cast<double>(from_bf16(to_bf16(static_cast<float>(value)))) : value;
      };
      std::vector<double> scores(count, -INFINITY), sum(dim, 0.0);
      for (size_t t = first; t < count; ++t) {
        scores[t] = 0.0;
        const float* k = x.data() + t * shape.row() + (static_cast<size_t>(shape.heads) + g) * dim;
        for (size_t i = 0; i < dim; ++i) scores[t] += factor(static_cast<double>(q[i])) * static_cast<double>(k[i]);
        scores[t] *= static_cast<double>(scale);
      }
      double top = *std::max_element(scores.begin(), scores.end()), total = 0.0;
      for (size_t t = first; t < count; ++t) {
        const float* v = x.data() + t * shape.row() + (static_cast<size_t>(shape.heads + shape.kv_heads) + g) * dim;
        auto split = scores.begin() + static_cast<std::ptrdiff_t>(t / 256 * 256);
        double split_top = *std::max_element(split, split + std::min<std::ptrdiff_t>(256, scores.end() - split));
        double p = factor(std::exp(scores[t] - split_top)) * std::exp(split_top - top);
        total += p;
        for (size_t i = 0; i < dim; ++i) sum[i] += p * static_cast<double>(v[i]);
      }
      for (double each : sum) out.push_back(each / total);
    }
    return out;
  }
};

// The types of caches that have kernels of their own; on an emulated device those of integers with one type of
// activations.
std::vector<int32_t> half_types(const Device& device) {
  if (device.emulated() && device.info.activation_dtype != ST_BF16) return {ST_BF16};
  return {ST_BF16, ST_INT8};
}

// Positions on both sides of the boundaries of blocks (16) and splits (256).
const std::vector<int32_t> kEdges = {0, 1, 14, 15, 16, 17, 255, 256, 257, 511, 512, 599};

ST_TEST_EVERY_BACKEND(AttentionTest);

TEST_P(AttentionTest, MatchesReference) {
  const AttentionShape shapes[] = {{1, 1, 16},  {3, 1, 64}, {7, 1, 24}, {4, 4, 128},
                                   {14, 2, 64}, {5, 1, 16}, {2, 1, 10}};
  for (const AttentionShape& shape : shapes) {
    for (int32_t dtype : kCacheTypes) {
      SCOPED_TRACE(testing::Message() << shape.heads << "/" << shape.kv_heads << " heads of " << shape.head_dim << ", "
                                      << dtype_name(dtype));
      World world(random, device(), shape, dtype, {600});
      auto cache = world.new_cache(device());
      world.store(device(), *cache, {{0, range(0, 600)}});
      for (int32_t edge : kEdges) {
        for (int32_t rows : {1, 3}) {
          std::vector<int32_t> positions = range(std::max(edge - rows + 1, 0), edge + 1);
          std::vector<double> expected;
          for (int32_t position : positions) {
            std::vector<double> row = world.reference(0, position);
            expected.insert(expected.end(), row.begin(), row.end());
          }
          ASSERT_TRUE(near(world.run(device(), *cache, {{0, positions}}), expected, world.tolerance(device())))
              << rows << " rows up to position " << edge;
        }
      }
    }
  }
}

// Scores far apart: the weight of all but the largest vanishes, within a split and between splits.
TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
  for (int32_t dtype : kCacheTypes) {
    World world(random, device(), {2, 1, 16}, dtype, {600});
    world.scale = 300.0f;
    auto cache = world.new_cache(device());
    world.store(device(), *cache, {{0, range(0, 600)}});
    for (int32_t position : kEdges)
      EXPECT_TRUE(
          near(world.run(device(), *cache, {{0, {position}}}), world.reference(0, position), device().tolerance(2e-3)))
          << "position " << position << ", " << dtype_name(dtype);
  }
}

TEST_P(AttentionTest, SequencesSideBySideDoNotMeet) {
  for (int32_t dtype : {ST_BF16, ST_INT8}) {
    World world(random, device(), {6, 2, 24}, dtype, {40, 1, 300, 17, 33});
    auto cache = world.new_cache(device());
    // A chunk, a whole sequence of one row, a sequence without rows, and rows in no order of the sequences.
    world.run(device(), *cache, {{2, range(0, 290)}, {0, range(0, 30)}});
    const std::vector<Rows> rows = {{2, range(290, 300)}, {4, {}}, {1, {0}}, {0, range(30, 40)}, {3, range(0, 17)}};
    std::vector<float> out = world.run(device(), *cache, rows);
    size_t at = 0;
    for (const Rows& each : rows) {
      for (int32_t position : each.positions) {
        EXPECT_TRUE(near(slice(out, at, world.shape.out()), world.reference(each.sequence, position),
                         world.tolerance(device())))
            << "sequence " << each.sequence << ", position " << position;
        at += world.shape.out();
      }
    }
  }
}

TEST_P(AttentionTest, IdleRowsAreZero) {
  World world(random, device(), {4, 2, 16}, ST_F32, {20, 20});
  auto cache = world.new_cache(device());
  world.run(device(), *cache, {{0, range(0, 4)}});
  std::vector<float> expected = world.run(device(), *cache, {{0, {4}}});
  std::vector<float> out = world.run(device(), *cache, {{0, {-1, 4, -1}}, {1, {-1}}});
  size_t row = world.shape.out();
  const std::vector<float> zero(row, 0.0f);
  EXPECT_TRUE(same_bits(slice(out, 0, row), zero));
  EXPECT_TRUE(same_bits(slice(out, row, row), expected));
  EXPECT_TRUE(same_bits(slice(out, 2 * row, row), zero));
  EXPECT_TRUE(same_bits(slice(out, 3 * row, row), zero));
  EXPECT_TRUE(world.run(device(), *cache, {{0, {}}}).empty());
}

TEST_P(AttentionTest, PrefillInChunksEqualsOneByOne) {
  for (int32_t dtype : kCacheTypes) {
    for (const AttentionShape& shape : {AttentionShape{7, 1, 24}, AttentionShape{6, 2, 64}}) {
      if (device().emulated() && dtype == ST_INT8 && shape.head_dim == 24) continue;
      World world(random, device(), shape, dtype, {290, 23});
      auto cache = world.new_cache(device());
      std::vector<float> expected = world.run(device(), *cache, {{0, range(0, 290)}});
      for (int32_t chunk : {1, 5, 16, 100}) {
        auto again = world.new_cache(device());
        // An emulated device goes in small chunks only where a split ends.
        int32_t first = device().emulated() && chunk < 100 ? 240 : 0;
        std::vector<float> out = slice(expected, 0, static_cast<size_t>(first) * shape.out());
        if (first > 0) world.store(device(), *again, {{0, range(0, first)}});
        for (int32_t from = first; from < 290; from += chunk) {
          std::vector<Rows> rows = {{0, range(from, std::min(from + chunk, 290))}};
          // Another sequence decodes together with the chunks for a while.
          if ((from - first) / chunk < 23) rows.push_back({1, {(from - first) / chunk}});
          std::vector<float> part = world.run(device(), *again, rows);
          size_t count = rows[0].positions.size() * shape.out();
          out.insert(out.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
        }
        EXPECT_TRUE(same_bits(out, expected)) << dtype_name(dtype) << ", chunks of " << chunk;
      }
    }
  }
}

TEST_P(AttentionTest, SameBitsForAnyThreads) {
  for (int32_t dtype : half_types(device())) {
    World world(random, device(), {14, 2, 64}, dtype, {270, 31});
    const std::vector<Rows> rows = {{1, range(0, 31)}, {0, range(0, 270)}};
    std::vector<float> expected = world.run(device(), *world.new_cache(device()), rows);
    for (int threads : thread_counts()) {
      auto other = open(threads);
      auto cache = world.new_cache(*other);
      EXPECT_TRUE(same_bits(world.run(*other, *cache, rows), expected)) << threads << " threads";
    }
  }
}

// One element of all keys is so large that the others would be lost if keys were rounded as they are.
TEST_P(AttentionTest, LargeElementsOfKeysDoNotTakeThePrecisionOfOthers) {
  constexpr size_t kPositions = 300, kLarge = 5;
  World world(random, device(), {4, 1, 64}, ST_INT8, {kPositions});
  const size_t row = world.shape.row(), dim = world.shape.dim(), keys = world.shape.out();
  std::vector<float>& x = world.qkv[0];
  for (size_t r = 0; r < kPositions; ++r) {
    for (size_t h = 0; h < 4; ++h) x[r * row + h * dim + kLarge] = 0.0f;
    x[r * row + keys + kLarge] = 200.0f;
  }
  World exact = world, as_they_are = world;
  exact.held[0] = as_they_are.held[0] = x;
  exact.rounds_to_int16 = as_they_are.rounds_to_int16 = false;
  for (size_t r = 0; r < kPositions; ++r) round_to_int8(as_they_are.held[0].data() + r * row + keys, dim);
  auto cache = world.new_cache(device());
  world.store(device(), *cache, {{0, range(0, kPositions)}});
  double error = 0.0, error_as_they_are = 0.0;
  for (int32_t position : {40, 150, 299}) {
    std::vector<float> out = world.run(device(), *cache, {{0, {position}}});
    std::vector<double> wanted = exact.reference(0, position), other = as_they_are.reference(0, position);
    for (size_t i = 0; i < out.size(); ++i) {
      error += std::pow(static_cast<double>(out[i]) - wanted[i], 2);
      error_as_they_are += std::pow(other[i] - wanted[i], 2);
    }
  }
  EXPECT_LT(std::sqrt(error), std::sqrt(error_as_they_are) / 4);
}

// Whoever attends to a key or value that is not finite gets no number.
TEST_P(AttentionTest, NumbersThatAreNotFiniteShow) {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  for (int32_t dtype : kCacheTypes) {
    for (int32_t dim : {24, 64, 128}) {
      for (float number : bad) {
        World world(random, device(), {2, 1, dim}, dtype, {200});
        std::vector<float>& x = world.qkv[0];
        x[150 * world.shape.row() + 3 * world.shape.dim() + 7] = number;
        auto cache = world.new_cache(device());
        world.store(device(), *cache, {{0, range(0, 200)}});
        for (int32_t position : {149, 150, 199}) {
          std::vector<float> out = world.run(device(), *cache, {{0, {position}}});
          EXPECT_EQ(std::isfinite(out[7]), position < 150)
              << dtype_name(dtype) << ", heads of " << dim << ", " << number;
        }
      }
    }
  }
}

// Which blocks a sequence has got must not show.
TEST_P(AttentionTest, SameBitsInAnyBlocks) {
  World world(random, device(), {4, 2, 24}, ST_F32, {300});
  std::vector<float> expected = world.run(device(), *world.new_cache(device()), {{0, range(0, 300)}});
  world.paging = Paging(random, 4, 320);
  EXPECT_TRUE(same_bits(world.run(device(), *world.new_cache(device()), {{0, range(0, 300)}}), expected));
}

// Nor how long a table is: entries behind the sequence are not read.
TEST_P(AttentionTest, SameBitsForTablesOfAnyLength) {
  for (int32_t dtype : half_types(device()))
    for (int32_t dim : {24, 64, 128}) {
      World world(random, device(), {14, 2, dim}, dtype, {530, 40});
      auto cache = world.new_cache(device());
      world.store(device(), *cache, {{0, range(0, 530)}, {1, range(0, 40)}});
      const std::vector<Rows> rows = {{1, {39}}, {0, range(510, 530)}};
      std::vector<float> expected = world.run(device(), *cache, rows);
      world.paging.blocks_per_sequence = 20000;
      for (std::vector<int32_t>& table : world.paging.tables) table.resize(20000, -1);
      EXPECT_TRUE(same_bits(world.run(device(), *cache, rows), expected)) << "head_dim " << dim;
      for (int32_t position : {255, 256, 529}) {
        std::vector<float> out = world.run(device(), *cache, {{0, {position}}});
        EXPECT_TRUE(near(out, world.reference(0, position), world.tolerance(device()))) << "position " << position;
      }
    }
}

// Heads of the sizes that have kernels of their own: every position of a prompt has the same bits, whether it is
// computed with others, in chunks, or alone among sequences of other lengths.
TEST_P(AttentionTest, SameBitsForRaggedBatches) {
  const AttentionShape shapes[] = {{2, 2, 64}, {4, 2, 128}, {7, 1, 64}, {8, 1, 128}, {7, 1, 128}, {20, 1, 64}};
  for (int32_t dtype : half_types(device()))
    for (const AttentionShape& shape : shapes) {
      SCOPED_TRACE(testing::Message() << shape.heads << "/" << shape.kv_heads << " heads of " << shape.head_dim);
      World world(random, device(), shape, dtype, {150, 41, 301, 1});
      auto cache = world.new_cache(device());
      std::vector<float> first = world.run(device(), *cache, {{0, range(0, 150)}});
      world.run(device(), *cache, {{2, range(0, 290)}, {1, range(0, 41)}, {3, {0}}});
      auto row = [&](const std::vector<float>& out, size_t index) {
        return slice(out, index * shape.out(), shape.out());
      };
      std::vector<float> chunk = world.run(device(), *cache, {{1, {40}}, {0, range(97, 150)}, {3, {0}}, {2, {290}}});
      for (size_t i = 0; i < 53; ++i) ASSERT_TRUE(same_bits(row(chunk, 1 + i), row(first, 97 + i))) << "row " << i;
      for (int32_t position : {127, 128, 149}) {
        std::vector<float> alone = world.run(device(), *cache, {{0, {position}}});
        std::vector<float> among = world.run(device(), *cache, {{2, {290}}, {3, {0}}, {0, {position}}, {1, {40}}});
        EXPECT_TRUE(same_bits(alone, row(first, static_cast<size_t>(position)))) << "position " << position;
        EXPECT_TRUE(same_bits(row(among, 2), alone)) << "position " << position;
        EXPECT_TRUE(same_bits(row(among, 0), row(chunk, 55))) << "position " << position;
        EXPECT_TRUE(near(alone, world.reference(0, position), world.tolerance(device()))) << "position " << position;
      }
    }
}

// Contexts of several spans of 2,048 positions, shared by many blocks, by few, and by none.
TEST_P(AttentionTest, SameBitsForLongContexts) {
  for (int32_t dtype : half_types(device()))
    for (const AttentionShape& shape : {AttentionShape{4, 2, 64}, AttentionShape{2, 1, 128}}) {
      World world(random, device(), shape, dtype, {4200, 2060});
      auto cache = world.new_cache(device());
      world.store(device(), *cache, {{0, range(0, 4200)}, {1, range(0, 2060)}});
      const std::vector<int32_t> positions = {2047, 2048, 4095, 4199};
      std::vector<std::vector<float>> alone;
      for (int32_t position : positions) {
        alone.push_back(world.run(device(), *cache, {{0, {position}}}));
        EXPECT_TRUE(near(alone.back(), world.reference(0, position), world.tolerance(device()))) << position;
      }
      std::vector<Rows> rows(1, {1, {2059}});
      for (int i = 0; i < 8; ++i)
        for (int32_t position : positions) rows.push_back({0, {position}});
      std::vector<float> many = world.attend(device(), *cache, rows);
      std::vector<float> chunk = world.run(device(), *cache, {{0, range(4160, 4200)}, {1, {2059}}});
      std::vector<float> end = world.run(device(), *cache, {{0, range(4191, 4200)}});
      for (size_t i = 0; i < 32; ++i)
        ASSERT_TRUE(same_bits(slice(many, (1 + i) * shape.out(), shape.out()), alone[i % 4])) << "row " << i;
      EXPECT_TRUE(same_bits(slice(chunk, 39 * shape.out(), shape.out()), alone[3]));
      EXPECT_TRUE(same_bits(slice(end, 8 * shape.out(), shape.out()), alone[3]));
      EXPECT_TRUE(same_bits(slice(chunk, 40 * shape.out(), shape.out()), slice(many, 0, shape.out())));
    }
}

// The world with a window, whose sequence 0 has lost the blocks that a row at `lowest` does not see.
World with_window(const World& world, int32_t window, int32_t lowest) {
  World other = world;
  other.window = window;
  std::vector<int32_t>& table = other.paging.tables[0];
  std::fill_n(table.begin(), std::max(lowest - window + 1, 0) / ST_BLOCK_POSITIONS, -1);
  return other;
}

// Windows on both sides of blocks, of splits of both kinds (128, 256), and of the context.
TEST_P(AttentionTest, WindowsMatchReference) {
  std::vector<int32_t> windows = {1, 16, 127, 128, 129, 256, 600, INT32_MAX};
  if (!device().emulated()) windows.insert(windows.end(), {2, 15, 17, 255, 257, 599});
  for (const AttentionShape& shape : {AttentionShape{3, 1, 64}, {7, 1, 24}, {4, 4, 128}, {20, 1, 64}, {2, 1, 10}}) {
    for (int32_t dtype : kCacheTypes) {
      World world(random, device(), shape, dtype, {600});
      auto cache = world.new_cache(device());
      world.store(device(), *cache, {{0, range(0, 600)}});
      for (int32_t window : windows) {
        for (int32_t top : {0, 16, 127, 128, 300, 511, 599}) {
          int32_t rows = top % 2 == 0 ? 1 : std::min(top + 1, 5);
          std::vector<int32_t> positions = range(top + 1 - rows, top + 1);
          World seen = with_window(world, window, positions[0]);
          std::vector<double> expected;
          for (int32_t position : positions) {
            std::vector<double> row = seen.reference(0, position);
            expected.insert(expected.end(), row.begin(), row.end());
          }
          ASSERT_TRUE(near(seen.run(device(), *cache, {{0, positions}}), expected, world.tolerance(device())))
              << shape.heads << "/" << shape.kv_heads << " heads of " << shape.head_dim << ", " << dtype_name(dtype)
              << ", window " << window << ", " << rows << " rows up to position " << top;
        }
      }
    }
  }
}

// A window that the context does not exceed is none, to the bit.
TEST_P(AttentionTest, WindowsOfTheContextAreNone) {
  for (int32_t dtype : half_types(device()))
    for (const AttentionShape& shape : {AttentionShape{6, 2, 64}, AttentionShape{4, 2, 24}}) {
      World world(random, device(), shape, dtype, {300});
      auto cache = world.new_cache(device());
      std::vector<float> expected = world.run(device(), *cache, {{0, range(0, 300)}});
      world.window = 300;
      EXPECT_TRUE(same_bits(world.run(device(), *cache, {{0, range(0, 300)}}), expected));
    }
}

// Windows that begin within a split and within a span of 2,048 positions: rows have the same bits alone, in chunks that
// read more than they see, and among many others.
TEST_P(AttentionTest, WindowsHaveTheSameBitsInAnyBatch) {
  std::vector<int32_t> tops = {170, 2178, 4199};
  if (!device().emulated()) tops.push_back(2060);
  for (int32_t dtype : half_types(device()))
    for (const AttentionShape& shape : {AttentionShape{4, 2, 64}, {2, 1, 128}, {7, 1, 64}, {2, 1, 24}}) {
      World world(random, device(), shape, dtype, {4200, 40});
      auto cache = world.new_cache(device());
      world.store(device(), *cache, {{0, range(0, 4200)}, {1, range(0, 40)}});
      for (int32_t window : {5, 130, 2100}) {
        for (int32_t top : tops) {
          World seen = with_window(world, window, top - 39);
          std::vector<float> chunk = seen.run(device(), *cache, {{1, {39}}, {0, range(top - 39, top + 1)}});
          std::vector<Rows> rows;
          for (int32_t position = top - 39; position <= top; position += 13)
            for (int copy = 0; copy < 5; ++copy) rows.push_back({0, {position}});
          rows.push_back({1, {39}});
          std::vector<float> many = seen.attend(device(), *cache, rows);
          for (size_t i = 0; i < 20; ++i)
            ASSERT_TRUE(same_bits(slice(many, i * shape.out(), shape.out()),
                                  slice(chunk, (1 + i / 5 * 13) * shape.out(), shape.out())))
                << "window " << window << ", row " << i << " up to " << top;
          World last = with_window(world, window, top);
          std::vector<float> alone = last.run(device(), *cache, {{0, {top}}});
          ASSERT_TRUE(same_bits(alone, slice(chunk, 40 * shape.out(), shape.out()))) << window << " at " << top;
          ASSERT_TRUE(near(alone, last.reference(0, top), world.tolerance(device()))) << window << " at " << top;
        }
      }
    }
}

TEST_P(AttentionTest, RefusesMistakes) {
  World world(random, device(), {4, 2, 16}, ST_F32, {16});
  auto cache = world.new_cache(device());
  world.run(device(), *cache, {{0, {0}}});
  Batch batch(device(), world.paging, {{0, {0}}});
  Activations qkv(device(), world.input({{0, {0}}})), out(device(), world.shape.out());
  const st_attention good = {sizeof good, 4, 2, 16, 0.25f, 0, qkv.get(), out.get(), batch.get(), cache->get()};
  auto refused = [&](auto change) {
    st_attention op = good;
    change(op);
    return device().api.attention(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.attention(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_attention& op) { op.heads = 3; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.kv_heads = -2; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.heads = op.kv_heads = 1 << 30; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.head_dim = 0; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.head_dim = 17; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.window = -1; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.qkv = nullptr; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.out = nullptr; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.cache.keys = nullptr; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.cache.dtype = 4; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.batch.sequences = -1; }));
  EXPECT_TRUE(refused([](st_attention& op) { op.batch.positions = nullptr; }));
}

}  // namespace
