#include "daemon/adapters/container/pull_progress.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "daemon/adapters/container/client_output.h"

namespace workmux::daemon {
namespace {

constexpr std::size_t kKeptTail = 4096;
constexpr std::size_t kLongestLine = 4096;
constexpr double kMega = 1e6;

constexpr std::array<std::pair<std::string_view, double>, 8> kUnits = {{{"B", 1},
                                                                        {"kB", 1e3},
                                                                        {"MB", 1e6},
                                                                        {"GB", 1e9},
                                                                        {"b", 1},
                                                                        {"KiB", 1024},
                                                                        {"MiB", 1048576},
                                                                        {"GiB", 1073741824}}};

bool IsHex(std::string_view text) {
  return text.size() >= 8 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "12.3MB", "66.6MiB". Negative when it is no size.
double SizeOf(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return -1;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto found =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& u) { return u.first == unit; });
  return found == kUnits.end() ? -1 : number * found->second;
}

// The first "A/B" or "A / B" of two sizes in a line.
bool FindSizes(std::string_view line, double& current, double& total) {
  for (auto slash = line.find('/'); slash != std::string_view::npos;
       slash = line.find('/', slash + 1)) {
    std::string_view left = Trim(line.substr(0, slash));
    std::string_view right = Trim(line.substr(slash + 1));
    left = left.substr(left.find_last_of(' ') + 1);
    right = right.substr(0, right.find(' '));
    const double have = SizeOf(left);
    const double all = SizeOf(right);
    if (have < 0 || all <= 0) continue;
    current = have;
    total = all;
    return true;
  }
  return false;
}

bool IsDone(std::string_view state) {
  for (const std::string_view word : {"Pull complete", "Already exists", "done", "skipped"}) {
    if (state.starts_with(word)) return true;
  }
  return false;
}

}  // namespace

bool PullProgress::Feed(std::string_view chunk) {
  pending_ += chunk;
  bool moved = false;
  for (auto end = pending_.find_first_of("\r\n"); end != std::string::npos;
       end = pending_.find_first_of("\r\n")) {
    moved = TakeLine(PlainLine(std::string_view(pending_).substr(0, end))) || moved;
    pending_.erase(0, end + 1);
  }
  if (pending_.size() > kLongestLine) pending_.clear();
  return moved;
}

// docker: "<id>: <state> [bar] 1.2MB/30MB"; podman: "Copying blob <id> [bar] 1.2MiB
// / 30MiB", "Copying blob <id> done".
bool PullProgress::TakeLine(std::string_view line) {
  if (line.empty()) return false;
  std::string_view id;
  std::string_view state;
  constexpr std::string_view kBlob = "Copying blob ";
  if (line.starts_with(kBlob)) {
    std::string_view rest = line.substr(kBlob.size());
    if (rest.starts_with("sha256:")) rest.remove_prefix(7);
    const auto space = rest.find(' ');
    id = rest.substr(0, std::min<std::size_t>(12, space));
    state = space == std::string_view::npos ? std::string_view() : Trim(rest.substr(space));
  } else if (const auto colon = line.find(": "); colon != std::string_view::npos) {
    id = line.substr(0, colon);
    state = line.substr(colon + 2);
  }
  if (!IsHex(id)) {
    if (line == last_) return false;
    last_ = line;
    Keep(line);
    return true;
  }
  Layer& known = layers_[std::string(id)];
  Layer next = known;
  next.done = known.done || IsDone(state);
  next.state = std::string(state.substr(0, state.find_first_of("[0123456789")));
  // Unpacking counts the same bytes again.
  if (!state.starts_with("Extracting")) FindSizes(state, next.current, next.total);
  if (state.starts_with("Extracting")) next.state = std::string(state);
  const bool moved = !(next == known);
  known = std::move(next);
  return moved;
}

void PullProgress::Keep(std::string_view line) {
  tail_ += line;
  tail_ += '\n';
  if (tail_.size() > kKeptTail) tail_.erase(0, tail_.size() - kKeptTail);
}

std::string PullProgress::Layers() const {
  if (layers_.empty()) return {};
  const auto done = std::count_if(layers_.begin(), layers_.end(),
                                  [](const auto& layer) { return layer.second.done; });
  return Format("{} of {}", done, Counted(layers_.size(), "layer"));
}

std::string PullProgress::Bytes() const {
  double current = 0;
  double total = 0;
  for (const auto& [id, layer] : layers_) {
    current += layer.done ? layer.total : layer.current;
    total += layer.total;
  }
  if (total <= 0) return {};
  return Format("{:.1f} MB of {:.1f} MB", current / kMega, total / kMega);
}

}  // namespace workmux::daemon
