# Tests against peers on libzmq, which stand for the programs in the field. Included by tests/CMakeLists.txt.
find_package(PkgConfig)
if(PkgConfig_FOUND)
    pkg_check_modules(ZMQ IMPORTED_TARGET libzmq)
endif()
if(NOT TARGET PkgConfig::ZMQ)
    message(STATUS "No libzmq: the interoperation tests are left out")
    return()
endif()

set(interop "${CMAKE_CURRENT_SOURCE_DIR}/interop")

# The peers: what their main files have in common is every other peer*.c.
file(GLOB peer_sources CONFIGURE_DEPENDS "${interop}/peer*.c")
list(REMOVE_ITEM peer_sources "${interop}/peer_server.c" "${interop}/peer_client.c")
add_library(interop-peer STATIC ${peer_sources})
target_compile_options(interop-peer PRIVATE ${warnings})
target_link_libraries(interop-peer PUBLIC history PkgConfig::ZMQ Threads::Threads)
set_target_properties(interop-peer PROPERTIES C_STANDARD 99)
set(interop_environment "RIM_CHECK_HISTORIES=${check_histories}")
foreach(side IN ITEMS server client)
    string(TOUPPER "${side}" upper)
    add_executable(peer_${side} "${interop}/peer_${side}.c")
    target_compile_options(peer_${side} PRIVATE ${warnings})
    target_link_libraries(peer_${side} PRIVATE interop-peer)
    set_target_properties(peer_${side} PROPERTIES C_STANDARD 99)
    list(APPEND interop_environment "RIM_PEER_${upper}=$<TARGET_FILE:peer_${side}>")

    # Our ends, in C or in C++.
    file(GLOB ours CONFIGURE_DEPENDS "${interop}/our_${side}.c" "${interop}/our_${side}_*.c"
        "${interop}/our_${side}.cpp")
    if(ours)
        add_executable(our_${side} ${ours})
        target_compile_options(our_${side} PRIVATE ${warnings})
        set_target_properties(our_${side} PROPERTIES C_STANDARD 99 CXX_STANDARD 14)
        if(ours MATCHES "\\.cpp$")
            target_link_libraries(our_${side} PRIVATE RogueMemoryBridge::RogueMemoryBridge Threads::Threads)
        else()
            target_link_libraries(our_${side} PRIVATE RogueMemoryBridge::rim Threads::Threads)
        endif()
        list(APPEND interop_environment "RIM_OUR_${upper}=$<TARGET_FILE:our_${side}>")
    endif()
endforeach()

# Programs of ours that are neither.
foreach(program IN ITEMS attempts many writer)
    string(TOUPPER "${program}" upper)
    add_executable(our_${program} "${interop}/our_${program}.c")
    target_compile_options(our_${program} PRIVATE ${warnings})
    set_target_properties(our_${program} PROPERTIES C_STANDARD 99)
    target_link_libraries(our_${program} PRIVATE RogueMemoryBridge::rim history Threads::Threads)
    list(APPEND interop_environment "RIM_OUR_${upper}=$<TARGET_FILE:our_${program}>")
endforeach()

# A script is a test. It finds the programs by the names of its environment. One that the machine does not allow ends
# with 77, and counts as skipped.
file(GLOB scripts CONFIGURE_DEPENDS "${interop}/*.sh")
foreach(script IN LISTS scripts)
    cmake_path(GET script STEM name)
    add_test(NAME interop-${name} COMMAND sh "${script}")
    set_tests_properties(interop-${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77
        ENVIRONMENT "${interop_environment}")
endforeach()
