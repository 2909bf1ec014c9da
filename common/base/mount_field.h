#pragma once

#include <string>
#include <string_view>

namespace workmux {

// A field of mountinfo as it is meant: "\040" stands for a blank,
// proc_pid_mountinfo(5).
inline std::string UnescapeMountField(std::string_view field) {
  const auto is_digit = [&](std::size_t at) { return field[at] >= '0' && field[at] <= '7'; };
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\' || i + 3 >= field.size() || !is_digit(i + 1) || !is_digit(i + 2) ||
        !is_digit(i + 3)) {
      text += field[i];
      continue;
    }
    text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                              (field[i + 3] - '0'));
    i += 3;
  }
  return text;
}

}  // namespace workmux
