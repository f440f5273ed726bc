// The layout of the cache is the backend's own, so what the operation stored is read back through attention.
#include <cmath>

#include "kv_support.h"

namespace {

using namespace st::test;

struct Weights {
  std::vector<float> q_norm, k_norm;  // empty: none
  double epsilon = 1e-6;
};

// cos and sin of random angles, [rows, elements that rotate].
std::vector<float> random_angles(Random& random, size_t rows, size_t dim) {
  std::vector<float> angles(rows * dim);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t i = 0; i < dim / 2; ++i) {
      double angle = random.uniform(-3.0, 3.0);
      angles[r * dim + i] = static_cast<float>(std::cos(angle));
      angles[r * dim + dim / 2 + i] = static_cast<float>(std::sin(angle));
    }
  }
  return angles;
}

// Normalises and rotates one head in float64.
std::vector<double> finish_head(const float* x, size_t dim, const std::vector<float>& norm, double epsilon,
                                const float* angles, size_t rotated) {
  std::vector<double> head(x, x + dim);
  if (!norm.empty()) {
    double squares = 0.0;
    for (double each : head) squares += each * each;
    for (size_t i = 0; i < dim; ++i)
      head[i] *= static_cast<double>(norm[i]) / std::sqrt(squares / static_cast<double>(dim) + epsilon);
  }
  std::vector<double> out = head;
  size_t half = rotated / 2;
  for (size_t i = 0; i < half; ++i) {
    auto c = static_cast<double>(angles[i]), s = static_cast<double>(angles[half + i]);
    out[i] = head[i] * c - head[half + i] * s;
    out[half + i] = head[half + i] * c + head[i] * s;
  }
  return out;
}

// Runs the operation and returns qkv as it left it.
std::vector<float> run(Device& device, const AttentionShape& shape, const st_batch& batch, const st_kv_cache& cache,
                       const std::vector<float>& qkv, const std::vector<float>& angles, int32_t rotated,
                       const Weights& weights = {}) {
  Activations buffer(device, qkv);
  Buffer<float> angle_buffer(device, angles), q_norm(device, weights.q_norm), k_norm(device, weights.k_norm);
  st_qkv_epilogue op = {sizeof op,
                        shape.heads,
                        shape.kv_heads,
                        shape.head_dim,
                        static_cast<float>(weights.epsilon),
                        rotated,
                        weights.q_norm.empty() ? nullptr : q_norm.get(),
                        weights.k_norm.empty() ? nullptr : k_norm.get(),
                        rotated == 0 ? nullptr : angle_buffer.get(),
                        buffer.get(),
                        batch,
                        cache};
  device.check(device.api.qkv_epilogue(device.stream, &op));
  return buffer.read();
}

std::vector<float> attend(Device& device, const AttentionShape& shape, const st_batch& batch, const st_kv_cache& cache,
                          const std::vector<float>& qkv, float scale) {
  Activations buffer(device, qkv), out(device, static_cast<size_t>(batch.rows) * shape.out());
  st_attention op = {sizeof op, shape.heads,  shape.kv_heads, shape.head_dim, scale,
                     0,         buffer.get(), out.get(),      batch,          cache};
  device.check(device.api.attention(device.stream, &op));
  return out.read();
}

std::vector<double> expected_queries(const AttentionShape& shape, const std::vector<float>& qkv,
                                     const std::vector<float>& angles, int32_t rotated, const Weights& weights) {
  std::vector<double> all;
  size_t dim = shape.dim(), turned = static_cast<size_t>(rotated);
  for (size_t r = 0; r < qkv.size() / shape.row(); ++r) {
    for (int32_t h = 0; h < shape.heads; ++h) {
      const float* x = qkv.data() + r * shape.row() + static_cast<size_t>(h) * dim;
      std::vector<double> head =
          finish_head(x, dim, weights.q_norm, weights.epsilon, angles.data() + r * turned, turned);
      all.insert(all.end(), head.begin(), head.end());
    }
  }
  return all;
}

