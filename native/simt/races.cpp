#include "simt/races.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sstream>

#include "simt/block.h"
#include "simt/state.h"

namespace st::simt {

constinit thread_local Races* races_of_thread = nullptr;

namespace {

constexpr size_t kArenaBytes = size_t{4} << 20;  // a block has 163 KiB of dynamic shared memory at most, and pages
constexpr uint64_t kMostBlocks = uint64_t{1} << (32 - Record::kThreadBits);

unsigned char* arena() {
  void* memory = nullptr;
  if (posix_memalign(&memory, kPageBytes, kArenaBytes) != 0) throw std::bad_alloc();
  return static_cast<unsigned char*>(memory);
}

bool enabled = false;

}  // namespace

// --- what is known of other threads ---------------------------------------------------------------------------------

class Knowledge {
 public:
  using Times = std::shared_ptr<const std::vector<uint32_t>>;  // of the threads of a block

  void add(uint32_t block, const Times& times) {
    Times& mine = blocks_[block];
    if (!mine) mine = times;
    if (mine == times) return;
    auto later = std::make_shared<std::vector<uint32_t>>(*mine);
    for (size_t t = 0; t < later->size(); ++t) (*later)[t] = std::max((*later)[t], (*times)[t]);
    mine = std::move(later);
  }
  void add(const Known& other) {
    if (!other) return;
    for (const auto& [block, times] : other->blocks_) add(block, times);
  }
  const std::vector<uint32_t>* times_of(uint32_t block) const {
    auto found = blocks_.find(block);
    return found == blocks_.end() ? nullptr : found->second.get();
  }

 private:
  std::map<uint32_t, Times> blocks_;
};

namespace {

Known joined(const Known& a, const Known& b) {
  if (!a || a == b) return b;
  if (!b) return a;
  auto both = std::make_shared<Knowledge>(*a);
  both->add(b);
  return both;
}

}  // namespace

// --- launches and blocks -------------------------------------------------------------------------------------------

Races* Races::detector() {
  static Races* races = enabled ? new Races : nullptr;  // outlives calls from static destructors
  return races;
}

void Races::enable() {
  enabled = true;
}

unsigned char* Races::shared_memory(size_t bytes) {
  if (!arena_) {
    arena_ = {arena(), [](unsigned char* memory) { free(memory); }};
    track(arena_.get(), kArenaBytes);
  }
  unsigned char* begin = arena_.get() + arena_used_;
  arena_used_ += (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (arena_used_ > kArenaBytes) throw std::bad_alloc();
  arrays_.push_back({begin, bytes});
  return begin;
}

void Races::begin_launch(const Launch& launch) {
  launch_ = &launch;
  ++launch_generation_;
  fenced_ = false;
  places_.clear();
}

void Races::begin_block(Block& block, uint64_t index, unsigned threads) {
  runs_ = &block;
  block_ = static_cast<uint32_t>(index % kMostBlocks);
  threads_ = threads;
  ++block_generation_;
  arena_used_ = 0;
  arrays_.clear();
  time_ = barrier_time_ = 1;
  orders_.assign((threads + 31) / 32 * 32, Order{});
}

// --- order ---------------------------------------------------------------------------------------------------------

// What fences and atomics have ordered, among `count` threads from `first` on whose lanes are in the mask.
void Races::share(unsigned first, unsigned count, unsigned mask) {
  if (!fenced_) return;
  for (Known Order::*part : {&Order::acquired, &Order::fenced, &Order::observed}) {
    auto all = std::make_shared<Knowledge>();
    Known last;
    for (unsigned t = first; t < first + count; ++t) {
      const Known& mine = orders_[t].*part;
      if (!(mask >> t % 32 & 1) || !mine || mine == last) continue;
      all->add(mine);
      last = mine;
    }
    if (!last) continue;
    for (unsigned t = first; t < first + count; ++t)
      if (mask >> t % 32 & 1) orders_[t].*part = all;
  }
}

void Races::barrier() {
  barrier_time_ = ++time_;
  share(0, threads_, ~0u);
}

void Races::sync_warp(unsigned mask) {
  ++time_;
  const unsigned first = self_ / 32 * 32;
  uint32_t times[32] = {};
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    for (unsigned of = 0; of < 32; ++of) times[of] = std::max(times[of], orders_[first + lane].lanes[of]);
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1) times[lane] = time_;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1) std::copy_n(times, 32, orders_[first + lane].lanes);
  share(first, 32, mask);
}

