#if defined(__x86_64__)
#include "cpu/kernels.inl"

namespace st::cpu {

const Kernels& kernels_avx512bf16() {
  static constexpr Kernels kernels = make_kernels("avx512bf16");
  return kernels;
}

}  // namespace st::cpu
#endif
