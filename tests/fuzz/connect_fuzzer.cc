// The head of a request to the proxy: what is taken has one reading.

#include <absl/strings/escaping.h>
#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <cctype>

#include "daemon/egress/connect_request.h"
#include "daemon/egress/host_name.h"
#include "daemon/egress/reply.h"
#include "tests/fuzz/fuzz_target.h"

namespace workmux::fuzz {
namespace {

using egress::ConnectParse;
using egress::ParseConnect;
using State = ConnectParse::State;

constexpr std::string_view kPort = ":443";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// The only spelling that another reader could take for this host.
std::string NameOf(std::string_view authority, bool needs_port) {
  const bool has_port = authority.ends_with(kPort);
  Require(has_port || !needs_port, "the target has port 443");
  if (has_port) authority.remove_suffix(kPort.size());
  if (authority.ends_with('.')) authority.remove_suffix(1);
  return Lower(authority);
}

void CheckHost(const std::string& host) {
  Require(!host.empty() && host.size() <= 253, "a host of 1 to 253 characters");
  Require(host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos,
          "a host of letters, digits and hyphens in lower case");
  Require(host.find("..") == std::string::npos && host.front() != '.' && host.back() != '.',
          "a host without empty labels");
  const auto again = egress::NormalHost(host);
  Require(again.ok() && *again == host, "a normal host is its own normal form");
  // To no reader of addresses it is one.
  in_addr four;
  Require(::inet_aton(host.c_str(), &four) == 0, "a host is no address to inet_aton");
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  const bool is_address = ::getaddrinfo(host.c_str(), nullptr, &hints, &found) == 0;
  if (is_address) ::freeaddrinfo(found);
  Require(!is_address, "a host is no address to getaddrinfo");
}

// Line by line as RFC 9112 2.2 has it, with none of the leniences that it permits.
void CheckHead(std::string_view head, const ConnectParse& parse) {
  Require(head.find("\r\n\r\n") == head.size() - 4, "the head ends at the first empty line");
  int hosts = 0;
  for (std::size_t at = 0, line = 0; at + 2 < head.size(); ++line) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view text = head.substr(at, end - at);
    at = end + 2;
    Require(std::all_of(text.begin(), text.end(),
                        [](char c) { return c == '\t' || (c >= 32 && c < 127); }),
            "lines of plain text");
    if (line == 0) {
      Require(text.starts_with("CONNECT "), "the method is CONNECT");
      const std::string_view target = text.substr(8, text.find(' ', 8) - 8);
      Require(NameOf(target, /*needs_port=*/true) == parse.request.host, "the host is the target");
      continue;
    }
    Require(!text.starts_with(' ') && !text.starts_with('\t'), "no line is folded");
    const std::string name = Lower(text.substr(0, text.find(':')));
    Require(name != "transfer-encoding" && name != "content-length", "no body is announced");
    if (name != "host") continue;
    std::string_view value = text.substr(text.find(':') + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    Require(++hosts == 1 && NameOf(value, false) == parse.request.host, "Host says the same");
  }
}

void CheckReply(const ConnectParse& parse, const std::string& host) {
  const std::string reply =
      egress::RefusalReply(parse.http_status, "bad-request", host, std::string(parse.reason));
  Require(reply.starts_with("HTTP/1.1 4"), "a refusal is a client's error");
  const std::size_t end = reply.find("\r\n\r\n");
  Require(end != std::string::npos, "a refusal has a head");
  const std::string length = "Content-Length: " + std::to_string(reply.size() - end - 4) + "\r\n";
  Require(reply.find(length) < end, "a refusal says how long it is");
}

void CheckPassword(const std::string& password) {
  const std::string credentials = "basic  " + absl::Base64Escape("workmux:" + password);
  Require(egress::BasicPassword(credentials) == password, "a password is found as it was written");
}

}  // namespace

void Check(std::string_view input) {
  const ConnectParse parse = ParseConnect(input);
  const std::size_t decided = parse.state == State::kComplete ? parse.request.size : input.size();
  Require(
      decided <= input.size() && (parse.state == State::kRefused || decided <= egress::kMaxHead),
      "no more is read than there may be");
  // However the bytes arrive, the answer is the same: all of them for a short input.
  const std::size_t step = input.size() < 100 ? 1 : 1 + input.size() / 20;
  for (std::size_t size = 0; size < decided; size += step) {
    const State early = ParseConnect(input.substr(0, size)).state;
    Require(early != State::kComplete, "a part of a request is none");
    if (early == State::kRefused)
      Require(parse.state == State::kRefused, "what was refused stays refused");
  }
  if (parse.state == State::kComplete) {
    CheckHost(parse.request.host);
    CheckHead(input.substr(0, decided), parse);
    egress::BasicPassword(parse.request.authorization);
  } else if (parse.state == State::kRefused) {
    Require(parse.http_status >= 400 && parse.http_status < 500 && !parse.reason.empty(),
            "a refusal says why");
    Require(ParseConnect(std::string(input) + "\r\n\r\n").state == State::kRefused,
            "nothing that follows heals a refusal");
    CheckReply(parse, parse.request.host);
  }
  CheckPassword(std::string(input.substr(0, 64)));
  egress::BasicPassword(input);
}

std::vector<std::string> Seeds() {
  const std::string end = "\r\n\r\n";
  return {
      "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n"
      "Proxy-Authorization: Basic d29ya211eDp0b2tlbg==" +
          end,
      "CONNECT A.B.:443 HTTP/1.0\r\nhost:\ta.b\r\nUser-Agent: x" + end + "\x16\x03\x01",
      "CONNECT 127.0.0.1:443 HTTP/1.1" + end,
      "CONNECT 0x7f.1:443 HTTP/1.1" + end,
      "CONNECT [::1%25lo]:443 HTTP/1.1" + end,
      "CONNECT u@a.b:443 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked" + end,
      "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b\r\nHost: c\r\n folded" + end,
      "GET http://a.b/ HTTP/1.1" + end,
      "CONNECT xn--bcher-kva.example:443 HTTP/1.1" + end,
      "CONNECT " + std::string(60, 'a') + "." + std::string(60, 'b') + ":443 HTTP/1.1" + end};
}

}  // namespace workmux::fuzz
