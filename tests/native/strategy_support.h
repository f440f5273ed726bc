// Strategies from the golden files' parameters.
#pragma once

#include "parameters.h"
#include "sample_support.h"

namespace st::test {

int32_t strategy_named(const std::string& name);

// Sampling parameters of a golden file, of a slot whose pending queue is in the first places of `forced`. Lists of ids
// stay on the host: they are set by whoever copies them to the device.
st_sampling strategy_sampling(const Parameters& parameters);

// Room for the queue that a sequence starts with, in st_sampling.forced.
constexpr int32_t kPendingPlaces = 8;

}  // namespace st::test
