// Requests to the host of a credential: what goes on has one reading, with the host's
// secret in it once, and a body in chunks is the same data however it arrives.

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/ascii_case.h"
#include "daemon/egress/chunked_body.h"
#include "daemon/egress/reply.h"
#include "daemon/egress/request_head.h"
#include "tests/fuzz/fuzz_target.h"

namespace workmux::fuzz {
namespace {

using egress::ChunkedBody;
using egress::ParseRequest;
using egress::RequestHead;
using egress::RequestParse;
using State = RequestParse::State;

constexpr char kSecret[] = "sk-0123456789-the-secret-of-the-host";

std::size_t Count(std::string_view text, std::string_view wanted) {
  std::size_t count = 0;
  for (auto at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1))
    ++count;
  return count;
}

std::size_t CountFields(const RequestHead& head, std::string_view wanted) {
  return static_cast<std::size_t>(
      std::count_if(head.fields.begin(), head.fields.end(), [&](const auto& field) {
        std::string name = field.first;
        std::replace(name.begin(), name.end(), '_', '-');
        return name == wanted;
      }));
}

// Line by line as RFC 9112 2.2 has it, with none of the leniences that it permits.
void CheckHead(std::string_view text, const RequestHead& head) {
  Require(text.find("\r\n\r\n") == text.size() - 4, "the head ends at the first empty line");
  Require(std::all_of(
              text.begin(), text.end(),
              [](char c) { return c == '\t' || c == '\r' || c == '\n' || (c >= 32 && c < 127); }),
          "a head of plain text");
  Require(Count(text, "\r") == Count(text, "\r\n") && Count(text, "\n") == Count(text, "\r\n"),
          "lines end with CR LF");
  Require(Count(text, "\n ") == 0 && Count(text, "\n\t") == 0, "no line is folded");
  const std::string first = head.method + " " + head.target + " HTTP/1.1\r\n";
  Require(text.starts_with(first), "method and target are what stands there");
  Require(head.target.starts_with('/') && head.target.find_first_of(" \t#") == std::string::npos,
          "the target is a path");
  Require(head.method != "CONNECT" && head.method != "TRACE", "no tunnel and no echo");
  Require(CountFields(head, "host") >= 1 && Count(LowerAscii(text), "\nhost:") == 1,
          "there is one host");
  const std::string lower = LowerAscii(text);
  const std::size_t lengths = Count(lower, "\ncontent-length:");
  const std::size_t codings = Count(lower, "\ntransfer-encoding:");
  Require(lengths + codings <= 1, "the body's end is told once");
  Require((head.body == RequestHead::Body::kLength) == (lengths == 1) &&
              (head.body == RequestHead::Body::kChunked) == (codings == 1),
          "the body ends where the head says");
}

void CheckOutgoing(const RequestHead& head, bool secret_is_new) {
  egress::CredentialRule rule;
  rule.host = "api.example.com";
  rule.header = "x-own-key";
  rule.value = "Key {secret}";
  const std::string out = egress::OutgoingHead(head, rule, kSecret);
  const RequestParse parse = ParseRequest(out + "next");
  Require(parse.state == State::kComplete && parse.head.size == out.size(),
          "what goes on is a whole head");
  const RequestHead& sent = parse.head;
  CheckHead(out, sent);
  Require(sent.method == head.method && sent.target == head.target, "the request is the same");
  Require(sent.body == head.body && sent.length == head.length && sent.close == head.close,
          "the framing is the same");
  Require(sent.host == rule.host, "the host is the rule's");
  Require(CountFields(sent, rule.header) == 1, "the header is there once");
  Require(std::count(
              sent.fields.begin(), sent.fields.end(),
              std::pair<std::string, std::string>(rule.header, "Key " + std::string(kSecret))) == 1,
          "the header has the secret");
  if (secret_is_new) Require(Count(out, kSecret) == 1, "the secret is there once");
  constexpr auto kGone = std::to_array<std::string_view>(
      {"authorization", "proxy-authorization", "cookie", "x-api-key", "private-token", "te",
       "upgrade", "keep-alive", "x-http-method-override"});
  for (const std::string_view gone : kGone)
    Require(CountFields(sent, gone) == 0, "nobody's credential and no connection's field goes on");
  Require(CountFields(sent, "accept-encoding") == 1, "the answer is asked for unencoded");
  Require(CountFields(sent, "content-length") + CountFields(sent, "transfer-encoding") <= 1,
          "no reader of variables finds two lengths");
  Require(egress::OutgoingHead(sent, rule, kSecret) == out, "nothing more is left out");
}

void CheckQuery(const std::string& target) {
  const bool has = egress::HasCredentialInQuery(target);
  Require(!has || target.find('?') != std::string::npos, "without a query there is none in it");
  Require(egress::HasCredentialInQuery(
              target + (target.find('?') == std::string::npos ? "?" : "&") + "%61ccess_token=x"),
          "no other parameter hides a token");
}

// A reader that permits more than ours: what ours takes, this one reads as the same.
std::optional<std::string> DataOf(std::string_view body) {
  std::string data;
  for (;;) {
    const auto end = body.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    std::size_t size = 0;
    for (const char c : body.substr(0, std::min(end, body.find(';')))) {
      const auto digit = std::string_view("0123456789abcdef").find(LowerAscii(c));
      if (digit == std::string_view::npos) return std::nullopt;
      size = size * 16 + digit;
    }
    body.remove_prefix(end + 2);
    if (size == 0) break;
    if (size > body.size()) return std::nullopt;
    data += body.substr(0, size);
    body.remove_prefix(size);
    if (!body.starts_with("\r\n")) return std::nullopt;
    body.remove_prefix(2);
  }
  const bool ends = body.starts_with("\r\n") || body.find("\r\n\r\n") != std::string_view::npos;
  return ends ? std::optional(data) : std::nullopt;
}

struct Taken {
  ChunkedBody::State state = ChunkedBody::State::kMore;
  std::string out;
  std::size_t size = 0;  // bytes that belonged to it, when it is done
};

Taken TakeBody(std::string_view input, std::size_t step) {
  ChunkedBody body;
  Taken taken;
  while (taken.size < input.size() && taken.state == ChunkedBody::State::kMore) {
    std::string_view piece = input.substr(taken.size, step);
    const std::size_t before = piece.size();
    taken.state = body.Take(piece, taken.out);
    taken.size += before - piece.size();
    Require(taken.state != ChunkedBody::State::kMore || piece.empty(), "everything is taken");
  }
  return taken;
}

void CheckBody(std::string_view input) {
  const Taken whole = TakeBody(input, std::max<std::size_t>(input.size(), 1));
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{13}}) {
    if (input.size() > 500 * step) continue;
    const Taken pieces = TakeBody(input, step);
    Require(pieces.state == whole.state, "a body in pieces is the same body");
    if (whole.state != ChunkedBody::State::kDone) continue;
    Require(pieces.size == whole.size, "a body in pieces ends in the same place");
    Require(DataOf(pieces.out) == DataOf(whole.out), "a body in pieces is the same data");
  }
  if (whole.state != ChunkedBody::State::kDone) {
    Require(!DataOf(whole.out).has_value(), "what is not done has no end");
    return;
  }
  const auto data = DataOf(input.substr(0, whole.size));
  Require(data.has_value() && DataOf(whole.out) == data, "the data that goes on is what came");
  const Taken again = TakeBody(whole.out + "GET", whole.out.size() + 3);
  Require(again.state == ChunkedBody::State::kDone && again.out == whole.out &&
              again.size == whole.out.size(),
          "what goes on is a body in its plainest form");
}

