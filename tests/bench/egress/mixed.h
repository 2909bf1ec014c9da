#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/bench/egress/target.h"

namespace workmux::bench {

// What agents do: tunnels that are mostly quiet. Each slot opens one, says a few small
// things with pauses of about a second and hears them back, or fetches 256 KiB, closes
// it and opens the next.
struct MixedLoad {
  int seconds = 60;
  std::size_t tunnels = 20;
  std::uint64_t seed = 1;
};

// Prints how many connections were not made, refused and broken, messages, bytes
// received, then the nanoseconds of each set-up.
void RunMixed(const Target& target, const MixedLoad& load);

}  // namespace workmux::bench