void Races::fence() {
  fenced_ = true;
  Order& mine = orders_[self_];
  auto times = std::make_shared<std::vector<uint32_t>>(orders_.size(), barrier_time_);
  for (unsigned lane = 0; lane < 32; ++lane) {
    uint32_t& time = (*times)[self_ / 32 * 32 + lane];
    time = std::max(time, mine.lanes[lane]);
  }
  (*times)[self_] = ++time_;
  mine.acquired = joined(mine.acquired, mine.observed);
  mine.observed = nullptr;
  auto before = mine.acquired ? std::make_shared<Knowledge>(*mine.acquired) : std::make_shared<Knowledge>();
  before->add(block_, times);
  mine.fenced = before;
}

// An atomic reads what those before it have written there.
void Races::observe(const void* address) {
  if (!fenced_) return;
  Known& learned = places_[address];
  Order& mine = orders_[self_];
  mine.observed = joined(mine.observed, learned);
  learned = joined(learned, mine.fenced);
}

bool Races::precedes(const Record& record) const {
  if (record.is(Record::kManyBlocks) && !record.is(Record::kAtomic)) return false;
  if (record.block() == block_) {
    if (record.time < barrier_time_) return true;
    if (record.lanes != 0 && record.thread() / 32 == self_ / 32) {
      bool all = true;
      for (uint32_t others = record.lanes & ~(1u << self_ % 32); others != 0 && all; others &= others - 1)
        all = record.time < orders_[self_].lanes[__builtin_ctz(others)];
      if (all) return true;
    }
  }
  return is_acquired(record);
}

bool Races::is_acquired(const Record& record) const {
  const Known& known = orders_[self_].acquired;
  const std::vector<uint32_t>* times = known ? known->times_of(record.block()) : nullptr;
  if (!times) return false;
  const uint32_t first = record.lanes != 0 ? record.thread() / 32 * 32 : 0;
  const uint32_t end = record.lanes != 0 ? first + 32 : static_cast<uint32_t>(times->size());
  for (uint32_t t = first; t < end; ++t)
    if ((record.lanes == 0 || (record.lanes >> t % 32 & 1)) && record.time >= (*times)[t]) return false;
  return true;
}

// --- accesses ------------------------------------------------------------------------------------------------------

// Adds an access of this thread to others of its kind.
void Races::add(Record& records, uint32_t code) const {
  if (records.time == 0 || precedes(records)) {
    records = record_of_self(code);
  } else if (records.block() != block_ || records.is(Record::kManyBlocks)) {
    records = record_of_self(code | Record::kManyBlocks);
  } else {
    const bool same_warp = records.lanes != 0 && records.thread() / 32 == self_ / 32;
    records = {time_, who_of_self(), same_warp ? records.lanes | 1u << self_ % 32 : 0, code};
  }
}

void Races::check(Cell& cell, Access access, uint32_t code, const Target& target) {
  if (access == Access::kCopyEnds) {
    cell.write = record_of_self(cell.write.code & Record::kPlace);
    return;
  }
  if (cell.write.time != 0) {
    if (cell.write.is(Record::kPending)) report(cell.write, "still copies to", access, code, target);
    const bool both_atomic = access == Access::kAtomic && cell.write.is(Record::kAtomic);
    if (!both_atomic && !precedes(cell.write)) report(cell.write, "writes", access, code, target);
  }
  if (access == Access::kRead) return add(cell.reads, code);
  if (cell.reads.time != 0 && !precedes(cell.reads)) report(cell.reads, "reads", access, code, target);
  cell.reads = {};
  if (access == Access::kAtomic && cell.write.is(Record::kAtomic))
    add(cell.write, code | Record::kAtomic);
  else
    cell.write = record_of_self(code | (access == Access::kAtomic       ? Record::kAtomic
                                        : access == Access::kCopyBegins ? Record::kPending
                                                                        : 0));
}

void Races::access(const void* address, size_t bytes, Access access, const void* code) {
  auto at = reinterpret_cast<uintptr_t>(address);
  const Target target = {address, bytes};
  const auto offset = static_cast<uint32_t>(static_cast<const char*>(code) - library()) & Record::kPlace;
  while (bytes > 0) {
    Page* page = shadow_.find(at);
    if (!page) return;
    const bool shared = at - reinterpret_cast<uintptr_t>(arena_.get()) < kArenaBytes;
    const uint64_t generation = shared ? block_generation_ : launch_generation_;
    if (page->generation != generation) page->begin(generation);
    const uintptr_t in_page = at % kPageBytes;
    const size_t count = std::min(bytes, kPageBytes - in_page);
    page->split(in_page, count);
    for (size_t i = in_page >> page->cell_bits; i < (in_page + count) >> page->cell_bits; ++i)
      check(page->cells[i], access, offset, target);
    at += count;
    bytes -= count;
  }
  if (access == Access::kAtomic) observe(address);
}

