#include "daemon/adapters/git/config_file.h"
#include "common/base/ascii_case.h"

#include <algorithm>

namespace workmux::daemon {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsKeyChar(char c) { return IsAlpha(c) || (c >= '0' && c <= '9') || c == '-'; }
// The subsection between the first and the last dot keeps its case.
std::string NormalKey(std::string_view key) {
  const auto first = key.find('.');
  const auto last = key.rfind('.');
  if (first == std::string_view::npos) return LowerAscii(key);
  return LowerAscii(key.substr(0, first)) + std::string(key.substr(first, last - first)) +
         LowerAscii(key.substr(last));
}

std::string NormalSection(std::string_view section) {
  const auto first = section.find('.');
  if (first == std::string_view::npos) return LowerAscii(section);
  return LowerAscii(section.substr(0, first)) + std::string(section.substr(first));
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  bool done() const { return at_ >= text_.size(); }
  // '\n' at the end, so that a last line without one needs no special case.
  char peek() const { return done() ? '\n' : text_[at_]; }
  char take() {
    const char c = peek();
    ++at_;
    return c;
  }
  void SkipSpace() {
    while (!done() && IsSpace(peek())) ++at_;
  }
  void SkipLine() {
    while (!done() && take() != '\n') {
    }
  }

  // After '[': "section]", "section.sub]" or "section "sub"]".
  std::optional<std::string> Section() {
    std::string name;
    while (IsKeyChar(peek()) || peek() == '.') name += LowerAscii(take());
    if (peek() == ']') {
      take();
      return name;
    }
    if (!IsSpace(peek())) return std::nullopt;
    SkipSpace();
    if (take() != '"') return std::nullopt;
    name += '.';
    while (peek() != '"') {
      if (peek() == '\\') take();
      if (done() || peek() == '\n') return std::nullopt;
      name += take();
    }
    take();
    if (take() != ']') return std::nullopt;
    return name;
  }

  // After '=': to the end of the logical line, comments and outer space removed.
  std::optional<std::string> Value() {
    std::string value;
    std::size_t kept = 0;  // length up to the last character that is not trailing space
    bool quoted = false;
    SkipSpace();
    while (true) {
      char c = take();
      if (c == '\r' && peek() == '\n') continue;
      if (c == '\n') break;
      if (!quoted && (c == ';' || c == '#')) {
        SkipLine();
        break;
      }
      if (c == '"') {
        quoted = !quoted;
        kept = value.size();
        continue;
      }
      if (c == '\\') {
        if (peek() == '\r') take();
        const char escaped = take();
        if (escaped == '\n') {
          if (done()) break;
          continue;
        }
        const auto which = std::string_view("tbn\\\"").find(escaped);
        if (which == std::string_view::npos) return std::nullopt;
        value += std::string_view("\t\b\n\\\"")[which];
        kept = value.size();
        continue;
      }
      value += c;
      if (quoted || !IsSpace(c)) kept = value.size();
    }
    if (quoted) return std::nullopt;
    value.resize(kept);
    return value;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<ConfigFile> ConfigFile::Parse(std::string_view text) {
  ConfigFile file;
  Scanner scan(text);
  while (!scan.done()) {
    const char c = scan.peek();
    if (IsSpace(c) || c == '\n') {
      scan.take();
    } else if (c == '#' || c == ';') {
      scan.SkipLine();
    } else if (c == '[') {
      scan.take();
      auto section = scan.Section();
      if (!section) return std::nullopt;
      file.sections_.push_back(*std::move(section));
    } else if (IsAlpha(c) && !file.sections_.empty()) {
      std::string key = file.sections_.back() + ".";
      while (IsKeyChar(scan.peek())) key += LowerAscii(scan.take());
      scan.SkipSpace();
      if (scan.peek() == '\n') {
        file.entries_.push_back({std::move(key), "true"});
        continue;
      }
      if (scan.take() != '=') return std::nullopt;
      auto value = scan.Value();
      if (!value) return std::nullopt;
      file.entries_.push_back({std::move(key), *std::move(value)});
    } else {
      return std::nullopt;
    }
  }
  return file;
}

std::optional<std::string> ConfigFile::Get(std::string_view key) const {
  const std::string wanted = NormalKey(key);
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(),
                                  [&](const Entry& entry) { return entry.key == wanted; });
  if (found == entries_.rend()) return std::nullopt;
  return found->value;
}

bool ConfigFile::GetBool(std::string_view key, bool fallback) const {
  const auto value = Get(key);
  if (!value) return fallback;
  const std::string word = LowerAscii(*value);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0" || word.empty()) return false;
  return fallback;
}

bool ConfigFile::HasSection(std::string_view section) const {
  return std::find(sections_.begin(), sections_.end(), NormalSection(section)) != sections_.end();
}

}  // namespace workmux::daemon
