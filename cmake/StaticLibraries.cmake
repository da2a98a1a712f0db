# Makes the two static libraries, with the same interfaces as the shared ones of Libraries.cmake: `static` has the C++
# classes and the C ABI, `rim_static` only the C ABI. The rest of cargo's archive (Rust's standard library, the crates)
# becomes local, so that it does not collide with other Rust code in a program.
include(CheckCSourceCompiles)

function(rogue_memory_bridge_check_joining)
    set(CMAKE_EXE_LINKER_FLAGS "") # such as -pie, which does not go with -r
    set(CMAKE_REQUIRED_FLAGS "-r -nostdlib -Wl,--force-group-allocation")
    check_c_source_compiles("int main(void) { return 0; }" LINKER_CAN_JOIN_OBJECTS)
endfunction()
rogue_memory_bridge_check_joining()
if(NOT LINKER_CAN_JOIN_OBJECTS OR NOT CMAKE_OBJCOPY OR NOT CMAKE_NM)
    if(NOT ROGUE_MEMORY_BRIDGE_SHARED)
        message(FATAL_ERROR "ROGUE_MEMORY_BRIDGE_SHARED is off, and static libraries cannot be made: they need objcopy, nm "
            "and a linker with --force-group-allocation")
    endif()
    message(STATUS "No static libraries: they need objcopy, nm and a linker with --force-group-allocation")
    return()
endif()

# rogue_memory_bridge_static_library(TARGET EXPORTED NAME ARCHIVE ARCHIVE_TARGET SYSTEM_LIBRARY...): lib<NAME>.a, with the
# interface of the shared library of that name, from ARCHIVE, which ARCHIVE_TARGET makes. EXPORTED is the target's name
# for programs.
function(rogue_memory_bridge_static_library target exported name archive archive_target)
    string(REGEX REPLACE "\\.a$" ".o" object "${archive}")
    set(exports "${PROJECT_SOURCE_DIR}/cmake/${name}.map")
    add_custom_command(OUTPUT "${object}"
        COMMAND "${CMAKE_COMMAND}" "-DARCHIVE=${archive}" "-DEXPORTS=${exports}" "-DRESULT=${object}"
            "-DUNWINDER=${unwinder}" "-DCC=${CMAKE_C_COMPILER}" "-DFLAGS=${CMAKE_C_COMPILER_ARG1} ${CMAKE_C_FLAGS}"
            "-DOBJCOPY=${CMAKE_OBJCOPY}" "-DNM=${CMAKE_NM}" "-DSTRIP=$<CONFIG:Release,MinSizeRel>"
            -P "${PROJECT_SOURCE_DIR}/cmake/OneObject.cmake"
        DEPENDS "${archive}" "${exports}" "${PROJECT_SOURCE_DIR}/cmake/OneObject.cmake"
        COMMENT "Joining the objects of the static lib${name}" VERBATIM)
    add_library(${target} STATIC "${object}")
    add_library(RogueMemoryBridge::${exported} ALIAS ${target})
    add_dependencies(${target} ${archive_target})
    # C, so that a project without C++ can link it. The C++ standard library is named below.
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name} EXPORT_NAME ${exported} LINKER_LANGUAGE C)
    target_include_directories(${target} INTERFACE
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_link_libraries(${target} INTERFACE ${ARGN})
endfunction()

# The compiler itself adds the unwinder: libgcc_s, or libgcc_eh in a static program.
set(rim_system_libraries -pthread ${CMAKE_DL_LIBS} rt m)
rogue_memory_bridge_static_library(rogue-memory-bridge-rim-static rim_static rim
    "${archive_c}" ${archive_c_target} ${rim_system_libraries})
if(ROGUE_MEMORY_BRIDGE_CXX)
    rogue_memory_bridge_static_library(rogue-memory-bridge-static static rogue-memory-bridge
        "${archive}" rogue-memory-bridge-archive ${cxx_runtime} ${rim_system_libraries})
    target_compile_features(rogue-memory-bridge-static INTERFACE cxx_std_14)
endif()
