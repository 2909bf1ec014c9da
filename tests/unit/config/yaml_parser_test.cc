#include "daemon/config/yaml_parser.h"

#include <chrono>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using test::Must;

std::string Refusal(std::string_view text, const YamlLimits& limits = {}) {
  const auto parsed = ParseYaml(text, "f.yaml", limits);
  if (parsed.ok()) return "accepted";
  CHECK(ReasonOf(parsed.status()) == "CONFIG_INVALID");
  return MessageOf(parsed.status());
}

std::string Repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

TEST_CASE("YamlParser: errors name file, line and column", "[config]") {
  struct Case {
    std::string text;
    std::string message;
  };
  const Case cases[] = {
      {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key \"a\", first seen at line 1"},
      {"a: {x: 1, x: 2}\n", "f.yaml:1:11: duplicate key \"x\", first seen at line 1"},
      {"base: &b {x: 1}\nc:\n  <<: *b\n", "f.yaml:3:3: merge keys (<<) are not supported"},
      {"- a\n", "f.yaml:1:1: expected `key: value` lines, found a list"},
      {"just text\n", "f.yaml:1:1: expected `key: value` lines, found the text \"just text\""},
      {"a: 1\n---\nb: 2\n", "f.yaml:1:1: more than one document in the file"},
      {"[a, b]: 1\n", "f.yaml:1:1: a key must be plain text"},
      {"a: !!binary aGk=\n", "f.yaml:1:4: the tag \"tag:yaml.org,2002:binary\" is not allowed"},
      {"a: !x {}\n", "f.yaml:1:4: the tag \"!x\" is not allowed"},
      {"a: &x [1, *x]\n", "f.yaml:1:11: this alias stands inside its own anchor"},
      {"a: \"x\\0y\"\n", "f.yaml:1:4: NUL is not allowed"},
      {std::string("ok: 1\na: \0b\n", 13), "f.yaml:2:4: NUL is not allowed"},
      {"ok: 1\na: \xC3\x28\n", "f.yaml:2:4: not valid UTF-8"},
      {"a: \xED\xA0\x80\n", "f.yaml:1:4: not valid UTF-8"},
      {"\xFF\xFE"
       "a",
       "f.yaml:1:1: not valid UTF-8"},
      {"ä: {ö: 1, ö: 2}\n", "f.yaml:1:11: duplicate key \"ö\", first seen at line 1"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(Refusal(c.text) == c.message);
  }
}

TEST_CASE("YamlParser: syntax errors come with their place", "[config]") {
  const std::pair<std::string, std::string> cases[] = {
      {"a: 1\nb:\n\tc: 2\n", "f.yaml:3:1: a tab cannot indent, use spaces"},
      {"a: [1, 2\n", "f.yaml:2:1: end of sequence flow not found"},
      {"a: {x\n", "f.yaml:2:1: end of map flow not found"},
      {"a: *nowhere\n", "f.yaml:1:4: the referenced anchor is not defined"},
      {"a: \"open\n", "f.yaml:2:1: a quote is still open here"},
      {"a: 'open\nb: 1", "f.yaml:3:1: a quote is still open here"},
      {"a: b: c\n", "f.yaml:1:5: illegal map value"},
      {"a: @x\n", "f.yaml:1:4: unknown token"},
  };
  for (const auto& [text, message] : cases) {
    INFO(text);
    CHECK(Refusal(text) == message);
  }
}

TEST_CASE("YamlParser: a file without content has no keys", "[config]") {
  for (const std::string_view text :
       {"", "\n\n", "# only a comment\n", "---\n", "...\n", "\xEF\xBB\xBF"}) {
    const YamlNode root = Must(ParseYaml(text, "f.yaml"));
    CHECK(root.IsMap());
    CHECK(root.entries.empty());
  }
}

TEST_CASE("YamlParser: values keep their kind, place and quotes", "[config]") {
  const YamlNode root = Must(ParseYaml("a: true\nb: \"true\"\nc: ~\nd: &l [x]\ne: *l\n", "f.yaml"));
  REQUIRE(root.entries.size() == 5);
  CHECK(root.entries[0].second.plain);
  CHECK_FALSE(root.entries[1].second.plain);
  CHECK(root.entries[1].second.place.line == 2);
  CHECK(root.entries[1].second.place.column == 4);
  CHECK(root.entries[2].second.IsNull());
  CHECK(SameValue(root.entries[3].second, root.entries[4].second));
  CHECK(root.entries[4].second.place.line == 5);
}

TEST_CASE("YamlParser: nesting is limited", "[config]") {
  CHECK(Refusal("a: " + Repeated("[", 63) + Repeated("]", 63)) == "accepted");
  CHECK(Refusal("a: " + Repeated("[", 64) + Repeated("]", 64)) ==
        "f.yaml:1:67: nested deeper than 64 levels");
  CHECK(Refusal(Repeated("- ", 100'000)) == "f.yaml:1:129: nested deeper than 64 levels");
  CHECK(Refusal("a: " + Repeated("{x: ", 100'000)).find("nested deeper") != std::string::npos);
}

TEST_CASE("YamlParser: nesting is limited across aliases", "[config]") {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 80; ++i) {
    text += Format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  }
  CHECK(Refusal(text).find("nested deeper than 64 levels") != std::string::npos);
}

TEST_CASE("YamlParser: aliases cannot multiply a small file", "[config]") {
  std::string nodes = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    nodes += Format("a{}: &a{} [", i, i);
    for (int k = 0; k < 10; ++k) nodes += Format("*a{}, ", i - 1);
    nodes += "]\n";
  }
  CHECK(Refusal(nodes).find("the file holds too many values") != std::string::npos);
  // Without the limit the same kind of text is accepted: it is the limit that refuses.
  CHECK(Refusal(nodes.substr(0, nodes.find("a3:"))) == "accepted");

  const std::string bytes =
      "a: &a " + Repeated("x", 500'000) + "\nb: [" + Repeated("*a, ", 100) + "]\n";
  CHECK(Refusal(bytes).find("the file holds too many values") != std::string::npos);
}

TEST_CASE("YamlParser: the largest file is refused or read in a short time", "[config]") {
  constexpr std::size_t kSize = 1u << 20;
  const std::string texts[] = {
      "a: [" + Repeated("x, ", kSize / 3),
      Repeated("a: ", kSize / 3),
      "a: \"" + Repeated("\\x41", kSize / 4),
      Repeated("? ", kSize / 2),
      Repeated("&a ", kSize / 3),
      Repeated("\n", kSize),
      "a: |\n" + Repeated(" x\n", kSize / 3),
      Repeated("# x\n", kSize / 4),
  };
  for (const std::string& text : texts) {
    const auto start = std::chrono::steady_clock::now();
    static_cast<void>(ParseYaml(text, "f.yaml"));
    INFO(text.substr(0, 12));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  }
}

}  // namespace
}  // namespace workmux::daemon
