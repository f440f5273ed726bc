// Shared by the operations that multiply with packed weights.
#pragma once

#include "cpu/matrix.h"

namespace st::cpu {

// The format of a matmul's input rows.
inline Operand operand_of(const Kernels& kernels, int32_t dtype, bool exact) {
  if (dtype == ST_INT8) return Operand::kInt8;
  bool fits_bf16 = dtype == ST_BF16 || dtype == ST_FP8;
  return fits_bf16 && !exact && kernels.bf16_products ? Operand::kBf16 : Operand::kF32;
}

// The same of rows first .. last - 1.
inline Product rows_of(const Product& product, int64_t first, int64_t last) {
  Product part = product;
  part.x = static_cast<const char*>(product.x) + first * product.row_bytes;
  part.out = product.out + first * width_of(product);
  part.rows = last - first;
  return part;
}

}  // namespace st::cpu
