# workmux_proto(<name> FILES a.proto ...): messages and gRPC stubs as a static
# library workmux::<name>. Generated code is a system include: our warnings are
# not meant for it.
find_program(WORKMUX_PROTOC protoc REQUIRED)
find_program(WORKMUX_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

function(workmux_proto name)
  cmake_parse_arguments(ARG "" "" "FILES;DEPENDS" ${ARGN})
  set(out "${PROJECT_BINARY_DIR}/proto")
  set(sources)
  foreach(file IN LISTS ARG_FILES)
    string(REGEX REPLACE "\\.proto$" "" stem "${file}")
    set(generated "${out}/${stem}.pb.cc" "${out}/${stem}.grpc.pb.cc")
    add_custom_command(
      OUTPUT ${generated} "${out}/${stem}.pb.h" "${out}/${stem}.grpc.pb.h"
      COMMAND ${WORKMUX_PROTOC} --proto_path=${PROJECT_SOURCE_DIR}/proto --cpp_out=${out}
              --grpc_out=${out} --plugin=protoc-gen-grpc=${WORKMUX_GRPC_PLUGIN}
              ${PROJECT_SOURCE_DIR}/proto/${file}
      DEPENDS ${PROJECT_SOURCE_DIR}/proto/${file}
      VERBATIM)
    list(APPEND sources ${generated})
  endforeach()
  file(MAKE_DIRECTORY "${out}")
  add_library(workmux_${name} STATIC ${sources})
  add_library(workmux::${name} ALIAS workmux_${name})
  target_include_directories(workmux_${name} SYSTEM PUBLIC "${out}")
  target_compile_options(workmux_${name} PRIVATE -w)
  target_link_libraries(workmux_${name} PUBLIC ${ARG_DEPENDS} workmux::grpc)
  if(WORKMUX_SANITIZE)
    target_compile_options(workmux_${name} PRIVATE -fsanitize=${WORKMUX_SANITIZE} -g1)
  endif()
endfunction()
