#include "daemon/config/allowed_domains_edit.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <vector>

#include "common/base/status.h"
#include "common/io/file.h"
#include "daemon/config/config_layer.h"
#include "daemon/config/yaml_parser.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr auto kKeys = std::to_array<std::string_view>({"sandbox", "network", "allowed_domains"});

// As it is written in a list; quoted where a plain scalar would be something else.
std::string ItemText(const egress::HostRule& rule) {
  const bool quoted = rule.below || rule.host.find('.') == std::string::npos;
  const std::string host = quoted ? Format("\"{}\"", rule.text()) : rule.text();
  return rule.allow_private_ips ? Format("{{host: {}, allow_private_ips: true}}", host) : host;
}

absl::Status NotEditable(std::string_view file, const egress::HostRule& rule,
                         std::string_view why) {
  return WithHint(
      WithReason(FailedPrecondition("{}: {}", file, why), "CONFIG_NOT_EDITABLE"),
      Format("add this item to sandbox.network.allowed_domains by hand: {}", ItemText(rule)));
}

YamlNode::Entry* FindEntry(YamlNode& map, std::string_view key) {
  const auto found = std::find_if(map.entries.begin(), map.entries.end(),
                                  [&](const auto& entry) { return entry.first.name == key; });
  return found == map.entries.end() ? nullptr : &*found;
}

// The last line on which a part of it begins; a null has no place of its own.
int LastLine(const YamlNode& node) {
  int line = node.IsNull() ? 0 : node.place.line;
  for (const YamlNode& item : node.items) line = std::max(line, LastLine(item));
  for (const auto& [key, value] : node.entries)
    line = std::max({line, key.place.line, LastLine(value)});
  return line;
}

// Lines with their ends.
std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Where the new lines go, and how far in.
struct Insertion {
  std::size_t after = 0;    // lines before it
  std::size_t indent = 0;   // of the first new line
  std::size_t missing = 0;  // keys of kKeys from here on are new too
};

std::size_t IndentOf(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

// nullopt: what is there is not in block style. `root` is changed to what the text has
// to mean afterwards.
std::optional<Insertion> Place(YamlNode& root, const std::vector<std::string_view>& lines,
                               YamlNode item) {
  const auto line_of = [&](int number) -> std::string_view {
    const auto index = static_cast<std::size_t>(number - 1);
    return index < lines.size() ? lines[index] : std::string_view();
  };
  Insertion place{.after = lines.size()};
  YamlNode* node = &root;
  for (std::size_t depth = 0; depth < kKeys.size(); ++depth) {
    YamlNode::Entry* entry = FindEntry(*node, kKeys[depth]);
    if (entry == nullptr) {
      place.missing = kKeys.size() - depth;
      if (!node->entries.empty() && depth > 0) {
        const auto& first = node->entries.front().first.place;
        place.indent = IndentOf(line_of(first.line));
        if (static_cast<int>(place.indent) + 1 != first.column) return std::nullopt;
        place.after = static_cast<std::size_t>(LastLine(*node));
      }
      for (; depth < kKeys.size(); ++depth) {
        node->kind = YamlNode::Kind::kMap;
        node->entries.push_back({{std::string(kKeys[depth]), {}}, {}});
        node = &node->entries.back().second;
      }
      break;
    }
    place.after = static_cast<std::size_t>(entry->first.place.line);
    place.indent = IndentOf(line_of(entry->first.place.line)) + 2;
    node = &entry->second;
    if (node->IsNull()) {
      place.missing = kKeys.size() - depth - 1;
      for (++depth; depth < kKeys.size(); ++depth) {
        node->kind = YamlNode::Kind::kMap;
        node->entries.push_back({{std::string(kKeys[depth]), {}}, {}});
        node = &node->entries.back().second;
      }
      break;
    }
  }
  if (!node->items.empty()) {
    const std::string_view line = line_of(node->items.back().place.line);
    place.indent = IndentOf(line);
    if (place.indent >= line.size() || line[place.indent] != '-') return std::nullopt;
    place.after = static_cast<std::size_t>(LastLine(node->items.back()));
  }
  node->kind = YamlNode::Kind::kSequence;
  node->items.push_back(std::move(item));
  return place;
}

std::string Insert(const std::vector<std::string_view>& lines, const Insertion& place,
                   std::string_view item) {
  const bool windows = !lines.empty() && lines.front().ends_with("\r\n");
  const std::string_view end = windows ? "\r\n" : "\n";
  std::string text;
  for (std::size_t i = 0; i < place.after; ++i) text += lines[i];
  const bool unended = !text.empty() && text.back() != '\n';
  if (unended) text += end;
  std::size_t indent = place.indent;
  for (std::size_t i = kKeys.size() - place.missing; i < kKeys.size(); ++i, indent += 2)
    text += Format("{}{}:{}", std::string(indent, ' '), kKeys[i], end);
  text += Format("{}- {}", std::string(indent, ' '), item);
  if (!unended) text += end;
  for (std::size_t i = place.after; i < lines.size(); ++i) text += lines[i];
  return text;
}

absl::StatusOr<Config> Build(std::string_view text, std::string_view file) {
  std::vector<std::string> warnings;
  return BuildConfig(ConfigText{std::string(file), std::string(text)}, std::nullopt, warnings);
}

absl::StatusOr<fs::path> GlobalFile(const fs::path& dir) {
  std::error_code error;
  const fs::path file = dir / "config.yaml";
  const fs::path other = dir / "config.yml";
  const bool has_other = fs::exists(other, error);
  if (!has_other) return file;
  if (!fs::exists(file, error)) return other;
  return WithHint(
      WithReason(FailedPrecondition("both {} and {} exist", file.string(), other.string()),
                 "CONFIG_AMBIGUOUS"),
      "Keep one of the two files.");
}

}  // namespace

