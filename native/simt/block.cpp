#include "simt/block.h"

#include <cstdio>
#include <cstring>

namespace st::simt {

constinit thread_local Block* block_of_thread = nullptr;
constinit thread_local Position position_of_thread = {};

namespace {

// NaN in every floating-point type, so that uninitialized memory is detected.
constexpr int kPoison = 0xFF;

}  // namespace

uint3 unfolded(uint64_t index, const dim3& size) {
  return {static_cast<unsigned>(index % size.x), static_cast<unsigned>(index / size.x % size.y),
          static_cast<unsigned>(index / size.x / size.y)};
}

// --- scheduling ----------------------------------------------------------------------------------------------------

void Block::begin(const Launch& launch, uint64_t index) {
  launch_ = &launch;
  error_.clear();
  count_ = live_ = launch.block.x * launch.block.y * launch.block.z;
  at_barrier_ = 0;
  shuffled_ = launch.seed != 0;
  random_state_ = launch.seed * 0x9E3779B97F4A7C15u + index;
  if (threads_.size() < count_) threads_.resize(count_);
  for (unsigned t = 0; t < count_; ++t) {
    threads_[t].waits_at_barrier = threads_[t].waited = false;
    threads_[t].place = unfolded(t, launch.block);
    threads_[t].copies.clear();
  }
  collectives_.resize((count_ + kWarpSize - 1) / kWarpSize);
  for (auto& begun : collectives_) begun.clear();
  arrays_.clear();
  if (races_) races_->begin_block(*this, index, count_);
  dynamic_shared_ = shared_bytes(launch.shared_bytes);
  shared_used_ = launch.shared_bytes;
  ready_.clear();
  ready_begin_ = 0;
  for (unsigned t = 0; t < count_; ++t) ready_.push_back(t);
  position_of_thread = {{}, unfolded(index, launch.grid), launch.block, launch.grid};
}

bool Block::run(const Launch& launch, uint64_t index) {
  begin(launch, index);
  block_of_thread = this;
  races_of_thread = races_;
  while (live_ > 0 && error_.empty()) {
    if (ready_begin_ == ready_.size()) diagnose_deadlock();
    if (!error_.empty()) break;
    scheduler_.switch_to(enter(take_ready()));
    if (threads_[current_].fiber->returned()) finish(current_);
  }
  for (unsigned t = 0; t < count_; ++t) {
    if (!threads_[t].fiber) continue;  // left unfinished by a failed block
    threads_[t].fiber->abandon();
    idle_.push_back(std::move(threads_[t].fiber));
  }
  block_of_thread = nullptr;
  races_of_thread = nullptr;
  arrays_.clear();
  dynamic_shared_.reset();
  return error_.empty();
}

// Makes a thread the current one; returns its fiber, to switch to.
Fiber& Block::enter(unsigned t) {
  Thread& thread = threads_[t];
  if (!thread.fiber) {
    if (idle_.empty()) idle_.push_back(std::make_unique<Fiber>());
    thread.fiber = std::move(idle_.back());
    idle_.pop_back();
    thread.fiber->start([](void* launch) { static_cast<const Launch*>(launch)->body(); }, const_cast<Launch*>(launch_),
                        scheduler_);
  }
  current_ = t;
  if (races_) races_->enter(t);
  position_of_thread.thread = thread.place;
  return *thread.fiber;
}

void Block::finish(unsigned t) {
  --live_;
  idle_.push_back(std::move(threads_[t].fiber));
  if (at_barrier_ > 0)
    set_error(name(t) + " left the kernel while others wait at the barrier " + barrier_file_ + ":" +
              std::to_string(barrier_line_));
}

uint64_t Block::random() {  // splitmix64
  uint64_t z = random_state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

unsigned Block::take_ready() {
  if (shuffled_) std::swap(ready_[ready_begin_], ready_[ready_begin_ + random() % (ready_.size() - ready_begin_)]);
  unsigned t = ready_[ready_begin_++];
  if (ready_begin_ == ready_.size()) {
    ready_.clear();
    ready_begin_ = 0;
  }
  return t;
}

void Block::make_ready(unsigned thread) {
  ready_.push_back(thread);
}

// Lanes of the warp that begins with thread `first`, ahead of all others: their stacks are in the processor's cache.
void Block::make_next(unsigned first, unsigned lanes) {
  auto count = static_cast<size_t>(__builtin_popcount(lanes));
  if (ready_begin_ < count) {
    ready_.insert(ready_.begin(), count - ready_begin_, 0);
    ready_begin_ = count;
  }
  ready_begin_ -= count;
  for (size_t place = ready_begin_; lanes != 0; lanes &= lanes - 1)
    ready_[place++] = first + static_cast<unsigned>(__builtin_ctz(lanes));
}

// Continues the next ready thread directly; only without one does the scheduler have something to do.
void Block::wait() {
  Fiber& self = *threads_[current_].fiber;
  if (ready_begin_ == ready_.size()) return self.switch_to(scheduler_);
  Fiber& next = enter(take_ready());
  if (&next != &self) self.switch_to(next);
}

// --- errors --------------------------------------------------------------------------------------------------------

std::string Block::name(unsigned thread) const {
  uint3 t = threads_[thread].place, b = position_of_thread.block;
  char text[128];
  snprintf(text, sizeof text, "thread (%u,%u,%u) of block (%u,%u,%u)", t.x, t.y, t.z, b.x, b.y, b.z);
  return text;
}

void Block::set_error(std::string message) {
  if (error_.empty()) error_ = std::move(message);
}

// The failed thread is never resumed, so that nothing on its stack may own memory.
void Block::fail(std::string message) {
  set_error(std::move(message));
  for (;;) threads_[current_].fiber->switch_to(scheduler_);
}

void Block::diagnose_deadlock() {
  for (unsigned w = 0; w < collectives_.size(); ++w) {
    for (const Collective& each : collectives_[w]) {
      unsigned missing = each.mask & ~each.arrived;
      auto lane = static_cast<unsigned>(__builtin_ctz(missing));
      return set_error(name(w * kWarpSize + lane) +
                       " never comes to an operation that other lanes of its warp wait in");
    }
  }
  set_error("threads wait for one another for ever");
}

void Block::expect_waited() {
  if (!threads_[current_].waited) fail(name(current_) + " did not call wait_for_previous()");
}

// --- barriers and warps --------------------------------------------------------------------------------------------

void Block::barrier(const char* file, int line) {
  if (at_barrier_ > 0 && (line != barrier_line_ || (file != barrier_file_ && strcmp(file, barrier_file_) != 0)))
    fail(name(current_) + " waits at the barrier " + file + ":" + std::to_string(line) + ", others at " +
         barrier_file_ + ":" + std::to_string(barrier_line_));
  if (live_ < count_)
    fail(name(current_) + " waits at the barrier " + file + ":" + std::to_string(line) +
         " after others have left the kernel");
  barrier_file_ = file;
  barrier_line_ = line;
  if (++at_barrier_ < count_) {
    threads_[current_].waits_at_barrier = true;
    return wait();
  }
  release_barrier();
}

void Block::release_barrier() {
  at_barrier_ = 0;
  if (races_) races_->barrier();
  for (unsigned t = 0; t < count_; ++t) {
    if (!threads_[t].waits_at_barrier) continue;
    threads_[t].waits_at_barrier = false;
    make_ready(t);
  }
  // The last thread to arrive must not run first.
  make_ready(current_);
  wait();
}

void Block::collective(unsigned mask, void* payload, Complete complete) {
  unsigned lane = current_ % kWarpSize, warp = current_ / kWarpSize, first = warp * kWarpSize;
  unsigned existing = count_ - first >= kWarpSize ? 0xffffffffu : (1u << (count_ - first)) - 1;
  if (!(mask >> lane & 1)) fail(name(current_) + " is not in the mask of its own operation");
  if (mask & ~existing) fail(name(current_) + " names lanes that its warp does not have");
  std::vector<Collective>& begun = collectives_[warp];
  size_t i = 0;
  while (i < begun.size() && !(begun[i].mask & mask)) ++i;
  if (i == begun.size()) begun.emplace_back(mask, complete);
  if (begun[i].mask != mask || begun[i].complete != complete)
    fail(name(current_) + " is in another operation than the lanes that it shares a mask with");
  begun[i].arrived |= 1u << lane;
  begun[i].payloads[lane] = payload;
  if (begun[i].arrived != mask) return wait();
  complete(begun[i].payloads, mask);
  begun.erase(begun.begin() + static_cast<std::ptrdiff_t>(i));
  make_next(first, mask);
  wait();
}

void Block::sync_warp(unsigned mask) {
  collective(mask, nullptr, [](void* const*, unsigned lanes) {
    if (races_of_thread) races_of_thread->sync_warp(lanes);
  });
}

// --- memory --------------------------------------------------------------------------------------------------------

Block::Bytes Block::shared_bytes(size_t bytes) {
  Bytes memory = races_ ? Bytes(races_->shared_memory(bytes), [](unsigned char*) {})
                        : Bytes(new unsigned char[bytes], [](unsigned char* each) { delete[] each; });
  memset(memory.get(), kPoison, bytes);
  return memory;
}

void* Block::shared_array(const void* declaration, size_t bytes) {
  for (const Array& array : arrays_)
    if (array.declaration == declaration) return array.bytes.get();
  shared_used_ += bytes;
  if (shared_used_ > launch_->shared_limit)
    fail(name(current_) + ": " + std::to_string(shared_used_) + " bytes of shared memory, " +
         std::to_string(launch_->shared_limit) + " are permitted");
  arrays_.push_back({declaration, shared_bytes(bytes)});
  return arrays_.back().bytes.get();
}

void Block::async_copy(void* destination, const void* source, size_t bytes) {
  auto& copies = threads_[current_].copies;
  if (copies.empty()) copies.emplace_back();
  copies.back().push_back({destination, source, bytes});
}

void Block::async_commit() {
  auto& copies = threads_[current_].copies;
  if (copies.empty()) copies.emplace_back();
  copies.emplace_back();
}

void Block::async_wait(size_t groups_left) {
  auto& copies = threads_[current_].copies;
  while (copies.size() > groups_left + 1) {
    for (const Copy& copy : copies.front()) {
      if (copy.source)
        memcpy(copy.destination, copy.source, copy.bytes);
      else
        memset(copy.destination, 0, copy.bytes);
      if (races_) races_->access(copy.destination, copy.bytes, Access::kCopyEnds, nullptr);
    }
    copies.erase(copies.begin());
  }
}

}  // namespace st::simt
