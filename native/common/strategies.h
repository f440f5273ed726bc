// The strategies: what a row feeds to the next step, written once for every backend.
//
// A backend brings a `Row`: a row of logits with its search, and the threads that work on it. All of them call propose,
// with the same result. What a Row has:
//   statistics                RowStatistics
//   logits                    const float* [V]
//   entries                   Entries, arrays that the threads share
//   first(n)                  finds the first n ids of the order whose logits are finite; returns how many there are
//   kept(filter, n)           finds the first n ids of what a filter keeps; returns how many
//   prefix_of_p1(top_p, n)    the same for top-p alone at temperature 1
//   key(i)                    order key of the i-th id found
//   load(count, at_1)         ids and weights become those of the ids found, as e^x at the row's temperature or at 1;
//                             returns the integer sum of the weights
//   draw(filter, random, n)   draws n ids from what a filter keeps, or for a temperature of 0 takes the first id of the
//                             order; drawn(j) are the ids, the result is the sums over what is kept
//   for_each(count, body)     calls body(i) for all i < count, shared among the threads
//   once(body)                calls body() in one thread
//   order(count)              orders the entries by score, ties by lower id
// After each of the last three, all threads see what was written.
#pragma once

#include "common/noise.h"
#include "common/statistics.h"
#include "common/thinking.h"

