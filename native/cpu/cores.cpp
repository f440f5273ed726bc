#include "cpu/cores.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace st::cpu {
namespace {

#if defined(__linux__)
// The first of the logical processors that share a core with `cpu`: lists are like "0,64" or "0-1".
int first_sibling(int cpu) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
  int first = cpu;
  file >> first;
  return file ? first : cpu;
}

// Number of CPUs that a cgroup allows, from "quota period" in microseconds; 0: no limit.
double quota_of(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0.0, period = 0.0;
  return file >> quota >> period && period > 0.0 ? quota / period : 0.0;  // "max" is not a number
}

// The minimum quota of the process's cgroup and its ancestors (version 2: "0::/path").
double cgroup_quota() {
  std::ifstream file("/proc/self/cgroup");
  std::string line, path;
  while (std::getline(file, line))
    if (line.rfind("0::", 0) == 0) path = line.substr(3);
  double least = quota_of("/sys/fs/cgroup");
  while (path.size() > 1) {
    double quota = quota_of("/sys/fs/cgroup" + path);
    if (quota > 0.0 && (least == 0.0 || quota < least)) least = quota;
    path.resize(path.find_last_of('/'));
  }
  return least;
}
#endif

}  // namespace

std::vector<int> physical_cores() {
  std::vector<int> cores;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  std::vector<int> taken;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set)) continue;
    int first = first_sibling(cpu);
    if (std::find(taken.begin(), taken.end(), first) != taken.end()) continue;
    taken.push_back(first);
    cores.push_back(cpu);
  }
#endif
  return cores;
}

int allowed_threads() {
  int count = static_cast<int>(physical_cores().size());
  if (count == 0) count = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  double quota = cgroup_quota();
  if (quota > 0.0 && quota < count) count = static_cast<int>(quota) + (quota > static_cast<int>(quota) ? 1 : 0);
#endif
  return std::max(count, 1);
}

void bind_to_core([[maybe_unused]] int core) {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);  // 0: the calling thread
#endif
}

}  // namespace st::cpu
