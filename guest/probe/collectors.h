#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guest/probe/subject.h"
#include "workmux/guest/v1/probe.pb.h"

// The parts of the probe, each about one kind of fact. What cannot be read is left
// out of the report, or named there as unread: the host takes both for a difference.
namespace workmux::guest {

void AddProcesses(const Subject& subject, const v1::ProbeRequest& request, v1::ProbeReport& report);
void AddMounts(const Subject& subject, v1::ProbeReport& report);  // proc_pid_mountinfo(5)
void AddAttempts(const Subject& subject, const v1::ProbeRequest& request, v1::ProbeReport& report);
// netdevice(7), proc_net(5). Kinds of sockets inside only.
void AddNetwork(const Subject& subject, v1::ProbeReport& report);
void AddPassages(const v1::ProbeRequest& request, v1::ProbeReport& report);  // inside only
void AddLimits(v1::ProbeReport& report);  // cgroups(7), both versions; inside only

// A whole file of /proc or /sys; false when it cannot be read or exceeds 4 MiB.
bool ReadProcFile(const std::string& path, std::string& text);

}  // namespace workmux::guest
