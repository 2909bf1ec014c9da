#pragma once

// What a hostile program says to the proxy that HTTPS_PROXY names. In both, @BASIC@ in
// standard input stands for the sandbox's own credentials.

// say: standard input as it is, then its end; prints the first line of the answer and
// X-Workmux-Deny, or "nothing".
int SayToProxy();
// tunnel HOST [SIZE]: asks for the host with the sandbox's credentials and says standard
// input inside, SIZE bytes at a time; prints "refused STATUS REASON", "cut", "alert NUMBER"
// (RFC 8446 6) or "answered" and the first bytes of the answer.
int SayInTunnel(int argc, char** argv);
