#pragma once

#include <string>
#include <string_view>

namespace workmux {

// A string that must not reach a log: no formatter, wiped when destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) = default;
  ~Secret();

  // The only way to the value; a search for this name finds every use.
  const std::string& Reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  // Takes the same time wherever the first difference is.
  bool Matches(std::string_view candidate) const;

 private:
  std::string value_;
};

}  // namespace workmux
