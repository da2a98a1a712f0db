# What is installed, and how a program finds it: CMake's find_package and pkg-config. All of it is relative to
# the prefix, so that the installed tree may be moved.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/RogueMemoryBridge")

set(libraries rim RogueMemoryBridge)
if(TARGET rogue-memory-bridge-static)
    list(APPEND libraries rogue-memory-bridge-static rogue-memory-bridge-rim-static)
endif()
install(TARGETS ${libraries} EXPORT RogueMemoryBridge
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/rogue" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.h")
install(FILES README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(EXPORT RogueMemoryBridge NAMESPACE RogueMemoryBridge:: DESTINATION "${package_dir}"
    FILE RogueMemoryBridgeTargets.cmake)
configure_package_config_file(cmake/RogueMemoryBridgeConfig.cmake.in RogueMemoryBridgeConfig.cmake
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(RogueMemoryBridgeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/RogueMemoryBridgeConfig.cmake"
    "${PROJECT_BINARY_DIR}/RogueMemoryBridgeConfigVersion.cmake" DESTINATION "${package_dir}")
include(cmake/StandIn.cmake)
include(cmake/InRogue.cmake)

# The way from the folder of the .pc files to the prefix, unless the user wants the library in a fixed place.
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
# rogue_memory_bridge_pc(NAME DESCRIPTION LIBRARY...): what a static library needs besides
function(rogue_memory_bridge_pc name description)
    set(pc_name "${name}")
    set(pc_description "${description}")
    list(TRANSFORM ARGN REPLACE "^([^-].*)$" "-l\\1" OUTPUT_VARIABLE pc_private)
    list(JOIN pc_private " " pc_private)
    configure_file(cmake/package.pc.in "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
rogue_memory_bridge_pc(rim "Rogue memory TCP bridge, the C interface" ${rim_system_libraries})
rogue_memory_bridge_pc(rogue-memory-bridge "Rogue memory TCP bridge, the C and C++ interfaces"
    stdc++ ${rim_system_libraries})
