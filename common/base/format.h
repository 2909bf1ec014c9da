#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace workmux {

// Not inline and not a template: <fmt/format.h> is compiled once, in format.cc.
std::string VFormat(fmt::string_view format, fmt::format_args args);

// fmt::format with the format string checked at compile time. Arguments are
// numbers, bools, std::string and std::string_view.
template <typename... Args>
std::string Format(fmt::format_string<Args...> format, Args&&... args) {
  return VFormat(format, fmt::make_format_args(args...));
}

}  // namespace workmux
