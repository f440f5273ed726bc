// Runs the blocks of a grid on the processors of this machine.
#pragma once

#include <string>

#include "simt/block.h"

namespace st::simt {

// Returns when every block has run; otherwise what went wrong. Callers take turns.
std::string run_grid(Launch launch);

// Threads of the system that run blocks. SOFTTHINKING_SIMT_THREADS sets it; else one per processor.
int worker_count();

}  // namespace st::simt
