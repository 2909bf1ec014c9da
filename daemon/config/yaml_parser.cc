#include "daemon/config/yaml_parser.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cctype>
#include <exception>
#include <map>
#include <optional>
#include <sstream>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

// Thrown by the handler below through the parser; caught in Parse.
struct Refusal {
  YamlPlace place;
  std::string text;
};

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

// The library counts columns in bytes; people and editors count characters.
class Places {
 public:
  explicit Places(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }

  YamlPlace Of(const YAML::Mark& mark) const {
    if (mark.is_null()) return {};
    const auto line = static_cast<std::size_t>(mark.line);
    if (line >= starts_.size()) return {mark.line + 1, 1};
    // Marks mostly grow: counting goes on where it stopped, or one long line with
    // many values would cost quadratic time.
    if (last_line_ != line || last_bytes_ > static_cast<std::size_t>(mark.column)) {
      last_line_ = line;
      last_bytes_ = 0;
      last_characters_ = 0;
    }
    const std::size_t end = starts_[line] + static_cast<std::size_t>(mark.column);
    for (std::size_t at = starts_[line] + last_bytes_; at < end && at < text_.size(); ++at) {
      last_characters_ += IsContinuation(text_[at]) ? 0 : 1;
    }
    last_bytes_ = static_cast<std::size_t>(mark.column);
    return {mark.line + 1, last_characters_ + 1};
  }

  // Empty for a mark behind the end.
  std::string_view Line(const YAML::Mark& mark) const {
    const auto line = static_cast<std::size_t>(mark.line);
    if (mark.is_null() || line >= starts_.size()) return {};
    const std::string_view rest = text_.substr(starts_[line]);
    return rest.substr(0, rest.find('\n'));
  }

  YamlPlace OfOffset(std::size_t offset) const {
    YAML::Mark mark;
    while (static_cast<std::size_t>(mark.line) + 1 < starts_.size() &&
           starts_[static_cast<std::size_t>(mark.line) + 1] <= offset) {
      ++mark.line;
    }
    mark.column = static_cast<int>(offset - starts_[static_cast<std::size_t>(mark.line)]);
    return Of(mark);
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
  mutable std::size_t last_line_ = 0;
  mutable std::size_t last_bytes_ = 0;
  mutable int last_characters_ = 0;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Places& places, const YamlLimits& limits) : places_(places), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.place = places_.Of(mark);
    Complete(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Refuse(mark, "this alias stands inside its own anchor");
    Spend(found->second, mark, stack_.size());
    // The copy keeps its own place; its parts keep those of the anchor.
    YamlNode copy = found->second;
    copy.place = places_.Of(mark);
    Attach(std::move(copy));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    if (value.find('\0') != std::string::npos) Refuse(mark, "NUL is not allowed");
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.place = places_.Of(mark);
    node.scalar = value;
    node.plain = tag != "!";
    Complete(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

  std::optional<YamlNode> TakeRoot() { return std::move(root_); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor;
    std::optional<YamlNode::Key> key;  // of a map: the key that waits for its value
    std::map<std::string, int> seen;   // of a map: the line of each key
  };

  [[noreturn]] void Refuse(const YAML::Mark& mark, std::string text) const {
    throw Refusal{places_.Of(mark), std::move(text)};
  }

  // The library gives "?" for a plain value, "!" for a quoted one, "" for collections.
  void CheckTag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    Refuse(mark, Format("the tag \"{}\" is not allowed", Printable(tag)));
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    CheckTag(mark, tag);
    if (stack_.size() >= static_cast<std::size_t>(limits_.depth)) TooDeep(places_.Of(mark));
    Frame frame;
    frame.node.kind = kind;
    frame.node.place = places_.Of(mark);
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    Complete(std::move(frame.node), frame.anchor);
  }

  [[noreturn]] void TooDeep(YamlPlace place) const {
    throw Refusal{place, Format("nested deeper than {} levels", limits_.depth)};
  }

  void Complete(YamlNode node, YAML::anchor_t anchor) {
    SpendOne(node, node.place);
    if (anchor != 0) {
      // Kept a second time, hence paid for a second time.
      Spend(node, node.place, stack_.size());
      anchors_[anchor] = node;
    }
    Attach(std::move(node));
  }

  void SpendOne(const YamlNode& node, YamlPlace place) {
    nodes_ += 1;
    bytes_ += node.scalar.size();
    for (const auto& [key, value] : node.entries) bytes_ += key.name.size();
    if (nodes_ > limits_.nodes || bytes_ > limits_.scalar_bytes) {
      throw Refusal{place, "the file holds too many values"};
    }
  }

  void Spend(const YamlNode& node, const YAML::Mark& mark, std::size_t depth) {
    Spend(node, places_.Of(mark), depth);
  }
  void Spend(const YamlNode& node, YamlPlace place, std::size_t depth) {
    if (depth > static_cast<std::size_t>(limits_.depth)) TooDeep(place);
    SpendOne(node, place);
    for (const YamlNode& item : node.items) Spend(item, place, depth + 1);
    for (const auto& [key, value] : node.entries) Spend(value, place, depth + 1);
  }

  void Attach(YamlNode node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& parent = stack_.back();
    if (parent.node.IsSequence()) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.key) {
      parent.node.entries.push_back({*std::exchange(parent.key, std::nullopt), std::move(node)});
    } else {
      parent.key = MakeKey(parent, node);
    }
  }

