#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "daemon/adapters/container/engine_client.h"
#include "daemon/ports/image_store.h"

namespace workmux::daemon {

// The images of the engine that the daemon's environment names.
class EngineImages : public ImageStore {
 public:
  // A registry that sends nothing for `patience` is given up.
  EngineImages(CommandRunner& runner, RuntimeTraits traits, const Env& environment,
               std::chrono::milliseconds patience = std::chrono::seconds(90));

  std::string_view engine() const override { return client_.traits().name; }
  absl::StatusOr<std::string> IdOf(const std::string& image) override;
  absl::Status Pull(const std::string& image, ProgressSink& progress,
                    std::stop_token stop) override;
  absl::StatusOr<Freshness> AskRegistry(const std::string& image, std::stop_token stop) override;
  absl::Status Build(const ImageBuild& build, ProgressSink& progress,
                     std::stop_token stop) override;
  absl::StatusOr<std::vector<SupersededImage>> Superseded(const std::string& repository) override;
  absl::Status Remove(const std::string& id) override;
  absl::StatusOr<std::string> Machine() override;
  std::string EngineThatHas(const std::string& image) override;

 private:
  absl::Status Explain(const std::string& image, std::string_view said) const;
  absl::StatusOr<std::string> ListNameless(bool built_here);

  CommandRunner& runner_;
  const Env environment_;
  const EngineClient client_;
  const std::chrono::milliseconds patience_;
};

}  // namespace workmux::daemon
