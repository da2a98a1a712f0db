# Makes the target `rogue-memory-bridge-archive`, which runs cargo, and sets `archive` to the static archive that cargo
# writes. Libraries.cmake and StaticLibraries.cmake make the libraries from it.

find_program(CARGO_COMMAND cargo HINTS ENV CARGO_HOME "$ENV{HOME}/.cargo" PATH_SUFFIXES bin)
find_program(RUSTC_COMMAND rustc HINTS ENV CARGO_HOME "$ENV{HOME}/.cargo" PATH_SUFFIXES bin)
if(NOT CARGO_COMMAND OR NOT RUSTC_COMMAND)
    message(FATAL_ERROR "cargo and rustc are needed to build ${PROJECT_NAME}: see https://rustup.rs")
endif()

# Cargo checks the version too, but only after it has compiled for a while.
file(STRINGS "${PROJECT_SOURCE_DIR}/Cargo.toml" minimum_line REGEX "^rust-version = " LIMIT_COUNT 1)
string(REGEX MATCH "[0-9.]+" rust_minimum "${minimum_line}")
execute_process(COMMAND "${RUSTC_COMMAND}" -vV WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE rustc_says COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "release: ([0-9.]+)" release_line "${rustc_says}")
set(rust_version "${CMAKE_MATCH_1}")
if(release_line AND rust_version VERSION_LESS rust_minimum)
    message(FATAL_ERROR "This Rust is too old: ${PROJECT_NAME} needs ${rust_minimum} or later, and "
        "${RUSTC_COMMAND} is ${rust_version}. With rustup: rustup update")
endif()

include(cmake/RustTarget.cmake)
set(cargo_dir "${PROJECT_BINARY_DIR}/cargo")
if(DEFINED ENV{ROGUE_MEMORY_BRIDGE_CARGO_DIR})
    set(cargo_dir "$ENV{ROGUE_MEMORY_BRIDGE_CARGO_DIR}")
endif()
set(ROGUE_MEMORY_BRIDGE_CARGO_DIR "${cargo_dir}" CACHE PATH
    "Cargo's target directory")

set(triple "${ROGUE_MEMORY_BRIDGE_RUST_TARGET}")
string(REPLACE "-" "_" triple_in_names "${triple}")

# The folder of cargo's profile `dev` is called `debug`.
set(profile $<IF:$<CONFIG:Debug>,dev,release>)
set(archive "${ROGUE_MEMORY_BRIDGE_CARGO_DIR}/${triple}/$<IF:$<CONFIG:Debug>,debug,release>")
set(archive_depfile "${archive}/librogue_memory_bridge.d")
set(archive "${archive}/librogue_memory_bridge.a")

# build.rs compiles the C++ sources with CMake's compiler and flags; cargo's profile sets the optimisation. ARG1 has the
# options of a variable such as CC="gcc --sysroot=...".
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

# Cargo's dependency file lists the Rust sources. It does not list Cargo.toml, and gives folders for C++.
file(GLOB_RECURSE archive_sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/include/*.h" "${PROJECT_SOURCE_DIR}/cpp/*.h" "${PROJECT_SOURCE_DIR}/cpp/*.cpp")

# `--crate-type`: cargo optimises across crates (LTO) only when it makes nothing but the archive.
# `inline-threshold`: saves 45 KB over LLVM's default of 225, at the same speed (docs/performance.md).
# `touch`: cargo does not write an archive that would stay the same, and CMake would build it again each time.
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
