#include "strategy_support.h"

#include <algorithm>
#include <array>

namespace st::test {
namespace {

// Appends ids to the forced ones, each with a mark or not, and returns where they end.
int32_t append(st_sampling& sampling, int32_t at, const std::vector<int32_t>& ids, bool may_end) {
  for (int32_t id : ids) sampling.forced[at++] = id | (may_end ? ST_MAY_END : 0);
  return at;
}

void set_queues(st_sampling& sampling, const Parameters& parameters) {
  std::vector<int32_t> think_end(sampling.think_end, sampling.think_end + sampling.think_end_count);
  int32_t deer = kPendingPlaces, first = append(sampling, deer, parameters.ids("deer.exit_text"), false);
  int32_t end = append(sampling, append(sampling, first, think_end, true), parameters.ids("think_end_text"), false);
  sampling.deer_exit = {deer, end};
  sampling.end = {first + 1, end};
  sampling.converge = {first, end};
  int32_t hint = append(sampling, end, think_end, false);
  if (parameters.has("convergence") && parameters.text("convergence") == "hint") sampling.converge = {end, hint};
  int32_t last = append(sampling, append(sampling, hint, think_end, true), parameters.ids("final_text"), true);
  sampling.conclude = {hint, last};
}

void set_swireasoning(st_swireasoning& options, const Parameters& parameters) {
  options.window = parameters.integer("window");
  options.alpha_0 = parameters.number("alpha_0");
  options.beta_0 = parameters.number("beta_0");
  options.max_tokens = parameters.integer("max_tokens");
  options.start_blend_id = parameters.integer("start_blend_id");
  options.max_switch_count = parameters.integer("max_switch_count");
  options.final_tokens = parameters.integer("final_tokens");
  options.hard_count = static_cast<int32_t>(parameters.ids("hard_ids").size());
}

}  // namespace

int32_t strategy_named(const std::string& name) {
  constexpr std::array<const char*, 8> kNames = {"soft",         "mixture-of-inputs", "multiplex",   "swireasoning",
                                                 "think-router", "latent-sft",        "latent-grpo", "soft-grpo"};
  auto found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? ST_STRATEGY_SOFT : static_cast<int32_t>(found - kNames.begin());
}

st_sampling strategy_sampling(const Parameters& parameters) {
  st_sampling sampling = plain_sampling();
  sampling.thinking = parameters.filter("thinking");
  sampling.after = parameters.filter("after");
  sampling.seed = parameters.seed();
  sampling.strategy = strategy_named(parameters.text("strategy"));
  sampling.max_topk = parameters.integer("max_topk");
  sampling.record = 1;
  sampling.entropy_threshold = parameters.number("entropy_threshold");
  sampling.length_threshold = parameters.integer("length_threshold");
  sampling.max_thinking_tokens = parameters.integer("max_thinking_tokens");
  sampling.dirichlet_alpha = parameters.number("dirichlet_alpha");
  sampling.gumbel_temperature = parameters.number("gumbel_temperature");
  sampling.router_threshold = parameters.number("router_threshold");
  std::vector<double> clamp = parameters.numbers("noise_clamp");
  if (!clamp.empty())
    sampling.noise = {parameters.number("noise_scale"), static_cast<float>(clamp[0]), static_cast<float>(clamp[1]),
                      parameters.integer("one_sided")};
  auto is = [&](const char* name, const char* value) {
    return parameters.has(name) && parameters.text(name) == value ? 1 : 0;
  };
  sampling.mixture = {parameters.number("beta"), is("mixture", "direct"), is("scope", "all")};
  sampling.multiplex = {is("weighting", "uniform"), parameters.number("mask_threshold", -1.0f)};
  if (parameters.has("window")) set_swireasoning(sampling.swireasoning, parameters);
  sampling.think_end_count = 1;
  sampling.think_end[0] = parameters.integer("think_end");
  sampling.think_start_count = parameters.has("think_start") ? 1 : 0;
  sampling.think_start[0] = parameters.integer("think_start");
  set_queues(sampling, parameters);
  return sampling;
}

}  // namespace st::test
