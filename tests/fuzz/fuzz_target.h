#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace workmux::fuzz {

// What each target defines. `Check` runs the code on hostile bytes and calls Require for
// whatever has to be true of the outcome; it must not depend on earlier calls.
void Check(std::string_view input);
// Where the search begins, and begins again now and then.
std::vector<std::string> Seeds();

// Ends the program, which libFuzzer reports with the input.
void Require(bool holds, std::string_view property);

// Takes pieces of the input from its front; from the empty rest zeros and nothing.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::size_t Byte();
  std::string Bytes(std::size_t size);
  std::string Rest() { return Bytes(bytes_.size()); }

 private:
  std::string_view bytes_;
};

}  // namespace workmux::fuzz
