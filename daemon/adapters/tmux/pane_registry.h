#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace workmux::daemon {

// What we know of one pane of ours.
struct KnownPane {
  std::string session_id;
  std::string window_id;
  std::string icon;         // empty: none shown
  bool auto_clear = false;  // the icon goes when a person looks
  unsigned order = 0;       // grows with every change of an icon
};

// The panes of our windows and those with an icon, as of the last look at the
// server. Pure bookkeeping; not thread-safe.
class PaneRegistry {
 public:
  void Put(const std::string& pane_id, KnownPane pane);
  const KnownPane* Find(const std::string& pane_id) const;
  void SetIcon(const std::string& pane_id, const std::string& icon, bool auto_clear);
  void MarkStyled(const std::string& window_id) { styled_.insert(window_id); }
  bool IsStyled(const std::string& window_id) const { return styled_.contains(window_id); }

  // The icon of the window: that of the pane whose icon changed last; empty when
  // no pane has one.
  std::string WindowIcon(const std::string& window_id) const;
  std::vector<std::string> AutoClearPanes() const;
  std::set<std::string> Ids() const;
  std::set<std::string> Sessions() const;

  // Takes over what the server has now. `before` are the panes known when the
  // server was asked: only those can be gone. Icons of known panes are kept, for
  // they may have changed since. Returns the panes that are gone.
  std::vector<std::string> Reconcile(const std::map<std::string, KnownPane>& now,
                                     const std::set<std::string>& before);

 private:
  std::map<std::string, KnownPane> panes_;
  std::set<std::string> styled_;  // windows whose formats show the icon
  unsigned next_order_ = 1;
};

}  // namespace workmux::daemon
