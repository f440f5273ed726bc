// Joining and leaving the world, and what becomes of it when something fails.
#include "mpi/world.h"

#include <cstring>

#include "mpi/operation.h"

namespace st::mpi {

namespace {

// The first failure; written once.
struct Failure {
  std::mutex writing;
  std::atomic<bool> happened = false;
  char text[512] = "";
};

Failure failure;

// The name and version that MPI reports, up to the end of the first line.
void read_version(char (&text)[sizeof st_mpi_info::library]) {
  char all[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(all, &length);
  size_t line = strcspn(all, "\r\n");
  memcpy(text, all, line < sizeof text - 1 ? line : sizeof text - 1);
}

st_status read_ranks(MPI_Comm comm, int32_t* rank, int32_t* ranks) {
  ST_TRY(check_mpi("join", MPI_Comm_rank(comm, rank)));
  return check_mpi("join", MPI_Comm_size(comm, ranks));
}

st_status open_channel(Channel* channel) {
  ST_TRY(check_mpi("join", MPI_Comm_dup(MPI_COMM_WORLD, &channel->comm)));
  return check_mpi("join", MPI_Comm_set_errhandler(channel->comm, MPI_ERRORS_RETURN));
}

st_status open(World& w, int thread_level) {
  ST_TRY(check_mpi("join", MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)));
  read_version(w.info.library);
  if (thread_level < MPI_THREAD_MULTIPLE)
    return break_world("join: this MPI library (%s) was built without MPI_THREAD_MULTIPLE", w.info.library);
  ST_TRY(read_ranks(MPI_COMM_WORLD, &w.info.rank, &w.info.ranks));

  MPI_Comm machine = MPI_COMM_NULL;
  ST_TRY(check_mpi("join",
                   MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, w.info.rank, MPI_INFO_NULL, &machine)));
  ST_TRY(read_ranks(machine, &w.info.local_rank, &w.info.local_ranks));
  ST_TRY(check_mpi("join", MPI_Comm_free(&machine)));

  for (Channel* channel : {&w.control, &w.data, &w.leaving}) ST_TRY(open_channel(channel));
  return ST_OK;
}

}  // namespace

World& world() {
  static World instance;
  return instance;
}

st_status break_world(const char* format, ...) {
  std::lock_guard lock(failure.writing);
  if (!failure.happened) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure.text, sizeof failure.text, format, arguments);
    va_end(arguments);
    failure.happened = true;
  }
  return fail(ST_INTERNAL, "%s", failure.text);
}

st_status check_intact() {
  return failure.happened ? fail(ST_INTERNAL, "%s", failure.text) : ST_OK;
}

st_status check_mpi(const char* operation, int code) {
  if (code == MPI_SUCCESS) return ST_OK;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  return break_world("%s: %s", operation, text);
}

st_status join() {
  World& w = world();
  std::lock_guard lock(w.moving);
  if (w.membership == Membership::kJoined) return check_intact();
  ST_REQUIRE(w.membership == Membership::kOutside, "join: a process that left the world cannot join again");
  int initialized = 0;
  MPI_Initialized(&initialized);
  ST_REQUIRE(!initialized, "join: something else in this process uses MPI");

  int thread_level = 0;
  int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &thread_level);
  if (code != MPI_SUCCESS) return break_world("join: MPI_Init_thread failed with code %d", code);
  st_status status = open(w, thread_level);
  w.membership = Membership::kJoined;
  return status;
}

st_status query(st_mpi_info* info) {
  ST_REQUIRE(info, "query: a pointer is null");
  ST_REQUIRE(info->size == sizeof *info, "query: the struct has %u bytes, this library expects %zu", info->size,
             sizeof *info);
  ST_REQUIRE(world().membership == Membership::kJoined, "query: the process has not joined the world");
  *info = world().info;
  info->size = sizeof *info;
  return ST_OK;
}

void abort(int32_t code) {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized && !finalized) MPI_Abort(MPI_COMM_WORLD, code);
}

st_status leave(uint32_t timeout_ms) {
  World& w = world();
  std::lock_guard lock(w.moving);
  if (w.membership != Membership::kJoined) return ST_OK;
  w.membership = Membership::kLeft;  // no collective begins after this
  ST_TRY(check_intact());
  if (w.control.busy || w.data.busy) return break_world("leave: another thread waits in a collective");

  // MPI_Finalize waits without a limit for ranks that do not come.
  Operation operation("leave", w.leaving, timeout_ms);
  ST_TRY(operation.run([](MPI_Comm comm, MPI_Request* request) { return MPI_Ibarrier(comm, request); }));
  return check_mpi("leave", MPI_Finalize());
}

}  // namespace st::mpi
