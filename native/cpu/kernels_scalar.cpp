#include "cpu/kernels.inl"

namespace st::cpu {

const Kernels& kernels_scalar() {
  static constexpr Kernels kernels = make_kernels("scalar");
  return kernels;
}

}  // namespace st::cpu
