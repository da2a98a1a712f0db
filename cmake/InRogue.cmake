# Installs the sources that go into a real Rogue (cpp/rogue) and the CMake file that adds them to Rogue's own build.
set(in_rogue_dir "${CMAKE_INSTALL_DATADIR}/rogue-memory-bridge/rogue")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/rogue/" DESTINATION "${in_rogue_dir}")
configure_package_config_file(cmake/ReplaceRogueBridge.cmake.in ReplaceRogueBridge.cmake
    INSTALL_DESTINATION "${package_dir}" PATH_VARS in_rogue_dir
    NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
install(FILES "${PROJECT_BINARY_DIR}/ReplaceRogueBridge.cmake" DESTINATION "${package_dir}")
