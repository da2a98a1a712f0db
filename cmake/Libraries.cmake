# Links the two shared libraries from the one archive. Each has its own list of exports, so that only its interface is
# visible: `rim` has the C ABI, `RogueMemoryBridge` the C ABI and the C++ classes. Sets `archive_c` to the archive without
# C++, and `archive_c_target` to the target that makes it.
include(CheckLinkerFlag)

set(archive_c "${archive}")
set(archive_c_target rogue-memory-bridge-archive)
if(ROGUE_MEMORY_BRIDGE_CXX)
    # librim is linked from the archive without C++. The linker would drop unreachable C++ code, but not global objects
    # with constructors (<iostream> has one in each source), and these need libstdc++.
    string(REPLACE "librogue_memory_bridge.a" "librogue_memory_bridge_c.a" archive_c "${archive}")
    file(GLOB cxx_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/*.cpp")
    set(cxx_names bridge.rs cxx dummy) # generated from src/bridge.rs, and from cxx itself
    foreach(source IN LISTS cxx_sources)
        cmake_path(GET source STEM name)
        list(APPEND cxx_names "${name}")
    endforeach()
    add_custom_command(OUTPUT "${archive_c}"
        COMMAND "${CMAKE_COMMAND}" "-DARCHIVE=${archive}" "-DRESULT=${archive_c}" "-DAR=${CMAKE_AR}"
            "-DCXX_NAMES=${cxx_names}" -P "${PROJECT_SOURCE_DIR}/cmake/WithoutCxx.cmake"
        DEPENDS "${archive}" "${PROJECT_SOURCE_DIR}/cmake/WithoutCxx.cmake"
        COMMENT "Removing the C++ from the archive for librim" VERBATIM)
    add_custom_target(rogue-memory-bridge-archive-c DEPENDS "${archive_c}")
    add_dependencies(rogue-memory-bridge-archive-c rogue-memory-bridge-archive)
    set(archive_c_target rogue-memory-bridge-archive-c)
endif()
if(NOT ROGUE_MEMORY_BRIDGE_SHARED)
    return()
endif()

file(WRITE "${PROJECT_BINARY_DIR}/check.map" "{ local: *; };\n")
check_linker_flag(C "-Wl,--version-script=${PROJECT_BINARY_DIR}/check.map" LINKER_HAS_VERSION_SCRIPT)
check_linker_flag(C "-Wl,--gc-sections" LINKER_HAS_GC_SECTIONS)
check_linker_flag(C "-Wl,-z,defs,-z,nodelete" LINKER_HAS_Z)

# CMake needs a source for each library. These are empty; their language decides how the library is linked.
foreach(extension IN ITEMS c cpp)
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/no_source.${extension}" CONTENT "extern int no_source;\n")
endforeach()

# rogue_memory_bridge_library(TARGET NAME EXTENSION ARCHIVE ARCHIVE_TARGET): the shared library lib<NAME>, which exports
# the names in cmake/<NAME>.map, from ARCHIVE, which ARCHIVE_TARGET makes. Linked as C or C++, by EXTENSION.
function(rogue_memory_bridge_library target name extension archive archive_target)
    set(exports "${PROJECT_SOURCE_DIR}/cmake/${name}.map")
    add_library(${target} SHARED "${PROJECT_BINARY_DIR}/no_source.${extension}")
    add_library(RogueMemoryBridge::${target} ALIAS ${target})
    add_dependencies(${target} ${archive_target})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}
        LINK_DEPENDS "${archive};${exports}")
    target_include_directories(${target} INTERFACE
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

    if(APPLE)
        target_link_libraries(${target} PRIVATE "-Wl,-force_load,${archive}")
    else()
        target_link_libraries(${target} PRIVATE
            "-Wl,--whole-archive" "${archive}" "-Wl,--no-whole-archive" ${unwinder} ${CMAKE_DL_LIBS} -pthread m)
    endif()
    if(LINKER_HAS_VERSION_SCRIPT)
        target_link_options(${target} PRIVATE "-Wl,--version-script=${exports}")
    else()
        message(STATUS "lib${name} exports more than its interface: this linker has no version scripts")
    endif()
    if(LINKER_HAS_GC_SECTIONS)
        target_link_options(${target} PRIVATE "-Wl,--gc-sections")
    endif()
    if(LINKER_HAS_Z)
        # nodelete: threads and thread-locals outlive dlclose().
        target_link_options(${target} PRIVATE "-Wl,-z,defs,-z,nodelete")
    endif()
    if(NOT APPLE)
        # Rust's standard library brings debug information.
        target_link_options(${target} PRIVATE "$<$<CONFIG:Release,MinSizeRel>:-Wl,--strip-debug>")
    endif()
endfunction()

rogue_memory_bridge_library(rim rim c "${archive_c}" ${archive_c_target})
if(ROGUE_MEMORY_BRIDGE_CXX)
    rogue_memory_bridge_library(RogueMemoryBridge rogue-memory-bridge cpp "${archive}" rogue-memory-bridge-archive)
    target_compile_features(RogueMemoryBridge INTERFACE cxx_std_14)
endif()
