// Broadcast and all_gather, in parts whose sizes MPI's int can count.
#include <algorithm>

#include "mpi/operation.h"

// The tests make it small.
#ifndef ST_MPI_PART_BYTES
#define ST_MPI_PART_BYTES (1u << 30)
#endif

namespace st::mpi {

namespace {

// Of all ranks together: libraries multiply the number of ranks and bytes as int, too.
constexpr uint64_t kPartBytes = ST_MPI_PART_BYTES;

// `count` bytes of an array element of `stride` bytes.
st_status part_of_element(int count, uint64_t stride, MPI_Datatype* type) {
  MPI_Datatype bytes;
  ST_TRY(check_mpi("all_gather", MPI_Type_contiguous(count, MPI_BYTE, &bytes)));
  ST_TRY(check_mpi("all_gather", MPI_Type_create_resized(bytes, 0, static_cast<MPI_Aint>(stride), type)));
  ST_TRY(check_mpi("all_gather", MPI_Type_free(&bytes)));
  return check_mpi("all_gather", MPI_Type_commit(type));
}

st_status gather_whole(Operation& operation, const char* in, char* out, uint64_t bytes) {
  int count = static_cast<int>(bytes);
  return operation.run([=](MPI_Comm comm, MPI_Request* request) {
    return MPI_Iallgather(in, count, MPI_BYTE, out, count, MPI_BYTE, comm, request);
  });
}

st_status gather_parts(Operation& operation, const char* in, char* out, uint64_t bytes, uint64_t part) {
  for (uint64_t at = 0; at < bytes; at += part) {
    int count = static_cast<int>(std::min(part, bytes - at));
    MPI_Datatype type;
    ST_TRY(part_of_element(count, bytes, &type));
    ST_TRY(operation.run([=](MPI_Comm comm, MPI_Request* request) {
      return MPI_Iallgather(in + at, count, MPI_BYTE, out + at, 1, type, comm, request);
    }));
    ST_TRY(check_mpi("all_gather", MPI_Type_free(&type)));
  }
  return ST_OK;
}

st_status all_gather_on(Channel& channel, const void* in, void* out, uint64_t bytes, uint32_t timeout_ms) {
  const World& w = world();
  ST_REQUIRE(w.membership == Membership::kJoined, "all_gather: the process has not joined the world");
  ST_TRY(check_intact());
  ST_REQUIRE(bytes == 0 || (in && out), "all_gather: a pointer is null");
  if (bytes == 0) return ST_OK;
  Operation operation("all_gather", channel, timeout_ms);
  ST_TRY(operation.meet(bytes));
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  const uint64_t part = std::max<uint64_t>(kPartBytes / static_cast<uint64_t>(w.info.ranks), 1);
  return bytes <= part ? gather_whole(operation, from, to, bytes) : gather_parts(operation, from, to, bytes, part);
}

const char* gather_data(void*, const void* in, void* out, uint64_t bytes, uint32_t timeout_ms) {
  return all_gather_on(world().data, in, out, bytes, timeout_ms) == ST_OK ? nullptr : error_text();
}

}  // namespace

st_status broadcast(void* data, uint64_t bytes, uint32_t timeout_ms) {
  World& w = world();
  ST_REQUIRE(w.membership == Membership::kJoined, "broadcast: the process has not joined the world");
  ST_TRY(check_intact());
  ST_REQUIRE(bytes == 0 || data, "broadcast: a pointer is null");
  Operation operation("broadcast", w.control, timeout_ms);
  ST_TRY(operation.meet(bytes));
  for (uint64_t at = 0; at < bytes; at += kPartBytes) {
    char* part = static_cast<char*>(data) + at;
    int count = static_cast<int>(std::min(kPartBytes, bytes - at));
    ST_TRY(operation.run(
        [=](MPI_Comm comm, MPI_Request* request) { return MPI_Ibcast(part, count, MPI_BYTE, 0, comm, request); }));
  }
  return ST_OK;
}

st_status all_gather(const void* in, void* out, uint64_t bytes, uint32_t timeout_ms) {
  return all_gather_on(world().control, in, out, bytes, timeout_ms);
}

const st_transport* transport() {
  static const st_transport instance = {nullptr, gather_data};
  return world().membership == Membership::kJoined ? &instance : nullptr;
}

}  // namespace st::mpi
