# cmake -DOUTPUT=help_text.cc "-DFILES=a.md;b.md" -P EmbedHelp.cmake
# Writes HelpText() (cli/help_text.h) over the files' contents, by base name.
set(body "#include \"cli/help_text.h\"\n\nnamespace workmux::cli {\n\n")
string(APPEND body "std::string_view HelpText(std::string_view name) {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  string(APPEND body "  if (name == \"${name}\") {\n    return R\"help(${text})help\";\n  }\n")
endforeach()
string(APPEND body "  return {};\n}\n\n}  // namespace workmux::cli\n")
file(WRITE "${OUTPUT}" "${body}")
