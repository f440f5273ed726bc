// Whole steps of a model of the shape of Qwen2.5-0.5B with random weights, as the host runs them, sampler included.
#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include "support.h"

namespace {

using namespace st::bench;

constexpr int32_t kHidden = 896, kFfn = 4864, kHeads = 14, kKvHeads = 2, kDim = 64, kLayers = 24, kVocabulary = 151936;
constexpr int32_t kQkv = (kHeads + 2 * kKvHeads) * kDim, kEntries = 10, kMaxRows = 512, kMaxSlots = 8;
constexpr int32_t kContext = 8192 + 512, kBlocksEach = kContext / ST_BLOCK_POSITIONS;

struct Layer {
  st_matrix qkv, output, gate_up, down;
  st_kv_cache cache;
};

// Where the rows of a step come from: `sequences` of `rows` new positions each behind `context` cached ones.
struct Work {
  int32_t sequences, rows, context;
  bool soft;
};

class Model {
 public:
  explicit Model(int32_t dtype) : dtype_(dtype) {
    embedding_ = random_matrix(kVocabulary, kHidden, dtype);
    auto blocks = kBlocksEach + kMaxSlots * 64;
    uint64_t kv = m_.api->kv_bytes(blocks, kKvHeads, kDim, ST_BF16);
    for (int i = 0; i < kLayers; ++i)
      layers_.push_back({random_matrix(kQkv, kHidden, dtype),
                         random_matrix(kHidden, kHeads * kDim, dtype),
                         random_matrix(2 * kFfn, kHidden, dtype),
                         random_matrix(kHidden, kFfn, dtype),
                         {allocate<char>(kv), allocate<char>(kv), blocks, ST_BF16}});
    norm_ = allocate<float>(kHidden);
    std::fill_n(norm_, kHidden, 1.0f);
    bias_ = allocate<float>(kQkv);
    frequencies_ = allocate<double>(kDim / 2);
    for (int i = 0; i < kDim / 2; ++i) frequencies_[i] = 1.0 / (1 + i);
    residual_ = allocate<float>(kMaxRows * kHidden);
    normed_ = allocate<float>(kMaxRows * kHidden);
    delta_ = allocate<float>(kMaxRows * kHidden);
    qkv_ = allocate<float>(kMaxRows * kQkv);
    attention_ = allocate<float>(kMaxRows * kHeads * kDim);
    activated_ = allocate<float>(kMaxRows * kFfn);
    angles_ = allocate<float>(kMaxRows * kDim);
    logits_ = allocate<float>(kMaxSlots * kVocabulary);
    workspace_ = allocate<char>(m_.api->sample_workspace_bytes(kMaxSlots, kVocabulary));
  }

  // Bytes that a step has to read: every weight once, and the keys and values before each sequence's rows.
  double bytes(const Work& work) const {
    double matrices = static_cast<double>(matrix_bytes(embedding_)), kv = 0.0;
    for (const Layer& l : layers_)
      matrices += static_cast<double>(matrix_bytes(l.qkv) + matrix_bytes(l.output) + matrix_bytes(l.gate_up) +
                                      matrix_bytes(l.down));
    kv = 2.0 * 2.0 * kLayers * kKvHeads * kDim * work.context * work.sequences;
    return matrices + kv;
  }

  // Multiply-adds of the products with weights.
  double multiply_adds(const Work& work) const {
    double layer = static_cast<double>(kQkv) * kHidden + kHidden * kHeads * kDim + 3.0 * kFfn * kHidden;
    return work.sequences * (work.rows * kLayers * layer + static_cast<double>(kVocabulary) * kHidden);
  }

  void prepare(const Work& work) {
    int32_t rows = work.sequences * work.rows;
    ids_.assign(static_cast<size_t>(std::max(rows, kMaxSlots) * kEntries), 0);
    weights_.assign(ids_.size(), 0.0f);
    for (size_t i = 0; i < ids_.size(); ++i) ids_[i] = static_cast<int32_t>(i * 7919 % kVocabulary);
    for (size_t i = 0; i < ids_.size(); i += kEntries) weights_[i] = 1.0f;
    positions_.clear();
    first_row_ = {0};
    tables_.clear();
    for (int32_t s = 0; s < work.sequences; ++s) {
      for (int32_t r = 0; r < work.rows; ++r) positions_.push_back(work.context + r);
      first_row_.push_back(static_cast<int32_t>(positions_.size()));
      for (int32_t b = 0; b < kBlocksEach; ++b)
        tables_.push_back(work.sequences == 1 ? b : kBlocksEach + s * 64 + b % 64);
    }
    last_row_.clear();
    slots_.clear();
    for (int32_t s = 0; s < work.sequences; ++s) {
      last_row_.push_back((s + 1) * work.rows - 1);
      slots_.push_back(s);
    }
    st_sampling sampling = {};
    sampling.thinking = {0.6f, 0.95f, 0.001f, 30};
    sampling.soft = work.soft;
    sampling.max_topk = kEntries;
    sampling.length_threshold = 256;
    sampling.max_thinking_tokens = -1;
    sampling_.assign(kMaxSlots, sampling);
    states_.assign(kMaxSlots, first_state());
    out_ids_.resize(kMaxSlots * kEntries);
    out_weights_.resize(kMaxSlots * kEntries);
    info_.resize(kMaxSlots);
  }

