#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.h"

namespace {

using namespace st::test;

// A routed batch: what route writes, and the reference.
struct Routing {
  int32_t rows, experts, per_row, first, held;
  std::vector<float> logits, weights;
  std::vector<int32_t> positions, ids, places, row_of, group_experts, group_places;

  size_t pairs() const { return static_cast<size_t>(rows) * static_cast<size_t>(per_row); }

  Routing(Random& random, int32_t row_count, int32_t expert_count, int32_t chosen)
      : rows(row_count), experts(expert_count), per_row(chosen), first(0), held(expert_count) {
    logits = random.normals(static_cast<size_t>(rows) * static_cast<size_t>(experts), 2.0);
    for (float& logit : logits)
      if (random.chance(0.3)) logit = std::nearbyint(logit);  // ties
    for (int32_t r = 0; r < rows; ++r) positions.push_back(random.chance(0.1) ? -1 : random.integer(0, 1000));
  }

  void run(Device& device, bool normalize) {
    Buffer<float> logit_buffer(device, logits), weight_buffer(device, pairs());
    Buffer<int32_t> position_buffer(device, positions), id_buffer(device, pairs()), place_buffer(device, pairs()),
        row_buffer(device, pairs()), experts_buffer(device, static_cast<size_t>(held)),
        places_buffer(device, static_cast<size_t>(held) + 1);
    st_route op = {sizeof op,
                   rows,
                   experts,
                   per_row,
                   first,
                   held,
                   normalize,
                   0,
                   logit_buffer.get(),
                   position_buffer.get(),
                   id_buffer.get(),
                   weight_buffer.get(),
                   place_buffer.get(),
                   row_buffer.get(),
                   experts_buffer.get(),
                   places_buffer.get()};
    device.check(device.api.route(device.stream, &op));
    ids = id_buffer.read();
    weights = weight_buffer.read();
    places = place_buffer.read();
    row_of = row_buffer.read();
    group_experts = experts_buffer.read();
    group_places = places_buffer.read();
  }

  std::vector<int32_t> expected_ids(size_t row) const {
    auto count = static_cast<size_t>(experts);
    if (positions[row] < 0) return std::vector<int32_t>(static_cast<size_t>(per_row), -1);
    std::vector<int32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return logits[row * count + static_cast<size_t>(a)] > logits[row * count + static_cast<size_t>(b)];
    });
    order.resize(static_cast<size_t>(per_row));
    std::sort(order.begin(), order.end());
    return order;
  }

  std::vector<double> expected_weights(size_t row, bool normalize) const {
    auto count = static_cast<size_t>(experts);
    double all = 0.0, chosen = 0.0;
    for (size_t e = 0; e < count; ++e) all += std::exp(static_cast<double>(logits[row * count + e]));
    std::vector<double> result;
    for (int32_t e : expected_ids(row))
      result.push_back(e < 0 ? 0.0 : std::exp(static_cast<double>(logits[row * count + static_cast<size_t>(e)])));
    for (double mass : result) chosen += mass;
    for (double& mass : result) mass = mass > 0.0 ? mass / (normalize ? chosen : all) : 0.0;
    return result;
  }

  void expect_groups() const {
    std::vector<int32_t> in_order, rows_in_order, sizes(static_cast<size_t>(held));
    for (int32_t e = first; e < first + held; ++e)
      for (size_t i = 0; i < pairs(); ++i)
        if (ids[i] == e) {
          rows_in_order.push_back(static_cast<int32_t>(i) / per_row);
          ASSERT_EQ(places[i], static_cast<int32_t>(rows_in_order.size()) - 1);
          ++sizes[static_cast<size_t>(e - first)];
        }
    for (size_t i = 0; i < pairs(); ++i) ASSERT_EQ(places[i] < 0, ids[i] < first || ids[i] >= first + held);
    rows_in_order.resize(pairs(), 0);
    ASSERT_EQ(row_of, rows_in_order);
    for (bool used : {true, false})
      for (int32_t e = 0; e < held; ++e)
        if ((sizes[static_cast<size_t>(e)] > 0) == used) in_order.push_back(e);
    ASSERT_EQ(group_experts, in_order);
    int32_t place = 0;
    for (size_t g = 0; g < in_order.size(); ++g) {
      ASSERT_EQ(group_places[g], place);
      place += sizes[static_cast<size_t>(in_order[g])];
    }
    ASSERT_EQ(group_places[in_order.size()], place);
  }

  int32_t used_places() const { return group_places.back(); }
};