std::vector<float> queries_of(const AttentionShape& shape, const std::vector<float>& qkv) {
  std::vector<float> all;
  for (size_t r = 0; r < qkv.size() / shape.row(); ++r) {
    std::vector<float> row = slice(qkv, r * shape.row(), shape.out());
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

const AttentionShape kShapes[] = {{1, 1, 16}, {3, 1, 24}, {4, 4, 64}, {14, 2, 64}, {6, 2, 128}, {7, 1, 6}};

ST_TEST_EVERY_BACKEND(QkvEpilogueTest);

TEST_P(QkvEpilogueTest, QueriesMatchReference) {
  for (const AttentionShape& shape : kShapes) {
    for (int32_t rotated : {shape.head_dim, shape.head_dim / 3 * 2, 2, 0}) {
      for (int norms = 0; norms < 2; ++norms) {
        for (int32_t rows : {0, 1, 3, 5, 17}) {
          SCOPED_TRACE(testing::Message()
                       << shape.heads << "/" << shape.kv_heads << " heads of " << shape.head_dim << ", " << rotated
                       << " rotated, rows " << rows << (norms ? ", normalized" : ""));
          Weights weights;
          if (norms) weights = {random.normals(shape.dim()), random.normals(shape.dim()), 1e-6};
          auto count = static_cast<size_t>(rows);
          std::vector<float> qkv = random.activations(device(), count * shape.row());
          std::vector<float> angles = random_angles(random, count, static_cast<size_t>(rotated));
          Paging paging(random, 1, 40);
          Cache cache(device(), shape, paging.blocks, ST_F32);
          Batch batch(device(), paging, {{0, range(9, 9 + rows)}});
          std::vector<float> left = run(device(), shape, batch.get(), cache.get(), qkv, angles, rotated, weights);
          ASSERT_TRUE(near(queries_of(shape, left), expected_queries(shape, qkv, angles, rotated, weights),
                           device().tolerance(5e-6)));
        }
      }
    }
  }
}

// The first position attends to itself alone, so the result is its stored value, exactly, unless its scale is part of a
// rounded weight.
TEST_P(QkvEpilogueTest, ValuesAreStoredAsTheyAre) {
  for (const AttentionShape& shape : kShapes) {
    for (int32_t dtype : kCacheTypes) {
      Paging paging(random, 5, 16);
      Cache cache(device(), shape, paging.blocks, dtype);
      std::vector<Rows> rows;
      for (int32_t s = 0; s < 5; ++s) rows.push_back({s, {0}});
      Batch batch(device(), paging, rows);
      std::vector<float> qkv = random.activations(device(), 5 * shape.row());
      std::vector<float> angles = random_angles(random, 5, shape.dim());
      std::vector<float> left = run(device(), shape, batch.get(), cache.get(), qkv, angles, shape.head_dim);
      std::vector<float> out = attend(device(), shape, batch.get(), cache.get(), left, 0.3f);
      std::vector<float> held = as_held(device(), shape, qkv, dtype), expected;
      int32_t group = shape.heads / shape.kv_heads;
      for (size_t r = 0; r < 5; ++r) {
        for (int32_t h = 0; h < shape.heads; ++h) {
          size_t at = r * shape.row() + static_cast<size_t>(shape.heads + shape.kv_heads + h / group) * shape.dim();
          std::vector<float> value = slice(held, at, shape.dim());
          expected.insert(expected.end(), value.begin(), value.end());
        }
      }
      if (dtype == ST_INT8)
        EXPECT_TRUE(near(out, {expected.begin(), expected.end()}, device().tolerance(1e-5)));
      else
        EXPECT_TRUE(same_bits(out, rounded(expected, device().info.activation_dtype))) << dtype_name(dtype);
    }
  }
}

// Values that are unit vectors make attention return its probabilities, which identify the keys.
TEST_P(QkvEpilogueTest, KeysMatchReference) {
  const AttentionShape shape = {6, 2, 24};
  constexpr size_t kPositions = 20;
  for (int32_t dtype : kCacheTypes) {
    for (int norms = 0; norms < 2; ++norms) {
      SCOPED_TRACE(testing::Message() << dtype_name(dtype) << (norms ? ", normalised" : ""));
      Weights weights;
      if (norms) weights = {random.normals(shape.dim()), random.normals(shape.dim()), 1e-3};
      std::vector<float> qkv = random.activations(device(), kPositions * shape.row());
      for (size_t r = 0; r < kPositions; ++r)
        for (size_t i = 0; i < 2 * shape.dim(); ++i)
          qkv[r * shape.row() + 8 * shape.dim() + i] = i % shape.dim() == r ? 1.0f : 0.0f;
      std::vector<float> angles = random_angles(random, kPositions, shape.dim());
      Paging paging(random, 1, kPositions);
      Cache cache(device(), shape, paging.blocks, dtype);
      Batch batch(device(), paging, {{0, range(0, kPositions)}});
      std::vector<float> left = run(device(), shape, batch.get(), cache.get(), qkv, angles, shape.head_dim, weights);
      std::vector<float> out = attend(device(), shape, batch.get(), cache.get(), left, 0.2f);

      std::vector<double> queries = expected_queries(shape, qkv, angles, shape.head_dim, weights), expected;
      for (size_t r = 0; r < kPositions; ++r) {
        for (size_t h = 0; h < 6; ++h) {
          std::vector<double> p(shape.dim(), 0.0);
          double total = 0.0;
          for (size_t t = 0; t <= r; ++t) {
            const float* k = qkv.data() + t * shape.row() + (6 + h / 3) * shape.dim();
            std::vector<double> key = finish_head(k, shape.dim(), weights.k_norm, weights.epsilon,
                                                  angles.data() + t * shape.dim(), shape.dim());
            double score = 0.0;
            for (size_t i = 0; i < shape.dim(); ++i) score += queries[(r * 6 + h) * shape.dim() + i] * key[i];
            total += p[t] = std::exp(0.2 * score);
          }
          for (double& each : p) each /= total;
          expected.insert(expected.end(), p.begin(), p.end());
        }
      }
      EXPECT_TRUE(near(out, expected, dtype == ST_F32 ? device().tolerance(1e-5) : 2e-2));
    }
  }
}

TEST_P(QkvEpilogueTest, IdleRowsWriteNothing) {
  const AttentionShape shape = {4, 2, 16};
  Paging paging(random, 2, 40);
  Cache cache(device(), shape, paging.blocks, ST_BF16);
  std::vector<uint8_t> before = cache.read_bytes();
  std::vector<float> qkv = random.activations(device(), 4 * shape.row());
  std::vector<float> angles = random_angles(random, 4, shape.dim());
  Batch idle(device(), paging, {{0, {-1, -1}}, {1, {-1, -1}}});
  run(device(), shape, idle.get(), cache.get(), qkv, angles, shape.head_dim);
  EXPECT_TRUE(same_bits(cache.read_bytes(), before));

  // Beside a row that is not idle they change nothing either.
  Batch mixed(device(), paging, {{0, {-1, 3}}, {1, {-1, -1}}}), alone(device(), paging, {{0, {3}}});
  Cache other(device(), shape, paging.blocks, ST_BF16);
  run(device(), shape, mixed.get(), cache.get(), qkv, angles, shape.head_dim);
  run(device(), shape, alone.get(), other.get(), slice(qkv, shape.row(), shape.row()),
      slice(angles, shape.dim(), shape.dim()), shape.head_dim);
  EXPECT_TRUE(same_bits(cache.read_bytes(), other.read_bytes()));
}

TEST_P(QkvEpilogueTest, SameBitsForAnyRowsAndThreads) {
  const AttentionShape shape = {14, 2, 24};
  constexpr size_t kRows = 35;
  for (int32_t dtype : kCacheTypes) {
    Weights weights = {random.normals(shape.dim()), random.normals(shape.dim()), 1e-6};
    std::vector<float> qkv = random.activations(device(), kRows * shape.row());
    std::vector<float> angles = random_angles(random, kRows, shape.dim());
    Paging paging(random, 2, 40);
    Cache cache(device(), shape, paging.blocks, dtype);
    Batch batch(device(), paging, {{1, range(0, 20)}, {0, range(3, 18)}});
    std::vector<float> expected = run(device(), shape, batch.get(), cache.get(), qkv, angles, shape.head_dim, weights);
    for (int threads : thread_counts()) {
      auto other = open(threads);
      Cache again(*other, shape, paging.blocks, dtype);
      Batch there(*other, paging, {{1, range(0, 20)}, {0, range(3, 18)}});
      EXPECT_TRUE(
          same_bits(run(*other, shape, there.get(), again.get(), qkv, angles, shape.head_dim, weights), expected));
      EXPECT_TRUE(same_bits(again.read_bytes(), cache.read_bytes())) << threads << " threads";
    }
    Cache single(device(), shape, paging.blocks, dtype);
    for (size_t r = 0; r < kRows; ++r) {
      Rows row = r < 20 ? Rows{1, {static_cast<int32_t>(r)}} : Rows{0, {static_cast<int32_t>(r) - 17}};
      Batch one(device(), paging, {row});
      std::vector<float> left = run(device(), shape, one.get(), single.get(), slice(qkv, r * shape.row(), shape.row()),
                                    slice(angles, r * shape.dim(), shape.dim()), shape.head_dim, weights);
      EXPECT_TRUE(same_bits(slice(left, 0, shape.out()), slice(expected, r * shape.row(), shape.out()))) << "row " << r;
    }
    EXPECT_TRUE(same_bits(single.read_bytes(), cache.read_bytes()));
  }
}

TEST_P(QkvEpilogueTest, RefusesMistakes) {
  const AttentionShape shape = {4, 2, 16};
  Paging paging(random, 1, 16);
  Cache cache(device(), shape, paging.blocks, ST_F32);
  Batch batch(device(), paging, {{0, {0}}});
  Activations qkv(device(), random.activations(device(), shape.row()));
  Buffer<float> angles(device(), random_angles(random, 1, shape.dim()));
  const st_qkv_epilogue good = {sizeof good,  4,         2,           16,         1e-6f, 16, nullptr, nullptr,
                                angles.get(), qkv.get(), batch.get(), cache.get()};
  auto refused = [&](auto change) {
    st_qkv_epilogue op = good;
    change(op);
    return device().api.qkv_epilogue(device().stream, &op) == ST_INVALID_ARGUMENT && *device().api.last_error() != 0;
  };
  EXPECT_EQ(device().api.qkv_epilogue(device().stream, &good), ST_OK);
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.heads = 0; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.heads = 5; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.kv_heads = 0; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.heads = op.kv_heads = 1 << 30; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.head_dim = 15; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.head_dim = ST_MAX_HEAD_DIM + 2; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.rotated = 15; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.rotated = 18; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.rotated = -2; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.angles = nullptr; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.qkv = nullptr; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.cache.keys = nullptr; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.cache.values = nullptr; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.cache.dtype = ST_F16; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.cache.blocks = 0; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.batch.rows = -1; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.batch.sequences = 0; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.batch.blocks_per_sequence = 0; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.batch.positions = nullptr; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.batch.first_row = nullptr; }));
  EXPECT_TRUE(refused([](st_qkv_epilogue& op) { op.batch.block_tables = nullptr; }));
}

}  // namespace
