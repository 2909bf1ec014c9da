include(Catch)

# workmux_test(<name> <label> SOURCES a_test.cc ... LIBS workmux::x ...)
# One Catch2 program; each test case becomes a ctest test with the label: unit,
# component, integration, e2e, attack or lint. A test that lacks a tool prints
# "SKIPPED: why" and counts as skipped, never as passed.
function(workmux_test name label)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  if(WORKMUX_UNIT_AND_COMPONENT_ONLY AND NOT label MATCHES "^(unit|component)$")
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE workmux::test_support ${ARG_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  set(timeout 60)
  if(label MATCHES "^(integration|e2e|attack)$")
    set(timeout 300)
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST PROPERTIES
    LABELS ${label} TIMEOUT ${timeout} SKIP_REGULAR_EXPRESSION "SKIPPED: ")
endfunction()
