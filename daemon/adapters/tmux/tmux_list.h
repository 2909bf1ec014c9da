#pragma once

#include <absl/status/statusor.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// Text that no value of tmux's can hold, for nobody knew it before.
std::string RandomMark();

// One list-panes or list-clients whose values cannot forge a field or a row,
// whatever others put into them: the marks between are random. (Substitution by
// tmux, #{s/…/?/:…}, compiles a regular expression for each value.)
class TmuxList {
 public:
  // `names` of variables, as in FORMATS of tmux(1).
  TmuxList(std::initializer_list<std::string_view> names);

  // For -F.
  const std::string& format() const { return format_; }

  // The values of each row, with control characters replaced. kDataLoss when the
  // text is not wholly of that shape: the list would be silently incomplete.
  absl::StatusOr<std::vector<std::vector<std::string>>> Parse(std::string_view text) const;

 private:
  const std::size_t fields_;
  const std::string mark_ = RandomMark();
  std::string format_;
};

}  // namespace workmux::daemon
