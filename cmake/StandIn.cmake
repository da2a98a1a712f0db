# Installs the stand-in for Rogue's own package: what find_package(Rogue) reads when it is told to look there. The
# folder is one that it does not look into by itself, so that a real Rogue is never pushed aside.

set(rogue_version 6.15.0) # cpp/Version.cpp says the same to programs
set(rogue_dir "${package_dir}/rogue")
set(rogue_library
    "${CMAKE_INSTALL_LIBDIR}/${CMAKE_SHARED_LIBRARY_PREFIX}rogue-memory-bridge${CMAKE_SHARED_LIBRARY_SUFFIX}")
set(rogue_files "${PROJECT_BINARY_DIR}/rogue/RogueConfig.cmake" "${PROJECT_BINARY_DIR}/rogue/RogueConfigVersion.cmake")
configure_package_config_file(cmake/RogueConfig.cmake.in rogue/RogueConfig.cmake
    INSTALL_DESTINATION "${rogue_dir}" PATH_VARS CMAKE_INSTALL_INCLUDEDIR rogue_library)
write_basic_package_version_file(rogue/RogueConfigVersion.cmake VERSION ${rogue_version} COMPATIBILITY SameMajorVersion)
install(FILES ${rogue_files} DESTINATION "${rogue_dir}")

# The CMakeLists.txt that Rogue's documentation shows sets Rogue_DIR itself, to folder `lib` of the environment's
# ROGUE_DIR or of CMAKE_PREFIX_PATH: for those.
foreach(file IN LISTS rogue_files)
    cmake_path(GET file FILENAME name)
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/rogue/lib/${name}"
        CONTENT "include(\"\${CMAKE_CURRENT_LIST_DIR}/../${name}\")\n" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/rogue/lib/${name}" DESTINATION "${rogue_dir}/lib")
endforeach()
