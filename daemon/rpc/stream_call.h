#pragma once

#include <grpcpp/support/server_callback.h>

#include <absl/functional/any_invocable.h>

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/rpc/grpc_status.h"
#include "daemon/async/executor.h"

namespace workmux::daemon {

// What a stream keeps for a client that does not read (one that is stopped, say).
inline constexpr std::size_t kMaxQueuedBytes = 16u << 20;

// One server stream. Send and End are thread-safe and never block; what is sent
// after the end is dropped. A client that leaves more than kMaxQueuedBytes unread
// counts as gone. Shared: by gRPC until OnDone, and by whoever sends.
template <class Item>
class StreamCall : public grpc::ServerWriteReactor<Item>,
                   public std::enable_shared_from_this<StreamCall<Item>> {
 public:
  using Body = absl::AnyInvocable<void(std::shared_ptr<StreamCall>)>;

  // Runs `body` on the executor. The body ends the stream, now or later, by End.
  static grpc::ServerWriteReactor<Item>* Start(Executor& executor, Body body) {
    std::shared_ptr<StreamCall> call(new StreamCall(executor));
    {
      MutexLock lock(call->mu_);
      call->self_ = call;
    }
    executor.Post([call, body = std::move(body)]() mutable {
      try {
        body(call);
      } catch (const std::exception& error) {
        call->End(Internal("{}", error.what()));
      }
    });
    return call.get();
  }

  std::stop_token stop_token() const { return stop_.get_token(); }

  // Runs once, on the executor, when the client goes away before the end; also
  // when it has gone already. Never runs after End.
  void OnLost(std::function<void()> on_lost) {
    {
      MutexLock lock(mu_);
      if (ended_ || done_) return;
      if (!lost_) {
        on_lost_ = std::move(on_lost);
        return;
      }
    }
    executor_.Post(std::move(on_lost));
  }

  void Send(Item item) {
    const std::size_t size = item.ByteSizeLong();
    bool too_much = false;
    {
      MutexLock lock(mu_);
      if (ended_ || done_ || lost_) return;
      too_much = !queue_.empty() && queued_bytes_ + size > kMaxQueuedBytes;
      if (!too_much) {
        queued_bytes_ += size;
        queue_.push_back(std::move(item));
      }
    }
    too_much ? Abandon() : Pump();
  }

  void End(const absl::Status& status) {
    // Destroyed after the lock: what it captured may take locks of its own.
    std::function<void()> unused;
    {
      MutexLock lock(mu_);
      if (ended_ || done_) return;
      ended_ = true;
      status_ = ToGrpc(status);
      unused.swap(on_lost_);
    }
    Pump();
  }

 private:
  explicit StreamCall(Executor& executor) : executor_(executor) {}

  // Decides under the lock, calls gRPC after it: its reactions may run at once.
  void Pump() {
    bool write = false;
    bool finish = false;
    {
      MutexLock lock(mu_);
      if (writing_ || finished_ || done_) return;
      if (!queue_.empty() && !lost_) {
        current_ = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= current_.ByteSizeLong();
        writing_ = write = true;
      } else if (ended_) {
        finished_ = finish = true;
      }
    }
    if (write) this->StartWrite(&current_);
    if (finish) this->Finish(status_);
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mu_);
      writing_ = false;
      if (!ok) lost_ = true;
    }
    Pump();
  }

  void OnCancel() override { Lose(); }

  void Abandon() {
    Lose();
    End(ResourceExhausted("the client does not read what it is sent"));
  }

  void Lose() {
    stop_.request_stop();
    std::function<void()> on_lost;
    {
      MutexLock lock(mu_);
      lost_ = true;
      on_lost.swap(on_lost_);
    }
    if (on_lost) executor_.Post(std::move(on_lost));
  }

  void OnDone() override {
    std::shared_ptr<StreamCall> self;
    {
      MutexLock lock(mu_);
      done_ = true;
      self.swap(self_);
    }
    // The last reference may be this one: it goes on the executor, after gRPC's
    // reaction has returned.
    Executor& executor = executor_;
    executor.Post([self = std::move(self)]() mutable { self.reset(); });
  }

  Executor& executor_;
  std::stop_source stop_;
  Mutex mu_;
  std::deque<Item> queue_ WM_GUARDED_BY(mu_);
  std::size_t queued_bytes_ WM_GUARDED_BY(mu_) = 0;
  Item current_;
  grpc::Status status_;
  std::function<void()> on_lost_ WM_GUARDED_BY(mu_);
  std::shared_ptr<StreamCall> self_ WM_GUARDED_BY(mu_);
  bool writing_ WM_GUARDED_BY(mu_) = false;
  bool ended_ WM_GUARDED_BY(mu_) = false;
  bool finished_ WM_GUARDED_BY(mu_) = false;
  bool lost_ WM_GUARDED_BY(mu_) = false;
  bool done_ WM_GUARDED_BY(mu_) = false;
};

}  // namespace workmux::daemon
