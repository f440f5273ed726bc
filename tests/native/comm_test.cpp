// Communicators and collectives: several devices in this process, a thread for each.
#include <algorithm>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "support.h"

namespace {

using namespace st::test;

constexpr uint32_t kLong = 60000, kShort = 50;  // time limits in ms: never reached, and always

// All ranks, each a device with one stream.
class Ranks {
 public:
  Ranks(const Target& target, int count) {
    for (int k = 0; k < count; ++k)
      devices.push_back(std::make_unique<Device>(target, 1, target.backend == "cpu" ? 0 : k));
    comms.resize(devices.size());
  }

  ~Ranks() {
    for (st_comm* comm : comms) api().comm_destroy(comm);
  }

  const st_api& api() const { return devices[0]->api; }
  size_t count() const { return devices.size(); }

  st_comm_options options(size_t rank, uint32_t timeout_ms, const uint8_t* id) const {
    st_comm_options result = {};
    result.size = sizeof result;
    result.rank = static_cast<int32_t>(rank);
    result.ranks = static_cast<int32_t>(count());
    result.timeout_ms = timeout_ms;
    std::copy_n(id, ST_COMM_ID_BYTES, result.id);
    return result;
  }

  // A communicator of all ranks; one that was there before is destroyed.
  void connect(uint32_t timeout_ms = kLong, const st_transport* transports = nullptr) {
    uint8_t id[ST_COMM_ID_BYTES] = {};
    devices[0]->check(api().comm_id(devices[0]->handle, id));
    on_all([&](size_t k) {
      st_comm_options each = options(k, timeout_ms, id);
      each.transport = transports ? &transports[k] : nullptr;
      st_comm* made = nullptr;
      devices[k]->check(api().comm_create(devices[k]->handle, &each, &made));
      api().comm_destroy(comms[k]);
      comms[k] = made;
    });
  }

