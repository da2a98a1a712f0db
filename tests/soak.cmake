# The soak: clients and servers under faults, for a time. What they are is told in tests/soak/driver/main.cpp. Included
# by tests/CMakeLists.txt, after interop.cmake, which sees to libzmq.
set(soak "${CMAKE_CURRENT_SOURCE_DIR}/soak")

add_library(soak-model STATIC "${soak}/model.c" "${soak}/life.c")
target_link_libraries(soak-model PUBLIC history Threads::Threads)
file(GLOB driver CONFIGURE_DEPENDS "${soak}/driver/*.cpp")
add_executable(soak-driver ${driver})
add_executable(soak-server "${soak}/server.c")
add_executable(soak-client "${soak}/client.c")
add_executable(soak-classes-client "${soak}/classes_client.cpp")
target_link_libraries(soak-server PRIVATE soak-model RogueMemoryBridge::rim)
target_link_libraries(soak-client PRIVATE soak-model RogueMemoryBridge::rim)
target_link_libraries(soak-classes-client PRIVATE soak-model RogueMemoryBridge::RogueMemoryBridge)
target_link_libraries(soak-driver PRIVATE soak-model)
set(soak_targets soak-model soak-driver soak-server soak-client soak-classes-client)
set(soak_command $<TARGET_FILE:soak-driver> --server $<TARGET_FILE:soak-server> --client $<TARGET_FILE:soak-client>
    --classes-client $<TARGET_FILE:soak-classes-client> --checker "${check_histories}")
if(TARGET interop-peer)
    add_executable(soak-peer-server "${soak}/peer_server.c")
    add_executable(soak-peer-client "${soak}/peer_client.c")
    target_link_libraries(soak-peer-server PRIVATE soak-model interop-peer)
    target_link_libraries(soak-peer-client PRIVATE soak-model interop-peer)
    list(APPEND soak_targets soak-peer-server soak-peer-client)
    list(APPEND soak_command --peer-server $<TARGET_FILE:soak-peer-server>
        --peer-client $<TARGET_FILE:soak-peer-client>)
else()
    message(STATUS "No libzmq: the soak is without peers of the field")
endif()
foreach(target IN LISTS soak_targets)
    target_compile_options(${target} PRIVATE ${warnings} -UNDEBUG)
    set_target_properties(${target} PROPERTIES C_STANDARD 99 CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON)
endforeach()

add_test(NAME soak-one-minute COMMAND ${soak_command} --seconds 60)
set_tests_properties(soak-one-minute PROPERTIES TIMEOUT 400 COST 60)

# Servers that lie: they answer one of 1000 reads with what was there before, or do not carry out one of 1000 writes. The
# checker has to find that in what the clients record. Of ten lies or more, at least one is recorded. `make nightly` has a
# lie that is ten times as rare.
foreach(lie IN ITEMS stale lose)
    add_test(NAME soak-${lie}-is-found COMMAND ${soak_command} --seconds 15 --lie ${lie}:1000)
    set_tests_properties(soak-${lie}-is-found PROPERTIES TIMEOUT 300 COST 15)
endforeach()

# For longer: `cmake -E env SOAK_ARGS=... cmake --build . --target soak`, or `make soak`.
add_custom_target(soak COMMAND ${soak_command} $$SOAK_ARGS DEPENDS ${soak_targets} check-histories USES_TERMINAL)
