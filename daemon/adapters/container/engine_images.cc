#include "daemon/adapters/container/engine_images.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/container/client_output.h"
#include "daemon/adapters/container/image_commands.h"
#include "daemon/adapters/container/image_errors.h"
#include "daemon/adapters/container/pull_progress.h"
#include "daemon/adapters/container/stall_watch.h"

namespace workmux::daemon {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What moves on may take as long as it likes.
constexpr hours kLongest{24};
constexpr seconds kAskLimit{60};
constexpr seconds kOtherEngineLimit{5};
constexpr milliseconds kReportEvery{100};
constexpr int kMostLists = 5;
constexpr std::size_t kKeptOutput = 8192;

// Podman finds no container by an id that says how it was made.
std::string WithoutAlgorithm(const std::string& id) { return id.substr(id.find(':') + 1); }

// Cuts output into lines, and keeps the last of them for an error.
class LineReader {
 public:
  explicit LineReader(ProgressSink& progress) : progress_(progress) {}
  void Feed(bool is_stderr, std::string_view text) {
    tail_ += text;
    if (tail_.size() > kKeptOutput) tail_.erase(0, tail_.size() - kKeptOutput);
    std::string& pending = is_stderr ? err_ : out_;
    pending += text;
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      progress_.Output(PlainLine(std::string_view(pending).substr(0, end)), is_stderr);
      pending.erase(0, end + 1);
    }
  }
  const std::string& tail() const { return tail_; }

 private:
  ProgressSink& progress_;
  std::string out_;
  std::string err_;
  std::string tail_;
};

// Says at most every kReportEvery how far a pull is.
class PullReport {
 public:
  PullReport(const std::string& image, ProgressSink& progress)
      : title_(Format("Pulling image '{}'", Printable(image))), progress_(progress) {
    progress_.Step("pull", title_);
  }
  void Update(const PullProgress& state) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < kReportEvery) return;
    last_ = now;
    if (const std::string layers = state.Layers(); layers != layers_) {
      layers_ = layers;
      progress_.Step("pull", title_ + ": " + layers);
    }
    if (const std::string bytes = state.Bytes(); bytes != bytes_) {
      bytes_ = bytes;
      progress_.Detail(bytes);
    }
  }

 private:
  const std::string title_;
  ProgressSink& progress_;
  std::chrono::steady_clock::time_point last_;
  std::string layers_;
  std::string bytes_;
};

}  // namespace

EngineImages::EngineImages(CommandRunner& runner, RuntimeTraits traits, const Env& environment,
                           milliseconds patience)
    : runner_(runner),
      environment_(environment),
      client_(runner, traits, environment),
      patience_(patience) {}

absl::StatusOr<std::string> EngineImages::IdOf(const std::string& image) {
  WM_ASSIGN_OR_RETURN(const std::string report,
                      client_.Run(BuildImageInspectCall(client_.traits(), image), {}));
  WM_ASSIGN_OR_RETURN(const LocalImage local, ParseLocalImage(report));
  return local.id;
}

absl::Status EngineImages::Explain(const std::string& image, std::string_view said) const {
  absl::Status known = ExplainImageFailure(client_.traits(), image, said);
  return known.ok() ? client_.Explain(said) : known;
}

absl::Status EngineImages::Pull(const std::string& image, ProgressSink& progress,
                                std::stop_token stop) {
  StallWatch watch(patience_, stop);
  PullReport report(image, progress);
  PullProgress state;
  const absl::StatusOr<ExitStatus> exit =
      client_.Stream(BuildPullCall(client_.traits(), image), watch.token(), kLongest,
                     [&](StdStream, std::string_view text) {
                       if (state.Feed(text)) watch.Moved();
                       report.Update(state);
                     });
  if (stop.stop_requested()) return Cancelled("interrupted");
  if (watch.stalled()) {
    return WithHint(WithReason(Unavailable("image '{}': the registry has sent nothing for {} s",
                                           Printable(image),
                                           std::chrono::duration_cast<seconds>(patience_).count()),
                               "REGISTRY_STALLED"),
                    "Check the network and the registry, and try again.");
  }
  if (!exit.ok()) return exit.status();
  state.Feed("\n");
  return exit->ok() ? absl::OkStatus() : Explain(image, state.tail());
}

