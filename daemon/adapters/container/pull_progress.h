#pragma once

#include <map>
#include <string>
#include <string_view>

namespace workmux::daemon {

// Reads what a client draws while it pulls (docker, podman) and sums it up.
class PullProgress {
 public:
  // `chunk`: any piece of the output, cut anywhere. True when something moved on:
  // a client that redraws the same numbers does not.
  bool Feed(std::string_view chunk);

  // "3 of 7 layers"; empty while no layer is known.
  std::string Layers() const;
  // "41.2 MB of 120.0 MB"; empty while no size is known.
  std::string Bytes() const;
  // What the client wrote, without control sequences, at most the last 4 KiB:
  // the error when it failed.
  const std::string& tail() const { return tail_; }

 private:
  struct Layer {
    std::string state;
    bool done = false;
    double current = 0;  // bytes
    double total = 0;
    bool operator==(const Layer&) const = default;
  };
  bool TakeLine(std::string_view line);
  void Keep(std::string_view line);

  std::map<std::string, Layer, std::less<>> layers_;
  std::string pending_;  // an incomplete line or control sequence
  std::string last_;
  std::string tail_;
};

}  // namespace workmux::daemon
