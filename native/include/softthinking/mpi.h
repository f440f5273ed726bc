/* The world: the processes that a launcher of MPI started. A library of its own, so that only programs of several
 * processes need MPI; it exports one function, st_mpi_get_api, which returns a function table, or NULL if the library
 * does not support the requested version.
 *
 * Rules, in addition to those of backend.h:
 *  - A process joins once and leaves once, best on its main thread. Outside, only last_error, join and leave may be
 *    called.
 *  - Every rank calls the same collectives of a communicator in the same order, with the same number of bytes. There
 *    are two communicators: broadcast and all_gather use one, the transport the other. Each is used by one thread at a
 *    time.
 *  - A rank that waits lets others have its core: an idle worker needs about a hundredth of one.
 *  - A time limit is in milliseconds; 0 is none. MPI cannot withdraw from a collective. So after one that timed out, or
 *    failed otherwise, the world is broken: every call fails with the words of the first, and memory passed to the
 *    collective may be written until the process ends. A launcher ends the world when a process exits with an error.
 */
#ifndef SOFTTHINKING_MPI_H
#define SOFTTHINKING_MPI_H

#include "softthinking/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ST_MPI_VERSION 1u

typedef struct st_mpi_info {
  uint32_t size;
  int32_t rank;        /* 0..ranks-1 */
  int32_t ranks;       /* processes of the world */
  int32_t local_rank;  /* 0..local_ranks-1 */
  int32_t local_ranks; /* processes of the world on this machine */
  int32_t reserved;
  char library[128]; /* name and version of the MPI library */
} st_mpi_info;

typedef struct st_mpi_api {
  uint32_t version;
  uint32_t size;

  const char* (*last_error)(void); /* of the calling thread; "" if nothing failed */

  /* Waits for all processes of the launcher. Has no effect in a process that has joined. */
  st_status (*join)(void);
  st_status (*query)(st_mpi_info* info);

  /* data[bytes] of rank 0 becomes that of all ranks. Rank 0 may return before the others have it. */
  st_status (*broadcast)(void* data, uint64_t bytes, uint32_t timeout_ms);
  /* out[ranks, bytes] = the in[bytes] of every rank; no overlap. */
  st_status (*all_gather)(const void* in, void* out, uint64_t bytes, uint32_t timeout_ms);
  /* all_gather for a backend; it exists until the process ends. NULL outside. */
  const st_transport* (*transport)(void);

  /* Ends all processes of the world at once, this one with `code`. Returns only where MPI does not run: outside, and
   * after a leave that did not fail. From any thread. */
  void (*abort)(int32_t code);
  /* Waits until all ranks leave. Fails without waiting for them, and leaves MPI as it is, if the world is broken or
   * another thread waits in a collective. Has no effect outside. */
  st_status (*leave)(uint32_t timeout_ms);
} st_mpi_api;

ST_EXPORT const st_mpi_api* st_mpi_get_api(uint32_t version);

#ifdef __cplusplus
}
#endif
#endif
