#pragma once

// What a hostile program tries without a connection, and how it looks for ports; each
// prints one line. Addresses are numeric.

// ask ADDRESS PORT NAME: a question for the name's IPv4 address, RFC 1035 4.1, by UDP.
// "answered", or why not.
int TryAsk(int argc, char** argv);
// ping ADDRESS: an echo request through an ICMP socket (icmp(7)), else through a raw one.
int TryPing(int argc, char** argv);
// scan ADDRESS FIRST LAST: "open:" and the TCP ports that take a connection.
int TryScan(int argc, char** argv);
