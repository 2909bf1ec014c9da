# Every program that a user gets, without a test program.
add_custom_target(programs)
foreach(program workmux workmuxd workmux-guest)
  if(TARGET ${program})
    add_dependencies(programs ${program})
  endif()
endforeach()

foreach(program workmux workmuxd)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  endif()
endforeach()
if(TARGET workmux-guest)
  # As a target, so that `cmake --install --strip` reaches it.
  install(TARGETS workmux-guest RUNTIME DESTINATION "lib/workmux/guest")
  install(FILES "${WORKMUX_GUEST_DIR}/workmux" DESTINATION "lib/workmux/guest")
endif()

# Units hold an absolute path, so they are written when the prefix is final:
# `cmake --install --prefix` may name another one than the configuration did.
install(CODE "
  set(WORKMUX_UNIT_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  set(units \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/user\")
  # Below a home systemd looks into share/systemd/user, systemd.unit(5).
  if(CMAKE_INSTALL_PREFIX MATCHES \"/\\\\.local\$\")
    set(units \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/systemd/user\")
  endif()
  foreach(unit workmuxd.service workmuxd.socket)
    configure_file(\"${PROJECT_SOURCE_DIR}/packaging/systemd/\${unit}.in\" \"\${units}/\${unit}\" @ONLY)
    message(STATUS \"Installing: \${units}/\${unit}\")
  endforeach()
")
if(APPLE)
  install(CODE "
    set(WORKMUX_UNIT_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    configure_file(\"${PROJECT_SOURCE_DIR}/packaging/launchd/dev.workmux.workmuxd.plist.in\"
      \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/workmux/dev.workmux.workmuxd.plist\" @ONLY)
  ")
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
