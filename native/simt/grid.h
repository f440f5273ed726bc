// Runs the blocks of a grid on the CPUs of this machine.
#pragma once

#include <string>

#include "simt/block.h"

namespace st::simt {

// Runs all blocks; returns the error if there was one. Calls are serialized.
std::string run_grid(Launch launch);

// Number of OS threads that run blocks. SOFTTHINKING_SIMT_THREADS sets it; otherwise one per CPU. With the race
// detector it is 1.
int worker_count();

}  // namespace st::simt
