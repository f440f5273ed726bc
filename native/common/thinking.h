// The thinking state machine: what a sampled token does to the state of its sequence, and what may replace it.
#pragma once

#include "common/exits.h"

namespace st {

ST_HD bool is_soft(const st_sampling& sampling, const st_sequence_state& state) {
  return sampling.soft != 0 && state.thinking != 0;
}

// A change of mode in swireasoning: the state that follows, and what changed, as ST_STEP_* flags.
struct Switch {
  int32_t mode, stay, switches;
  float h_ref;
  int32_t flags;
};

// Of a soft thought, by its entropy at temperature 1. Equality changes nothing.
ST_HD Switch switch_mode(const st_swireasoning& options, const st_sequence_state& state, float entropy_1) {
  if (state.step == 0) return {state.mode, state.stay, state.switches, entropy_1, 0};
  int32_t stay = state.stay + 1;
  if (state.mode == 0 && entropy_1 < state.h_ref) return {1, 0, state.switches + 1, entropy_1, ST_STEP_TO_HARD};
  if (state.mode != 0 && entropy_1 > state.h_ref && stay >= options.window)
    return {0, 0, state.switches, entropy_1, ST_STEP_TO_SOFT};
  return {state.mode, stay, state.switches, state.h_ref, 0};
}

// Number of marker ids that the output ends with after `token`, given that it ended with `matched` of them before: the
// longest prefix of the marker that is a suffix of the ids so far.
ST_HD int32_t extend_match(const int32_t* marker, int32_t matched, int32_t token) {
  for (int32_t length = matched; length >= 0; --length) {
    if (marker[length] != token) continue;
    bool suffix = true;  // marker[0, length) ends marker[0, matched)
    for (int32_t i = 0; i < length; ++i) suffix = suffix && marker[i] == marker[matched - length + i];
    if (suffix) return length + 1;
  }
  return 0;
}

// Whether `token`, chosen by the model, would end the thinking.
ST_HD bool would_end_thinking(const st_sampling& sampling, const st_sequence_state& state, int32_t token) {
  return sampling.think_end_count > 0 &&
         extend_match(sampling.think_end, state.ending, token) == sampling.think_end_count;
}

// The model may open the thought itself: with the marker as its first ids.
ST_HD void follow_start(const st_sampling& sampling, st_sequence_state& state, int32_t token) {
  if (state.opening < 0) return;
  bool next = state.opening < sampling.think_start_count && sampling.think_start[state.opening] == token;
  state.opening = next ? state.opening + 1 : -1;
  if (state.opening != sampling.think_start_count) return;
  state.opening = -1;
  state.thinking = 1;
  state.thinking_steps = sampling.think_start_count;
}

ST_HD void start_queue(st_sequence_state& state, const st_queue& queue) {
  state.forced_next = queue.begin < queue.end ? queue.begin : -1;
  state.forced_end = queue.end;
}

// Removes the first id of a queue that is not empty; returns it with its mark.
ST_HD int32_t next_forced(const st_sampling& sampling, st_sequence_state& state) {
  int32_t marked = sampling.forced[state.forced_next];
  state.forced_next = state.forced_next + 1 < state.forced_end ? state.forced_next + 1 : -1;
  return marked;
}

// A thought emits `token`; returns whether that ends the thinking. A forced id that may not end it ends a match.
ST_HD bool follow_end(const st_sampling& sampling, st_sequence_state& state, int32_t token, bool may_end) {
  if (sampling.think_end_count == 0) return false;
  state.ending = may_end ? extend_match(sampling.think_end, state.ending, token) : 0;
  if (state.ending != sampling.think_end_count) return false;
  state.thinking = 0;
  state.low_entropy_steps = 0;
  state.ending = 0;
  return true;
}

// What a step is judged by.
struct StepSignals {
  float entropy, entropy_1, confidence;  // of the row; the last two where an exit or the strategy needs them
  int32_t switched;                      // ST_STEP_TO_HARD, ST_STEP_TO_SOFT or 0
};

// Counts a thought; returns the first exit that stops thinking here, as ST_STEP_* flag.
ST_HD int32_t count_thought(const st_sampling& sampling, st_sequence_state& state, const StepSignals& signals) {
  bool cold = low_entropy_stop(sampling, state, signals.entropy);
  bool sum = cusum_stop(sampling.cusum, state, signals.entropy_1);
  bool probed = state.eat_stop != 0;
  bool spent = sampling.max_thinking_tokens >= 0 && state.thinking_steps >= sampling.max_thinking_tokens;
  state.eat_stop = 0;
  state.thinking_steps += 1;
  return cold ? ST_STEP_COLD_STOP : sum ? ST_STEP_CUSUM : probed ? ST_STEP_EAT : spent ? ST_STEP_BUDGET : 0;
}

// Swireasoning switched to hard once more: after K times the thinking shall converge, after 2K the answer.
ST_HD void limit_switches(const st_sampling& sampling, st_sequence_state& state) {
  const st_swireasoning& options = sampling.swireasoning;
  int32_t limit = options.max_switch_count;
  if (limit <= 0 || state.switches < limit) return;
  bool conclude = state.switches > 2 * limit;
  start_queue(state, conclude ? sampling.conclude : sampling.converge);
  if (conclude) state.answer_left = options.final_tokens;
}

// Probes that a thought has to wait for, as ST_PROBE_*.
ST_HD int32_t probes_after(const st_sampling& sampling, const st_sequence_state& state, int32_t token, bool forced) {
  if (!state.thinking || sampling.think_end_count == 0) return 0;
  return (eat_triggers(sampling.eat, state, token) ? ST_PROBE_EAT : 0) |
         (!forced && deer_triggers(sampling.deer, state, token) ? ST_PROBE_DEER : 0);
}

ST_HD int32_t waiting_flags(int32_t probes) {
  return (probes & ST_PROBE_EAT ? ST_STEP_AWAITS_EAT : 0) | (probes & ST_PROBE_DEER ? ST_STEP_AWAITS_DEER : 0);
}

struct Step {
  int32_t flags;      // ST_STEP_*
  int32_t forced_id;  // the id that replaces the concept token by (id, 1.0), -1: none
};

// What is forced on a step, and the counts of exits: a queue goes before the exits.
ST_HD Step force(const st_sampling& sampling, st_sequence_state& state, const StepSignals& signals, bool* may_end) {
  *may_end = true;
  if (state.forced_next >= 0) {
    int32_t marked = next_forced(sampling, state);
    *may_end = (marked & ST_MAY_END) != 0;
    state.thinking_steps += state.thinking ? 1 : 0;
    return {ST_STEP_FORCED, marked & ~ST_MAY_END};
  }
  if (state.thinking) {
    int32_t stop = count_thought(sampling, state, signals);
    if (stop == 0 || sampling.think_end_count == 0) return {stop, -1};
    start_queue(state, sampling.end);
    state.ending = 0;  // the whole marker follows, even if the model had started it
    return {stop | ST_STEP_FORCED, sampling.think_end[0]};
  }
  bool cold = sampling.cold_stop_after_thinking && low_entropy_stop(sampling, state, signals.entropy);
  return {cold ? ST_STEP_FINISHED : 0, -1};
}

// Advances a sequence by one concept token that emits `token`. The caller replaces the concept token by
// (forced_id, 1.0) unless that is -1; the last id of an end marker is returned as forced_id too, so that it is plain.
ST_HD Step advance(const st_sampling& sampling, st_sequence_state& state, int32_t token, const StepSignals& signals) {
  int32_t soft = is_soft(sampling, state) ? ST_STEP_SOFT : 0;
  bool thinking = state.thinking != 0, queued = state.forced_next >= 0, may_end;
  uint32_t index = state.step++;
  bool spent = state.answer_left > 0 && --state.answer_left == 0;
  Step step = force(sampling, state, signals, &may_end);
  step.flags |= soft | signals.switched | (spent ? ST_STEP_ANSWER_SPENT : 0);
  if (step.forced_id >= 0) token = step.forced_id;
  if (!thinking) follow_start(sampling, state, token);
  if (thinking || state.thinking) step.flags |= ST_STEP_THINKING;
  if (thinking && follow_end(sampling, state, token, may_end)) {
    step.forced_id = token;
    step.flags |= ST_STEP_THINKING_ENDED;
  }
  bool free = thinking && state.thinking && !queued && state.forced_next < 0;
  if (free && (signals.switched & ST_STEP_TO_HARD)) limit_switches(sampling, state);
  if (deepconf_stop(sampling.deepconf, state, index, signals.confidence)) {
    step.flags |= ST_STEP_LOW_CONFIDENCE;
    if (sampling.deepconf.eos >= 0) {
      step.forced_id = token = sampling.deepconf.eos;
      step.flags |= ST_STEP_FORCED;
    }
  }
  state.token = token;
  if (!thinking || (step.flags & (ST_STEP_LOW_CONFIDENCE | ST_STEP_ANSWER_SPENT))) return step;
  state.waiting = probes_after(sampling, state, token, (step.flags & ST_STEP_FORCED) != 0);
  step.flags |= waiting_flags(state.waiting);
  if (state.waiting & ST_PROBE_DEER) {
    state.deer_probes += 1;
    state.deer_tokens = state.deer_ending = 0;
    state.deer_sum = 0.0;
  }
  return step;
}

// Stores a change of mode. Every soft thought of swireasoning makes one, forced ones too.
ST_HD void apply_switch(st_sequence_state& state, const Switch& change) {
  state.mode = change.mode;
  state.stay = change.stay;
  state.switches = change.switches;
  state.h_ref = change.h_ref;
}

// --- probes --------------------------------------------------------------------------------------------------------

// The arg-max of a probe's row, and its statistics at temperature 1.
struct ProbeSignals {
  int32_t token;
  double log_p1;
  float entropy_1;
};

// The thought that waits is replaced by the first id of deer_exit, as a forced step emits it; returns the step's flags.
ST_HD int32_t replace_thought(const st_sampling& sampling, st_sequence_state& state) {
  start_queue(state, sampling.deer_exit);
  int32_t marked = next_forced(sampling, state);
  state.token = marked & ~ST_MAY_END;
  state.ending = 0;
  int32_t flags = ST_STEP_DEER | ST_STEP_FORCED | ST_STEP_THINKING | (sampling.soft ? ST_STEP_SOFT : 0);
  if (follow_end(sampling, state, state.token, (marked & ST_MAY_END) != 0)) flags |= ST_STEP_THINKING_ENDED;
  state.waiting = probes_after(sampling, state, state.token, true);
  return flags | waiting_flags(state.waiting);
}

// A token of a deer probe; true when it is the last one.
ST_HD bool add_probe_token(const st_sampling& sampling, st_sequence_state& state, const ProbeSignals& signals) {
  if (state.deer_tokens > 0) state.deer_sum += sampling.deer.arithmetic ? exp64(signals.log_p1) : signals.log_p1;
  state.deer_tokens += 1;
  state.deer_ending = extend_match(sampling.think_end, state.deer_ending, signals.token);
  return state.deer_ending == sampling.think_end_count || state.deer_tokens >= sampling.deer.tokens;
}

// Applies one row of a probe; what replaces the thought is in state.token where the flags say ST_STEP_DEER.
ST_HD st_probe_info advance_probe(const st_sampling& sampling, st_sequence_state& state, int32_t kind,
                                  const ProbeSignals& signals) {
  st_probe_info info = {0, 0, signals.token, -1, static_cast<float>(signals.log_p1), signals.entropy_1, 0.0f, 0};
  if ((state.waiting & kind) == 0) return info;
  if (kind == ST_PROBE_EAT) {
    info.stop = state.eat_stop = eat_stop(sampling.eat, state, signals.entropy_1) ? 1 : 0;
    state.waiting &= ~ST_PROBE_EAT;
    info.done = 1;
    return info;
  }
  if (!add_probe_token(sampling, state, signals)) return info;
  double confidence = deer_confidence(sampling.deer, state, state.deer_ending == sampling.think_end_count);
  info.confidence = static_cast<float>(confidence);
  info.done = 1;
  state.waiting &= ~ST_PROBE_DEER;
  if (!(confidence > static_cast<double>(sampling.deer.threshold))) return info;
  info.flags = replace_thought(sampling, state);
  info.emitted = state.token;
  info.stop = 1;
  return info;
}

}  // namespace st
