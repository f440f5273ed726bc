/* Compiled as pedantic C11: the contract must not lean on C++. */
#include "softthinking/backend.h"

const st_api* header_is_c11(void);
const st_api* header_is_c11(void) {
  return st_get_api(0);
}
