#include "daemon/adapters/tmux/tmux_list.h"

#include <random>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {

std::string RandomMark() {
  std::random_device random;
  std::string text = "workmux-";
  for (int i = 0; i < 4; ++i) text += Format("{:08x}", random());
  return text;
}

TmuxList::TmuxList(std::initializer_list<std::string_view> names) : fields_(names.size()) {
  for (const std::string_view name : names) format_ += Format("#{{{}}}{}", name, mark_);
}

absl::StatusOr<std::vector<std::vector<std::string>>> TmuxList::Parse(std::string_view text) const {
  std::vector<std::vector<std::string>> rows;
  while (!text.empty()) {
    std::vector<std::string> row;
    for (std::size_t field = 0; field < fields_; ++field) {
      const std::size_t end = text.find(mark_);
      if (end == std::string_view::npos) {
        return DataLoss("tmux listed {} fields instead of {}", field, fields_);
      }
      row.push_back(Printable(text.substr(0, end)));
      text.remove_prefix(end + mark_.size());
    }
    if (!text.empty() && !text.starts_with('\n')) return DataLoss("tmux listed rows that run on");
    if (!text.empty()) text.remove_prefix(1);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace workmux::daemon
