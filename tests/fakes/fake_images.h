#pragma once

#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "daemon/ports/image_store.h"
#include "daemon/ports/records.h"

namespace workmux::test {

// An engine and its registry: both know names and ids. Thread-safe but for its
// members that a test sets beforehand.
class FakeImageStore : public daemon::ImageStore {
 public:
  std::string_view engine() const override { return "docker"; }

  absl::StatusOr<std::string> IdOf(const std::string& image) override {
    MutexLock lock(mu_);
    ++id_questions_;
    const auto found = local_.find(image);
    if (found == local_.end())
      return WithReason(NotFound("{}: no such image", image), "IMAGE_NOT_FOUND");
    return found->second;
  }

  // Blocks while `held` until a stop is requested or Release().
  absl::Status Pull(const std::string& image, daemon::ProgressSink& progress,
                    std::stop_token stop) override {
    progress.Step("pull", "Pulling " + image);
    MutexLock lock(mu_);
    ++pulls_;
    std::stop_callback wake(stop, [this] { changed_.notify_all(); });
    while (held_ && !stop.stop_requested()) changed_.wait_for(mu_, std::chrono::milliseconds(5));
    if (stop.stop_requested()) {
      ++stopped_pulls_;
      return Cancelled("interrupted");
    }
    const auto found = registry_.find(image);
    if (found == registry_.end())
      return WithReason(NotFound("{}: unknown", image), "IMAGE_UNKNOWN");
    local_[image] = found->second;
    return absl::OkStatus();
  }

  absl::StatusOr<daemon::Freshness> AskRegistry(const std::string& image,
                                                std::stop_token) override {
    MutexLock lock(mu_);
    ++questions_;
    if (!registry_answers_) return Unavailable("no registry");
    return registry_[image] == local_[image] ? daemon::Freshness::kCurrent
                                             : daemon::Freshness::kStale;
  }

  absl::Status Build(const daemon::ImageBuild& build, daemon::ProgressSink& progress,
                     std::stop_token) override {
    progress.Output("Step 1/1", false);
    MutexLock lock(mu_);
    builds_.push_back(build);
    local_[build.tag] = "sha256:built";
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<daemon::SupersededImage>> Superseded(const std::string&) override {
    return superseded;
  }
  absl::Status Remove(const std::string& id) override {
    std::erase_if(superseded, [&](const auto& image) { return image.id == id; });
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Machine() override { return "x86_64"; }
  std::string EngineThatHas(const std::string& image) override {
    return image == elsewhere ? "podman" : "";
  }

  void SetLocal(const std::string& image, const std::string& id) {
    MutexLock lock(mu_);
    local_[image] = id;
  }
  void SetRegistry(const std::string& image, const std::string& id) {
    MutexLock lock(mu_);
    registry_[image] = id;
  }
  void SetRegistryAnswers(bool answers) {
    MutexLock lock(mu_);
    registry_answers_ = answers;
  }
  void Hold(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    changed_.notify_all();
  }
  bool Has(const std::string& image) {
    return Read([&] { return local_.contains(image); });
  }
  int pulls() {
    return Read([&] { return pulls_; });
  }
  int stopped_pulls() {
    return Read([&] { return stopped_pulls_; });
  }
  int questions() {
    return Read([&] { return questions_; });
  }
  int id_questions() {
    return Read([&] { return id_questions_; });
  }
  std::vector<daemon::ImageBuild> builds() {
    return Read([&] { return builds_; });
  }

  std::string elsewhere;  // an image that podman has
  std::vector<daemon::SupersededImage> superseded;

 private:
  template <class F>
  std::invoke_result_t<F> Read(F read) {
    MutexLock lock(mu_);
    return read();
  }

  Mutex mu_;
  CondVar changed_;
  std::map<std::string, std::string> local_;     // image -> id
  std::map<std::string, std::string> registry_;  // image -> id
  std::vector<daemon::ImageBuild> builds_;
  bool registry_answers_ = true;
  bool held_ = false;
  int pulls_ = 0;
  int stopped_pulls_ = 0;
  int questions_ = 0;
  int id_questions_ = 0;
};

class FakeImageRecords : public daemon::ImageRecords {
 public:
  absl::Status PutImage(const daemon::ImageRecord& record) override {
    MutexLock lock(mu_);
    records_[{record.engine, record.image}] = record;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<daemon::ImageRecord>> GetImage(std::string_view engine,
                                                              std::string_view image) override {
    MutexLock lock(mu_);
    const auto found = records_.find({std::string(engine), std::string(image)});
    if (found == records_.end()) return std::optional<daemon::ImageRecord>();
    return std::optional<daemon::ImageRecord>(found->second);
  }

 private:
  Mutex mu_;
  std::map<std::pair<std::string, std::string>, daemon::ImageRecord> records_;
};

}  // namespace workmux::test
