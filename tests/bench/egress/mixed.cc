#include "tests/bench/egress/mixed.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace workmux::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMessage = 256;
constexpr std::uint64_t kFetched = 256 * 1024;
constexpr int kMessages = 20;
constexpr std::size_t kBuffer = 64 * 1024;

class Mixed {
 public:
  Mixed(const Target& target, const MixedLoad& load)
      : target_(target),
        random_(load.seed),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        slots_(load.tunnels),
        end_(steady_clock::now() + std::chrono::seconds(load.seconds)) {}

  void Run() {
    // The tunnels of all are not opened at once.
    for (std::size_t i = 0; i < slots_.size(); ++i) Plan(i, milliseconds(random_() % kRamp));
    std::array<epoll_event, 64> events;
    for (;;) {
      const auto now = steady_clock::now();
      if (now >= end_) break;
      while (!plans_.empty() && plans_.top().first <= now) {
        const std::size_t slot = plans_.top().second;
        plans_.pop();
        Due(slot);
      }
      const auto until = plans_.empty() ? end_ : std::min(end_, plans_.top().first);
      const auto wait = std::chrono::ceil<milliseconds>(until - steady_clock::now());
      const int count =
          ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                       static_cast<int>(std::max<milliseconds::rep>(0, wait.count())));
      for (int i = 0; i < count; ++i) Read(events[static_cast<std::size_t>(i)].data.u64);
    }
    std::cout << not_connected_ << " " << refused_ << " " << broken_ << " " << messages_ << " "
              << bytes_;
    for (const std::int64_t took : set_ups_) std::cout << " " << took;
  }

 private:
  enum class State { kClosed, kAsked, kHello, kTalk, kFetch };
  struct Slot {
    UniqueFd fd;
    State state = State::kClosed;
    std::string answer;  // to CONNECT
    std::uint64_t awaited = 0;
    int messages = 0;
    steady_clock::time_point begun;
  };

  void Plan(std::size_t slot, milliseconds pause) {
    plans_.emplace(steady_clock::now() + pause, slot);
  }
  milliseconds Pause() { return milliseconds(1000 + random_() % 2000); }

  void Due(std::size_t index) {
    Slot& slot = slots_[index];
    if (slot.state == State::kClosed) return Open(index);
    if (slot.messages == 0) {
      slot = Slot();
      return Open(index);
    }
    // The first message follows the word that asks for an echo.
    Say(slot, std::string(slot.messages == kMessages ? "E" : "") + std::string(kMessage, 'm'));
    slot.awaited = kMessage;
    --slot.messages;
  }

  void Open(std::size_t index) {
    Slot& slot = slots_[index];
    slot.fd = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(slot.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // The other end is this machine's: nothing to wait for.
    if (::connect(slot.fd.get(), reinterpret_cast<const sockaddr*>(&target_.address),
                  sizeof target_.address) != 0) {
      return Fail(index, not_connected_);
    }
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.fd.get(), &event);
    slot.begun = steady_clock::now();
    Say(slot, target_.request);
    slot.state = State::kAsked;
  }

  void Say(Slot& slot, std::string_view bytes) {
    const ssize_t sent = ::send(slot.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size())) ++broken_;
  }

  void Fail(std::size_t index, std::uint64_t& kind) {
    ++kind;
    slots_[index] = Slot();
    Plan(index, Pause());
  }

  void Read(std::size_t index) {
    Slot& slot = slots_[index];
    const ssize_t got = ::recv(slot.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return Fail(index, broken_);
    const auto size = static_cast<std::size_t>(got);
    if (slot.state == State::kAsked) {
      slot.answer.append(buffer_.data(), size);
      if (!IsEstablishedAnswer(index)) return;
      Say(slot, target_.hello);
      slot.state = State::kHello;
      slot.awaited = target_.hello.size();
      return;
    }
    bytes_ += size;
    if (slot.state == State::kHello && slot.awaited == target_.hello.size())
      set_ups_.push_back((steady_clock::now() - slot.begun).count());
    if (size > slot.awaited) return Fail(index, broken_);
    slot.awaited -= size;
    if (slot.awaited == 0) Heard(index);
  }

  bool IsEstablishedAnswer(std::size_t index) {
    Slot& slot = slots_[index];
    if (slot.answer.size() > 12 && slot.answer.substr(9, 3) != "200") {
      std::cerr << slot.answer << "\n";
      Fail(index, refused_);
      return false;
    }
    return slot.answer.ends_with("\r\n\r\n");
  }

  void Heard(std::size_t index) {
    Slot& slot = slots_[index];
    if (slot.state == State::kHello && random_() % 10 == 0) {
      slot.state = State::kFetch;
      slot.awaited = kFetched;
      return Say(slot, AskFor(kFetched));
    }
    if (slot.state == State::kHello) {
      slot.state = State::kTalk;
      slot.messages = kMessages;
    } else if (slot.state == State::kTalk) {
      ++messages_;
    }
    Plan(index, Pause());
  }

  static constexpr std::uint64_t kRamp = 10'000;
  using Planned = std::pair<steady_clock::time_point, std::size_t>;
  const Target& target_;
  std::mt19937_64 random_;
  UniqueFd epoll_;
  std::vector<Slot> slots_;
  const steady_clock::time_point end_;
  std::priority_queue<Planned, std::vector<Planned>, std::greater<>> plans_;
  std::vector<char> buffer_ = std::vector<char>(kBuffer);
  std::vector<std::int64_t> set_ups_;
  std::uint64_t not_connected_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t broken_ = 0;  // ended, or not what was expected
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

void RunMixed(const Target& target, const MixedLoad& load) { Mixed(target, load).Run(); }

}  // namespace workmux::bench
