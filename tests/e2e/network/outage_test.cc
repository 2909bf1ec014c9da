// The daemon's end while traffic flows.

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/e2e/network/restricted.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

constexpr int kStreams = 6;

// Streams that begin again whenever they end, and a line for each end; beside them
// attempts that leave the proxy aside. What a sandbox is told of its network comes before and,
// once the file `again` is there, a second time.
std::string Load() {
  return Format(
      "tell() {{ env | sort | grep -v -e ^_= -e ^SHLVL=; stat -c '%i %A %u %n' /run/workmux/*; "
      "stat -c '%A %u %n' /run/workmux/bridge/*; "
      "cat /etc/resolv.conf /etc/hosts; cat /proc/net/dev | cut -d: -f1; }}\n"
      "tell >told-0 2>&1\n"
      "for i in $(seq {}); do (while [ ! -e end ]; do curl --silent --no-buffer --output /dev/null "
      "https://git.example.com/endless; echo ended >>ends; sleep 0.2; done) & done\n"
      "(while [ ! -e end ]; do curl --silent --noproxy '*' --max-time 2 "
      "https://git.example.com/endless "
      "--resolve git.example.com:443:93.184.216.34 --output /dev/null && echo leaked; echo tried "
      ">>direct; sleep 0.2; done) &\n"
      "while [ ! -e again ]; do sleep 0.1; done; tell >told-1.part 2>&1; mv told-1.part told-1; "
      "wait",
      kStreams);
}

struct Streams {
  long long open = 0;
  long long begun = 0;
};

Streams Count(const Restricted& restricted) {
  const CommandResult result = restricted.internet.Run({"curl", "--silent", "--cacert",
                                                        restricted.internet.authority().string(),
                                                        "https://git.example.com/streams"});
  Streams streams;
  const std::vector<std::string> words = Split(Trim(result.out), ' ');
  REQUIRE(words.size() == 2);
  REQUIRE(ParseInt(words[0], streams.open));
  REQUIRE(ParseInt(words[1], streams.begun));
  return streams;
}

std::size_t LinesOf(const std::filesystem::path& file) {
  return SplitLines(ReadWholeFile(file)).size();
}

}  // namespace

// Control: the streams before and after it; with an open network they do not need the daemon.
TEST_CASE(
    "Restricted network: kill -9 of the daemon under load stops all traffic, and the next "
    "daemon opens the same way again",
    "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  if (!CanUseInInternet(engine)) return;
  INFO(engine);
  Restricted restricted(engine, "    allowed_domains: [git.example.com]\n");
  const std::filesystem::path tree = restricted.world.repo();
  const auto sandbox = restricted.Start(Load());
  const auto flows = [&] { return Count(restricted).open == kStreams; };
  const bool began = WaitUntil(flows);
  INFO(sandbox->out() << sandbox->err());
  REQUIRE(began);

  restricted.world.KillDaemon();
  CHECK(WaitUntil([&] { return Count(restricted).open == 0; }));
  const long long begun = Count(restricted).begun;
  // Everybody inside has tried again, in each way.
  const std::size_t ends = LinesOf(tree / "ends");
  const std::size_t direct = LinesOf(tree / "direct");
  CHECK(WaitUntil([&] {
    return LinesOf(tree / "ends") >= ends + 3 * kStreams && LinesOf(tree / "direct") > direct + 3;
  }));
  CHECK(Count(restricted).open == 0);
  CHECK(Count(restricted).begun == begun);

  restricted.internet.StartDaemon();
  CHECK(WaitUntil(flows));
  CHECK(Count(restricted).begun >= begun + kStreams);
  WriteFile(tree / "again", "");
  REQUIRE(WaitUntil([&] { return std::filesystem::exists(tree / "told-1"); }));
  WriteFile(tree / "end", "");
  restricted.world.KillDaemon();  // ends the streams
  CHECK(sandbox->Wait() == 0);
  CHECK(sandbox->out().find("leaked") == std::string::npos);
  const std::string told = ReadWholeFile(tree / "told-0");
  CHECK(told.find("HTTPS_PROXY=http://") != std::string::npos);
  CHECK(ReadWholeFile(tree / "told-1") == told);
}

TEST_CASE("Restricted network: in an open sandbox traffic needs no daemon", "[network]") {
  if (!Internet::CanRun() || !IsFor("namespace")) return;
  const Restricted restricted("namespace", "");
  const CommandResult result = restricted.InOpenSandbox(
      "curl --silent --max-time 20 https://git.example.com/whoami && curl --silent --max-time 20 "
      "--noproxy '*' https://evil.example.net/whoami");
  INFO(result.err);
  CHECK(result.out == "git.example.com\nevil.example.net\n");
}

}  // namespace workmux::test