absl::StatusOr<std::string> WithAllowedDomain(std::string_view text, std::string_view file,
                                              const egress::HostRule& rule) {
  WM_ASSIGN_OR_RETURN(const Config before, Build(text, file));
  for (const egress::HostRule& known : before.sandbox.network.allowed_domains) {
    if (known.host != rule.host || known.below != rule.below) continue;
    if (known.allow_private_ips || !rule.allow_private_ips) return std::string(text);
    return WithHint(WithReason(FailedPrecondition("{}: {} is allowed already, without its "
                                                  "private addresses",
                                                  file, rule.text()),
                               "CONFIG_NOT_EDITABLE"),
                    Format("write this in its place: {}", ItemText(rule)));
  }
  WM_ASSIGN_OR_RETURN(YamlNode meant, ParseYaml(text, file));
  WM_ASSIGN_OR_RETURN(YamlNode item, ParseYamlValue(ItemText(rule)));
  const std::vector<std::string_view> lines = LinesOf(text);
  const std::optional<Insertion> place = Place(meant, lines, std::move(item));
  constexpr std::string_view kUnsure = "no item can be added without a change to what is there";
  if (!place || place->after > lines.size()) return NotEditable(file, rule, kUnsure);
  std::string edited = Insert(lines, *place, ItemText(rule));
  const absl::StatusOr<YamlNode> after = ParseYaml(edited, file);
  if (!after.ok() || !SameValue(*after, meant) || !Build(edited, file).ok())
    return NotEditable(file, rule, kUnsure);
  return edited;
}

absl::StatusOr<fs::path> SaveAllowedDomain(const fs::path& global_dir,
                                           const egress::HostRule& rule) {
  WM_ASSIGN_OR_RETURN(fs::path file, GlobalFile(global_dir));
  std::string text;
  mode_t mode = 0600;
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0) {
    std::error_code error;
    fs::path real = fs::canonical(file, error);
    if (error) return FailedPrecondition("{}: {}", file.string(), error.message());
    file = std::move(real);
    mode = info.st_mode & 0777;
    WM_ASSIGN_OR_RETURN(text, ReadFile(file));
  } else if (errno != ENOENT) {
    return ErrnoStatus(errno, file.string());
  }
  WM_ASSIGN_OR_RETURN(const std::string edited, WithAllowedDomain(text, file.string(), rule));
  if (edited == text) return fs::path();
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) return FailedPrecondition("{}: {}", file.parent_path().string(), error.message());
  WM_RETURN_IF_ERROR(WriteFileAtomically(file, edited, mode));
  return file;
}

}  // namespace workmux::daemon
