/* The contract between the host and a backend. */
#ifndef SOFTTHINKING_BACKEND_H_
#define SOFTTHINKING_BACKEND_H_

#include <stdint.h>

#if defined(_WIN32) && defined(ST_BUILDING_BACKEND)
#define ST_EXPORT __declspec(dllexport)
#elif defined(_WIN32)
#define ST_EXPORT __declspec(dllimport)
#else
#define ST_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct st_api {
  uint32_t version;
} st_api;

/* The functions of this backend, or null where it does not have this version of the contract. */
ST_EXPORT const st_api* st_get_api(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif /* SOFTTHINKING_BACKEND_H_ */
