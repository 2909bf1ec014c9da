# Man pages and shell completions, made by asking the program that was just built,
# so neither can disagree with it.
# A sanitized program is made for its tests; nobody installs it.
if(WORKMUX_SANITIZE)
  return()
endif()

set(man_dir "${PROJECT_BINARY_DIR}/share/man/man1")
set(man_stamp "${PROJECT_BINARY_DIR}/share/man/stamp")
file(GLOB man_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/help/*.md")
set(man_script "${PROJECT_SOURCE_DIR}/packaging/man/make_man.py")
set(man_extra "${PROJECT_SOURCE_DIR}/packaging/man/workmux.md")
add_custom_command(
  OUTPUT "${man_stamp}"
  COMMAND Python3::Interpreter "${man_script}" --program "$<TARGET_FILE:workmux>"
          --help-dir "${PROJECT_SOURCE_DIR}/cli/help" --extra "${man_extra}"
          --version "${PROJECT_VERSION}" --out "${man_dir}"
  COMMAND "${CMAKE_COMMAND}" -E touch "${man_stamp}"
  DEPENDS workmux "${man_script}" "${man_extra}" ${man_sources}
  VERBATIM)

# Where bash-completion, zsh and fish look below a prefix.
set(completion_bash "${PROJECT_BINARY_DIR}/share/bash-completion/completions/workmux")
set(completion_zsh "${PROJECT_BINARY_DIR}/share/zsh/site-functions/_workmux")
set(completion_fish "${PROJECT_BINARY_DIR}/share/fish/vendor_completions.d/workmux.fish")
set(completions)
foreach(shell bash zsh fish)
  get_filename_component(folder "${completion_${shell}}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${completion_${shell}}"
    COMMAND workmux completions ${shell} > "${completion_${shell}}"
    DEPENDS workmux
    VERBATIM)
  list(APPEND completions "${completion_${shell}}")
endforeach()

add_custom_target(documentation ALL DEPENDS "${man_stamp}" ${completions})
add_dependencies(programs documentation)

install(DIRECTORY "${man_dir}/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" FILES_MATCHING PATTERN "*.1")
install(FILES "${completion_bash}" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
install(FILES "${completion_zsh}" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
install(FILES "${completion_fish}" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/packaging/doc/" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
  FILES_MATCHING PATTERN "*.md")
