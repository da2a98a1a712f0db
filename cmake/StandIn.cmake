# Installs the stand-in for Rogue: a folder `rogue` that looks like an installed Rogue, with a package for
# find_package(Rogue), and with the headers and the library under Rogue's names. CMake and the compilers do not search
# this folder unasked, so that it never hides a real Rogue.

set(rogue_version 6.15.0) # the same as in cpp/Version.cpp
set(rogue_dir "${package_dir}/rogue")
set(rogue_library
    "${CMAKE_INSTALL_LIBDIR}/${CMAKE_SHARED_LIBRARY_PREFIX}rogue-memory-bridge${CMAKE_SHARED_LIBRARY_SUFFIX}")
set(rogue_files "${PROJECT_BINARY_DIR}/rogue/RogueConfig.cmake" "${PROJECT_BINARY_DIR}/rogue/RogueConfigVersion.cmake")
configure_package_config_file(cmake/RogueConfig.cmake.in rogue/RogueConfig.cmake
    INSTALL_DESTINATION "${rogue_dir}" PATH_VARS CMAKE_INSTALL_INCLUDEDIR rogue_dir rogue_library)
write_basic_package_version_file(rogue/RogueConfigVersion.cmake VERSION ${rogue_version} COMPATIBILITY SameMajorVersion)
install(FILES ${rogue_files} DESTINATION "${rogue_dir}" COMPONENT cxx)

# Rogue's documentation and programs look for its package in ROGUE_DIR/lib.
foreach(file IN LISTS rogue_files)
    cmake_path(GET file FILENAME name)
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/rogue/lib/${name}"
        CONTENT "include(\"\${CMAKE_CURRENT_LIST_DIR}/../${name}\")\n" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/rogue/lib/${name}" DESTINATION "${rogue_dir}/lib" COMPONENT cxx)
endforeach()

# Links to the bridge's headers and library, for Makefiles with -I$ROGUE_DIR/include -L$ROGUE_DIR/lib -lrogue-core, and for
# programs with LD_LIBRARY_PATH=$ROGUE_DIR/lib. Such a program needs librogue-memory-bridge, by that library's soname.
function(rogue_memory_bridge_stand_in_link name folder target)
    set(at "/prefix/${rogue_dir}/${folder}")
    if(IS_ABSOLUTE "${rogue_dir}" OR IS_ABSOLUTE "${target}") # then the link cannot be relative
        cmake_path(ABSOLUTE_PATH target BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE way)
    else()
        file(RELATIVE_PATH way "${at}" "/prefix/${target}")
    endif()
    set(link "${PROJECT_BINARY_DIR}/rogue/${folder}/${name}")
    cmake_path(GET link PARENT_PATH link_folder)
    file(MAKE_DIRECTORY "${link_folder}")
    file(CREATE_LINK "${way}" "${link}" SYMBOLIC)
    install(FILES "${link}" DESTINATION "${rogue_dir}/${folder}" COMPONENT cxx)
endfunction()
set(suffix "${CMAKE_SHARED_LIBRARY_SUFFIX}")
rogue_memory_bridge_stand_in_link("${CMAKE_SHARED_LIBRARY_PREFIX}rogue-core${suffix}" lib "${rogue_library}")
if(APPLE)
    string(REGEX REPLACE "${suffix}$" ".${PROJECT_VERSION_MAJOR}${suffix}" rogue_soname "${rogue_library}")
else()
    set(rogue_soname "${rogue_library}.${PROJECT_VERSION_MAJOR}")
endif()
cmake_path(GET rogue_soname FILENAME rogue_soname_file)
rogue_memory_bridge_stand_in_link("${rogue_soname_file}" lib "${rogue_soname}")
rogue_memory_bridge_stand_in_link(rogue include "${CMAKE_INSTALL_INCLUDEDIR}/rogue")
