// The CPU cores that this process may use, and binding threads to them.
#pragma once

#include <vector>

namespace st::cpu {

// One logical processor of each physical core in the process's affinity mask; empty where the system does not report
// it.
std::vector<int> physical_cores();

// Threads that can run concurrently: physical cores, at most the cgroup's CPU quota, rounded up. At least 1.
int allowed_threads();

// Binds the calling thread to a logical processor. If that is refused, the system continues to choose.
void bind_to_core(int core);

}  // namespace st::cpu
