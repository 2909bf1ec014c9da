#include "daemon/broker/secret_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/process/posix_command_runner.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::broker {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""min;
using std::string_literals::operator""s;
using test::Must;

constexpr char kSecret[] = "s3cret-value";

egress::CredentialRule FileRule(const std::filesystem::path& file) {
  egress::CredentialRule rule;
  rule.file = file.string();
  return rule;
}

egress::CredentialRule CommandRule(const std::string& script) {
  egress::CredentialRule rule;
  rule.command = {"/bin/sh", "-c", script};
  return rule;
}

class Reader {
 public:
  explicit Reader(const SecretSource::Limits& limits = {}) : source_(runner_, limits) {}

  absl::StatusOr<Secret> Read(const egress::CredentialRule& rule) {
    return std::move(ReadAtOnce({rule}).front());
  }
  std::vector<absl::StatusOr<Secret>> ReadAtOnce(const std::vector<egress::CredentialRule>& rules) {
    std::vector<absl::StatusOr<Secret>> secrets(rules.size(), absl::UnknownError("not read"));
    for (std::size_t i = 0; i < rules.size(); ++i) {
      asio::co_spawn(context_, Store(rules[i], secrets[i]), asio::detached);
    }
    context_.restart();
    context_.run_for(std::chrono::seconds(30));
    return secrets;
  }
  std::string Value(const egress::CredentialRule& rule) { return Must(Read(rule)).Reveal(); }
  // The error's text, which holds nothing of the value.
  std::string Error(const egress::CredentialRule& rule, absl::StatusCode code) {
    const auto secret = Read(rule);
    CHECK_CODE(secret, code);
    const std::string text = MessageOf(secret.status()) + HintOf(secret.status());
    CHECK(text.find("s3cret") == std::string::npos);
    return text;
  }

 private:
  asio::awaitable<void> Store(const egress::CredentialRule& rule, absl::StatusOr<Secret>& secret) {
    const auto home = std::this_thread::get_id();
    secret = co_await source_.Read(rule);
    CHECK(std::this_thread::get_id() == home);
  }

  asio::io_context context_;
  PosixCommandRunner runner_;
  SecretSource source_;
};

void WritePrivate(const std::filesystem::path& path, const std::string& content) {
  test::WriteFile(path, content);
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
}

TEST_CASE("SecretSource: a file's secret is without its last line end", "[broker]") {
  const test::TempDir dir;
  struct Case {
    std::string content;
    std::string value;
  };
  int number = 0;
  Reader reader;
  for (const Case& one :
       {Case{"s3cret-value", kSecret}, Case{"s3cret-value\n", kSecret},
        Case{"s3cret-value\r\n", kSecret}, Case{"user pass~!\n", "user pass~!"}}) {
    const auto path = dir / std::to_string(++number);
    WritePrivate(path, one.content);
    CHECK(reader.Value(FileRule(path)) == one.value);
  }
  REQUIRE(::symlink((dir / "1").c_str(), (dir / "link").c_str()) == 0);
  CHECK(reader.Value(FileRule(dir / "link")) == kSecret);
  REQUIRE(::chmod((dir / "1").c_str(), 0400) == 0);
  CHECK(Reader().Value(FileRule(dir / "1")) == kSecret);
}

TEST_CASE("SecretSource: a file that is open to others is refused with the remedy", "[broker]") {
  const test::TempDir dir;
  const auto path = dir / "key";
  WritePrivate(path, kSecret);
  Reader reader;
  for (const mode_t mode : {0640u, 0604u, 0620u, 0644u, 0610u}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const std::string error = reader.Error(FileRule(path), absl::StatusCode::kPermissionDenied);
    CHECK(error.find("chmod 600 " + path.string()) != std::string::npos);
  }
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  CHECK(reader.Value(FileRule(path)) == kSecret);
}

