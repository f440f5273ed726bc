/* Prints the layout of what the headers declare, as this compiler lays it out: a line "constant <name> <value>",
 * "struct <name> <size>" or "field <struct> <name> <offset> <size>" each. The managed tests compare it with the structs
 * of the host. */
#include <stdio.h>

#include "softthinking/backend.h"
#include "softthinking/mpi.h"

#define ST_CONSTANT(name) printf("constant %s %lld\n", #name, (long long)(name));
#define ST_STRUCT(name) printf("struct %s %zu\n", #name, sizeof(name));
#define ST_FIELD(name, field) \
  printf("field %s %s %zu %zu\n", #name, #field, offsetof(name, field), sizeof(((name*)0)->field));

int main(void) {
#include "abi_list.inc"
  return 0;
}
