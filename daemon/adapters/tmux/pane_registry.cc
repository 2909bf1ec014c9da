#include "daemon/adapters/tmux/pane_registry.h"

#include <utility>

namespace workmux::daemon {

void PaneRegistry::Put(const std::string& pane_id, KnownPane pane) {
  panes_[pane_id] = std::move(pane);
}

const KnownPane* PaneRegistry::Find(const std::string& pane_id) const {
  const auto it = panes_.find(pane_id);
  return it == panes_.end() ? nullptr : &it->second;
}

void PaneRegistry::SetIcon(const std::string& pane_id, const std::string& icon, bool auto_clear) {
  const auto it = panes_.find(pane_id);
  if (it == panes_.end()) return;
  it->second.icon = icon;
  it->second.auto_clear = auto_clear && !icon.empty();
  it->second.order = next_order_++;
}

std::string PaneRegistry::WindowIcon(const std::string& window_id) const {
  const KnownPane* latest = nullptr;
  for (const auto& [id, pane] : panes_) {
    if (pane.window_id != window_id || pane.icon.empty()) continue;
    if (latest == nullptr || pane.order >= latest->order) latest = &pane;
  }
  return latest == nullptr ? std::string() : latest->icon;
}

std::vector<std::string> PaneRegistry::AutoClearPanes() const {
  std::vector<std::string> ids;
  for (const auto& [id, pane] : panes_) {
    if (pane.auto_clear) ids.push_back(id);
  }
  return ids;
}

std::set<std::string> PaneRegistry::Ids() const {
  std::set<std::string> ids;
  for (const auto& [id, pane] : panes_) ids.insert(id);
  return ids;
}

std::set<std::string> PaneRegistry::Sessions() const {
  std::set<std::string> ids;
  for (const auto& [id, pane] : panes_) ids.insert(pane.session_id);
  return ids;
}

std::vector<std::string> PaneRegistry::Reconcile(const std::map<std::string, KnownPane>& now,
                                                 const std::set<std::string>& before) {
  std::vector<std::string> gone;
  for (const std::string& id : before) {
    if (now.contains(id) || panes_.erase(id) == 0) continue;
    gone.push_back(id);
  }
  for (const auto& [id, pane] : now) {
    const auto [it, added] = panes_.try_emplace(id, pane);
    if (added) continue;
    it->second.session_id = pane.session_id;
    it->second.window_id = pane.window_id;
  }
  return gone;
}

}  // namespace workmux::daemon
