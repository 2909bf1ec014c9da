#pragma once

#include <string>
#include <string_view>

namespace workmux::broker {

// Looks for a secret in answers before a sandbox sees them. One that is encoded or split
// up by the server is not found: a precaution against servers that repeat what they were
// sent, not a boundary. What it lets wait depends on sizes alone: whoever can have an
// answer end in a guess would learn the secret from a delay, a letter at a time. Pure.
class AnswerScreen {
 public:
  // A secret shorter than this is in every other answer by chance, and is not looked for.
  static constexpr std::size_t kShortest = 8;

  // False: the secret is in what was taken so far, these bytes at its end.
  bool Take(std::string_view bytes, std::string_view secret);
  // What may go on; but for `all`, for when nothing is there to follow yet, without as
  // much as may be a secret's first part.
  std::string Release(bool all);

 private:
  std::string recent_;          // what went on last, and what did not yet
  std::size_t told_ = 0;        // bytes of it that went on
  std::size_t looked_for_ = 0;  // bytes of the secret
};

}  // namespace workmux::broker
