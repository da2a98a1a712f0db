# Sets ROGUE_MEMORY_BRIDGE_RUST_TARGET, Rust's name of the machine that is built for, unless the user has: rustc's own
# machine, or when a toolchain file names another, that one. Stops if Rust cannot build for it. Sets `unwinder` to the
# library that unwinds panics, where the compiler's own may not do.

# The name of the machine that CMAKE_SYSTEM_NAME, CMAKE_SYSTEM_PROCESSOR and the compiler stand for. Only what is known
# to fit is named; where more than one target would do, the user has to say which.
function(rogue_memory_bridge_cross_target result)
    set(machine "${CMAKE_C_COMPILER_TARGET}") # set for compilers that build for many, such as clang
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
            "CMAKE_SYSTEM_PROCESSOR \"${CMAKE_SYSTEM_PROCESSOR}\" and a compiler for \"${machine}\": name it with "
            "-DROGUE_MEMORY_BRIDGE_RUST_TARGET=... (rustc --print target-list shows them all)")
    endif()
    set(${result} "${target}" PARENT_SCOPE)
endfunction()

if(NOT ROGUE_MEMORY_BRIDGE_RUST_TARGET)
    if(CMAKE_CROSSCOMPILING)
        rogue_memory_bridge_cross_target(rust_target)
        message(STATUS "Cross-compiling ${PROJECT_NAME} for ${rust_target}")
    else()
        execute_process(COMMAND "${RUSTC_COMMAND}" -vV WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
            OUTPUT_VARIABLE rustc_says COMMAND_ERROR_IS_FATAL ANY)
        string(REGEX MATCH "host: ([^\n]+)" host_line "${rustc_says}")
        set(rust_target "${CMAKE_MATCH_1}")
        # A compiler such as musl-gcc builds for this machine, with another C library than rustc does by itself.
        if(libc STREQUAL "musl")
            string(REGEX REPLACE "-gnu([a-z0-9]*)$" "-musl\\1" rust_target "${rust_target}")
        endif()
    endif()
endif()
set(ROGUE_MEMORY_BRIDGE_RUST_TARGET "${rust_target}" CACHE STRING
    "Rust's name of the machine that is built for")

if(libc MATCHES "^(glibc|musl)$" AND ROGUE_MEMORY_BRIDGE_RUST_TARGET MATCHES "linux-(gnu|musl)")
    set(target_libc glibc)
    if(CMAKE_MATCH_1 STREQUAL "musl")
        set(target_libc musl)
    endif()
    if(NOT target_libc STREQUAL libc)
        message(FATAL_ERROR "The C compiler (${CMAKE_C_COMPILER}) is for ${libc}, and Rust's target "
            "${ROGUE_MEMORY_BRIDGE_RUST_TARGET} for ${target_libc}: what they make cannot be linked together. Name "
            "another compiler with -DCMAKE_C_COMPILER=..., or another target with "
            "-DROGUE_MEMORY_BRIDGE_RUST_TARGET=...")
    endif()
endif()

# Cargo would find out as well, but late, and say it of the first of its crates, not of what is to be done.
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
    message(FATAL_ERROR "Rust's standard library for ${ROGUE_MEMORY_BRIDGE_RUST_TARGET} is not installed: there is "
        "none in ${rust_libdir}. With rustup: rustup target add ${ROGUE_MEMORY_BRIDGE_RUST_TARGET}")
endif()

# A compiler for musl that is made of one for glibc, as Debian's musl-gcc, has an unwinder that calls glibc. Rust comes with
# one for musl.
set(unwinder "")
if(libc STREQUAL "musl" AND EXISTS "${rust_libdir}/self-contained/libunwind.a")
    set(unwinder "${rust_libdir}/self-contained/libunwind.a")
endif()
