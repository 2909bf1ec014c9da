#pragma once

// What a hostile program tries past the proxy; each prints one line.

// sweep ADDRESS [PORT…]: which of these TCP ports of a numeric IPv4 address accept, or of
// all.
int TrySweep(int argc, char** argv);
// send ADDRESS PORT TEXT: one datagram; whether it went out.
int TrySend(int argc, char** argv);
// dns PORT: serves datagrams on 127.0.0.1, sends itself one, and tells whether it came.
int TryOwnDatagram(int argc, char** argv);
// raw: whether raw and packet sockets can be made.
int TryRaw();
