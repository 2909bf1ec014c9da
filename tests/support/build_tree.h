#pragma once

#include <filesystem>

namespace workmux::test {

// Where the sources lie (golden files, scripts), and the build folder (programs in
// bin/). Only this file's object knows: the others are the same in every clone.
std::filesystem::path SourceDir();
std::filesystem::path BinaryDir();

}  // namespace workmux::test
