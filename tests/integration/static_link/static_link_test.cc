#include <elf.h>

#include <cstring>
#include <filesystem>
#include <iostream>

#include "common/io/file.h"
#include "common/process/posix_command_runner.h"
#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux {
namespace {

constexpr std::size_t kMaxProgram = 512u << 20;

struct Linkage {
  bool interpreter = false;  // PT_INTERP: a loader has to be there
  bool libraries = false;    // DT_NEEDED: and shared libraries
};

template <typename T>
T At(const std::string& file, std::size_t offset) {
  REQUIRE(offset + sizeof(T) <= file.size());
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

// elf(5).
Linkage LinkageOf(const std::filesystem::path& program) {
  INFO(program.string());
  const std::string file = test::Must(ReadFile(program, kMaxProgram));
  const auto header = At<Elf64_Ehdr>(file, 0);
  REQUIRE(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0);
  REQUIRE(header.e_ident[EI_CLASS] == ELFCLASS64);
  Linkage linkage;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = At<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
    linkage.interpreter = linkage.interpreter || segment.p_type == PT_INTERP;
    if (segment.p_type != PT_DYNAMIC) continue;
    for (std::size_t at = 0; at < segment.p_filesz; at += sizeof(Elf64_Dyn)) {
      linkage.libraries =
          linkage.libraries || At<Elf64_Dyn>(file, segment.p_offset + at).d_tag == DT_NEEDED;
    }
  }
  return linkage;
}

TEST_CASE("Static link: the daemon is linked dynamically, and that can be told", "[static]") {
  const Linkage linkage = LinkageOf(test::BinaryDir() / "bin/workmuxd");
  CHECK(linkage.interpreter);
  CHECK(linkage.libraries);
}

TEST_CASE("Static link: the guest needs no loader and no library", "[static]") {
  const Linkage linkage = LinkageOf(test::BinaryDir() / "lib/workmux/guest/workmux-guest");
  CHECK_FALSE(linkage.interpreter);
  CHECK_FALSE(linkage.libraries);
}

TEST_CASE("Static link: workmux needs no loader and no library in a release", "[static]") {
  if (!WORKMUX_STATIC) return;
  const Linkage linkage = LinkageOf(test::BinaryDir() / "bin/workmux");
  CHECK_FALSE(linkage.interpreter);
  CHECK_FALSE(linkage.libraries);
}

TEST_CASE("Static link: the guest runs where there is nothing else", "[static]") {
  if (!FindProgram("bwrap", CurrentEnv()).ok()) {
    std::cout << "SKIPPED: bwrap is not installed\n";
    return;
  }
  const auto run_alone = [](const std::string& program) {
    Command command;
    command.argv = {"bwrap", "--unshare-all", "--ro-bind", program, "/program",
                    "--",    "/program",      "--version"};
    command.env = CurrentEnv();
    PosixCommandRunner runner;
    return test::Must(runner.Run(command, {}));
  };
  const CommandResult guest = run_alone(test::BinaryDir() / "lib/workmux/guest/workmux-guest");
  INFO(guest.err);
  CHECK(guest.exit.ok());
  CHECK(guest.out.starts_with("workmux "));
  // The daemon, which needs libraries, does not.
  CHECK_FALSE(run_alone(test::BinaryDir() / "bin/workmuxd").exit.ok());
}

}  // namespace
}  // namespace workmux
