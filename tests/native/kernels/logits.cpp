// What is done to logits: sample with each strategy, penalize, log_probs. The floor is one read of the logits.
#include <algorithm>
#include <cmath>

#include "bench.h"

namespace st::kernels {
namespace {

constexpr int32_t kEntries = 64;

// Logits as a language model in doubt has them: the k-th id has a probability like k^-1.5 above noise of all ids.
std::vector<float> random_logits(size_t count) {
  std::mt19937 random(3);
  std::vector<float> logits(count);
  for (float& each : logits) each = static_cast<float>(random() % 18000) / 1000.0f - 9.0f;
  for (int k = 1; k <= 2000; ++k) logits[random() % count] = 20.0f - 1.5f * std::log(static_cast<float>(k));
  return logits;
}

// Soft thinking with the published filters.
st_sampling soft() {
  st_sampling sampling = {};
  sampling.thinking = sampling.after = {0.6f, 0.95f, 0.001f, 30};
  sampling.seed = 1;
  sampling.soft = 1;
  sampling.max_topk = 10;
  sampling.length_threshold = 256;
  sampling.max_thinking_tokens = -1;
  sampling.multiplex.mask_threshold = -1.0f;
  return sampling;
}

// Every token is one id; top-k is off, as in most requests.
st_sampling plain(float temperature) {
  st_sampling sampling = soft();
  sampling.soft = 0;
  sampling.thinking = sampling.after = {temperature, 0.95f, 0.0f, 0};
  return sampling;
}

st_sampling noisy(float dirichlet, float gumbel) {
  st_sampling sampling = soft();
  sampling.dirichlet_alpha = dirichlet;
  sampling.gumbel_temperature = gumbel;
  return sampling;
}

// Another strategy with its published parameters.
st_sampling strategy(int32_t which, int32_t max_topk) {
  st_sampling sampling = soft();
  sampling.strategy = which;
  sampling.max_topk = max_topk;
  sampling.gumbel_temperature = which == ST_STRATEGY_SOFT_GRPO ? 0.1f : 1.0f;
  sampling.noise = {1.0f, -1.5f, 3.0f, which == ST_STRATEGY_LATENT_GRPO};
  sampling.mixture.beta = 1.0f;
  sampling.swireasoning.window = 512;
  sampling.swireasoning.max_tokens = 32768;
  sampling.swireasoning.start_blend_id = -1;
  return sampling;
}

struct Named {
  const char* name;
  st_sampling sampling;
};

std::vector<Named> samplings() {
  return {
      {"soft", soft()},
      {"greedy", plain(0.0f)},
      {"drawn", plain(0.6f)},
      {"gumbel", noisy(0.0f, 0.5f)},
      {"dirichlet", noisy(1.0f, 0.0f)},
      {"mixture-of-inputs", strategy(ST_STRATEGY_MIXTURE, 10)},
      {"multiplex", strategy(ST_STRATEGY_MULTIPLEX, 3)},
      {"swireasoning", strategy(ST_STRATEGY_SWIREASONING, kEntries - 1)},
      {"think-router", strategy(ST_STRATEGY_THINK_ROUTER, 10)},
      {"latent-sft", strategy(ST_STRATEGY_LATENT_SFT, 10)},
      {"latent-grpo", strategy(ST_STRATEGY_LATENT_GRPO, 10)},
      {"soft-grpo", strategy(ST_STRATEGY_SOFT_GRPO, 5)},
  };
}

// Arrays of a batch, for all operations on logits.
struct Logits {
  Logits(Bench& bench, int32_t count) : rows(count) {
    const auto n = static_cast<size_t>(count), all = n * static_cast<size_t>(bench.vocabulary());
    std::vector<int32_t> numbers;
    for (int32_t r = 0; r < count; ++r) numbers.push_back(r);
    st_sequence_state state = {};
    state.thinking = 1;
    state.forced_next = state.opening = state.answer_left = -1;
    st_penalties some = {1.1f, 0.1f, 0.1f, 0, 0, 0, nullptr, nullptr};
    logits = bench.array(random_logits(all));
    slots = bench.array(numbers);
    states = bench.array(std::vector<st_sequence_state>(n, state));
    penalties = bench.array(std::vector<st_penalties>(n, some));
    counts = bench.array(std::vector<int32_t>(all, 0));
    ids = bench.array(std::vector<int32_t>(n * kEntries, 0));
    weights = bench.array(std::vector<float>(n * kEntries, 0.0f));
    info = bench.array(std::vector<st_step_info>(n));
    workspace = bench.memory(bench.api->sample_workspace_bytes(count, bench.vocabulary()));
  }

  int32_t rows;
  float *logits, *weights;
  int32_t *slots, *counts, *ids;
  st_sequence_state* states;
  st_penalties* penalties;
  st_step_info* info;
  void* workspace;
};

void bench_sample(Bench& bench, const Logits& on, const Named& named) {
  st_sample op = {};
  op.size = sizeof op;
  op.rows = on.rows;
  op.vocabulary = bench.vocabulary();
  op.entries = kEntries;
  op.logits = on.logits;
  op.slots = on.slots;
  op.sampling = bench.array(std::vector<st_sampling>(static_cast<size_t>(on.rows), named.sampling));
  op.states = on.states;
  op.slot_ids = op.out_ids = on.ids;
  op.slot_weights = op.out_weights = on.weights;
  op.out_info = on.info;
  op.workspace = on.workspace;
  Case what = {"sample", named.name, on.rows, 4.0 * on.rows * bench.vocabulary(), 0.0};
  bench.measure(what, [&](uint64_t) { bench.check(bench.api->sample(bench.stream, &op)); });
}

void bench_others(Bench& bench, const Logits& on) {
  constexpr int32_t kCount = 5;
  const int32_t vocabulary = bench.vocabulary();
  const double elements = static_cast<double>(on.rows) * vocabulary;
  if (bench.wanted("log_probs")) {
    st_log_probs op = {sizeof op,  on.rows, vocabulary,           kCount,      on.logits, on.slots, on.info,
                       on.weights, on.ids,  on.weights + on.rows, on.workspace};
    bench.measure({"log_probs", "5 ids", on.rows, 4.0 * elements, 0.0},
                  [&](uint64_t) { bench.check(bench.api->log_probs(bench.stream, &op)); });
  }
  if (bench.wanted("penalize")) {  // no id was emitted: only the counts have to be read
    st_penalize op = {sizeof op, on.rows, vocabulary, 0, on.logits, on.slots, on.penalties, on.counts, on.states};
    bench.measure({"penalize", "counts of 0", on.rows, 4.0 * elements, 0.0},
                  [&](uint64_t) { bench.check(bench.api->penalize(bench.stream, &op)); });
  }
}

}  // namespace

void bench_logits(Bench& bench) {
  for (int32_t rows : bench.tiny() ? std::vector<int32_t>{2} : std::vector<int32_t>{1, 16, 64, 128}) {
    Logits on(bench, rows);
    if (bench.wanted("sample"))
      for (const Named& each : samplings()) bench_sample(bench, on, each);
    bench_others(bench, on);
  }
}

}  // namespace st::kernels