// The matrices of the experts of a device.
struct Experts {
  int32_t outputs, cols, dtype;
  std::vector<std::vector<float>> w;
  bool gated = false, exact = false;

  Experts(Random& random, int32_t count, int32_t out, int32_t in, int32_t type) : outputs(out), cols(in), dtype(type) {
    for (int32_t e = 0; e < count; ++e) {
      w.push_back(random.normals(static_cast<size_t>(out) * static_cast<size_t>(in), 1.0 / std::sqrt(in)));
      if (!has_blocks(type)) w.back() = rounded(w.back(), type);
    }
  }

  size_t width() const { return static_cast<size_t>(gated ? outputs / 2 : outputs); }

  // out [places, width], poisoned where no group has a place.
  std::vector<float> run(Device& device, const Routing& routing, const std::vector<float>& x) const {
    size_t each = device.api.matrix_bytes(outputs, cols, dtype);
    Memory memory(device, each * w.size(), kIntegerPoison);
    st_matrix matrix = {memory.get(), outputs, cols, dtype, 0};
    for (size_t e = 0; e < w.size(); ++e) {
      st_matrix one = matrix;
      one.data = static_cast<char*>(memory.get()) + e * each;
      Source source(w[e], static_cast<size_t>(cols), dtype);
      device.check(device.pack(one, 0, 1, outputs, source.bytes.data(), source.dtype, source.scales.data()));
      device.synchronize();
    }
    Activations input(device, x), out(device, routing.pairs() * width());
    Buffer<int32_t> experts_buffer(device, routing.group_experts), places_buffer(device, routing.group_places);
    st_expert_linear op = {sizeof op,
                           static_cast<int32_t>(routing.pairs()),
                           routing.experts,
                           routing.held,
                           input.get(),
                           matrix,
                           out.get(),
                           experts_buffer.get(),
                           places_buffer.get(),
                           exact,
                           gated};
    device.check(device.api.expert_linear(device.stream, &op));
    return out.read();
  }

  // The same of one row, by linear.
  std::vector<float> alone(Device& device, size_t expert, const std::vector<float>& row) const {
    Matrix matrix(device, outputs, cols, dtype, w[expert]);
    Activations input(device, row), out(device, width());
    st_linear op = {sizeof op, 1, input.get(), matrix.get(), nullptr, out.get(), 0, exact, 0, gated, 0, 0};
    device.check(device.api.linear(device.stream, &op));
    return out.read();
  }
};

constexpr int32_t kMatrixTypes[] = {ST_F32, ST_F16, ST_BF16, ST_INT8, ST_FP8};

ST_TEST_EVERY_BACKEND(ExpertsTest);

TEST_P(ExpertsTest, RoutesLikeTheReference) {
  for (auto [experts, per_row] : {std::pair{1, 1}, {6, 2}, {8, 3}, {33, 33}, {128, 8}, {300, 5}, {1024, 9}}) {
    for (int32_t rows : {0, 1, 2, 17, 90}) {
      for (bool normalize : {false, true}) {
        SCOPED_TRACE(testing::Message() << rows << " rows, " << per_row << " of " << experts);
        Routing routing(random, rows, experts, per_row);
        for (int32_t ranks : {1, 2, 4}) {
          // A row's weights do not depend on the ranks.
          if (device().emulated() && normalize && ranks > 1) continue;
          for (int32_t rank = 0; rank < ranks && experts >= ranks; ++rank) {
            routing.first = rank * experts / ranks;
            routing.held = (rank + 1) * experts / ranks - routing.first;
            routing.run(device(), normalize);
            for (int32_t r = 0; r < rows; ++r) {
              auto at = static_cast<size_t>(r) * static_cast<size_t>(per_row);
              std::vector<int32_t> ids(routing.ids.begin() + static_cast<int64_t>(at),
                                       routing.ids.begin() + static_cast<int64_t>(at) + per_row);
              ASSERT_EQ(ids, routing.expected_ids(static_cast<size_t>(r)));
              ASSERT_TRUE(near(slice(routing.weights, at, static_cast<size_t>(per_row)),
                               routing.expected_weights(static_cast<size_t>(r), normalize), 2e-6));
            }
            ASSERT_NO_FATAL_FAILURE(routing.expect_groups());
          }
        }
      }
    }
  }
}