namespace st {

constexpr int kMostDraws = 64;

// The entries of a concept token while it is made: arrays of ST_MAX_TOPK places, and results of one thread.
struct Entries {
  int32_t* ids;
  double* weights;
  double* scores;
  double* bases;    // weights before the noise; written after `load` only, where they may take the place of the keys
  double* numbers;  // [2], shared by the threads
};

// The seed and counter of a step's random numbers.
struct RandomStep {
  uint64_t seed;
  uint32_t step;
};

struct Proposal {
  int32_t token;
  int32_t count;
  bool mixed, scored;
  double log_prob;
};

// --- what a row needs ----------------------------------------------------------------------------------------------

constexpr int32_t kPlain = -1;  // the strategy of rows that are one drawn id

// The strategy in effect for a row.
ST_HD int32_t strategy_of(const st_sampling& sampling, const st_sequence_state& state) {
  if (is_soft(sampling, state)) return sampling.strategy;
  bool mixes = sampling.soft != 0 && sampling.strategy == ST_STRATEGY_MIXTURE && sampling.mixture.after != 0;
  return mixes ? ST_STRATEGY_MIXTURE : kPlain;
}

ST_HD const st_filter& filter_of(const st_sampling& sampling, bool soft) {
  return soft ? sampling.thinking : sampling.after;
}

// Whether the row's sums at temperature 1 are needed, next to those at its own.
ST_HD bool needs_sums_at_1(const st_sampling& sampling, const st_sequence_state& state) {
  int32_t strategy = strategy_of(sampling, state);
  return sampling.record != 0 || sampling.cusum.threshold > 0.0f || sampling.deepconf.window > 0 ||
         strategy == ST_STRATEGY_SWIREASONING || strategy == ST_STRATEGY_LATENT_GRPO;
}

// Whether the statistics of the first ids of the order are needed.
ST_HD bool needs_top(const st_sampling& sampling, int32_t strategy) {
  return sampling.record != 0 || sampling.deepconf.window > 0 || strategy == ST_STRATEGY_MIXTURE;
}

// Ids that a strategy draws.
ST_HD int draws_of(const st_sampling& sampling, int32_t strategy, bool greedy, float p_max, int n) {
  switch (strategy) {
    case ST_STRATEGY_SOFT:
    case ST_STRATEGY_SOFT_GRPO:
      return greedy ? 1 : 0;
    case ST_STRATEGY_MULTIPLEX:
      return greedy ? 1 : n < kMostDraws ? n : kMostDraws;
    case ST_STRATEGY_THINK_ROUTER:
      return greedy || p_max < sampling.router_threshold ? 1 : 0;
    case ST_STRATEGY_LATENT_SFT:
    case ST_STRATEGY_LATENT_GRPO:
      return 0;
    default:
      return 1;
  }
}

// --- weighing ------------------------------------------------------------------------------------------------------

// The concept token (id, 1.0).
template <typename Row>
ST_DEVICE Proposal plain(Row& row, int32_t id) {
  row.once([&] {
    row.entries.ids[0] = id;
    row.entries.weights[0] = 1.0;
  });
  return {id, 1, false, false, log_pt_of(row.statistics, row.logits[id])};
}

// The ids found, with weights that sum to 1.
template <typename Row>
ST_DEVICE void weigh(Row& row, int count, bool at_1) {
  auto total = static_cast<double>(row.load(count, at_1));
  row.for_each(
      count, [&](int i) { row.entries.weights[i] = row.entries.weights[i] * static_cast<double>(kFixedOne) / total; });
}

// Doubles are summed in the order of the places, by one thread.
template <typename Row>
ST_DEVICE void normalize(Row& row, int count) {
  row.once([&] {
    double total = 0.0;
    for (int i = 0; i < count; ++i) total += row.entries.weights[i];
    row.entries.numbers[0] = total;
  });
  row.for_each(count, [&](int i) { row.entries.weights[i] /= row.entries.numbers[0]; });
}

// Keeps the n largest scores, with weights softmax(score / tau). Scores of different ids.
template <typename Row>
ST_DEVICE int soften(Row& row, int count, int n, double tau) {
  row.order(count);
  count = count < n ? count : n;
  const Entries& e = row.entries;
  double largest = e.scores[0] / tau;
  row.for_each(count, [&](int i) { e.weights[i] = exp64(e.scores[i] / tau - largest); });
  normalize(row, count);
  return count;
}

// A weight that underflows f32, which noise can cause, is dropped: its entry is unused.
template <typename Row>
ST_DEVICE int without_zeros(Row& row, int count) {
  while (count > 1 && static_cast<float>(row.entries.weights[count - 1]) == 0.0f) --count;
  return count;
}

// The mean of value(i) over the places where counts(i); 0 without any. By one thread.
template <typename Row, typename Counts, typename Value>
ST_DEVICE double mean_over(Row& row, int count, Counts counts, Value value) {
  row.once([&] {
    double sum = 0.0;
    int summed = 0;
    for (int i = 0; i < count; ++i) {
      if (!counts(i)) continue;
      sum += value(i);
      summed += 1;
    }
    row.entries.numbers[1] = summed > 0 ? sum / summed : 0.0;
  });
  return row.entries.numbers[1];
}

// --- strategies ----------------------------------------------------------------------------------------------------

// Replaces the weights by a draw of Dirichlet(alpha * weights), of which the first n are kept.
template <typename Row>
ST_DEVICE Proposal add_dirichlet_noise(Row& row, const st_sampling& sampling, RandomStep random, int count, int n) {
  const Entries& e = row.entries;
  auto alpha = static_cast<double>(sampling.dirichlet_alpha);
  row.for_each(count, [&](int i) {
    e.bases[i] = e.weights[i];
    e.scores[i] = log_gamma_draw(alpha * e.weights[i], random.seed, random.step, static_cast<uint32_t>(e.ids[i]));
  });
  count = without_zeros(row, soften(row, count, n, 1.0));
  double log_prob = 0.0;
  if (sampling.record)
    log_prob = mean_over(
        row, count, [&](int i) { return e.bases[i] > 0.05; },
        [&](int i) {
          double density = log_gamma_density(alpha * e.bases[i], e.scores[i]);
          return density < -5.0 ? -5.0 : density > 3.0 ? 3.0 : density;
        });
  return {0, count, true, true, log_prob};
}

// Replaces the weights by softmax((ln w + Gumbel noise) / tau).
template <typename Row>
ST_DEVICE Proposal add_gumbel_noise(Row& row, const st_sampling& sampling, RandomStep random, int count) {
  const Entries& e = row.entries;
  row.for_each(count, [&](int i) {
    e.bases[i] = e.weights[i];
    e.scores[i] = log64(e.weights[i]) + gumbel_draw(random.seed, random.step, static_cast<uint32_t>(e.ids[i]));
  });
  count = without_zeros(row, soften(row, count, count, static_cast<double>(sampling.gumbel_temperature)));
  double log_prob = 0.0;
  if (sampling.record)
    log_prob = mean_over(
        row, count, [](int) { return true; },
        [&](int i) { return log_gumbel_density(e.scores[i] - log64(e.bases[i])); });
  return {0, count, true, true, log_prob};
}

// The first n of what the thinking filters keep, with the noise of the request.
template <typename Row>
ST_DEVICE Proposal mix_soft(Row& row, const st_sampling& sampling, RandomStep random, int n, bool noise) {
  bool dirichlet = noise && sampling.dirichlet_alpha > 0.0f;
  int count = row.kept(sampling.thinking, dirichlet ? kNoiseEntries : n);
  weigh(row, count, false);
  Proposal proposal = {0, count, true, false, 0.0};
  if (dirichlet) proposal = add_dirichlet_noise(row, sampling, random, count, n);
  proposal.count = without_zeros(row, proposal.count);
  if (noise && sampling.gumbel_temperature > 0.0f) proposal = add_gumbel_noise(row, sampling, random, proposal.count);
  proposal.token = row.entries.ids[0];
  return proposal;
}

// y and the first `count` ids of p_1, which are loaded with weights q; `entropy` is theirs, divided by the largest.
template <typename Row>
ST_DEVICE Proposal mix_inputs(Row& row, const st_mixture& options, int32_t y, int count, double entropy) {
  const Entries& e = row.entries;
  Proposal proposal = {y, count, true, false, log_pt_of(row.statistics, row.logits[y])};
  if (options.direct) return proposal;
  auto beta = static_cast<double>(options.beta);
  double share = (beta + 1.0 - entropy) / (beta + 1.0);
  row.once([&] {
    e.numbers[0] = 0.0;
    for (int i = 0; i < count; ++i) {
      e.weights[i] *= entropy / (beta + 1.0);
      if (e.ids[i] != y) continue;
      e.weights[i] += share;
      e.numbers[0] = 1.0;
    }
    if (e.numbers[0] != 0.0) return;
    e.ids[count] = y;
    e.weights[count] = share;
  });
  if (e.numbers[0] == 0.0) proposal.count = count + 1;
  return proposal;
}

// The ids drawn, in the order of the draws.
template <typename Row>
ST_DEVICE Proposal multiplex(Row& row, const st_multiplex& options, int count) {
  const Entries& e = row.entries;
  row.for_each(count, [&](int i) {
    e.ids[i] = row.drawn(i);
    e.scores[i] = log_pt_of(row.statistics, row.logits[e.ids[i]]);
    e.weights[i] = options.uniform ? 1.0 : exp64(e.scores[i] + row.statistics.log_z);
  });
  normalize(row, count);
  row.once([&] {
    e.numbers[1] = 0.0;
    for (int i = 0; i < count; ++i) e.numbers[1] += e.scores[i];
  });
  return {e.ids[0], count, true, false, e.numbers[1]};
}

// An entry in the last place with the share 1 - a, where there is such an id.
template <typename Row>
ST_DEVICE int blend(Row& row, int count, int32_t id, double a) {
  if (id < 0 || a == 1.0) return count;
  const Entries& e = row.entries;
  row.for_each(count, [&](int i) { e.weights[i] *= a; });
  row.once([&] {
    e.ids[count] = id;
    e.weights[count] = 1.0 - a;
  });
  return count + 1;
}

// The id of a marker that has only one, -1 otherwise.
ST_HD int32_t single_id(const int32_t* marker, int32_t count) {
  return count == 1 ? marker[0] : -1;
}

template <typename Row>
ST_DEVICE Proposal swireason(Row& row, const st_sampling& sampling, const Switch& change, uint32_t step, int32_t y,
                             int n) {
  const st_swireasoning& options = sampling.swireasoning;
  bool to_hard = change.flags & ST_STEP_TO_HARD, to_soft = change.flags & ST_STEP_TO_SOFT;
  bool hard = change.mode != 0 || holds(options.hard_ids, options.hard_count, y);
  if (hard && !to_hard) return plain(row, y);
  n = n < ST_MAX_TOPK - 1 ? n : ST_MAX_TOPK - 1;
  int count = row.first(n);
  weigh(row, count, true);
  double progress = static_cast<double>(step) / static_cast<double>(options.max_tokens);
  auto share = [&](float from) {
    double first = static_cast<double>(from);
    return first + (1.0 - first) * progress;
  };
  if (to_hard)
    count = blend(row, count, single_id(sampling.think_end, sampling.think_end_count), share(options.beta_0));
  else if (step == 0)
    count = blend(row, count, options.start_blend_id, 0.9);
  else if (to_soft)
    count = blend(row, count, single_id(sampling.think_start, sampling.think_start_count), share(options.alpha_0));
  return {y, count, true, false, log_pt_of(row.statistics, row.logits[y])};
}

// The first n of p_1.
template <typename Row>
ST_DEVICE Proposal latent_sft(Row& row, int n) {
  int count = row.first(n);
  weigh(row, count, true);
  return {row.entries.ids[0], count, true, false, 0.0};
}

// Of the first `count` of p_1 those that may be among the n largest ln p_1 + noise: where even the largest noise does
// not bring an id to what the n-th has with the smallest, all after it are out as well.
template <typename Row>
ST_DEVICE int contenders(Row& row, const st_noise& noise, int count, int n) {
  auto scale = static_cast<double>(noise.scale);
  auto low = static_cast<double>(noise.low), high = static_cast<double>(noise.high);
  double smallest = noise.one_sided ? 0.0 : scale * low, largest = scale * (noise.one_sided ? high - low : high);
  auto base = [&](int i) { return log_p1_of(row.statistics, key_logit(row.key(i))); };
  int begin = n;
  while (begin < count) {
    int middle = begin + (count - begin) / 2;
    if (base(middle) + largest < base(n - 1) + smallest)
      count = middle;
    else
      begin = middle + 1;
  }
  return count;
}

// Of the first of p_1 the n largest ln p_1 + noise.
template <typename Row>
ST_DEVICE Proposal latent_grpo(Row& row, const st_sampling& sampling, const st_sequence_state& state, RandomStep random,
                               int n) {
  float top_p = sampling.thinking.top_p;
  int count = top_p < 1.0f ? row.prefix_of_p1(top_p, ST_MAX_TOPK) : row.first(ST_MAX_TOPK);
  if (would_end_thinking(sampling, state, static_cast<int32_t>(key_id(row.key(0))))) return latent_sft(row, n);
  count = count < n ? row.first(n) : contenders(row, sampling.noise, count, n);
  row.load(count, true);
  const Entries& e = row.entries;
  row.for_each(count, [&](int i) {
    e.bases[i] = log_p1_of(row.statistics, row.logits[e.ids[i]]);
    e.scores[i] = e.bases[i] + scaled_noise(sampling.noise, sampling.noise.one_sided != 0, random.seed, random.step,
                                            static_cast<uint32_t>(e.ids[i]));
  });
  count = soften(row, count, n, static_cast<double>(sampling.gumbel_temperature));
  double log_prob = 0.0;
  if (sampling.record)
    log_prob = mean_over(
        row, count, [](int) { return true; }, [&](int i) { return log_gumbel_density(e.scores[i] - e.bases[i]); });
  return {e.ids[0], count, true, true, log_prob};
}

// The entries of soft, with noise on ln(w + 1e-6).
template <typename Row>
ST_DEVICE Proposal soft_grpo(Row& row, const st_sampling& sampling, RandomStep random, int n) {
  int count = row.kept(sampling.thinking, n);
  weigh(row, count, false);
  const Entries& e = row.entries;
  row.for_each(count, [&](int i) {
    e.bases[i] = log64(e.weights[i] + 1e-6);
    e.scores[i] =
        e.bases[i] + scaled_noise(sampling.noise, false, random.seed, random.step, static_cast<uint32_t>(e.ids[i]));
  });
  count = soften(row, count, count, static_cast<double>(sampling.gumbel_temperature));
  double log_prob = 0.0;
  if (sampling.record)
    log_prob = mean_over(
        row, count, [&](int i) { return e.bases[i] > -3.0; },
        [&](int i) { return log_gumbel_density(clamp_noise(sampling.noise, e.scores[i] - e.bases[i])); });
  return {e.ids[0], count, true, true, log_prob};
}

// --- one row -------------------------------------------------------------------------------------------------------

// What a row is decided by, beyond its statistics.
struct RowSignals {
  double confidence, entropy_top20;
  float entropy_kept;  // where it was needed
  Switch change;       // of swireasoning
};

// Statistics of the first ids of the order; for a mixture of inputs, the entries become these with their probabilities.
template <typename Row>
ST_DEVICE int look_at_top(Row& row, RowSignals& signals, bool load) {
  int count = row.first(kTopPlaces);
  TopStatistics top = top_statistics(row.statistics, count, [&](int i) { return key_logit(row.key(i)); });
  signals.confidence = top.confidence;
  signals.entropy_top20 = top.entropy;
  if (load) {
    row.for_each(count, [&](int i) {
      double x = static_cast<double>(key_logit(row.key(i))) - static_cast<double>(row.statistics.maximum);
      row.entries.ids[i] = static_cast<int32_t>(key_id(row.key(i)));
      row.entries.weights[i] = exp64(x) / top.mass;
    });
  }
  return count;
}

// Strategies whose thought is the first id of the order at a temperature of 0.
ST_HD bool takes_largest(int32_t strategy) {
  return strategy == ST_STRATEGY_SOFT || strategy == ST_STRATEGY_MULTIPLEX || strategy == ST_STRATEGY_THINK_ROUTER ||
         strategy == ST_STRATEGY_SOFT_GRPO;
}

// That thought: a mixture of one entry, but for strategies and rows whose thoughts are drawn.
template <typename Row>
ST_DEVICE Proposal greedy_thought(Row& row, const st_sampling& sampling, int32_t strategy) {
  Proposal proposal = plain(row, row.drawn(0));
  bool routed =
      strategy == ST_STRATEGY_THINK_ROUTER && largest_probability(row.statistics.at_t) < sampling.router_threshold;
  if (strategy == ST_STRATEGY_MULTIPLEX || routed) return proposal;
  proposal.mixed = true;
  proposal.log_prob = 0.0;
  return proposal;
}

ST_HD bool is_masked(const st_multiplex& options, float entropy_kept) {
  return options.mask_threshold >= 0.0f && entropy_kept <= options.mask_threshold;
}

// The signals of a row before anything is looked at.
ST_HD RowSignals first_signals(const st_sequence_state& state) {
  return {0.0, 0.0, 0.0f, {state.mode, state.stay, state.switches, state.h_ref, 0}};
}

// Whether all rows of a slot do without the other strategies and without a record: propose_basic is enough for them.
ST_HD bool is_basic(const st_sampling& sampling) {
  return (sampling.soft == 0 || sampling.strategy == ST_STRATEGY_SOFT) && !needs_top(sampling, ST_STRATEGY_SOFT);
}

// propose for such rows, in less code: a device of many threads is slowed by what it does not execute, too.
template <typename Row>
ST_DEVICE Proposal propose_basic(Row& row, const st_sampling& sampling, const st_sequence_state& state, int n) {
  bool soft = is_soft(sampling, state);
  const st_filter& filter = filter_of(sampling, soft);
  RandomStep random = {sampling.seed, state.step};
  if (soft && filter.temperature > 0.0f) return mix_soft(row, sampling, random, n, true);
  row.draw(filter, random, 1);
  return soft ? greedy_thought(row, sampling, ST_STRATEGY_SOFT) : plain(row, row.drawn(0));
}

// The concept token that the strategy of a row proposes, in row.entries. `state` is that before the step; n is the
// maximum of entries. Only rows that record, and those whose strategy or exits ask, look at more than they use.
template <typename Row>
ST_DEVICE Proposal propose(Row& row, const st_sampling& sampling, const st_sequence_state& state, int n,
                           RowSignals& signals) {
  int32_t strategy = strategy_of(sampling, state);
  const st_filter& filter = filter_of(sampling, is_soft(sampling, state));
  bool greedy = !(filter.temperature > 0.0f);
  RandomStep random = {sampling.seed, state.step};
  signals = first_signals(state);
  if (strategy == ST_STRATEGY_SWIREASONING)
    signals.change = switch_mode(sampling.swireasoning, state, entropy_of(row.statistics.at_1));
  int top = 0, draws = draws_of(sampling, strategy, greedy, largest_probability(row.statistics.at_t), n);
  if (needs_top(sampling, strategy)) top = look_at_top(row, signals, strategy == ST_STRATEGY_MIXTURE);
  if (draws > 0 || sampling.record) signals.entropy_kept = entropy_of(row.draw(filter, random, draws));
  if (greedy && takes_largest(strategy)) return greedy_thought(row, sampling, strategy);
  switch (strategy) {
    case ST_STRATEGY_SOFT:
      return mix_soft(row, sampling, random, n, true);
    case ST_STRATEGY_MIXTURE:
      return mix_inputs(row, sampling.mixture, row.drawn(0), top, signals.entropy_top20);
    case ST_STRATEGY_MULTIPLEX:
      if (!is_masked(sampling.multiplex, signals.entropy_kept)) return multiplex(row, sampling.multiplex, draws);
      break;
    case ST_STRATEGY_SWIREASONING:
      return swireason(row, sampling, signals.change, state.step, row.drawn(0), n);
    case ST_STRATEGY_THINK_ROUTER:
      if (draws == 0) return mix_soft(row, sampling, random, n, false);
      break;
    case ST_STRATEGY_LATENT_SFT:
      return latent_sft(row, n);
    case ST_STRATEGY_LATENT_GRPO:
      return latent_grpo(row, sampling, state, random, n);
    case ST_STRATEGY_SOFT_GRPO:
      return soft_grpo(row, sampling, random, n);
    default:
      break;
  }
  return plain(row, row.drawn(0));
}

// The state after the step that proposed. A forced token, and one that ends the thinking, replaces the proposal;
// returns ST_STEP_* flags. By one thread.
template <typename Row>
ST_DEVICE int32_t take_step(const Row& row, const st_sampling& sampling, st_sequence_state& state, Proposal& proposal,
                            const RowSignals& signals) {
  apply_switch(state, signals.change);
  StepSignals step_signals = {entropy_of(row.statistics.at_t), entropy_of(row.statistics.at_1),
                              static_cast<float>(signals.confidence), signals.change.flags};
  Step step = advance(sampling, state, proposal.token, step_signals);
  if (step.forced_id >= 0) {
    row.entries.ids[0] = step.forced_id;
    row.entries.weights[0] = 1.0;
    bool forced = (step.flags & ST_STEP_FORCED) != 0;
    proposal = {step.forced_id, 1, false, false, forced ? 0.0 : log_pt_of(row.statistics, row.logits[step.forced_id])};
  }
  return step.flags | (proposal.mixed ? ST_STEP_MIXED : 0);
}

// The statistics of a step that is recorded.
ST_HD st_step_record record_of(const st_sampling& sampling, const RowStatistics& row, const float* logits,
                               const Proposal& proposal, const RowSignals& signals) {
  bool probes = sampling.deer.max_probes > 0;
  float exit = probes ? logits[sampling.forced[sampling.deer_exit.begin] & ~ST_MAY_END] : 0.0f;
  auto lse = [&](double scale, double log_z) {
    return static_cast<float>(static_cast<double>(row.maximum) / scale + log_z);
  };
  return {entropy_of(row.at_t),
          entropy_of(row.at_1),
          largest_probability(row.at_t),
          largest_probability(row.at_1),
          lse(static_cast<double>(row.temperature), row.log_z),
          lse(1.0, row.log_z_1),
          static_cast<float>(signals.confidence),
          static_cast<float>(signals.entropy_top20),
          signals.entropy_kept,
          static_cast<float>(log_p1_of(row, logits[proposal.token])),
          static_cast<float>(proposal.log_prob),
          probes ? static_cast<float>(log_p1_of(row, exit)) : 0.0f,
          probes ? static_cast<float>(log_pt_of(row, exit)) : 0.0f,
          proposal.scored ? 1 : 0};
}

}  // namespace st
