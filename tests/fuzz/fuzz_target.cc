// What libFuzzer asks of a target (llvm.org/docs/LibFuzzer.html).

#include "tests/fuzz/fuzz_target.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace workmux::fuzz {
void Require(bool holds, std::string_view property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(property.size()), property.data());
  std::abort();
}

std::size_t Input::Byte() {
  const std::string byte = Bytes(1);
  return byte.empty() ? 0 : static_cast<std::uint8_t>(byte[0]);
}

std::string Input::Bytes(std::size_t size) {
  const std::string taken(bytes_.substr(0, size));
  bytes_.remove_prefix(taken.size());
  return taken;
}

}  // namespace workmux::fuzz

namespace {

// One mutation in so many begins anew with a seed.
constexpr unsigned kFresh = 1000;

}  // namespace

extern "C" {

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned seed);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Exactly as long as it is: a look beyond is found.
  const std::string input(reinterpret_cast<const char*>(data), size);
  workmux::fuzz::Check(input);
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned seed) {
  static const std::vector<std::string> seeds = workmux::fuzz::Seeds();
  if (size <= 1 || seed % kFresh == 0) {
    const std::string& fresh = seeds[seed / kFresh % seeds.size()];
    size = std::min(fresh.size(), max_size);
    std::memcpy(data, fresh.data(), size);
    if (seed % 3 == 0) return size;
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

}  // extern "C"
