// The processor cores that this process may use, and who of its thread pools uses which.
#pragma once

#include <vector>

namespace st::cpu {

// One logical processor of each physical core in the process's affinity mask; empty where the system does not report
// it.
std::vector<int> physical_cores();

// Threads that can run at once: physical cores, and no more than the cgroup's processor quota, rounded up. At least 1.
int allowed_threads();

// Binds the calling thread to a logical processor. Where that is refused, the system goes on choosing.
void bind_to_core(int core);

}  // namespace st::cpu