void CheckRefusal(std::string_view input, const RequestParse& parse) {
  constexpr auto kStatuses = std::to_array<int>({400, 405, 417, 431, 501, 505});
  Require(std::find(kStatuses.begin(), kStatuses.end(), parse.http_status) != kStatuses.end() &&
              !parse.reason.empty(),
          "a refusal says why");
  Require(ParseRequest(std::string(input) + "\r\n\r\n").state == State::kRefused,
          "nothing that follows heals a refusal");
}

}  // namespace

void Check(std::string_view input) {
  const RequestParse parse = ParseRequest(input);
  const std::size_t decided = parse.state == State::kComplete ? parse.head.size : input.size();
  Require(decided <= input.size(), "no more is read than there is");
  const std::size_t step = input.size() < 100 ? 1 : 1 + input.size() / 20;
  for (std::size_t size = 0; size < decided; size += step) {
    const State early = ParseRequest(input.substr(0, size)).state;
    Require(early != State::kComplete, "a part of a request is none");
    if (early == State::kRefused)
      Require(parse.state == State::kRefused, "what was refused stays refused");
  }
  if (parse.state == State::kRefused) CheckRefusal(input, parse);
  if (parse.state == State::kComplete) {
    CheckHead(input.substr(0, decided), parse.head);
    CheckOutgoing(parse.head, input.find(kSecret) == std::string_view::npos);
    CheckQuery(parse.head.target);
    CheckBody(input.substr(decided));
  } else {
    CheckBody(input);
  }
}

std::vector<std::string> Seeds() {
  const std::string start = "POST /v1/messages?beta=true HTTP/1.1\r\nHost: api.example.com\r\n";
  return {
      start + "Content-Length: 5\r\nAuthorization: Bearer x\r\n\r\nhello",
      start + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1",
      start + "Connection: close, host, content-length\r\nContent-Length: 0\r\n\r\n",
      start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      start + "Transfer-Encoding: gzip, chunked\r\nTE: trailers\r\n\r\n",
      start +
          "X-Own-Key: a\r\nx_own_key: b\r\nCookie: c\r\nUpgrade: h2c\r\nExpect: "
          "100-continue\r\n\r\n",
      start + "content_length: 5\r\n folded\r\n\r\n",
      "GET /a;b?c=d&access_token=e;key=f HTTP/1.1\r\nhost:\tA.B.:443\r\nAccept-Encoding: "
      "br\r\n\r\n",
      "GET https://a.b/ HTTP/1.1\r\nHost: a.b\r\n\r\n",
      "CONNECT a.b:443 HTTP/1.1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "c\r\nhello, world\r\nffffffffffffffff\r\nx",
      "1\r\na\r\n00002;x=\"y\"\r\n\r\n\r\n0\r\n\r\n",
      "0\r\nA: b\r\nC: d\r\n\r\n"};
}

}  // namespace workmux::fuzz
