include(Catch)

# A command that runs the test program named by its arguments, used for every
# test that is not marked ROOT: tests/run sets it to become the test user.
set(WORKMUX_TEST_LAUNCHER "" CACHE FILEPATH "Program that starts the test programs")

# Every unit test program, for an inner loop that builds nothing else; and what
# the sanitized builds run.
add_custom_target(unit_tests)
add_custom_target(component_tests)

# workmux_test(<name> <label> SOURCES a_test.cc ... LIBS workmux::x ... [ROOT] [SERIAL]
#              [TIMEOUT seconds])
# One Catch2 program; each test case becomes a ctest test with the label: unit,
# component, integration, e2e or attack. A test that lacks a tool prints
# "SKIPPED: why" and counts as skipped, never as passed. ROOT adds the label
# root: the program keeps root's rights when tests/run has them. SERIAL: no two
# of its cases run at once. TIMEOUT: for one case, where the level's is too short.
function(workmux_test name label)
  cmake_parse_arguments(ARG "ROOT;SERIAL" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(WORKMUX_UNIT_AND_COMPONENT_ONLY AND NOT label MATCHES "^(unit|component)$")
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE workmux::test_support ${ARG_LIBS})
  workmux_sanitized_program(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  if(label MATCHES "^(unit|component)$")
    add_dependencies(${label}_tests ${name})
  endif()

  if(WORKMUX_TEST_LAUNCHER AND NOT ARG_ROOT)
    # CMake puts an emulator in front of a target's program wherever it runs it.
    set_target_properties(${name} PROPERTIES CROSSCOMPILING_EMULATOR "${WORKMUX_TEST_LAUNCHER}")
  endif()
  set(timeout 60)
  if(label MATCHES "^(integration|e2e|attack)$")
    set(timeout 300)
  endif()
  if(ARG_TIMEOUT)
    set(timeout ${ARG_TIMEOUT})
  endif()
  set(lock)
  if(ARG_SERIAL)
    set(lock RESOURCE_LOCK ${name})
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES
    LABELS ${label} TIMEOUT ${timeout} SKIP_REGULAR_EXPRESSION "SKIPPED: " ${lock})
  # Catch's script cannot carry a list as one property, so two labels need a
  # second file; ctest reads it after the one that names the tests.
  if(ARG_ROOT)
    set(labels "${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake")
    file(WRITE "${labels}"
      "set_tests_properties(\${${name}_TESTS} PROPERTIES LABELS \"${label};root\")\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${labels}")
  endif()
endfunction()

# workmux_users_podman_test(<name> <label> <test of Catch2> ...)
# Those cases of the program <name> once more in an internet that root made, with the
# Podman of the tests' user (tests/env/in-internet).
function(workmux_users_podman_test name label)
  list(JOIN ARGN "," cases)
  add_test(NAME "${name}: with the user's Podman"
    COMMAND "${PROJECT_SOURCE_DIR}/tests/env/in-internet" $<TARGET_FILE:${name}> "${cases}")
  set_tests_properties("${name}: with the user's Podman" PROPERTIES
    LABELS "${label};root" TIMEOUT 600 ENVIRONMENT "WORKMUX_TEST_ENGINE=podman"
    SKIP_REGULAR_EXPRESSION "SKIPPED: " FAIL_REGULAR_EXPRESSION "No test cases matched")
endfunction()

# workmux_root_podman_test(<name> <test of Catch2> ...)
# Those cases of the program <name> once more with root's Podman, in the parts that ask
# for an engine by name (WORKMUX_TEST_ENGINE).
function(workmux_root_podman_test name)
  if(NOT TARGET ${name})
    return()
  endif()
  list(JOIN ARGN "," cases)
  add_test(NAME "${name}: with root's Podman" COMMAND $<TARGET_FILE:${name}> "${cases}")
  set_tests_properties("${name}: with root's Podman" PROPERTIES
    LABELS "e2e;root" TIMEOUT 600 ENVIRONMENT "WORKMUX_TEST_ENGINE=podman"
    SKIP_REGULAR_EXPRESSION "SKIPPED: " FAIL_REGULAR_EXPRESSION "No test cases matched")
endfunction()
