#include "tests/support/build_tree.h"

namespace workmux::test {

std::filesystem::path SourceDir() { return WORKMUX_SOURCE_DIR; }
std::filesystem::path BinaryDir() { return WORKMUX_BINARY_DIR; }

}  // namespace workmux::test
