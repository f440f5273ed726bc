/* Compiled as pedantic C11: the contracts must not lean on C++. */
#include "softthinking/backend.h"
#include "softthinking/mpi.h"

const st_api* header_is_c11(void);
const st_api* header_is_c11(void) {
  return st_get_api(0);
}

const st_mpi_api* mpi_header_is_c11(void);
const st_mpi_api* mpi_header_is_c11(void) {
  return st_mpi_get_api(0);
}
