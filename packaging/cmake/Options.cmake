# workmux::options carries the compile and link flags of every target of ours.
add_library(workmux_options INTERFACE)
add_library(workmux::options ALIAS workmux_options)
target_include_directories(workmux_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(workmux_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion
  -Wsign-conversion -Wno-missing-field-initializers -Wold-style-cast -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(workmux_options INTERFACE -Wthread-safety)
endif()
if(WORKMUX_WERROR)
  target_compile_options(workmux_options INTERFACE -Werror)
endif()
if(WORKMUX_HARDEN)
  target_compile_options(workmux_options INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -ffunction-sections -fdata-sections)
  target_link_options(workmux_options INTERFACE -Wl,-z,relro,-z,now -Wl,--gc-sections)
endif()
if(WORKMUX_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Asio's fences, which ThreadSanitizer does not see; its locks it does.
  target_compile_options(workmux_options INTERFACE -Wno-tsan)
endif()
if(WORKMUX_SANITIZE)
  target_compile_options(workmux_options INTERFACE
    -fsanitize=${WORKMUX_SANITIZE} -fno-omit-frame-pointer -g1 -D_GLIBCXX_ASSERTIONS)
  target_link_options(workmux_options INTERFACE -fsanitize=${WORKMUX_SANITIZE})
endif()
if(WORKMUX_FUZZ)
  # Of what a sanitizer finds a fuzzer tells only when it ends the program.
  target_compile_options(workmux_options INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize-recover=all)
endif()

# workmux_sanitized_program(<name>): an executable that needs no environment for
# the sanitizer that it is built with.
function(workmux_sanitized_program name)
  if(WORKMUX_SANITIZE MATCHES "thread")
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/tsan_defaults.cc")
  endif()
endfunction()

# workmux_library(<name> SOURCES ... [PUBLIC lib...] [PRIVATE lib...])
# A static library of ours with an alias workmux::<name>. PRIVATE keeps the
# layer rules: what a layer links privately does not leak to its users.
function(workmux_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(workmux_${name} STATIC ${ARG_SOURCES})
  add_library(workmux::${name} ALIAS workmux_${name})
  target_link_libraries(workmux_${name} PUBLIC workmux::options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()
