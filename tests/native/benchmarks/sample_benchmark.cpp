// Sampling a step with each of the strategies, at the vocabulary of Qwen2.5. The floor is one read of the logits.
#include <cmath>

#include "support.h"

namespace {

using namespace st::bench;

constexpr int32_t kVocabulary = 151936;
constexpr int32_t kEntries = ST_MAX_TOPK;

// Logits as a language model in doubt has them: the k-th id has a probability like k^-1.5 above noise of all ids.
void fill_logits(float* logits, uint64_t count) {
  fill(logits, count, 9.0f);
  uint64_t place = 12345;
  for (int k = 1; k <= 2000; ++k) {
    place = (place * 6364136223846793005u + 1442695040888963407u);
    logits[(place >> 33) % count] = 20.0f - 1.5f * std::log(static_cast<float>(k));
  }
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
  sampling.after = {temperature, 0.95f, 0.0f, 0};
  return sampling;
}

st_sampling gumbel() {
  st_sampling sampling = soft();
  sampling.gumbel_temperature = 0.5f;
  return sampling;
}

st_sampling dirichlet() {
  st_sampling sampling = soft();
  sampling.dirichlet_alpha = 1.0f;
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

// Arguments: rows, record.
void BM_Sample(benchmark::State& state, st_sampling sampling) {
  auto rows = static_cast<int32_t>(state.range(0));
  sampling.record = static_cast<int32_t>(state.range(1));
  Machine& m = machine();
  auto n = static_cast<size_t>(rows);
  uint64_t count = n * kVocabulary, places = n * kEntries;
  auto* logits = allocate<float>(count);
  for (size_t r = 0; r < n; ++r) fill_logits(logits + r * kVocabulary, kVocabulary);
  std::vector<st_sampling> samplings(n, sampling);
  std::vector<st_sequence_state> states(n, first_state());
  std::vector<int32_t> slots, slot_ids(places), ids(places);
  for (int32_t r = 0; r < rows; ++r) slots.push_back(r);
  std::vector<float> slot_weights(places), weights(places), scores(places), log_p1(places), log_pt(places);
  std::vector<st_step_info> info(n);
  std::vector<st_step_record> records(n);
  char* workspace = allocate<char>(m.api->sample_workspace_bytes(rows, kVocabulary));
  st_sample op = {};
  op.size = sizeof op;
  op.rows = rows;
  op.vocabulary = kVocabulary;
  op.entries = kEntries;
  op.logits = logits;
  op.slots = slots.data();
  op.sampling = samplings.data();
  op.states = states.data();
  op.slot_ids = slot_ids.data();
  op.slot_weights = slot_weights.data();
  op.out_ids = ids.data();
  op.out_weights = weights.data();
  op.out_info = info.data();
  op.out_record = records.data();
  op.out_scores = scores.data();
  op.out_log_p1 = log_p1.data();
  op.out_log_pt = log_pt.data();
  op.workspace = workspace;
  for (auto _ : state) {
    check(m.api->sample(m.stream, &op));
    check(m.api->stream_synchronize(m.stream));
  }
  report_bytes(state, 4.0 * static_cast<double>(count));
  release(logits);
  release(workspace);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "record"})->ArgsProduct({{1, 16}, {0, 1}})->Unit(benchmark::kMicrosecond)->UseRealTime();
}
BENCHMARK_CAPTURE(BM_Sample, greedy, plain(0.0f))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, drawn, plain(0.6f))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, soft, soft())->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, gumbel, gumbel())->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, dirichlet, dirichlet())->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, mixture_of_inputs, strategy(ST_STRATEGY_MIXTURE, 10))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, multiplex, strategy(ST_STRATEGY_MULTIPLEX, 3))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, swireasoning, strategy(ST_STRATEGY_SWIREASONING, 1023))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, think_router, strategy(ST_STRATEGY_THINK_ROUTER, 10))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, latent_sft, strategy(ST_STRATEGY_LATENT_SFT, 10))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, latent_grpo, strategy(ST_STRATEGY_LATENT_GRPO, 10))->Apply(sizes);
BENCHMARK_CAPTURE(BM_Sample, soft_grpo, strategy(ST_STRATEGY_SOFT_GRPO, 5))->Apply(sizes);

}  // namespace
