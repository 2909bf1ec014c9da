#include "common/relay/pipe_pool.h"

#include <fcntl.h>

#include <utility>

namespace workmux {

PipePool::Lease& PipePool::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    Return();
    pool_ = std::exchange(other.pool_, nullptr);
    pipe_ = std::move(other.pipe_);
  }
  return *this;
}

void PipePool::Lease::Return() {
  PipePool* const pool = std::exchange(pool_, nullptr);
  if (pool == nullptr) return;
  --pool->in_use_;
  if (pipe_.held == 0 && pool->idle_.size() < pool->limits_.idle) {
    pool->idle_.push_back(std::move(pipe_));
  } else {
    pipe_ = Pipe();
  }
}

PipePool::Lease PipePool::Take() {
#ifdef __linux__
  if (!idle_.empty()) {
    Pipe pipe = std::move(idle_.back());
    idle_.pop_back();
    ++in_use_;
    return {this, std::move(pipe)};
  }
  if (in_use_ >= limits_.pipes) return {};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {};
  Pipe pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
  // Refused past the user's limit: a smaller pipe is slower and no error.
  static_cast<void>(::fcntl(pipe.write.get(), F_SETPIPE_SZ, limits_.bytes));
  ++in_use_;
  return {this, std::move(pipe)};
#else
  return {};
#endif
}

}  // namespace workmux
