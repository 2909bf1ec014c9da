# The distribution's CMake packages name shared libraries. A target that has the
# property WORKMUX_STATIC_LINK gets the same libraries' archives instead, so one
# set of layers serves the dynamic daemon and the static CLI and guest.
execute_process(
  COMMAND "${PKG_CONFIG_EXECUTABLE}" --static --libs-only-l grpc++_unsecure absl_statusor absl_status
  OUTPUT_VARIABLE _archives OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(_archives UNIX_COMMAND "${_archives}")
list(REMOVE_DUPLICATES _archives)
# Not named by grpc++_unsecure.pc, but needed by its archive.
list(APPEND _archives -lprotobuf-lite -lupb -lcares -laddress_sorting -lre2 -lz)
string(REPLACE ";" " " _archives "${_archives}")

function(workmux_shared_or_static name)
  add_library(workmux_${name} INTERFACE)
  add_library(workmux::${name} ALIAS workmux_${name})
  set(is_static "$<BOOL:$<TARGET_PROPERTY:WORKMUX_STATIC_LINK>>")
  foreach(shared IN LISTS ARGN)
    target_link_libraries(workmux_${name} INTERFACE "$<$<NOT:${is_static}>:${shared}>")
  endforeach()
  target_link_libraries(workmux_${name} INTERFACE
    "$<${is_static}:-Wl,--start-group ${_archives} -Wl,--end-group>" Threads::Threads)
endfunction()

workmux_shared_or_static(absl absl::status absl::statusor absl::any_invocable absl::function_ref
                         absl::flat_hash_map)
# The insecure gRPC and the lite protobuf runtime: every channel of ours is a
# local socket, and neither reflection nor TLS is linked into any program.
workmux_shared_or_static(grpc gRPC::grpc++_unsecure protobuf::libprotobuf-lite)

# Links <target> fully static (static-pie) when WORKMUX_STATIC is on, or with
# ALWAYS in every build but a sanitized one: the guest has to run in images that
# hold none of our libraries.
function(workmux_link_static target)
  cmake_parse_arguments(ARG "ALWAYS" "" "" ${ARGN})
  if(WORKMUX_STATIC OR (ARG_ALWAYS AND NOT WORKMUX_SANITIZE))
    set_target_properties(${target} PROPERTIES WORKMUX_STATIC_LINK ON)
    target_link_options(${target} PRIVATE -static-pie)
  endif()
endfunction()
