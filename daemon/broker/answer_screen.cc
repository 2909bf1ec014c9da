#include "daemon/broker/answer_screen.h"

#include <algorithm>

namespace workmux::broker {

bool AnswerScreen::Take(std::string_view bytes, std::string_view secret) {
  recent_.append(bytes);
  looked_for_ = secret.size() < kShortest ? 0 : secret.size();
  doubtful_ = 0;
  if (looked_for_ == 0) return true;
  if (recent_.find(secret) != std::string::npos) return false;
  // An end that is shorter than kShortest is let go: holding it would stall every answer
  // that ends in the secret's first letter.
  for (std::size_t size = std::min(recent_.size(), secret.size() - 1); size >= kShortest; --size) {
    if (std::string_view(recent_).ends_with(secret.substr(0, size))) {
      doubtful_ = size;
      break;
    }
  }
  return true;
}

std::string AnswerScreen::Release(bool all) {
  const std::size_t end = all ? recent_.size() : std::max(told_, recent_.size() - doubtful_);
  std::string released = recent_.substr(told_, end - told_);
  told_ = end;
  // What went on may be the first part of a secret whose last part is to come.
  const std::size_t needed = looked_for_ == 0 ? 0 : looked_for_ - 1;
  const std::size_t dropped = told_ - std::min(told_, needed);
  recent_.erase(0, dropped);
  told_ -= dropped;
  return released;
}

}  // namespace workmux::broker
