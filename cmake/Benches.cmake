# The target `bench`: builds each benches/*.c against librim and runs one after the other. Nothing of it is built
# otherwise.
file(GLOB bench_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/benches/*.c")
set(bench_commands "")
foreach(source IN LISTS bench_sources)
    cmake_path(GET source STEM name)
    add_executable(bench-${name} EXCLUDE_FROM_ALL "${source}")
    target_link_libraries(bench-${name} PRIVATE RogueMemoryBridge::rim -pthread)
    list(APPEND bench_commands COMMAND bench-${name})
endforeach()
if(bench_commands)
    add_custom_target(bench ${bench_commands} USES_TERMINAL)
endif()