  // Calls body(rank) on a thread for each rank. What they throw is a failure of the test.
  void on_all(const std::function<void(size_t)>& body) {
    std::vector<std::thread> threads;
    for (size_t k = 0; k < count(); ++k) {
      threads.emplace_back([&, k] {
        try {
          body(k);
        } catch (const std::exception& error) {
          ADD_FAILURE() << "rank " << k << ": " << error.what();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // The error of a sum of one element on a rank; empty if there is none. `enqueued` is called before the wait for it.
  std::string sum_error(
      size_t k, const std::function<void()>& enqueued = [] {}) {
    Buffer<float> in(*devices[k], std::vector<float>{1.0f});
    Activations out(*devices[k], 1);
    st_all_sum op = {sizeof op, 1, 1, 0, comms[k], in.get(), nullptr, out.get()};
    st_status status = api().all_sum(devices[k]->stream, &op);
    enqueued();
    if (status == ST_OK) status = api().stream_synchronize(devices[k]->stream);
    EXPECT_TRUE(status == ST_OK || status == ST_INTERNAL) << status;
    return status == ST_OK ? "" : api().last_error();
  }

  std::vector<std::unique_ptr<Device>> devices;
  std::vector<st_comm*> comms;
};

class CommTest : public BackendTest {
 protected:
  // Devices for all ranks, or a reason to skip.
  std::unique_ptr<Ranks> ranks_of(int count) {
    try {
      return std::make_unique<Ranks>(GetParam(), count);
    } catch (const std::runtime_error& error) {
      if (GetParam().backend != "cuda") throw;
      skipped_ = error.what();
      return nullptr;
    }
  }
  std::string skipped_;
};

INSTANTIATE_TEST_SUITE_P(Native, CommTest, testing::ValuesIn(targets()), target_name);

#define ST_RANKS(name, count)                                                                 \
  auto name##_owner = ranks_of(count);                                                        \
  if (!name##_owner) GTEST_SKIP() << "there are not " << (count) << " devices: " << skipped_; \
  Ranks& name = *name##_owner

// The columns of every rank of a random array, and the array.
struct Columns {
  size_t rows, cols;
  std::vector<float> all;
  std::vector<std::vector<float>> parts;

  Columns(Random& random, size_t r, size_t c, size_t ranks) : rows(r), cols(c), all(random.normals(r * c)) {
    for (size_t k = 0; k < ranks; ++k) {
      parts.emplace_back();
      for (size_t row = 0; row < rows; ++row)
        parts[k].insert(parts[k].end(), all.begin() + static_cast<std::ptrdiff_t>(row * cols + k * cols / ranks),
                        all.begin() + static_cast<std::ptrdiff_t>(row * cols + (k + 1) * cols / ranks));
    }
  }
};

void expect_gathered(Ranks& ranks, const Columns& columns) {
  ranks.on_all([&](size_t k) {
    Device& device = *ranks.devices[k];
    Buffer<float> in(device, columns.parts[k]), out(device, columns.all.size());
    st_all_gather op = {
        sizeof op, static_cast<int32_t>(columns.rows), static_cast<int32_t>(columns.cols), 0, ranks.comms[k], in.get(),
        out.get()};
    device.check(ranks.api().all_gather(device.stream, &op));
    device.synchronize();
    EXPECT_TRUE(same_bits(out.read(), columns.all)) << "rank " << k;
    EXPECT_TRUE(same_bits(in.read(), columns.parts[k])) << "rank " << k;
  });
}

// Partial sums of every rank, and what they come to.
struct Partial {
  size_t rows, cols;
  std::vector<std::vector<float>> sums;
  std::vector<float> bias;

  Partial(Random& random, size_t r, size_t c, size_t ranks, bool with_bias) : rows(r), cols(c) {
    for (size_t k = 0; k < ranks; ++k) sums.push_back(random.normals(r * c));
    if (with_bias) bias = random.normals(c);
  }

  std::vector<float> expected(int32_t dtype) const {
    std::vector<float> sum = tree(sums, 0, sums.size());
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += bias.empty() ? 0.0f : bias[i % cols];
    return rounded(sum, dtype);
  }

  std::vector<double> reference() const {
    std::vector<double> result(rows * cols, 0.0);
    for (const auto& each : sums)
      for (size_t i = 0; i < each.size(); ++i) result[i] += static_cast<double>(each[i]);
    for (size_t i = 0; i < result.size(); ++i) result[i] += bias.empty() ? 0.0 : static_cast<double>(bias[i % cols]);
    return result;
  }
};

void expect_summed(Ranks& ranks, const Partial& partial) {
  int32_t dtype = ranks.devices[0]->info.activation_dtype;
  std::vector<float> expected = partial.expected(dtype);
  ASSERT_TRUE(near(expected, partial.reference(), ranks.devices[0]->tolerance(5e-6)));
  ranks.on_all([&](size_t k) {
    Device& device = *ranks.devices[k];
    Buffer<float> in(device, partial.sums[k]), bias(device, partial.bias);
    Activations out(device, expected.size());
    st_all_sum op = {sizeof op,
                     static_cast<int32_t>(partial.rows),
                     static_cast<int32_t>(partial.cols),
                     0,
                     ranks.comms[k],
                     in.get(),
                     partial.bias.empty() ? nullptr : bias.get(),
                     out.get()};
    device.check(ranks.api().all_sum(device.stream, &op));
    device.synchronize();
    EXPECT_TRUE(same_bits(out.read_bytes(), encoded(expected, dtype))) << "rank " << k;
    EXPECT_TRUE(same_bits(in.read(), partial.sums[k])) << "rank " << k;
  });
}

TEST_P(CommTest, GathersColumns) {
  for (int count : {1, 2, 3, 4, 8}) {
    ST_RANKS(ranks, count);
    ranks.connect();
    auto n = static_cast<size_t>(count);
    for (size_t cols : {n, n + 1, size_t{37}, size_t{1000}, size_t{5001}, size_t{20003}})
      for (size_t rows : {0, 1, 3, 20}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols << " over " << count);
        expect_gathered(ranks, Columns(random, rows, cols, n));
      }
  }
}

TEST_P(CommTest, AddsByTheTree) {
  for (int count : {1, 2, 3, 4, 5, 7, 8}) {
    ST_RANKS(ranks, count);
    ranks.connect();
    for (size_t cols : {1, 37, 300, 2001})
      for (size_t rows : {0, 1, 3, 17}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols << " over " << count);
        expect_summed(ranks, Partial(random, rows, cols, static_cast<size_t>(count), (rows + cols) % 2 == 0));
      }
  }
}

// Each round's input is the output before it: a value that came too early or too late would show.
TEST_P(CommTest, ManySmallCollectivesKeepTheirOrder) {
  constexpr int kRounds = 1000;
  constexpr size_t kCols = 8;
  ST_RANKS(ranks, 4);
  ranks.connect();
  std::vector<float> values = random.normals(4 * kCols);
  std::vector<std::vector<float>> parts;
  for (size_t k = 0; k < 4; ++k) parts.push_back(slice(values, k * kCols, kCols));
  int32_t dtype = ranks.devices[0]->info.activation_dtype;
  std::vector<std::vector<float>> sent(kRounds), results(4);
  for (auto& each : sent) each = random.normals(kCols);
  ranks.on_all([&](size_t k) {
    Device& device = *ranks.devices[k];
    const st_api& api = ranks.api();
    size_t bytes = kCols * dtype_bytes(dtype);
    std::vector<uint8_t> all(bytes * kRounds);
    Buffer<float> in(device, parts[k]), gathered(device, 4 * kCols);
    Activations out(device, kCols);
    for (size_t round = 0; round < kRounds; ++round) {
      st_all_sum sum = {sizeof sum, 1, kCols, 0, ranks.comms[k], in.get(), nullptr, out.get()};
      device.check(api.all_sum(device.stream, &sum));
      device.check(api.copy(device.stream, all.data() + round * bytes, out.get(), bytes));
      // The next round's part: the next rank's of this one.
      st_all_gather gather = {sizeof gather, 1, 4 * kCols, 0, ranks.comms[k], in.get(), gathered.get()};
      device.check(api.all_gather(device.stream, &gather));
      device.check(api.copy(device.stream, in.get(), gathered.get() + (k + 1) % 4 * kCols, kCols * sizeof(float)));
      if (round % 100 == 99) device.synchronize();
    }
    results[k] = decoded(all, dtype);
  });
  for (size_t round = 0; round < kRounds; ++round) {
    std::vector<float> expected = rounded(tree(parts, 0, 4), dtype);
    for (size_t k = 0; k < 4; ++k)
      ASSERT_TRUE(same_bits(slice(results[k], round * kCols, kCols), expected)) << "rank " << k << ", round " << round;
    std::rotate(parts.begin(), parts.begin() + 1, parts.end());
  }
}

TEST_P(CommTest, CollectivesCanBeRecorded) {
  if (!device().info.graphs) GTEST_SKIP() << "this backend has no graphs";
  ST_RANKS(ranks, 3);
  ranks.connect();
  std::vector<Columns> columns;
  std::vector<Partial> partial;
  for (int round = 0; round < 3; ++round) {
    columns.emplace_back(random, 3, 37, 3);
    partial.emplace_back(random, 5, 41, 3, false);
  }
  ranks.on_all([&](size_t k) {
    Device& device = *ranks.devices[k];
    const st_api& api = ranks.api();
    Buffer<float> part(device, columns[0].parts[k].size()), all(device, 3 * 37), sums(device, 5 * 41);
    Activations sum(device, 5 * 41);
    device.check(api.graph_begin(device.stream));
    st_all_gather gather = {sizeof gather, 3, 37, 0, ranks.comms[k], part.get(), all.get()};
    st_all_sum add = {sizeof add, 5, 41, 0, ranks.comms[k], sums.get(), nullptr, sum.get()};
    device.check(api.all_gather(device.stream, &gather));
    device.check(api.all_sum(device.stream, &add));
    st_graph* graph = nullptr;
    device.check(api.graph_end(device.stream, &graph));
    for (size_t round = 0; round < 3; ++round) {
      part.write(columns[round].parts[k]);
      sums.write(partial[round].sums[k]);
      device.check(api.graph_launch(device.stream, graph));
      device.synchronize();
      EXPECT_TRUE(same_bits(all.read(), columns[round].all)) << "rank " << k;
      EXPECT_TRUE(same_bits(sum.read(), partial[round].expected(device.info.activation_dtype))) << "rank " << k;
    }
    api.graph_destroy(graph);
  });
}

TEST_P(CommTest, CommunicatorsAreIndependent) {
  ST_RANKS(ranks, 2);
  ranks.connect();
  std::vector<st_comm*> first = ranks.comms;
  ranks.comms.assign(2, nullptr);
  ranks.connect();
  expect_summed(ranks, Partial(random, 2, 5, 2, false));
  std::swap(ranks.comms, first);
  expect_gathered(ranks, Columns(random, 2, 5, 2));
  ranks.api().comm_abort(ranks.comms[1], "the end of the first");
  EXPECT_NE(ranks.sum_error(0).find("the end of the first"), std::string::npos);
  std::swap(ranks.comms, first);
  expect_summed(ranks, Partial(random, 2, 5, 2, false));
  for (st_comm* comm : first) ranks.api().comm_destroy(comm);
}

// Rank 0 waits for a rank that does not come.
TEST_P(CommTest, AnAbortEndsWhatWaitsAndWhatFollows) {
  ST_RANKS(ranks, 2);
  for (int round = 0; round < 20; ++round) {
    ranks.connect();
    std::string waiting;
    std::promise<void> enqueued;
    std::thread waiter([&] { waiting = ranks.sum_error(0, [&] { enqueued.set_value(); }); });
    enqueued.get_future().wait();
    ranks.api().comm_abort(ranks.comms[1], "the test ends it");
    ranks.api().comm_abort(ranks.comms[0], "too late to be the reason");
    waiter.join();
    EXPECT_NE(waiting.find("the test ends it"), std::string::npos) << waiting;
    for (size_t k : {0, 1}) EXPECT_NE(ranks.sum_error(k).find("the test ends it"), std::string::npos) << "rank " << k;
  }
  ranks.connect();
  expect_summed(ranks, Partial(random, 1, 7, 2, true));
}

TEST_P(CommTest, AnAbortedGraphIsNotLaunched) {
  if (!device().info.graphs) GTEST_SKIP() << "this backend has no graphs";
  ST_RANKS(ranks, 2);
  ranks.connect();
  Device& device = *ranks.devices[0];
  Buffer<float> in(device, std::vector<float>{1.0f});
  Activations out(device, 1);
  st_all_sum op = {sizeof op, 1, 1, 0, ranks.comms[0], in.get(), nullptr, out.get()};
  device.check(ranks.api().graph_begin(device.stream));
  device.check(ranks.api().all_sum(device.stream, &op));
  st_graph* graph = nullptr;
  device.check(ranks.api().graph_end(device.stream, &graph));
  ranks.api().comm_abort(ranks.comms[0], "the test ends it");
  EXPECT_EQ(ranks.api().graph_launch(device.stream, graph), ST_INTERNAL);
  EXPECT_NE(std::string(ranks.api().last_error()).find("the test ends it"), std::string::npos);
  ranks.api().graph_destroy(graph);
}

// A wait by event reports it too.
TEST_P(CommTest, AnAbortIsReportedByEvents) {
  ST_RANKS(ranks, 2);
  ranks.connect();
  Device& device = *ranks.devices[0];
  const st_api& api = ranks.api();
  Buffer<float> in(device, std::vector<float>{1.0f});
  Activations out(device, 1);
  st_all_sum op = {sizeof op, 1, 1, 0, ranks.comms[0], in.get(), nullptr, out.get()};
  st_event* event = nullptr;
  device.check(api.event_create(device.handle, 0, &event));
  device.check(api.all_sum(device.stream, &op));
  device.check(api.event_record(device.stream, event));
  std::thread aborter([&] { api.comm_abort(ranks.comms[1], "the test ends it"); });
  EXPECT_EQ(api.event_synchronize(event), ST_INTERNAL);
  EXPECT_NE(std::string(api.last_error()).find("the test ends it"), std::string::npos);
  aborter.join();
  api.event_destroy(event);
  api.stream_synchronize(device.stream);
}

TEST_P(CommTest, ARankThatNeverComesIsNamed) {
  if (GetParam().backend != "cpu") GTEST_SKIP() << "a device does not watch the time";
  ST_RANKS(ranks, 3);
  ranks.connect(kShort);
  std::string errors[2];
  ranks.on_all([&](size_t k) {
    if (k < 2) errors[k] = ranks.sum_error(k);
  });
  for (const std::string& error : errors) EXPECT_NE(error.find("rank 2"), std::string::npos) << error;
}

// Only the CPU knows of an error in the middle of its work; elsewhere the host ends the others.
TEST_P(CommTest, AFailedRankFailsAll) {
  if (GetParam().backend != "cpu") GTEST_SKIP() << "only the CPU backend looks at what arrays hold";
  ST_RANKS(ranks, 3);
  ranks.connect();
  ranks.on_all([&](size_t k) {
    Device& device = *ranks.devices[k];
    Matrix table(device, 5, 8, ST_F32, std::vector<float>(40, 1.0f));
    Buffer<int32_t> ids(device, std::vector<int32_t>{k == 1 ? 77 : 2});
    Buffer<float> weights(device, std::vector<float>{1.0f}), sums(device, 8);
    Activations out(device, 8);
    st_embed embed = {sizeof embed, 1, 1, 1, 5, 0, 1, 0, table.get(), ids.get(), weights.get(), nullptr, sums.get()};
    st_all_sum add = {sizeof add, 1, 8, 0, ranks.comms[k], sums.get(), nullptr, out.get()};
    device.check(ranks.api().embed(device.stream, &embed));
    device.check(ranks.api().all_sum(device.stream, &add));
    EXPECT_NE(ranks.api().stream_synchronize(device.stream), ST_OK);
    EXPECT_NE(std::string(ranks.api().last_error()).find("id 77"), std::string::npos) << ranks.api().last_error();
  });
}

// comm_create waits for all ranks of one id, and no longer than it may.
TEST_P(CommTest, RanksThatDoNotMeetGiveUp) {
  if (GetParam().backend == "cuda") GTEST_SKIP() << "a thread would stay in NCCL";
  ST_RANKS(ranks, 2);
  const st_api& api = ranks.api();
  auto create = [&](size_t k, const uint8_t* id, int32_t of) {
    st_comm_options options = ranks.options(k, kShort, id);
    options.ranks = of;
    st_comm* comm = nullptr;
    st_status status = api.comm_create(ranks.devices[k]->handle, &options, &comm);
    EXPECT_TRUE(status == ST_OK || *api.last_error() != 0);
    EXPECT_EQ(comm == nullptr, status != ST_OK);
    api.comm_destroy(comm);
    return status;
  };
  uint8_t id[2][ST_COMM_ID_BYTES] = {};
  for (auto& each : id) ranks.devices[0]->check(api.comm_id(ranks.devices[0]->handle, each));
  EXPECT_NE(std::vector<uint8_t>(id[0], id[0] + ST_COMM_ID_BYTES),
            std::vector<uint8_t>(id[1], id[1] + ST_COMM_ID_BYTES));
  EXPECT_EQ(create(0, id[0], 2), ST_INTERNAL) << "one rank alone";
  for (auto& each : id) ranks.devices[0]->check(api.comm_id(ranks.devices[0]->handle, each));
  ranks.on_all([&](size_t k) { EXPECT_EQ(create(k, id[k], 2), ST_INTERNAL) << "other ids"; });
  ranks.devices[0]->check(api.comm_id(ranks.devices[0]->handle, id[0]));
  ranks.on_all([&](size_t k) { EXPECT_NE(create(k, id[0], static_cast<int32_t>(2 + k)), ST_OK) << "other numbers"; });
}

TEST_P(CommTest, RefusesMistakes) {
  ST_RANKS(ranks, 2);
  ranks.connect();
  const st_api& api = ranks.api();
  Device& device = *ranks.devices[0];
  uint8_t id[ST_COMM_ID_BYTES] = {};
  EXPECT_EQ(api.comm_id(nullptr, id), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.comm_id(device.handle, nullptr), ST_INVALID_ARGUMENT);
  st_comm* comm = nullptr;
  auto create = [&](auto change) {
    st_comm_options options = ranks.options(0, kShort, id);
    change(options);
    return api.comm_create(device.handle, &options, &comm);
  };
  EXPECT_EQ(create([](st_comm_options& o) { o.size = 8; }), ST_INVALID_ARGUMENT);
  EXPECT_EQ(create([](st_comm_options& o) { o.rank = -1; }), ST_INVALID_ARGUMENT);
  EXPECT_EQ(create([](st_comm_options& o) { o.rank = 2; }), ST_INVALID_ARGUMENT);
  EXPECT_EQ(create([](st_comm_options& o) { o.ranks = 0; }), ST_INVALID_ARGUMENT);
  EXPECT_EQ(create([](st_comm_options& o) { o.ranks = ST_MAX_RANKS + 1; }), ST_INVALID_ARGUMENT);
  EXPECT_EQ(create([](st_comm_options& o) { o.timeout_ms = 0; }), ST_INVALID_ARGUMENT);
  EXPECT_EQ(api.comm_create(device.handle, nullptr, &comm), ST_INVALID_ARGUMENT);
  api.comm_abort(nullptr, "nothing");
  api.comm_destroy(nullptr);

  Buffer<float> in(device, std::vector<float>(8, 1.0f)), out(device, 16);
  const st_all_gather gather = {sizeof gather, 1, 16, 0, ranks.comms[0], in.get(), out.get()};
  auto gather_refused = [&](auto change) {
    st_all_gather op = gather;
    change(op);
    return api.all_gather(device.stream, &op) == ST_INVALID_ARGUMENT && *api.last_error() != 0;
  };
  EXPECT_TRUE(gather_refused([](st_all_gather& op) { op.rows = -1; }));
  EXPECT_TRUE(gather_refused([](st_all_gather& op) { op.cols = 0; }));
  EXPECT_TRUE(gather_refused([](st_all_gather& op) { op.cols = 1; }));  // of two ranks
  EXPECT_TRUE(gather_refused([](st_all_gather& op) { op.comm = nullptr; }));
  EXPECT_TRUE(gather_refused([](st_all_gather& op) { op.in = nullptr; }));
  EXPECT_TRUE(gather_refused([](st_all_gather& op) { op.out = nullptr; }));
  const st_all_sum sum = {sizeof sum, 1, 8, 0, ranks.comms[0], in.get(), nullptr, out.get()};
  auto sum_refused = [&](auto change) {
    st_all_sum op = sum;
    change(op);
    return api.all_sum(device.stream, &op) == ST_INVALID_ARGUMENT && *api.last_error() != 0;
  };
  EXPECT_TRUE(sum_refused([](st_all_sum& op) { op.rows = -1; }));
  EXPECT_TRUE(sum_refused([](st_all_sum& op) { op.cols = 0; }));
  EXPECT_TRUE(sum_refused([](st_all_sum& op) { op.comm = nullptr; }));
  EXPECT_TRUE(sum_refused([](st_all_sum& op) { op.in = nullptr; }));
  EXPECT_TRUE(sum_refused([](st_all_sum& op) { op.out = nullptr; }));
}

// A transport as a library between processes would be one: it knows only bytes.
class Wire {
 public:
  explicit Wire(size_t ranks) : parts_(ranks) {
    for (size_t k = 0; k < ranks; ++k) ends_.push_back({this, k});
    for (End& end : ends_) transports.push_back({&end, all_gather});
  }

  std::vector<st_transport> transports;
  bool broken = false;

 private:
  struct End {
    Wire* wire;
    size_t rank;
  };

  static const char* all_gather(void* context, const void* in, void* out, uint64_t bytes, uint32_t timeout_ms) {
    auto* end = static_cast<End*>(context);
    return end->wire->exchange(end->rank, in, out, bytes, timeout_ms);
  }

  // Everybody brings a part; who comes last lets all take the whole.
  const char* exchange(size_t rank, const void* in, void* out, uint64_t bytes, uint32_t timeout_ms) {
    if (broken) return "the wire is broken";
    const auto* from = static_cast<const char*>(in);
    std::unique_lock<std::mutex> lock(mutex_);
    size_t round = round_;
    parts_[rank].assign(from, from + bytes);
    if (++came_ == parts_.size()) {
      whole_.clear();
      for (const auto& part : parts_) whole_.insert(whole_.end(), part.begin(), part.end());
      came_ = 0;
      ++round_;
      all_came_.notify_all();
    } else if (!all_came_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return round_ != round; })) {
      return "nobody answers";
    }
    if (whole_.size() != bytes * parts_.size()) return "the ranks disagree about the bytes";
    std::copy(whole_.begin(), whole_.end(), static_cast<char*>(out));
    return nullptr;
  }

  std::mutex mutex_;
  std::condition_variable all_came_;
  std::vector<End> ends_;
  std::vector<std::vector<char>> parts_;
  std::vector<char> whole_;
  size_t came_ = 0, round_ = 0;
};

TEST_P(CommTest, ATransportCarriesCollectives) {
  if (GetParam().backend != "cpu") GTEST_SKIP() << "this backend has a transport of its own";
  for (int count : {1, 2, 3, 4}) {
    auto n = static_cast<size_t>(count);
    Wire wire(n);
    Ranks ranks(GetParam(), count);
    ranks.connect(kLong, wire.transports.data());
    for (size_t rows : {0, 1, 17}) {
      expect_gathered(ranks, Columns(random, rows, 37, n));
      expect_summed(ranks, Partial(random, rows, 300, n, true));
    }
    if (count == 3) expect_gathered(ranks, Columns(random, 40, 151936, n));  // more than it takes at once
    if (count == 1) continue;
    wire.broken = true;
    ranks.on_all([&](size_t k) { EXPECT_NE(ranks.sum_error(k).find("the wire is broken"), std::string::npos); });
  }
}

}  // namespace
