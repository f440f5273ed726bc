#include <cstdlib>
#include <cstring>

#include "cpu/kernels.h"

namespace st::cpu {
namespace {

struct Choice {
  const Kernels& (*kernels)();
  bool (*available)();
};

bool always() {
  return true;
}

#if defined(__x86_64__)
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512bf16() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni") &&
         __builtin_cpu_supports("avx512vbmi");
}
#endif

// Fastest first.
constexpr Choice kChoices[] = {
#if defined(__x86_64__)
    {kernels_avx512bf16, has_avx512bf16},
    {kernels_avx512, has_avx512},
    {kernels_avx2, has_avx2},
#endif
    {kernels_scalar, always},
};

}  // namespace

const Kernels* choose_kernels(const char** problem) {
  const char* wanted = getenv("SOFTTHINKING_ISA");
  bool any = wanted == nullptr || *wanted == 0;
  *problem = "SOFTTHINKING_ISA names an instruction set that this backend does not have";
  for (const Choice& choice : kChoices) {
    const Kernels& kernels = choice.kernels();
    if (!any && strcmp(wanted, kernels.name) != 0) continue;
    if (choice.available()) return &kernels;
    *problem = "SOFTTHINKING_ISA names an instruction set that this processor does not have";
    if (!any) return nullptr;
  }
  return nullptr;
}

}  // namespace st::cpu
