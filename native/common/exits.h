// Early exits: what stops the thinking of a sequence. Each counts the steps that it is asked about.
#pragma once

#include "common/math.h"
#include "softthinking/backend.h"

namespace st {

// Whether the ascending ids[count] hold an id.
ST_HD bool holds(const int32_t* ids, int32_t count, int32_t id) {
  int32_t begin = 0, end = count;
  while (begin < end) {
    int32_t middle = begin + (end - begin) / 2;
    if (ids[middle] == id) return true;
    if (ids[middle] < id)
      begin = middle + 1;
    else
      end = middle;
  }
  return false;
}

// Counts a low-entropy token; true if the count reaches the length threshold (it is then reset).
ST_HD bool low_entropy_stop(const st_sampling& sampling, st_sequence_state& state, float entropy) {
  if (!(sampling.entropy_threshold > 0.0f)) return false;
  state.low_entropy_steps = entropy < sampling.entropy_threshold ? state.low_entropy_steps + 1 : 0;
  if (state.low_entropy_steps < sampling.length_threshold) return false;
  state.low_entropy_steps = 0;
  return true;
}

// S = max(0, S + mu - H_1 - drift); true if it is above the threshold.
ST_HD bool cusum_stop(const st_cusum& cusum, st_sequence_state& state, float entropy_1) {
  if (!(cusum.threshold > 0.0f)) return false;
  auto h = static_cast<double>(entropy_1);
  if (state.cusum_count < cusum.warmup) {
    state.cusum_count += 1;
    state.cusum_sum += h;
    return false;
  }
  double mu = cusum.warmup > 0 ? state.cusum_sum / cusum.warmup : static_cast<double>(cusum.mu);
  double next = static_cast<double>(state.cusum) + mu - h - static_cast<double>(cusum.drift);
  state.cusum = next > 0.0 ? static_cast<float>(next) : 0.0f;
  return state.cusum > cusum.threshold;
}

// Adds the confidence of step `step` to the window; true if the window is full and its mean below the bar.
ST_HD bool deepconf_stop(const st_deepconf& deepconf, st_sequence_state& state, uint32_t step, float confidence) {
  if (deepconf.window <= 0) return false;
  auto window = static_cast<uint32_t>(deepconf.window);
  float* value = deepconf.values + step % window;
  state.confidence_sum += static_cast<double>(confidence) - (step >= window ? static_cast<double>(*value) : 0.0);
  *value = confidence;
  return step + 1 >= window && state.confidence_sum / window < static_cast<double>(deepconf.bar);
}

// Adds a probe's entropy to the moving mean and variance; true if the variance is small enough to stop.
ST_HD bool eat_stop(const st_eat& eat, st_sequence_state& state, float entropy_1) {
  double x = static_cast<double>(entropy_1), a = static_cast<double>(eat.alpha);
  if (state.eat_probes == 0) {
    state.eat_mean = entropy_1;
    state.eat_variance = 0.0f;
  } else {
    double mean = a * x + (1.0 - a) * static_cast<double>(state.eat_mean);
    state.eat_mean = static_cast<float>(mean);
    state.eat_variance =
        static_cast<float>(a * (x - mean) * (x - mean) + (1.0 - a) * static_cast<double>(state.eat_variance));
  }
  state.eat_probes += 1;
  return state.eat_probes >= eat.min_probes && state.eat_variance < eat.delta;
}

// Whether a probe of eat follows a thought that emitted `token`.
ST_HD bool eat_triggers(const st_eat& eat, const st_sequence_state& state, int32_t token) {
  if (!eat.on) return false;
  return eat.interval > 0 ? state.thinking_steps % eat.interval == 0 : holds(eat.trigger_ids, eat.trigger_count, token);
}

// Whether a thought that emitted `token` is probed before it stands.
ST_HD bool deer_triggers(const st_deer& deer, const st_sequence_state& state, int32_t token) {
  return state.deer_probes < deer.max_probes && holds(deer.trigger_ids, deer.trigger_count, token);
}

// Confidence of a complete probe, of its tokens from the second on.
ST_HD double deer_confidence(const st_deer& deer, const st_sequence_state& state, bool ended) {
  if (state.deer_tokens < 2 || (deer.require_end && !ended)) return 0.0;
  double mean = state.deer_sum / (state.deer_tokens - 1);
  return deer.arithmetic ? mean : exp64(mean);
}

}  // namespace st
