# Tests of what goes into a real Rogue (cpp/rogue, ReplaceRogueBridge.cmake), which cannot be here: against a stand-in for
# its headers and classes, tests/rogue/standin, and one for Python, tests/rogue/python. Included by tests/CMakeLists.txt,
# after package.cmake, whose environment the scripts take.
set(rogue_tests "${CMAKE_CURRENT_SOURCE_DIR}/rogue")
file(GLOB rogue_bridge CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/rogue/*.cpp")
file(GLOB rogue_standin CONFIGURE_DEPENDS "${rogue_tests}/standin/*.cpp")
# Of the bridge's headers, they see rim.h alone.
configure_file("${PROJECT_SOURCE_DIR}/include/rogue/rim.h" "${CMAKE_CURRENT_BINARY_DIR}/rim/rogue/rim.h" COPYONLY)

# rogue_test_library(TARGET DEFINITION... ): the bridge inside the stand-in
function(rogue_test_library target)
    add_library(${target} STATIC ${rogue_bridge} ${rogue_standin})
    target_include_directories(${target} PUBLIC "${rogue_tests}/standin/include" "${CMAKE_CURRENT_BINARY_DIR}/rim")
    target_compile_options(${target} PUBLIC ${warnings} -UNDEBUG -O1)
    target_link_libraries(${target} PUBLIC "$<TARGET_FILE:rim>" Threads::Threads)
    set_target_properties(${target} PROPERTIES CXX_STANDARD 14 CXX_STANDARD_REQUIRED ON)
    add_dependencies(${target} rim)
endfunction()

# rogue_test(NAME SOURCE LIBRARY)
function(rogue_test name source library)
    add_executable(test-rogue-${name} "${rogue_tests}/${source}")
    target_link_libraries(test-rogue-${name} PRIVATE ${library})
    set_target_properties(test-rogue-${name} PROPERTIES CXX_STANDARD 14 CXX_STANDARD_REQUIRED ON)
    add_test(NAME rogue-${name} COMMAND test-rogue-${name})
    set_tests_properties(rogue-${name} PROPERTIES TIMEOUT 120)
endfunction()

rogue_test_library(rogue-standin)
target_compile_definitions(rogue-standin PUBLIC NO_PYTHON)
foreach(name IN ITEMS server client endings forked)
    rogue_test(${name} ${name}.cpp rogue-standin)
endforeach()

rogue_test_library(rogue-standin-python)
target_sources(rogue-standin-python PRIVATE "${rogue_tests}/python/python.cpp")
target_include_directories(rogue-standin-python PUBLIC "${rogue_tests}/python")
rogue_test(python python/gil.cpp rogue-standin-python)

foreach(script IN ITEMS replace beside)
    add_test(NAME rogue-${script} COMMAND sh "${rogue_tests}/${script}.sh")
    set_tests_properties(rogue-${script} PROPERTIES TIMEOUT 600 COST 50 ENVIRONMENT "${package_environment}")
endforeach()