absl::StatusOr<Freshness> EngineImages::AskRegistry(const std::string& image,
                                                    std::stop_token stop) {
  WM_ASSIGN_OR_RETURN(const std::string report,
                      client_.Run(BuildImageInspectCall(client_.traits(), image), stop));
  WM_ASSIGN_OR_RETURN(const LocalImage local, ParseLocalImage(report));
  EngineCall ask = BuildAskRegistryCall(client_.traits(), image);
  if (local.digests.empty() || ask.argv.empty()) return Freshness::kUnknown;
  WM_ASSIGN_OR_RETURN(const std::string answer,
                      client_.Run(std::move(ask), std::move(stop), kAskLimit));
  WM_ASSIGN_OR_RETURN(const RemoteImage remote, ParseRemoteImage(answer));
  return Compare(local, remote);
}

absl::Status EngineImages::Build(const ImageBuild& build, ProgressSink& progress,
                                 std::stop_token stop) {
  EngineCall call = BuildImageBuildCall(client_.traits(), build);
  if (call.argv.empty()) {
    return WithHint(WithReason(Unimplemented("{} cannot build an image from standard input",
                                             client_.traits().name),
                               "BUILD_UNSUPPORTED"),
                    "Write a Dockerfile with `workmux sandbox init-dockerfile` and build that.");
  }
  LineReader reader(progress);
  WM_ASSIGN_OR_RETURN(const ExitStatus exit,
                      client_.Stream(std::move(call), std::move(stop), kLongest,
                                     [&](StdStream stream, std::string_view text) {
                                       reader.Feed(stream == StdStream::kErr, text);
                                     }));
  if (exit.ok()) return absl::OkStatus();
  return Annotate(Explain(build.tag, reader.tail()), "the build failed");
}

// Podman's list fails when one of its images goes while it looks at them.
absl::StatusOr<std::string> EngineImages::ListNameless(bool built_here) {
  for (int i = 0;; ++i) {
    absl::StatusOr<std::string> out =
        client_.Run(BuildNamelessImagesCall(client_.traits(), built_here), {});
    if (ReasonOf(out.status()) != "IMAGE_NOT_FOUND" || i == kMostLists) return out;
  }
}

absl::StatusOr<std::vector<SupersededImage>> EngineImages::Superseded(
    const std::string& repository) {
  std::vector<SupersededImage> unused;
  for (const bool built_here : {false, true}) {
    if (BuildNamelessImagesCall(client_.traits(), built_here).argv.empty()) return unused;
    WM_ASSIGN_OR_RETURN(const std::string out, ListNameless(built_here));
    WM_ASSIGN_OR_RETURN(const std::vector<NamelessImage> images, ParseNamelessImages(out));
    for (const NamelessImage& image : images) {
      const bool known =
          std::any_of(unused.begin(), unused.end(),
                      [&](const SupersededImage& other) { return other.id == image.id; });
      if (known || !(built_here || image.repository == repository)) continue;
      if (built_here) {
        const auto steps = client_.Run(BuildHistoryCall(client_.traits(), image.id), {});
        if (ReasonOf(steps.status()) == "IMAGE_NOT_FOUND") continue;  // removed meanwhile
        WM_RETURN_IF_ERROR(steps.status());
        if (!EndsWithOurLabel(*steps)) continue;
      }
      WM_ASSIGN_OR_RETURN(const std::string users,
                          client_.Run({"ps", "--all", "--quiet", "--filter",
                                       "ancestor=" + WithoutAlgorithm(image.id)}));
      if (Trim(users).empty()) unused.push_back({image.id, image.size});
    }
  }
  return unused;
}

absl::Status EngineImages::Remove(const std::string& id) {
  return client_.Run({"image", "rm", "--", id}).status();
}

absl::StatusOr<std::string> EngineImages::Machine() {
  WM_ASSIGN_OR_RETURN(const std::string said, client_.Run(BuildMachineCall(client_.traits()), {}));
  return MachineName(Trim(said));
}

std::string EngineImages::EngineThatHas(const std::string& image) {
  for (const RuntimeTraits& other : AllRuntimeTraits()) {
    if (other.name == engine()) continue;
    const EngineClient client(runner_, other, environment_);
    if (client.Run(BuildImageInspectCall(other, image), {}, kOtherEngineLimit).ok())
      return std::string(other.name);
  }
  return {};
}

}  // namespace workmux::daemon
