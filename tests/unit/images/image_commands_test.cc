#include "daemon/adapters/container/image_commands.h"

#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

constexpr char kIndex[] = "sha256:acad7c9f";
constexpr char kPlatform[] = "sha256:a23a7910";
constexpr char kConfig[] = "sha256:5dbc7f10";

void Render(const EngineCall& call, std::string& text) {
  if (call.argv.empty()) text += "(cannot)";
  for (const std::string& argument : call.argv) text += argument + " ";
  for (const auto& [name, value] : call.env) text += "[" + name + "=" + value + "] ";
  if (!call.input.empty()) text += "< " + call.input;
  if (call.terminal) text += "(terminal)";
  text += "\n";
}

// What `image inspect` prints, with one RepoDigest for each digest.
std::string Local(const std::string& id, const std::vector<std::string>& digests) {
  std::string text = "[{\"Id\":\"" + id + "\",\"RepoDigests\":[";
  for (const std::string& digest : digests) {
    text += std::string(text.ends_with('[') ? "" : ",") + "\"h:5000/a@" + digest + "\"";
  }
  return text + "]}]";
}

// `docker manifest inspect --verbose` of an index.
std::string DockerIndex(const std::string& manifest, const std::string& config) {
  return R"([{"Ref":"h/a:1","Descriptor":{"digest":")" + manifest +
         R"("},"SchemaV2Manifest":{"config":{"digest":")" + config +
         R"("}}},{"Ref":"h/a:1","Descriptor":{"digest":"sha256:arm"},"OCIManifest":)"
         R"({"config":{"digest":"sha256:armconfig"}}}])";
}

// `podman manifest inspect` of an index.
std::string PodmanIndex(const std::string& manifest) {
  return R"({"schemaVersion":2,"manifests":[{"digest":")" + manifest +
         R"(","platform":{"architecture":"amd64"}},{"digest":"sha256:arm"}]})";
}

Freshness CompareText(const std::string& local, const std::string& remote) {
  return Compare(test::Must(ParseLocalImage(local)), test::Must(ParseRemoteImage(remote)));
}

}  // namespace

TEST_CASE("ImageCommands: an image is ours when our label is its last step") {
  for (const char* steps :
       {"/bin/sh -c #(nop)  LABEL dev.workmux.image=a:1\n/bin/sh -c #(nop) ENV A=1\n",
        "LABEL dev.workmux.image=a:1\n"}) {
    CHECK(EndsWithOurLabel(steps));
    CHECK_FALSE(EndsWithOurLabel(std::string("/bin/sh -c #(nop) ENV B=1\n") + steps));
    CHECK_FALSE(EndsWithOurLabel(std::string("\n") + steps));
  }
  CHECK_FALSE(EndsWithOurLabel(""));
  CHECK_FALSE(EndsWithOurLabel("LABEL dev.workmux.imagery=1\n"));
}

TEST_CASE("ImageCommands: what every runtime's client is told") {
  std::string text;
  for (const char* name : {"docker", "podman", "apple-container"}) {
    RuntimeTraits traits;
    traits.name = name;
    const std::string image = "ghcr.io/raine/workmux-sandbox:claude";
    Render(BuildPullCall(traits, image), text);
    Render(BuildImageInspectCall(traits, image), text);
    Render(BuildAskRegistryCall(traits, image), text);
    Render(BuildAskRegistryCall(traits, "127.0.0.1:5000/a:1"), text);
    Render(BuildImageBuildCall(traits, {.tag = "a:1",
                                        .recipe = "FROM x",
                                        .arguments = {"BASE=b", "VERSION=1"},
                                        .use_cache = false}),
           text);
    Render(BuildImageBuildCall(
               traits, {.tag = "a:1", .recipe = "FROM x", .context = "/files", .arguments = {}}),
           text);
    Render(BuildMachineCall(traits), text);
  }
  test::CheckGolden("image_commands.txt", text);
}

TEST_CASE("MachineName: Go's names become uname's") {
  CHECK(MachineName("amd64") == "x86_64");
  CHECK(MachineName("arm64") == "aarch64");
  CHECK(MachineName("riscv64") == "riscv64");
}

TEST_CASE("Compare: docker's image of an index is known by its configuration") {
  const std::string local = Local(kConfig, {kIndex});
  CHECK(CompareText(local, DockerIndex(kPlatform, kConfig)) == Freshness::kCurrent);
  CHECK(CompareText(local, DockerIndex("sha256:new", "sha256:newconfig")) == Freshness::kStale);
}

TEST_CASE("Compare: podman's image of an index is known by its platform's digest") {
  // Podman keeps both digests and writes the id without its algorithm.
  const std::string local = Local("5dbc7f10", {kPlatform, kIndex});
  CHECK(CompareText(local, PodmanIndex(kPlatform)) == Freshness::kCurrent);
  CHECK(CompareText(local, PodmanIndex("sha256:new")) == Freshness::kStale);
}

TEST_CASE("Compare: an image without an index is known by its configuration too") {
  const std::string single = R"({"schemaVersion":2,"config":{"digest":"sha256:5dbc7f10"}})";
  CHECK(CompareText(Local("5dbc7f10", {kPlatform}), single) == Freshness::kCurrent);
  CHECK(CompareText(Local("0000", {kPlatform}), single) == Freshness::kStale);
  const std::string verbose = R"({"Ref":"h/a:1","Descriptor":{"digest":"sha256:a23a7910"},)"
                              R"("SchemaV2Manifest":{"config":{"digest":"sha256:c"}}})";
  CHECK(CompareText(Local("sha256:x", {kPlatform}), verbose) == Freshness::kCurrent);
}

TEST_CASE("Compare: what cannot be compared is not stale") {
  // Made here: no registry ever named it.
  CHECK(CompareText(Local(kConfig, {}), DockerIndex("sha256:new", "sha256:n")) ==
        Freshness::kUnknown);
  // Docker's containerd store knows the index alone, and the client does not print it.
  CHECK(CompareText(Local(kIndex, {kIndex}), DockerIndex(kPlatform, kConfig)) ==
        Freshness::kUnknown);
  CHECK(CompareText(Local(kIndex, {kIndex}), R"({"config":{"digest":"sha256:n"}})") ==
        Freshness::kStale);
}

TEST_CASE("Image reports: what is not one is an error, never an answer") {
  for (const char* text : {"", "[]", "null", "[1]", R"([{"Id":7}])", R"([{"RepoDigests":[]}])",
                           R"([{"Id":"x","RepoDigests":[7]}])", R"([{"index":{}}])"}) {
    INFO(text);
    CHECK_CODE(ParseLocalImage(text), absl::StatusCode::kDataLoss);
  }
  for (const char* text : {"", "[]", "{}", "7", R"({"manifests":[{}]})", R"([{"Descriptor":7}])"}) {
    INFO(text);
    CHECK_CODE(ParseRemoteImage(text), absl::StatusCode::kDataLoss);
  }
  CHECK(test::Must(ParseLocalImage(R"([{"Id":"ab","RepoDigests":null}])")).id == "sha256:ab");
  CHECK(test::Must(ParseLocalImage(R"([{"index":{"digest":"sha256:i"}}])")).id_is_digest);
}

}  // namespace workmux::daemon
