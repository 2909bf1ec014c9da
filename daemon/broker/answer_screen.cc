#include "daemon/broker/answer_screen.h"

#include <algorithm>

namespace workmux::broker {

bool AnswerScreen::Take(std::string_view bytes, std::string_view secret) {
  held_.append(bytes);
  doubtful_ = 0;
  if (secret.size() < kShortest) return true;
  if (held_.find(secret) != std::string::npos) return false;
  // An end that is shorter than kShortest is let go: holding it would stall every answer
  // that ends in the secret's first letter.
  for (std::size_t size = std::min(held_.size(), secret.size() - 1); size >= kShortest; --size) {
    if (std::string_view(held_).ends_with(secret.substr(0, size))) {
      doubtful_ = size;
      break;
    }
  }
  return true;
}

std::string AnswerScreen::Release(bool all) {
  const std::size_t kept = all ? 0 : doubtful_;
  std::string released = held_.substr(0, held_.size() - kept);
  held_.erase(0, released.size());
  doubtful_ = kept;
  return released;
}

}  // namespace workmux::broker
