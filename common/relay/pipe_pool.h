#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/base/unique_fd.h"

namespace workmux {

// Pipes for splice(2), shared by the pumps of one thread: a stream needs one only
// while bytes are on their way. Not thread-safe.
class PipePool {
 public:
  struct Limits {
    // pipe(7): the pages of an ordinary user's pipes are counted
    // (pipe-user-pages-soft), and past the limit every new pipe holds 4 to 8 KiB.
    std::size_t pipes = 128;
    std::size_t idle = 32;  // kept for the next stream
    int bytes = 256 * 1024;
  };
  struct Pipe {
    UniqueFd read;
    UniqueFd write;
    std::size_t held = 0;  // bytes in it
  };
  // Gives the pipe back when it goes; one with bytes in it is closed. The pool must
  // outlive it.
  class Lease {
   public:
    Lease() = default;
    Lease(PipePool* pool, Pipe pipe) : pool_(pool), pipe_(std::move(pipe)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), pipe_(std::move(other.pipe_)) {}
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { Return(); }
    explicit operator bool() const { return pool_ != nullptr; }
    Pipe& operator*() { return pipe_; }
    Pipe* operator->() { return &pipe_; }
    void Return();

   private:
    PipePool* pool_ = nullptr;
    Pipe pipe_;
  };

  PipePool() = default;
  explicit PipePool(const Limits& limits) : limits_(limits) {}

  // None when all are in use, or where the system has no splice.
  Lease Take();

 private:
  const Limits limits_;
  std::vector<Pipe> idle_;
  std::size_t in_use_ = 0;
};

}  // namespace workmux
