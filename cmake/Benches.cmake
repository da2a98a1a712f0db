# The benchmark. The target `bench-programs` builds it, `bench` also runs it; no other target builds any of it. The
# programs go to benches/ in the build directory, and so do their results, bench.json and bench.svg.
#
# benches/*.c and *.cpp are the contestants; benches/driver is the program that runs them. The contestants on libzmq and
# libmodbus are left out where that library is missing, and the driver says so.
find_package(Threads REQUIRED)
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
    pkg_check_modules(BENCH_ZMQ QUIET IMPORTED_TARGET libzmq)
    pkg_check_modules(BENCH_MODBUS QUIET IMPORTED_TARGET libmodbus)
endif()

add_custom_target(bench-programs)

function(bench_program name)
    add_executable(${name} EXCLUDE_FROM_ALL ${ARGN})
    # The same for each build type, so that figures can be compared.
    target_compile_options(${name} PRIVATE -O2 -Wall -Wextra -Wpedantic)
    set_target_properties(${name} PROPERTIES
        C_STANDARD 99 CXX_STANDARD 17
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/benches")
    add_dependencies(bench-programs ${name})
endfunction()

file(GLOB bench_driver CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/benches/driver/*.cpp")
bench_program(bench-driver ${bench_driver})
bench_program(bench-plain benches/plain.c)
bench_program(bench-rim benches/rim.c)
target_link_libraries(bench-rim PRIVATE RogueMemoryBridge::rim Threads::Threads)
bench_program(bench-classes benches/classes.cpp)
target_link_libraries(bench-classes PRIVATE RogueMemoryBridge::RogueMemoryBridge Threads::Threads)
if(TARGET PkgConfig::BENCH_ZMQ)
    bench_program(bench-libzmq benches/libzmq.c)
    target_link_libraries(bench-libzmq PRIVATE PkgConfig::BENCH_ZMQ Threads::Threads)
endif()
if(TARGET PkgConfig::BENCH_MODBUS)
    bench_program(bench-libmodbus benches/modbus.c)
    target_link_libraries(bench-libmodbus PRIVATE PkgConfig::BENCH_MODBUS)
endif()

add_custom_target(bench COMMAND bench-driver DEPENDS bench-programs USES_TERMINAL)
