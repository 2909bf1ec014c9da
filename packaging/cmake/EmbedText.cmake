# cmake -DOUTPUT=text.cc -DHEADER=a/b.h -DNAMESPACE=a::b -DFUNCTION=Name "-DFILES=a.md;b.md"
#       -P EmbedText.cmake
# Writes `std::string_view FUNCTION(std::string_view name)`, declared in HEADER: the
# files' contents by base name, empty for any other name.
set(body "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n")
string(APPEND body "std::string_view ${FUNCTION}(std::string_view name) {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  string(APPEND body "  if (name == \"${name}\") {\n    return R\"text(${text})text\";\n  }\n")
endforeach()
string(APPEND body "  return {};\n}\n\n}  // namespace ${NAMESPACE}\n")
file(WRITE "${OUTPUT}" "${body}")
