#include "daemon/broker/answer_screen.h"

#include <algorithm>

namespace workmux::broker {

bool AnswerScreen::Take(std::string_view bytes, std::string_view secret) {
  recent_.append(bytes);
  looked_for_ = secret.size() < kShortest ? 0 : secret.size();
  return looked_for_ == 0 || recent_.find(secret) == std::string::npos;
}

std::string AnswerScreen::Release(bool all) {
  const std::size_t part = looked_for_ == 0 ? 0 : looked_for_ - 1;
  const std::size_t held = all ? 0 : std::min(part, recent_.size());
  const std::size_t end = std::max(told_, recent_.size() - held);
  std::string released = recent_.substr(told_, end - told_);
  told_ = end;
  // What went on may be the first part of a secret whose last part is to come.
  const std::size_t dropped = told_ - std::min(told_, part);
  recent_.erase(0, dropped);
  told_ -= dropped;
  return released;
}

}  // namespace workmux::broker