TEST_CASE("SecretSource: what is no file of this user is refused", "[broker]") {
  const test::TempDir dir;
  Reader reader;
  reader.Error(FileRule(dir / "none"), absl::StatusCode::kNotFound);
  reader.Error(FileRule(dir.path()), absl::StatusCode::kFailedPrecondition);
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  reader.Error(FileRule(dir / "fifo"), absl::StatusCode::kFailedPrecondition);
  reader.Error(FileRule("/dev/null"), absl::StatusCode::kFailedPrecondition);
  if (::geteuid() == 0) return;
  const std::string error =
      reader.Error(FileRule("/etc/hostname"), absl::StatusCode::kPermissionDenied);
  CHECK(error.find("another user") != std::string::npos);
}

TEST_CASE("SecretSource: a value that no header can have is refused", "[broker]") {
  const test::TempDir dir;
  SecretSource::Limits limits;
  limits.length = 100;
  int number = 0;
  Reader reader(limits);
  for (const std::string& content :
       {""s, "\n"s, "\r\n"s, " "s, "s3cret\n\n"s, "s3cret\r"s, "s3cret\nmore\n"s, "s3cret\r\nmore"s,
        "s3cret\0"s, "s3cret\x01more"s, "s3cret\tmore"s, "s3cret\x7f"s, "s3cret\xc3\xa9"s,
        " s3cret"s, "s3cret "s, "s3cret \n"s}) {
    const auto path = dir / std::to_string(++number);
    INFO(content);
    WritePrivate(path, content);
    reader.Error(FileRule(path), absl::StatusCode::kFailedPrecondition);
  }
  WritePrivate(dir / "fits", std::string(100, 'a') + "\r\n");
  CHECK(reader.Value(FileRule(dir / "fits")).size() == 100);
  WritePrivate(dir / "long", std::string(101, 'a'));
  reader.Error(FileRule(dir / "long"), absl::StatusCode::kResourceExhausted);
  WritePrivate(dir / "longer", std::string(100'000, 'a'));
  reader.Error(FileRule(dir / "longer"), absl::StatusCode::kResourceExhausted);
}

TEST_CASE("SecretSource: a command prints the secret", "[broker]") {
  Reader reader;
  CHECK(reader.Value(CommandRule("echo s3cret-value; echo noise >&2")) == kSecret);
  CHECK(reader.Value(CommandRule("pwd; cat")) == "/");
  ::setenv("BROKER_TEST_VARIABLE", "from-the-environment", 1);
  CHECK(reader.Value(CommandRule("printf %s \"$BROKER_TEST_VARIABLE\"")) == "from-the-environment");
  ::unsetenv("BROKER_TEST_VARIABLE");
}

TEST_CASE("SecretSource: a command that fails says nothing of what it printed", "[broker]") {
  SecretSource::Limits limits;
  limits.length = 100;
  Reader reader(limits);
  const std::string failed = reader.Error(CommandRule("echo s3cret; echo s3cret >&2; exit 3"),
                                          absl::StatusCode::kFailedPrecondition);
  CHECK(failed.find("/bin/sh") != std::string::npos);
  CHECK(failed.find('3') != std::string::npos);
  reader.Error(CommandRule("true"), absl::StatusCode::kFailedPrecondition);
  reader.Error(CommandRule("printf 's3cret\\nmore\\n'"), absl::StatusCode::kFailedPrecondition);
  reader.Error(CommandRule("printf %0200d 1"), absl::StatusCode::kResourceExhausted);
  reader.Error(CommandRule("yes s3cret"), absl::StatusCode::kResourceExhausted);
  reader.Error(CommandRule("kill -9 $$"), absl::StatusCode::kFailedPrecondition);
  egress::CredentialRule missing;
  missing.command = {"/nonexistent/program"};
  reader.Error(missing, absl::StatusCode::kNotFound);
}

TEST_CASE("SecretSource: a command that hangs is ended", "[broker]") {
  const test::TempDir dir;
  SecretSource::Limits limits;
  limits.command = 300ms;
  Reader reader(limits);
  const std::string pid = (dir / "pid").string();
  reader.Error(CommandRule("echo s3cret; echo $$ >" + pid + "; exec sleep 600"),
               absl::StatusCode::kDeadlineExceeded);
  const pid_t child = std::stoi(test::ReadWholeFile(pid));
  CHECK(::kill(child, 0) != 0);
}

TEST_CASE("SecretSource: one that goes ends the commands that run", "[broker]") {
  const test::TempDir dir;
  const std::string pid = (dir / "pid").string();
  asio::io_context context;
  PosixCommandRunner runner;
  SecretSource::Limits limits;
  limits.command = 10min;
  auto source = std::make_unique<SecretSource>(runner, limits);
  const auto rule = CommandRule("echo $$ >" + pid + "; exec sleep 600");
  asio::co_spawn(
      context, [&]() -> asio::awaitable<void> { (void)co_await source->Read(rule); },
      asio::detached);
  context.run_for(10ms);
  REQUIRE(test::WaitUntil([&] {
    std::error_code error;
    return std::filesystem::file_size(pid, error) > 1 && !error;
  }));
  source.reset();
  CHECK(::kill(std::stoi(test::ReadWholeFile(pid)), 0) != 0);
}

TEST_CASE("SecretSource: once it is stopped nothing is begun", "[broker]") {
  const test::TempDir dir;
  asio::io_context context;
  PosixCommandRunner runner;
  SecretSource source(runner);
  source.Stop();
  absl::Status status;
  const auto rule = CommandRule("touch " + (dir / "ran").string() + "; echo x");
  asio::co_spawn(
      context, [&]() -> asio::awaitable<void> { status = (co_await source.Read(rule)).status(); },
      asio::detached);
  context.run();
  CHECK(absl::IsCancelled(status));
  CHECK_FALSE(std::filesystem::exists(dir / "ran"));
}

TEST_CASE("SecretSource: a secret is read anew after a while", "[broker]") {
  const test::TempDir dir;
  const auto path = dir / "key";
  WritePrivate(path, "one");
  Reader keeping;
  SecretSource::Limits limits;
  limits.kept = 50ms;
  Reader forgetting(limits);
  CHECK(keeping.Value(FileRule(path)) == "one");
  CHECK(forgetting.Value(FileRule(path)) == "one");
  WritePrivate(path, "two");
  CHECK(keeping.Value(FileRule(path)) == "one");
  CHECK(test::WaitUntil([&] { return forgetting.Value(FileRule(path)) == "two"; }));
  CHECK(keeping.Value(FileRule(path)) == "one");
  // Errors are not kept.
  std::filesystem::remove(dir / "other");
  keeping.Error(FileRule(dir / "other"), absl::StatusCode::kNotFound);
  WritePrivate(dir / "other", "three");
  CHECK(keeping.Value(FileRule(dir / "other")) == "three");
}

TEST_CASE("SecretSource: reads at once do not wait for each other", "[broker]") {
  const test::TempDir dir;
  // Each ends when the other has begun.
  const std::string wait = "while [ ! -e " + (dir / "b").string() + " ]; do sleep 0.01; done; ";
  const std::string other = "while [ ! -e " + (dir / "a").string() + " ]; do sleep 0.01; done; ";
  Reader reader;
  const auto secrets =
      reader.ReadAtOnce({CommandRule("touch " + (dir / "a").string() + "; " + wait + "echo one"),
                         CommandRule("touch " + (dir / "b").string() + "; " + other + "echo two")});
  CHECK(Must(secrets[0]).Reveal() == "one");
  CHECK(Must(secrets[1]).Reveal() == "two");
}

TEST_CASE("SecretSource: for all who ask at once a command runs once", "[broker]") {
  const test::TempDir dir;
  const std::string runs = (dir / "runs").string();
  Reader reader;
  const auto failing = CommandRule("echo run >>" + runs + "; exit 1");
  for (const auto& secret : reader.ReadAtOnce(std::vector(20, failing)))
    CHECK_CODE(secret, absl::StatusCode::kFailedPrecondition);
  CHECK(test::ReadWholeFile(runs) == "run\n");
  // Who asks later is not told of it.
  reader.Error(failing, absl::StatusCode::kFailedPrecondition);
  CHECK(test::ReadWholeFile(runs) == "run\nrun\n");
  const auto printing = CommandRule("echo run >>" + runs + "; echo s3cret-value");
  for (const auto& secret : reader.ReadAtOnce(std::vector(20, printing)))
    CHECK(Must(secret).Reveal() == kSecret);
  CHECK(test::ReadWholeFile(runs) == "run\nrun\nrun\n");
}

}  // namespace
}  // namespace workmux::broker
