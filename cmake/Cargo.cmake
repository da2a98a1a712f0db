# Makes the target `rogue-memory-bridge-archive`, which runs cargo, and sets `archive` to the static archive
# that comes of it. What is done with the archive is told in Libraries.cmake.

find_program(CARGO_COMMAND cargo HINTS ENV CARGO_HOME "$ENV{HOME}/.cargo" PATH_SUFFIXES bin)
find_program(RUSTC_COMMAND rustc HINTS ENV CARGO_HOME "$ENV{HOME}/.cargo" PATH_SUFFIXES bin)
if(NOT CARGO_COMMAND OR NOT RUSTC_COMMAND)
    message(FATAL_ERROR "cargo and rustc are needed to build ${PROJECT_NAME}: see https://rustup.rs")
endif()

include(cmake/RustTarget.cmake)
set(cargo_dir "${PROJECT_BINARY_DIR}/cargo")
if(DEFINED ENV{ROGUE_MEMORY_BRIDGE_CARGO_DIR})
    set(cargo_dir "$ENV{ROGUE_MEMORY_BRIDGE_CARGO_DIR}")
endif()
set(ROGUE_MEMORY_BRIDGE_CARGO_DIR "${cargo_dir}" CACHE PATH
    "Where cargo puts what it makes")

set(triple "${ROGUE_MEMORY_BRIDGE_RUST_TARGET}")
string(REPLACE "-" "_" triple_in_names "${triple}")

# Cargo calls its profile `dev` by the name `debug` when it names a folder.
set(profile $<IF:$<CONFIG:Debug>,dev,release>)
set(archive "${ROGUE_MEMORY_BRIDGE_CARGO_DIR}/${triple}/$<IF:$<CONFIG:Debug>,debug,release>")
set(archive_depfile "${archive}/librogue_memory_bridge.d")
set(archive "${archive}/librogue_memory_bridge.a")

# The C++ sources are compiled by build.rs, with the compiler and the flags of CMake. The optimisation is
# cargo's: it follows the profile. ARG1 is what a variable such as CC="gcc --sysroot=..." says behind the command.
set(sysroot_flag "")
if(CMAKE_SYSROOT)
    set(sysroot_flag " --sysroot=${CMAKE_SYSROOT}")
endif()
set(cargo_environment
    "CC_${triple_in_names}=${CMAKE_C_COMPILER}${CMAKE_C_COMPILER_ARG1}"
    "AR_${triple_in_names}=${CMAKE_AR}"
    "CFLAGS_${triple_in_names}=${CMAKE_C_FLAGS}${sysroot_flag}"
    "$<$<CONFIG:RelWithDebInfo>:CARGO_PROFILE_RELEASE_DEBUG=true>")

set(cargo_features "")
if(ROGUE_MEMORY_BRIDGE_CXX)
    set(cargo_features --features cpp)
    list(APPEND cargo_environment
        "CXX_${triple_in_names}=${CMAKE_CXX_COMPILER}${CMAKE_CXX_COMPILER_ARG1}"
        "CXXFLAGS_${triple_in_names}=${CMAKE_CXX_FLAGS}${sysroot_flag}")
endif()

# Cargo's list of what it read names the sources, but no Cargo.toml, and a folder for the files in it.
file(GLOB_RECURSE archive_sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/include/*.h" "${PROJECT_SOURCE_DIR}/cpp/*.h" "${PROJECT_SOURCE_DIR}/cpp/*.cpp")

# `--crate-type`: cargo optimises across crates (lto) only when the archive is all that is made.
# `inline-threshold`: 45 KB less than with LLVM's 225, and as fast (docs/performance.md).
# `touch`: cargo leaves the archive alone when nothing in it would change, and it would be out of date for ever.
add_custom_command(OUTPUT "${archive}"
    COMMAND "${CMAKE_COMMAND}" -E env ${cargo_environment}
        "${CARGO_COMMAND}" rustc --lib --crate-type staticlib --locked ${cargo_features} --profile "${profile}"
        --target "${triple}" --target-dir "${ROGUE_MEMORY_BRIDGE_CARGO_DIR}"
        -- -C llvm-args=-inline-threshold=100
    COMMAND "${CMAKE_COMMAND}" -E touch "${archive}"
    DEPENDS "${PROJECT_SOURCE_DIR}/Cargo.toml" "${PROJECT_SOURCE_DIR}/Cargo.lock" ${archive_sources}
    DEPFILE "${archive_depfile}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Compiling Rust and C++ with cargo"
    COMMAND_EXPAND_LISTS USES_TERMINAL VERBATIM)
add_custom_target(rogue-memory-bridge-archive DEPENDS "${archive}")
