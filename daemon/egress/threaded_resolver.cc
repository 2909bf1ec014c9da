#include "daemon/egress/threaded_resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <sys/socket.h>

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "daemon/egress/dial_plan.h"

namespace workmux::egress {
namespace {

using asio::ip::address;
using std::chrono::steady_clock;

struct AddressListDeleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::optional<address> AddressOf(const addrinfo& entry) {
  if (entry.ai_family == AF_INET && entry.ai_addrlen >= sizeof(sockaddr_in)) {
    sockaddr_in four;
    std::memcpy(&four, entry.ai_addr, sizeof four);
    return asio::ip::address_v4(ntohl(four.sin_addr.s_addr));
  }
  if (entry.ai_family == AF_INET6 && entry.ai_addrlen >= sizeof(sockaddr_in6)) {
    sockaddr_in6 six;
    std::memcpy(&six, entry.ai_addr, sizeof six);
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
    // The scope is kept: an address with one is forbidden.
    return asio::ip::address_v6(bytes, six.sin6_scope_id);
  }
  return std::nullopt;
}

}  // namespace

// Threads that come when there is work and leave when there is none for a while.
struct ThreadedResolver::Workers : std::enable_shared_from_this<Workers> {
  using Job = std::function<void()>;
  explicit Workers(const Limits& given) : limits(given) {}

  bool Post(Job job) {
    MutexLock lock(mu);
    if (jobs.size() >= limits.waiting) return false;
    jobs.push_back(std::move(job));
    if (idle > 0 || threads >= limits.threads) {
      changed.notify_one();
      return true;
    }
    ++threads;
    // Detached: one that hangs in the system's resolver must not hold the daemon's end.
    std::thread([self = shared_from_this()] { self->Run(); }).detach();
    return true;
  }
  void Stop() {
    MutexLock lock(mu);
    stopped = true;
    jobs.clear();
    changed.notify_all();
  }
  // `deliver` is called unless the resolver is gone; it must be short.
  void Deliver(const Job& deliver) {
    MutexLock lock(mu);
    if (!stopped) deliver();
  }

 private:
  void Run() {
    ::pthread_setname_np(::pthread_self(), "wm-dns");
    mu.Lock();
    while (!stopped) {
      if (jobs.empty()) {
        ++idle;
        const auto woken = changed.wait_for(mu, std::chrono::seconds(10));
        --idle;
        if (woken == std::cv_status::timeout && jobs.empty()) break;
        continue;
      }
      const Job job = std::move(jobs.front());
      jobs.pop_front();
      mu.Unlock();
      job();
      mu.Lock();
    }
    --threads;
    mu.Unlock();
  }

  const Limits limits;
  Mutex mu;
  CondVar changed;
  bool stopped WM_GUARDED_BY(mu) = false;
  std::size_t threads WM_GUARDED_BY(mu) = 0;
  std::size_t idle WM_GUARDED_BY(mu) = 0;
  std::deque<Job> jobs WM_GUARDED_BY(mu);
};

// One name's answer, or the wait for it. Used on the proxy's thread.
struct ThreadedResolver::Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : answered(executor) {}
  asio::steady_timer answered;  // cancelled when the answer is there
  std::optional<Addresses> answer;
  steady_clock::time_point until;  // when it is asked for anew
};

ThreadedResolver::ThreadedResolver(const Limits& limits, LookUpFn look_up)
    : limits_(limits),
      look_up_(look_up),
      workers_(std::make_shared<Workers>(limits)),
      under_way_(std::make_shared<std::map<std::string, std::size_t>>()) {}

ThreadedResolver::~ThreadedResolver() { workers_->Stop(); }

void ThreadedResolver::Stop() {
  workers_->Stop();
  lookups_.clear();
}

ThreadedResolver::Addresses ThreadedResolver::LookUp(const std::string& host) {
  // resolver(3): this thread's settings, read anew (a laptop changes its network), and
  // without search domains and HOSTALIASES: another name would be asked for.
  if (::res_init() != 0) return Unavailable("the resolver's settings cannot be read");
  _res.options &= ~static_cast<unsigned long>(RES_DNSRCH | RES_DEFNAMES);
  _res.options |= RES_NOALIASES;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, AddressListDeleter> list(error == 0 ? found : nullptr);
  if (error == EAI_NONAME || error == EAI_NODATA) return NotFound("no such name");
  if (error != 0) return Unavailable("{}", ::gai_strerror(error));
  std::vector<address> addresses;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    if (addresses.size() == kMaxAnswers) break;
    if (const auto one = AddressOf(*entry)) addresses.push_back(*one);
  }
  if (addresses.empty()) return NotFound("the name has no address");
  return addresses;
}

void ThreadedResolver::Forget() {
  if (lookups_.size() < limits_.names_kept) return;
  const auto now = steady_clock::now();
  std::erase_if(lookups_, [&](const auto& entry) {
    return entry.second->answer.has_value() && entry.second->until <= now;
  });
  // All are fresh: those under way must stay for who waits for them.
  if (lookups_.size() >= limits_.names_kept)
    std::erase_if(lookups_, [](const auto& entry) { return entry.second->answer.has_value(); });
}

absl::StatusOr<std::shared_ptr<ThreadedResolver::Lookup>> ThreadedResolver::Begin(
    const asio::any_io_executor& executor, const std::string& host, const std::string& asker) {
  auto& mine = (*under_way_)[asker];
  if (mine >= limits_.each_asker) return ResourceExhausted("too many lookups at once");
  auto lookup = std::make_shared<Lookup>(executor);
  lookup->answered.expires_at(steady_clock::now() + limits_.time);
  // A thread must not own a timer of the loop: it may be the last one who does.
  const auto finish = [weak = std::weak_ptr<Lookup>(lookup), under_way = under_way_, asker,
                       kept = limits_.kept](const std::shared_ptr<Addresses>& answer) {
    if (auto found = under_way->find(asker); found != under_way->end() && --found->second == 0)
      under_way->erase(found);
    const auto asked = weak.lock();
    if (!asked) return;
    asked->until = steady_clock::now() + (answer->ok() ? kept : kept / 10);
    asked->answer = std::move(*answer);
    asked->answered.cancel();
  };
  const bool posted =
      workers_->Post([workers = workers_, look_up = look_up_, host, executor, finish] {
        const auto answer = std::make_shared<Addresses>(look_up(host));
        workers->Deliver([&] { asio::post(executor, [finish, answer] { finish(answer); }); });
      });
  if (!posted) {
    if (mine == 0) under_way_->erase(asker);
    return ResourceExhausted("too many lookups at once");
  }
  ++mine;
  return lookup;
}

asio::awaitable<ThreadedResolver::Addresses> ThreadedResolver::Resolve(std::string host,
                                                                       std::string asker) {
  const auto known = lookups_.find(host);
  std::shared_ptr<Lookup> lookup = known == lookups_.end() ? nullptr : known->second;
  if (!lookup || (lookup->answer.has_value() && lookup->until <= steady_clock::now())) {
    auto begun = Begin(co_await asio::this_coro::executor, host, asker);
    if (!begun.ok()) co_return begun.status();
    Forget();
    lookup = lookups_[host] = *std::move(begun);
  }
  if (!lookup->answer.has_value()) {
    asio::error_code ignored;
    co_await lookup->answered.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (!lookup->answer.has_value())
    co_return DeadlineExceeded("the resolver did not answer in time");
  co_return *lookup->answer;
}

}  // namespace workmux::egress
