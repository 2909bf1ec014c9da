#include "daemon/domain/image_recipes.h"

#include <algorithm>

#include "common/base/strings.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

std::size_t CountLines(std::string_view text, std::string_view start) {
  const auto lines = SplitLines(text);
  return static_cast<std::size_t>(
      std::count_if(lines.begin(), lines.end(),
                    [&](const std::string& line) { return line.starts_with(start); }));
}

TEST_CASE("Recipes: every agent has one on top of the base, with a fixed version") {
  REQUIRE(CountLines(RecipeText("base"), "FROM ${FROM_IMAGE}") == 1);
  for (const std::string_view agent : ImageAgents()) {
    INFO(agent);
    const std::string_view text = RecipeText(agent);
    CHECK(CountLines(text, "ARG BASE=localhost/workmux-sandbox-base") == 1);
    CHECK(CountLines(text, "FROM ${BASE}") == 1);
    CHECK(CountLines(text, "ARG VERSION=") == 1);
    CHECK(text.find("latest") == std::string_view::npos);
    CHECK(text.find("| bash") == std::string_view::npos);
    CHECK(text.find("| sh") == std::string_view::npos);
    // What only BuildKit understands would break the classic builder.
    CHECK(text.find("--mount") == std::string_view::npos);
    CHECK(text.find("<<") == std::string_view::npos);
  }
  CHECK(RecipeText("nobody").empty());
}

TEST_CASE("MergedRecipe: base and agent become one stage") {
  const std::string merged = test::Must(MergedRecipe("codex"));
  CHECK(CountLines(merged, "FROM ") == 1);
  CHECK(CountLines(merged, "ARG FROM_IMAGE=") == 1);
  CHECK(CountLines(merged, "ARG BASE=") == 0);
  CHECK(CountLines(merged, "ARG VERSION=") == 1);
  CHECK(merged.find("@openai/codex") != std::string::npos);
  CHECK(merged.find("apt-get install") < merged.find("@openai/codex"));
}

TEST_CASE("MergedRecipe: an agent without an image is refused, naming those that have one") {
  const absl::Status status = MergedRecipe("kiro-cli").status();
  CHECK_CODE(status, absl::StatusCode::kInvalidArgument);
  CHECK(ReasonOf(status) == "AGENT_WITHOUT_IMAGE");
  CHECK(MessageOf(status).find("claude, codex, gemini, opencode, pi, omp") != std::string::npos);
  CHECK_FALSE(HintOf(status).empty());
}

}  // namespace
}  // namespace workmux::daemon