// --- reports -------------------------------------------------------------------------------------------------------

// Where this library is loaded.
const char* Races::library() {
  static const char* const begin = [] {
    Dl_info info = {};
    dladdr(reinterpret_cast<void*>(&Races::enable), &info);
    return static_cast<const char*>(info.dli_fbase);
  }();
  return begin;
}

namespace {

// Functions and lines of places in this library, by addr2line, which comes with the compiler: for each the lines of the
// calls that are inlined there, the innermost first. Where that does not work, the offset in the library.
struct Place {
  std::string function, lines;
};

Place place_of(uint64_t offset) {
  Dl_info info = {};
  dladdr(reinterpret_cast<void*>(&Races::enable), &info);
  std::ostringstream command;
  command << "addr2line -Cfis -e '" << info.dli_fname << "' 0x" << std::hex << offset << " 2>/dev/null";
  Place place;
  if (FILE* out = popen(command.str().c_str(), "r")) {
    char line[2048];
    for (int i = 0; fgets(line, sizeof line, out); ++i) {
      std::string text(line, std::min(strcspn(line, " \n"), sizeof line));
      if (i % 2 == 0)
        place.function.assign(line, strcspn(line, "\n"));
      else if (text.compare(0, 2, "??") != 0 && text.compare(0, 13, "simt_device.h") != 0)
        place.lines += (place.lines.empty() ? "" : " < ") + text;
    }
    pclose(out);
  }
  if (place.lines.empty()) {
    std::ostringstream text;
    text << info.dli_fname << "+0x" << std::hex << offset;
    place.lines = text.str();
  }
  return place;
}

// Without scopes, parameters and template arguments.
std::string short_name(std::string function) {
  for (const char* scope : {"void ", "(anonymous namespace)::", "st::cuda::", "st::test::"})
    for (size_t at; (at = function.find(scope)) != std::string::npos;) function.erase(at, strlen(scope));
  return function.substr(0, function.find_first_of("<("));
}

const char* verb(Access access) {
  return access == Access::kRead ? "reads" : access == Access::kCopyBegins ? "copies to" : "writes";
}

}  // namespace

std::string Races::name(uint32_t who) const {
  const Record record = {0, who, 0, 0};
  const uint3 block = unfolded(record.block(), launch_->grid), thread = unfolded(record.thread(), launch_->block);
  std::ostringstream text;
  text << "thread (" << thread.x << ',' << thread.y << ',' << thread.z << ") of block (" << block.x << ',' << block.y
       << ',' << block.z << ')';
  return text.str();
}

std::string Races::described(const void* address) const {
  std::ostringstream text;
  for (const Array& array : arrays_)
    if (address >= array.begin && address < array.begin + array.bytes)
      text << static_cast<const unsigned char*>(address) - array.begin << " into " << array.bytes
           << " bytes of shared memory";
  std::lock_guard<std::mutex> lock(state().mutex);
  for (const auto& [begin, allocation] : state().device_memory)
    if (address >= begin && address < begin + allocation.bytes)
      text << static_cast<const char*>(address) - begin << " into " << allocation.bytes << " bytes of device memory";
  return text.str();
}

void Races::report(const Record& before, const char* did, Access access, uint32_t code, const Target& target) {
  std::string text;
  {
    std::ostringstream message;
    const uint64_t kernel = static_cast<uint64_t>(static_cast<const char*>(launch_->kernel) - library());
    message << "a race in " << short_name(place_of(kernel).function) << ": " << name(who_of_self()) << ' '
            << verb(access) << ' ' << target.bytes << " bytes, " << described(target.address) << ", at "
            << place_of(code - 1).lines << "; unordered, ";
    if (before.is(Record::kManyBlocks))
      message << "another block " << did << " there, at ";
    else if (before.who == who_of_self() && before.lanes != 1u << self_ % 32)
      message << "another thread of the block " << did << " there, at ";
    else
      message << name(before.who) << ' ' << did << " there, at ";
    message << place_of((before.code & Record::kPlace) - 1).lines;
    text = message.str();
  }
  runs_->fail(std::move(text));
}

}  // namespace st::simt
