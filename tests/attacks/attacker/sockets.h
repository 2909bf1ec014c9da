#pragma once

// What a hostile program tries with the network; each prints one line.

// families: which kinds of sockets exist, and by which ways they can be made.
int TryFamilies();
// reach ADDRESS PORT: whether a TCP server answers there. ADDRESS is numeric.
int TryReach(int argc, char** argv);
// abstract NAME: whether the abstract Unix socket of that name answers.
int TryAbstract(int argc, char** argv);
// echo PORT BYTES: sends so many to the sandbox's loopback, ends its side, and compares
// what comes back.
int TryEcho(int argc, char** argv);
