# What is installed, and how programs find it: by CMake's find_package and by pkg-config. All paths are relative to the
# prefix, so that the installed tree can be moved. There are two components: `rim` has the C interface and the sources
# that go into a real Rogue; `cxx` has the C++ classes and the stand-in for Rogue.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/RogueMemoryBridge")
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME rim)

# rogue_memory_bridge_install(COMPONENT EXPORT TARGET...): installs those of the targets that exist, and
# ${EXPORT}Targets.cmake, with which CMake finds them.
function(rogue_memory_bridge_install component export)
    set(targets "")
    foreach(target IN LISTS ARGN)
        if(TARGET ${target})
            list(APPEND targets ${target})
        endif()
    endforeach()
    install(TARGETS ${targets} EXPORT ${export}
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${component}
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT ${component}
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${component})
    install(EXPORT ${export} NAMESPACE RogueMemoryBridge:: DESTINATION "${package_dir}"
        FILE ${export}Targets.cmake COMPONENT ${component})
endfunction()

if(ROGUE_MEMORY_BRIDGE_CXX)
    # First, so that nothing has been installed when it refuses.
    include(cmake/ForeignHeaders.cmake)
    rogue_memory_bridge_install(cxx RogueMemoryBridge RogueMemoryBridge rogue-memory-bridge-static)
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/rogue" "${PROJECT_BINARY_DIR}/include/rogue"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT cxx
        FILES_MATCHING PATTERN "*.h" PATTERN rim.h EXCLUDE)
endif()
rogue_memory_bridge_install(rim RogueMemoryBridgeRim rim rogue-memory-bridge-rim-static)
install(FILES include/rogue/rim.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/rogue")
install(FILES README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE DESTINATION "${CMAKE_INSTALL_DOCDIR}")

configure_package_config_file(cmake/RogueMemoryBridgeConfig.cmake.in RogueMemoryBridgeConfig.cmake
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(RogueMemoryBridgeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/RogueMemoryBridgeConfig.cmake"
    "${PROJECT_BINARY_DIR}/RogueMemoryBridgeConfigVersion.cmake" DESTINATION "${package_dir}")
include(cmake/InRogue.cmake)
if(ROGUE_MEMORY_BRIDGE_CXX AND ROGUE_MEMORY_BRIDGE_SHARED)
    include(cmake/StandIn.cmake)
endif()

# The .pc files name the prefix relative to their own folder, unless the user has set an absolute library folder.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
    file(RELATIVE_PATH pc_up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
    string(REGEX REPLACE "/$" "" pc_up "${pc_up}")
    set(pc_prefix "\${pcfiledir}/${pc_up}")
    set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
# rogue_memory_bridge_pc(COMPONENT NAME DESCRIPTION LIBRARY...): installs NAME.pc; the static library needs LIBRARY...
function(rogue_memory_bridge_pc component name description)
    set(pc_name "${name}")
    set(pc_description "${description}")
    list(TRANSFORM ARGN REPLACE "^([^-].*)$" "-l\\1" OUTPUT_VARIABLE pc_private)
    list(JOIN pc_private " " pc_private)
    set(pc_public "")
    if(NOT ROGUE_MEMORY_BRIDGE_SHARED) # then they are needed even without --static
        set(pc_public " ${pc_private}")
        set(pc_private "")
    endif()
    configure_file(cmake/package.pc.in "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
        COMPONENT ${component})
endfunction()
rogue_memory_bridge_pc(rim rim "Rogue memory TCP bridge, the C interface" ${rim_system_libraries})
if(ROGUE_MEMORY_BRIDGE_CXX)
    rogue_memory_bridge_pc(cxx rogue-memory-bridge "Rogue memory TCP bridge, the C and C++ interfaces"
        ${cxx_runtime} ${rim_system_libraries})
endif()
