#include "tests/attacks/attacker/proxy_talk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr int kPatience = 8000;  // ms; the proxy waits five seconds for a slow client
constexpr std::string_view kPlace = "@BASIC@";

struct Proxy {
  std::string credentials;  // Base64
  sockaddr_in address{};
};

std::string Base64(std::string_view text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      encoded += at + i > text.size() ? '=' : kDigits[bits >> (18 - 6 * i) & 63];
  }
  return encoded;
}

// http://user:token@address:port
bool FindProxy(Proxy& proxy) {
  const char* const variable = std::getenv("HTTPS_PROXY");
  const std::string text = variable == nullptr ? "" : variable;
  const auto scheme = text.find("://");
  const auto at = text.rfind('@');
  const auto colon = text.rfind(':');
  if (scheme == std::string::npos || at == std::string::npos || colon < at) return false;
  proxy.credentials = Base64(text.substr(scheme + 3, at - scheme - 3));
  proxy.address.sin_family = AF_INET;
  proxy.address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  return ::inet_pton(AF_INET, text.substr(at + 1, colon - at - 1).c_str(),
                     &proxy.address.sin_addr) == 1;
}

std::string ReadInput() {
  std::string input;
  char buffer[65536];
  for (ssize_t got; (got = ::read(0, buffer, sizeof buffer)) > 0;)
    input.append(buffer, static_cast<std::size_t>(got));
  return input;
}

int Dial(const Proxy& proxy) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* address = reinterpret_cast<const sockaddr*>(&proxy.address);
  return ::connect(socket, address, sizeof proxy.address) == 0 ? socket : -1;
}

void Say(int socket, std::string_view bytes, std::size_t piece) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Until the text is there, the end comes, or patience is over.
std::string Hear(int socket, std::string_view until) {
  std::string heard;
  char buffer[4096];
  pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
  while ((until.empty() || heard.find(until) == std::string::npos) &&
         ::poll(&ready, 1, kPatience) == 1) {
    const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    heard.append(buffer, static_cast<std::size_t>(got));
  }
  return heard;
}

std::string Field(const std::string& answer, std::string_view name) {
  const auto at = answer.find(name);
  if (at == std::string::npos) return "";
  const auto begin = at + name.size();
  return answer.substr(begin, answer.find('\r', begin) - begin);
}

std::string Describe(const std::string& answer) {
  if (answer.empty()) return "cut";
  if (answer[0] == '\x15' && answer.size() >= 7)
    return "alert " + std::to_string(static_cast<unsigned char>(answer[6]));
  std::string shown = "answered ";
  for (const char c : answer.substr(0, 24)) shown += c >= ' ' && c <= '~' ? c : '.';
  return shown;
}

}  // namespace

int SayToProxy() {
  Proxy proxy;
  if (!FindProxy(proxy)) return 2;
  std::string input = ReadInput();
  for (std::size_t at = 0; (at = input.find(kPlace, at)) != std::string::npos;)
    input.replace(at, kPlace.size(), proxy.credentials);
  const int socket = Dial(proxy);
  if (socket < 0) return std::puts("no proxy") < 0;
  Say(socket, input, input.size());
  ::shutdown(socket, SHUT_WR);
  const std::string answer = Hear(socket, "\r\n\r\n");
  const std::string line = answer.substr(0, answer.find('\r'));
  std::printf("%s %s\n", answer.empty() ? "nothing" : line.c_str(),
              Field(answer, "X-Workmux-Deny: ").c_str());
  return 0;
}

int SayInTunnel(int argc, char** argv) {
  Proxy proxy;
  if (argc < 2 || !FindProxy(proxy)) return 2;
  const int socket = Dial(proxy);
  if (socket < 0) return std::puts("no proxy") < 0;
  const std::string host = argv[1];
  Say(socket,
      "CONNECT " + host + ":443 HTTP/1.1\r\nProxy-Authorization: Basic " + proxy.credentials +
          "\r\n\r\n",
      65536);
  const std::string answer = Hear(socket, "\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 200")) {
    std::printf("refused %s %s\n", answer.size() > 12 ? answer.substr(9, 3).c_str() : "?",
                Field(answer, "X-Workmux-Deny: ").c_str());
    return 0;
  }
  const std::string input = ReadInput();
  Say(socket, input, argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : input.size());
  // The first bytes are enough.
  std::string first;
  pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
  char buffer[4096];
  if (::poll(&ready, 1, kPatience) == 1) {
    const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
    if (got > 0) first.assign(buffer, static_cast<std::size_t>(got));
  }
  std::printf("%s\n", Describe(first).c_str());
  return 0;
}
