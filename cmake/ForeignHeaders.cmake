# Stops the installation of the C++ headers over those of a real Rogue, which have the same names.
file(GLOB_RECURSE headers RELATIVE "${PROJECT_SOURCE_DIR}/include" CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/include/rogue/*.h")
list(REMOVE_ITEM headers rogue/rim.h) # Rogue has no header of this name
set(includedir "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${includedir}")
    set(includedir "\${CMAKE_INSTALL_PREFIX}/${includedir}")
endif()
install(CODE "
    # Each header of the bridge has the bridge's name in it.
    foreach(header IN ITEMS ${headers})
        set(header \"\$ENV{DESTDIR}${includedir}/\${header}\")
        if(EXISTS \"\${header}\")
            file(STRINGS \"\${header}\" ours REGEX \"rogue-memory-bridge\" LIMIT_COUNT 1)
            if(NOT ours)
                message(FATAL_ERROR \"\${header} exists and is no header of rogue-memory-bridge: it seems to belong to a \"
                    \"real Rogue. Nothing was installed. Choose another --prefix, or install only the C interface, \"
                    \"which can be beside Rogue: cmake --install <build> --component rim. See docs/packaging.md.\")
            endif()
        endif()
    endforeach()
" COMPONENT cxx)