TEST_P(ExpertsTest, BadLogitsMakeTheirRowNaN) {
  for (float bad : {NAN, -NAN, INFINITY}) {
    Routing routing(random, 3, 20, 4);
    routing.positions = {1, 2, 3};
    routing.logits[27] = bad;
    routing.run(device(), true);
    for (size_t i = 0; i < routing.pairs(); ++i) {
      EXPECT_EQ(std::isnan(routing.weights[i]), i / 4 == 1);
      EXPECT_TRUE(routing.ids[i] >= 0 && routing.ids[i] < 20);
    }
  }
}

// Every row has the bits that linear gives it alone, whatever the groups are; what has no place is left as it was.
TEST_P(ExpertsTest, RowsHaveTheBitsOfLinear) {
  for (int32_t dtype : kMatrixTypes) {
    if (!device().holds(dtype)) continue;
    for (auto [outputs, cols] : {std::pair{34, 40}, {130, 200}, {16, 33}, {300, 96}}) {
      for (int32_t rows : {1, 7, 60}) {
        if (device().emulated() && rows == 60 && outputs > 200) continue;
        SCOPED_TRACE(testing::Message() << dtype_name(dtype) << " " << outputs << " x " << cols << ", rows " << rows);
        Routing routing(random, rows, 6, 3);
        routing.first = 2;
        routing.held = 3;
        routing.run(device(), false);
        Experts experts(random, routing.held, outputs, cols, dtype);
        experts.gated = outputs % 4 == 2;
        experts.exact = rows == 7;
        std::vector<float> x = random.activations(device(), routing.pairs() * static_cast<size_t>(cols));
        std::vector<float> out = experts.run(device(), routing, x);
        // linear uses tensor cores for rows that are not aligned, too.
        int32_t activations = device().info.activation_dtype;
        bool on_tensor_cores = activations == dtype || (dtype == ST_FP8 && activations != ST_F32);
        bool same_kernel = !device().emulated() || cols % 8 == 0 || !on_tensor_cores;
        for (size_t g = 0; g < static_cast<size_t>(routing.held); ++g) {
          for (auto p = static_cast<size_t>(routing.group_places[g]);
               p < static_cast<size_t>(routing.group_places[g + 1]); ++p) {
            std::vector<float> row = slice(out, p * experts.width(), experts.width());
            std::vector<float> expected =
                experts.alone(device(), static_cast<size_t>(routing.group_experts[g]),
                              slice(x, p * static_cast<size_t>(cols), static_cast<size_t>(cols)));
            if (same_kernel) {
              ASSERT_TRUE(same_bits(row, expected)) << "place " << p;
            } else {
              ASSERT_TRUE(near(row, std::vector<double>(expected.begin(), expected.end()), 2e-2)) << "place " << p;
            }
          }
        }
        for (auto i = static_cast<size_t>(routing.used_places()) * experts.width(); i < out.size(); ++i)
          ASSERT_TRUE(std::isnan(out[i])) << "element " << i;
      }
    }
  }
}

// The sums match a reference in float64, and those of shards of the experts add up to the same bits.
TEST_P(ExpertsTest, CombinesLikeTheReference) {
  for (int32_t cols : {1, 40, 200}) {
    for (auto [experts, per_row] : {std::pair{3, 2}, {8, 3}, {20, 11}}) {
      Routing routing(random, 12, experts, per_row);
      routing.run(device(), true);
      auto width = static_cast<size_t>(cols);
      std::vector<float> y = random.activations(device(), routing.pairs() * width);  // by pair
      std::vector<double> expected(12 * width);
      for (size_t i = 0; i < routing.pairs(); ++i)
        for (size_t c = 0; c < width && routing.ids[i] >= 0; ++c)
          expected[i / static_cast<size_t>(per_row) * width + c] +=
              static_cast<double>(routing.weights[i]) * static_cast<double>(y[i * width + c]);
      std::vector<float> whole;
      for (int32_t ranks : {1, 2, 4, 8}) {
        std::vector<std::vector<float>> parts;
        for (int32_t rank = 0; rank < ranks && experts >= ranks; ++rank) {
          routing.first = rank * experts / ranks;
          routing.held = (rank + 1) * experts / ranks - routing.first;
          routing.run(device(), true);
          std::vector<float> placed(y.size(), NAN);
          for (size_t i = 0; i < routing.pairs(); ++i)
            for (size_t c = 0; c < width && routing.places[i] >= 0; ++c)
              placed[static_cast<size_t>(routing.places[i]) * width + c] = y[i * width + c];
          Activations input(device(), placed), rounded_out(device(), ranks == 1 ? 12 * width : 0);
          Buffer<int32_t> ids(device(), routing.ids), places(device(), routing.places);
          Buffer<float> weights(device(), routing.weights), out(device(), 12 * width);
          st_combine op = {sizeof op,   12,        cols,          experts,      per_row,  1,
                           input.get(), ids.get(), weights.get(), places.get(), out.get()};
          device().check(device().api.combine(device().stream, &op));
          parts.push_back(out.read());
          if (ranks > 1) continue;
          op.out_f32 = 0;
          op.out = rounded_out.get();
          device().check(device().api.combine(device().stream, &op));
          ASSERT_TRUE(near(rounded_out.read(), expected, device().tolerance(2e-6)));
        }
        if (ranks == 1) {
          whole = parts[0];
          ASSERT_TRUE(near(whole, expected, 2e-6));
        } else if (!parts.empty()) {
          ASSERT_TRUE(same_bits(tree(parts, 0, parts.size()), whole)) << ranks << " ranks";
        }
      }
    }
  }
}