  static YamlNode::Key MakeKey(Frame& map, const YamlNode& node) {
    if (!node.IsScalar()) throw Refusal{node.place, "a key must be plain text"};
    if (node.scalar == "<<" && node.plain) {
      throw Refusal{node.place, "merge keys (<<) are not supported"};
    }
    const auto [first, added] = map.seen.emplace(node.scalar, node.place.line);
    if (!added) {
      throw Refusal{node.place, Format("duplicate key \"{}\", first seen at line {}",
                                       Printable(node.scalar), first->second)};
    }
    return {node.scalar, node.place};
  }

  const Places& places_;
  const YamlLimits limits_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::optional<YamlNode> root_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

// Offset of the first byte that is no UTF-8 (RFC 3629) or is NUL; npos when fine.
std::size_t FirstBadByte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned lead = byte(i);
    if (lead == 0) return i;
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0u) != 0x80u) return i;
    }
    const unsigned second = byte(i + 1);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return i;
    }
    i += length;
  }
  return std::string_view::npos;
}

absl::Status SyntaxError(const Places& places, std::string_view file,
                         const YAML::Exception& error) {
  const std::string_view line = places.Line(error.mark);
  const std::size_t tab = line.find_first_not_of(' ');
  if (tab != std::string_view::npos && line[tab] == '\t') {
    return YamlError(file, {error.mark.line + 1, static_cast<int>(tab) + 1},
                     "a tab cannot indent, use spaces");
  }
  if (error.msg == YAML::ErrorMsg::DOC_IN_SCALAR) {
    return YamlError(file, places.Of(error.mark), "a quote is still open here");
  }
  return YamlError(file, places.Of(error.mark), Printable(error.msg));
}

absl::StatusOr<YamlNode> Parse(std::string_view text, std::string_view file,
                               const YamlLimits& limits) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  const Places places(text);
  if (const std::size_t bad = FirstBadByte(text); bad != std::string_view::npos) {
    return YamlError(file, places.OfOffset(bad),
                     text[bad] == '\0' ? "NUL is not allowed" : "not valid UTF-8");
  }
  try {
    // The library takes an open quote for closed at the end of the text, unless
    // something follows; the mark for the document's end is what may follow.
    std::string closed(text);
    if (!closed.empty() && closed.back() != '\n') closed += '\n';
    std::istringstream stream(closed + "...\n");
    YAML::Parser parser(stream);
    TreeBuilder builder(places, limits);
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    std::optional<YamlNode> root = builder.TakeRoot();
    TreeBuilder ignored(places, limits);
    if (parser.HandleNextDocument(ignored)) {
      return YamlError(file, {}, "more than one document in the file");
    }
    return root ? *std::move(root) : YamlNode{};
  } catch (const Refusal& refusal) {
    return YamlError(file, refusal.place, refusal.text);
  } catch (const YAML::Exception& error) {
    return SyntaxError(places, file, error);
  } catch (const std::exception& error) {
    return YamlError(file, {}, Printable(error.what()));
  }
}

}  // namespace

std::string AtPlace(std::string_view file, YamlPlace place, std::string_view text) {
  return Format("{}:{}:{}: {}", Printable(file), place.line, place.column, text);
}

absl::Status YamlError(std::string_view file, YamlPlace place, std::string_view text) {
  return WithHint(WithReason(InvalidArgument("{}", AtPlace(file, place, text)), "CONFIG_INVALID"),
                  "correct the file; `workmux config reference` explains every key");
}

absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view file,
                                   const YamlLimits& limits) {
  WM_ASSIGN_OR_RETURN(YamlNode root, Parse(text, file, limits));
  if (root.IsNull()) root.kind = YamlNode::Kind::kMap;
  if (!root.IsMap()) {
    return YamlError(file, root.place,
                     Format("expected `key: value` lines, found {}", DescribeValue(root)));
  }
  return root;
}

absl::StatusOr<YamlNode> ParseYamlValue(std::string_view text) { return Parse(text, "text", {}); }

}  // namespace workmux::daemon
