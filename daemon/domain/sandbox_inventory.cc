#include "daemon/domain/sandbox_inventory.h"

#include <algorithm>
#include <set>

#include "common/base/status.h"
#include "daemon/async/parallel.h"
#include "daemon/domain/image_name.h"

namespace workmux::daemon {
namespace {

using State = SandboxEntry::State;

struct Answer {
  std::string backend;
  absl::StatusOr<std::vector<SandboxInfo>> infos = absl::UnknownError("not asked");
  std::map<std::string, SandboxUsage> usage;
  // What it lists without a session of ours is ours nevertheless.
  bool orphans = false;
};

void Ask(SandboxBackend& backend, bool usage, Answer& answer) {
  answer.orphans = backend.outlives_client();
  answer.infos = backend.List();
  if (!usage || !answer.infos.ok()) return;
  std::vector<std::string> running;
  for (const SandboxInfo& info : *answer.infos) {
    if (info.running) running.push_back(info.name);
  }
  // One that ended meanwhile has no usage; that is no error.
  if (auto used = backend.Usage(running); used.ok()) answer.usage = *std::move(used);
}

void AddAnswer(const Answer& answer, std::vector<SandboxEntry>& entries) {
  const auto known = [&](const std::string& name) {
    return std::find_if(entries.begin(), entries.end(), [&](const SandboxEntry& entry) {
      return entry.backend == answer.backend && entry.name == name;
    });
  };
  for (SandboxEntry& entry : entries) {
    if (entry.backend == answer.backend) entry.state = State::kMissing;
  }
  for (const SandboxInfo& info : *answer.infos) {
    auto entry = known(info.name);
    if (entry == entries.end() && !answer.orphans) continue;
    if (entry == entries.end()) {
      entry = entries.insert(entry, {.name = info.name,
                                     .backend = answer.backend,
                                     .state = State::kUnknown,
                                     .session = std::nullopt,
                                     .usage = std::nullopt});
    }
    entry->state = info.running ? State::kRunning : State::kStopped;
    if (const auto used = answer.usage.find(info.name); used != answer.usage.end())
      entry->usage = used->second;
  }
}

}  // namespace

SandboxInventory TakeInventory(const SessionDirectory& sessions, const SandboxBackends& backends,
                               const std::string& default_runtime, bool usage, Executor& executor) {
  std::set<std::string> wanted = {default_runtime};
  for (const SessionRecord& record : sessions.All()) wanted.insert(record.backend);
  std::vector<Answer> answers;
  for (const std::string& name : wanted) {
    if (backends.contains(name)) answers.push_back({.backend = name});
  }
  ParallelFor(executor, answers.size(), [&](std::size_t i) {
    Ask(*backends.find(answers[i].backend)->second, usage, answers[i]);
  });
  // The sessions last: a sandbox that is being made meanwhile is somebody's.
  SandboxInventory inventory;
  for (SessionRecord& record : sessions.All()) {
    SandboxEntry entry;
    entry.name = record.sandbox;
    entry.backend = record.backend;
    entry.session = std::move(record);
    inventory.entries.push_back(std::move(entry));
  }
  std::stable_sort(inventory.entries.begin(), inventory.entries.end(),
                   [](const SandboxEntry& a, const SandboxEntry& b) {
                     return a.session->started > b.session->started;
                   });
  for (const Answer& answer : answers) {
    if (answer.infos.ok()) {
      AddAnswer(answer, inventory.entries);
      continue;
    }
    const bool has_sessions =
        std::any_of(inventory.entries.begin(), inventory.entries.end(),
                    [&](const SandboxEntry& entry) { return entry.backend == answer.backend; });
    // Nobody misses a runtime without sandboxes.
    if (has_sessions) inventory.warnings.push_back(MessageOf(answer.infos.status()));
  }
  return inventory;
}

UnusedThings FindUnused(SandboxInventory inventory, const ImageChoice& choice) {
  UnusedThings unused{.sandboxes = {}, .images = {}, .warnings = std::move(inventory.warnings)};
  for (SandboxEntry& entry : inventory.entries) {
    if (!entry.session.has_value() && entry.state == State::kStopped)
      unused.sandboxes.push_back(std::move(entry));
  }
  if (choice.store == nullptr) return unused;
  auto images = choice.store->Superseded(kOfficialRepository);
  if (!images.ok()) {
    unused.warnings.push_back(MessageOf(images.status()));
    return unused;
  }
  // One that is not there is not among them either.
  const auto configured = choice.store->IdOf(choice.image);
  if (!configured.ok() && ReasonOf(configured.status()) != "IMAGE_NOT_FOUND") {
    unused.warnings.push_back(MessageOf(configured.status()));
    return unused;
  }
  for (SupersededImage& image : *images) {
    if (!configured.ok() || image.id != *configured) unused.images.push_back(std::move(image));
  }
  return unused;
}

void RemoveUnused(const SandboxBackends& backends, const ImageChoice& choice,
                  UnusedThings& unused) {
  std::map<std::string, std::vector<std::string>> names;
  for (const SandboxEntry& entry : unused.sandboxes) names[entry.backend].push_back(entry.name);
  for (const auto& [backend, batch] : names) {
    const absl::Status removed = backends.find(backend)->second->ReleaseAll(batch);
    if (removed.ok()) continue;
    unused.warnings.push_back(MessageOf(removed));
    std::erase_if(unused.sandboxes,
                  [&](const SandboxEntry& entry) { return entry.backend == backend; });
  }
  std::erase_if(unused.images, [&](const SupersededImage& image) {
    const absl::Status removed = choice.store->Remove(image.id);
    if (!removed.ok()) unused.warnings.push_back(MessageOf(removed));
    return !removed.ok();
  });
}

}  // namespace workmux::daemon
