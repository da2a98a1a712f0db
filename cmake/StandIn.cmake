# Installs the stand-in for Rogue: a folder `rogue` that looks like an installed Rogue, with its package for
# find_package(Rogue), headers and library by Rogue's names. The folder is one that CMake and the compilers do not look
# into by themselves, so that a real Rogue is never pushed aside.

set(rogue_version 6.15.0) # cpp/Version.cpp says the same to programs
set(rogue_dir "${package_dir}/rogue")
set(rogue_library
    "${CMAKE_INSTALL_LIBDIR}/${CMAKE_SHARED_LIBRARY_PREFIX}rogue-memory-bridge${CMAKE_SHARED_LIBRARY_SUFFIX}")
set(rogue_files "${PROJECT_BINARY_DIR}/rogue/RogueConfig.cmake" "${PROJECT_BINARY_DIR}/rogue/RogueConfigVersion.cmake")
configure_package_config_file(cmake/RogueConfig.cmake.in rogue/RogueConfig.cmake
    INSTALL_DESTINATION "${rogue_dir}" PATH_VARS CMAKE_INSTALL_INCLUDEDIR rogue_dir rogue_library)
write_basic_package_version_file(rogue/RogueConfigVersion.cmake VERSION ${rogue_version} COMPATIBILITY SameMajorVersion)
install(FILES ${rogue_files} DESTINATION "${rogue_dir}" COMPONENT cxx)

# Rogue's package is in folder `lib` of what it calls ROGUE_DIR, where its documentation and programs look for it.
foreach(file IN LISTS rogue_files)
    cmake_path(GET file FILENAME name)
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/rogue/lib/${name}"
        CONTENT "include(\"\${CMAKE_CURRENT_LIST_DIR}/../${name}\")\n" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/rogue/lib/${name}" DESTINATION "${rogue_dir}/lib" COMPONENT cxx)
endforeach()

# What a Makefile finds by -I$ROGUE_DIR/include -L$ROGUE_DIR/lib -lrogue-core, and its program by
# LD_LIBRARY_PATH=$ROGUE_DIR/lib: links to the bridge's. A program so linked needs librogue-memory-bridge, by its soname.
function(rogue_memory_bridge_stand_in_link name folder target)
    set(at "/prefix/${rogue_dir}/${folder}")
    if(IS_ABSOLUTE "${rogue_dir}" OR IS_ABSOLUTE "${target}") # then nothing can be moved, nor the link be relative
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
