# Sets ROGUE_MEMORY_BRIDGE_RUST_TARGET to the Rust target to build for, unless the user has set it: the target of a
# toolchain file, else rustc's own. Stops if Rust cannot build for it. Sets `unwinder` to the library that unwinds panics
# where the compiler's own cannot be used, else to nothing. Read by Cargo.cmake, after `rustc_says` is known.

# Sets `result` to the Rust target for CMAKE_SYSTEM_NAME, CMAKE_SYSTEM_PROCESSOR and the compiler. Knows only targets that
# are certain; for others, and where several would fit, the user has to name one.
function(rogue_memory_bridge_cross_target result)
    set(machine "${CMAKE_C_COMPILER_TARGET}") # set for compilers with many targets, such as clang
    if(NOT machine)
        execute_process(COMMAND "${CMAKE_C_COMPILER}" -dumpmachine
            OUTPUT_VARIABLE machine OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
    set(target "")
    if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT machine MATCHES "musl|uclibc|android|ilp32|_be-|eb-")
        if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
            set(target aarch64-unknown-linux-gnu)
        elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^armv7" AND machine MATCHES "eabihf$")
            set(target armv7-unknown-linux-gnueabihf)
        elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^armv7" AND machine MATCHES "eabi$")
            set(target armv7-unknown-linux-gnueabi)
        elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "riscv64")
            set(target riscv64gc-unknown-linux-gnu)
        elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
            set(target x86_64-unknown-linux-gnu)
        endif()
    endif()
    if(NOT target)
        message(FATAL_ERROR "No Rust target is known for CMAKE_SYSTEM_NAME \"${CMAKE_SYSTEM_NAME}\", "
            "CMAKE_SYSTEM_PROCESSOR \"${CMAKE_SYSTEM_PROCESSOR}\" and a compiler for \"${machine}\". Name one with "
            "-DROGUE_MEMORY_BRIDGE_RUST_TARGET=... (rustc --print target-list lists all)")
    endif()
    set(${result} "${target}" PARENT_SCOPE)
endfunction()

if(NOT ROGUE_MEMORY_BRIDGE_RUST_TARGET)
    if(CMAKE_CROSSCOMPILING)
        rogue_memory_bridge_cross_target(rust_target)
        message(STATUS "Cross-compiling ${PROJECT_NAME} for ${rust_target}")
    else()
        string(REGEX MATCH "host: ([^\n]+)" host_line "${rustc_says}")
        set(rust_target "${CMAKE_MATCH_1}")
        # A compiler such as musl-gcc builds for this machine, but for another C library than rustc's default.
        if(libc STREQUAL "musl")
            string(REGEX REPLACE "-gnu([a-z0-9]*)$" "-musl\\1" rust_target "${rust_target}")
        endif()
    endif()
endif()
set(ROGUE_MEMORY_BRIDGE_RUST_TARGET "${rust_target}" CACHE STRING
    "The Rust target to build for")

if(libc MATCHES "^(glibc|musl)$" AND ROGUE_MEMORY_BRIDGE_RUST_TARGET MATCHES "linux-(gnu|musl)")
    set(target_libc glibc)
    if(CMAKE_MATCH_1 STREQUAL "musl")
        set(target_libc musl)
    endif()
    if(NOT target_libc STREQUAL libc)
        message(FATAL_ERROR "The C compiler (${CMAKE_C_COMPILER}) is for ${libc}, and Rust's target "
            "${ROGUE_MEMORY_BRIDGE_RUST_TARGET} for ${target_libc}: they cannot be linked together. Choose another "
            "compiler with -DCMAKE_C_COMPILER=..., or another target with "
            "-DROGUE_MEMORY_BRIDGE_RUST_TARGET=...")
    endif()
endif()

# Cargo would fail too, but late, and with an error about its first crate that does not say what to do.
execute_process(
    COMMAND "${RUSTC_COMMAND}" --print target-libdir --target "${ROGUE_MEMORY_BRIDGE_RUST_TARGET}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" RESULT_VARIABLE rustc_result
    OUTPUT_VARIABLE rust_libdir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_VARIABLE rustc_error)
if(NOT rustc_result EQUAL 0)
    message(FATAL_ERROR
        "${RUSTC_COMMAND} cannot build for ${ROGUE_MEMORY_BRIDGE_RUST_TARGET}: ${rustc_error}")
endif()
file(GLOB rust_std "${rust_libdir}/libstd-*.rlib")
if(NOT rust_std)
    message(FATAL_ERROR "Rust's standard library for ${ROGUE_MEMORY_BRIDGE_RUST_TARGET} is not installed in "
        "${rust_libdir}. With rustup: rustup target add ${ROGUE_MEMORY_BRIDGE_RUST_TARGET}")
endif()

# Debian's musl-gcc and its like wrap a compiler for glibc, whose unwinder calls glibc. Rust brings one for musl.
set(unwinder "")
if(libc STREQUAL "musl" AND EXISTS "${rust_libdir}/self-contained/libunwind.a")
    set(unwinder "${rust_libdir}/self-contained/libunwind.a")
endif()