TEST_P(ExpertsTest, ThreadsDoNotShow) {
  Routing routing(random, 40, 8, 3);
  routing.run(device(), true);
  Experts experts(random, 8, 96, 64, ST_BF16);
  std::vector<float> x = random.activations(device(), routing.pairs() * 64), first;
  for (int threads : thread_counts()) {
    auto other = open(threads);
    std::vector<float> out = slice(experts.run(*other, routing, x), 0, static_cast<size_t>(routing.used_places()) * 96);
    if (first.empty()) first = out;
    ASSERT_TRUE(same_bits(out, first)) << threads << " threads";
  }
}

TEST_P(ExpertsTest, RefusesBadArguments) {
  int32_t number = 0;
  float value = 0.0f;
  st_route route = {sizeof route, 0,       8,       2,      0,       8,       0,       0,
                    &value,       &number, &number, &value, &number, &number, &number, &number};
  auto refuses = [&](auto change) {
    st_route bad = route;
    change(bad);
    EXPECT_EQ(device().api.route(device().stream, &bad), ST_INVALID_ARGUMENT);
    EXPECT_NE(std::string(device().api.last_error()).find("route:"), std::string::npos);
  };
  refuses([](st_route& op) { op.size = 4; });
  refuses([](st_route& op) { op.rows = -1; });
  refuses([](st_route& op) { op.experts = ST_MAX_EXPERTS + 1; });
  refuses([](st_route& op) { op.per_row = 9; });
  refuses([](st_route& op) { op.per_row = 0; });
  refuses([](st_route& op) { op.first_expert = 1; });
  refuses([](st_route& op) { op.held = 0; });
  refuses([](st_route& op) { op.normalize = 2; });
  refuses([](st_route& op) { op.positions = nullptr; });
  st_expert_linear linear = {sizeof linear, 0, 8, 8, &value, {&value, 4, 4, ST_F32, 0}, &value, &number, &number, 0, 0};
  auto refuses_linear = [&](auto change) {
    st_expert_linear bad = linear;
    change(bad);
    EXPECT_EQ(device().api.expert_linear(device().stream, &bad), ST_INVALID_ARGUMENT);
    EXPECT_NE(std::string(device().api.last_error()).find("expert_linear:"), std::string::npos);
  };
  refuses_linear([](st_expert_linear& op) { op.places = -1; });
  refuses_linear([](st_expert_linear& op) { op.held = 9; });
  refuses_linear([](st_expert_linear& op) { op.w.rows = 0; });
  refuses_linear([](st_expert_linear& op) { op.w.rows = 3, op.gated = 1; });
  refuses_linear([](st_expert_linear& op) { op.group_places = nullptr; });
  st_combine combine = {sizeof combine, 0, 4, 8, 2, 0, &value, &number, &value, &number, &value};
  auto refuses_combine = [&](auto change) {
    st_combine bad = combine;
    change(bad);
    EXPECT_EQ(device().api.combine(device().stream, &bad), ST_INVALID_ARGUMENT);
    EXPECT_NE(std::string(device().api.last_error()).find("combine:"), std::string::npos);
  };
  refuses_combine([](st_combine& op) { op.cols = 0; });
  refuses_combine([](st_combine& op) { op.per_row = 9; });
  refuses_combine([](st_combine& op) { op.out_f32 = 2; });
  refuses_combine([](st_combine& op) { op.y = nullptr; });
}

}  // namespace