  void step(const Work& work) {
    const st_api& api = *m_.api;
    st_stream* s = m_.stream;
    int32_t rows = work.sequences * work.rows;
    st_batch batch = {rows,           work.sequences, kBlocksEach, 0, positions_.data(), first_row_.data(),
                      tables_.data(), nullptr};
    st_embed embed = {sizeof embed, rows,        kEntries,        rows,    embedding_.rows, 0, 0, 0,
                      embedding_,   ids_.data(), weights_.data(), nullptr, residual_};
    check(api.embed(s, &embed));
    st_rope_angles angles = {sizeof angles, rows, kDim / 2, 0, 1.0, positions_.data(), frequencies_, angles_};
    check(api.rope_angles(s, &angles));
    const float* delta = nullptr;
    for (const Layer& l : layers_) {
      norm(rows, delta);
      linear(rows, normed_, l.qkv, bias_, qkv_);
      st_qkv_epilogue epilogue = {sizeof epilogue, kHeads,  kKvHeads, kDim, 1e-6f, kDim,
                                  nullptr,         nullptr, angles_,  qkv_, batch, l.cache};
      check(api.qkv_epilogue(s, &epilogue));
      st_attention attention = {sizeof attention, kHeads, kKvHeads, kDim, 0.125f, 0, qkv_, attention_, batch, l.cache};
      check(api.attention(s, &attention));
      linear(rows, attention_, l.output, nullptr, delta_);
      norm(rows, delta_);
      linear(rows, normed_, l.gate_up, nullptr, activated_, 1);
      linear(rows, activated_, l.down, nullptr, delta_);
      delta = delta_;
    }
    norm(rows, delta_);
    st_gather_rows gather = {sizeof gather, work.sequences, kHidden, 0, last_row_.data(), normed_, attention_};
    check(api.gather_rows(s, &gather));
    linear(work.sequences, attention_, embedding_, nullptr, logits_);
    sample(work.sequences);
    check(api.stream_synchronize(s));
  }

  void sample(int32_t rows) {
    st_sample op = {sizeof op,           rows,           kVocabulary, kEntries,    logits_,         slots_.data(),
                    sampling_.data(),    states_.data(), nullptr,     ids_.data(), weights_.data(), out_ids_.data(),
                    out_weights_.data(), info_.data(),   nullptr,     nullptr,     nullptr,         nullptr,
                    workspace_};
    check(m_.api->sample(m_.stream, &op));
  }

  int32_t dtype() const { return dtype_; }

 private:
  uint64_t matrix_bytes(const st_matrix& w) const { return m_.api->matrix_bytes(w.rows, w.cols, w.dtype); }

  void norm(int32_t rows, const float* delta) {
    st_rms_norm op = {sizeof op, rows, kHidden, 1e-6f, delta, residual_, norm_, normed_};
    check(m_.api->rms_norm(m_.stream, &op));
  }

  void linear(int32_t rows, const float* x, const st_matrix& w, const float* bias, float* out, int32_t gated = 0) {
    st_linear op = {sizeof op, rows, x, w, bias, out, 1, 0, 0, gated, 0, 0};
    check(m_.api->linear(m_.stream, &op));
  }

  Machine& m_ = machine();
  int32_t dtype_;
  st_matrix embedding_;
  std::vector<Layer> layers_;
  float *norm_, *bias_, *residual_, *normed_, *delta_, *qkv_, *attention_, *activated_, *angles_, *logits_;
  double* frequencies_;
  char* workspace_;
  std::vector<int32_t> ids_, positions_, first_row_, tables_, last_row_, slots_, out_ids_;
  std::vector<float> weights_, out_weights_;
  std::vector<st_sampling> sampling_;
  std::vector<st_sequence_state> states_;
  std::vector<st_step_info> info_;
};

Model& model(int32_t dtype) {
  static std::map<int32_t, std::unique_ptr<Model>> models;
  if (!models[dtype]) models[dtype] = std::make_unique<Model>(dtype);
  return *models[dtype];
}

void run_steps(benchmark::State& state, int32_t dtype, const Work& work) {
  Model& m = model(dtype);
  m.prepare(work);
  m.step(work);
  for (auto _ : state) m.step(work);
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(state.iterations() * work.sequences * work.rows),
                                                  benchmark::Counter::kIsRate);
  if (work.rows == 1)
    report_bytes(state, m.bytes(work));
  else
    report_multiply_adds(state, m.multiply_adds(work),
                         dtype == ST_INT8 ? machine().rates.multiply_adds_int8 : machine().rates.multiply_adds_bf16);
}

void register_model(const char* name, int32_t dtype) {
  struct Case {
    const char* name;
    Work work;
  };
  const Case cases[] = {
      {"decode", {1, 1, 64, true}},       {"decode_greedy", {1, 1, 64, false}},
      {"decode_2", {2, 1, 64, true}},     {"decode_4", {4, 1, 64, true}},
      {"decode_8", {8, 1, 64, true}},     {"decode_context_8192", {1, 1, 8192, true}},
      {"prefill_512", {1, 512, 0, true}}, {"prefill_512_behind_8000", {1, 512, 8000, true}},
      {"prefill_64", {1, 64, 0, true}},
  };
  for (const Case& c : cases)
    benchmark::RegisterBenchmark((std::string("Qwen2.5-0.5B/") + name + "/" + c.name).c_str(),
                                 [dtype, work = c.work](benchmark::State& state) { run_steps(state, dtype, work); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

const bool kRegistered = [] {
  register_model("bf16", ST_BF16);
  register_model("int8", ST_INT8);
  return true;
}();

}  // namespace
