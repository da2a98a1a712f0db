# Stops the installation of the C++ headers over those of a real Rogue, which have the same names.
file(GLOB_RECURSE headers RELATIVE "${PROJECT_SOURCE_DIR}/include" CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/include/rogue/*.h")
list(REMOVE_ITEM headers rogue/rim.h) # which Rogue has not
set(includedir "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${includedir}")
    set(includedir "\${CMAKE_INSTALL_PREFIX}/${includedir}")
endif()
install(CODE "
    # Each header of the bridge names it: one that does not is somebody else's.
    foreach(header IN ITEMS ${headers})
        set(header \"\$ENV{DESTDIR}${includedir}/\${header}\")
        if(EXISTS \"\${header}\")
            file(STRINGS \"\${header}\" ours REGEX \"rogue-memory-bridge\" LIMIT_COUNT 1)
            if(NOT ours)
                message(FATAL_ERROR \"\${header} is there, and is no header of rogue-memory-bridge but, it seems, of a \"
                    \"real Rogue. Nothing has been installed. Choose another --prefix, or install the C interface alone, \"
                    \"which may stand beside Rogue: cmake --install <build> --component rim. See docs/packaging.md.\")
            endif()
        endif()
    endforeach()
" COMPONENT cxx)
