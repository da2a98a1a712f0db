# Tests of what is installed and of the build itself: tests/package/*.sh. Included by tests/CMakeLists.txt. What the
# scripts are told about the build is in their environment, here.
set(package "${CMAKE_CURRENT_SOURCE_DIR}/package")
set(package_environment
    "SOURCE=${PROJECT_SOURCE_DIR}"
    "BUILD=${PROJECT_BINARY_DIR}"
    "CONFIG=$<CONFIG>"
    "VERSION=${PROJECT_VERSION}"
    "LIBDIR=${CMAKE_INSTALL_LIBDIR}"
    "CC=${CMAKE_C_COMPILER}"
    "CXX=${CMAKE_CXX_COMPILER}"
    "LIBRIM=$<TARGET_FILE:rim>"
    "LIBBRIDGE=$<TARGET_FILE:RogueMemoryBridge>"
    "RUSTC=${RUSTC_COMMAND}")

# add_package_test(NAME SCRIPT ARGUMENT...)
function(add_package_test name script)
    add_test(NAME package-${name} COMMAND sh "${package}/${script}" ${ARGN})
    set_tests_properties(package-${name} PROPERTIES TIMEOUT 900 ENVIRONMENT "${package_environment}")
endfunction()

add_package_test(exports exports.sh)
add_package_test(row-18-needs-nothing-else row-18-needs-nothing-else.sh)
add_package_test(symbols symbols.sh)
add_package_test(both both.sh)
add_package_test(brings brings.sh)
add_package_test(docs docs.sh)
foreach(standard IN ITEMS c99 c++14 c++17 c++20 c++23)
    add_package_test(headers-${standard} headers.sh ${standard})
endforeach()
add_package_test(standard-library standard-library.sh)
add_package_test(moved moved.sh)
add_package_test(over-rogue over-rogue.sh)
add_package_test(commands commands.sh)
set_tests_properties(package-commands PROPERTIES COST 200 TIMEOUT 600)
add_package_test(demo demo.sh)
# Its clients have the default timeout, which is short under valgrind beside other work.
set_tests_properties(package-demo PROPERTIES RUN_SERIAL TRUE)
add_package_test(rogue rogue.sh)
if(TARGET RogueMemoryBridge::static)
    add_package_test(static static.sh)
endif()
add_package_test(cross cross.sh)
# In earnest, where what it takes is installed
find_program(AARCH64_CXX_COMMAND aarch64-linux-gnu-g++)
execute_process(COMMAND "${RUSTC_COMMAND}" --print target-libdir --target aarch64-unknown-linux-gnu
    OUTPUT_VARIABLE aarch64_libdir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(AARCH64_CXX_COMMAND AND IS_DIRECTORY "${aarch64_libdir}")
    add_package_test(aarch64 aarch64.sh)
    set_tests_properties(package-aarch64 PROPERTIES COST 900)
endif()
find_program(MUSL_GCC_COMMAND musl-gcc)
string(REPLACE "-gnu" "-musl" musl_target "${ROGUE_MEMORY_BRIDGE_RUST_TARGET}")
execute_process(COMMAND "${RUSTC_COMMAND}" --print target-libdir --target "${musl_target}"
    OUTPUT_VARIABLE musl_libdir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(MUSL_GCC_COMMAND AND musl_target MATCHES "musl" AND IS_DIRECTORY "${musl_libdir}")
    add_package_test(musl musl.sh)
    set_tests_properties(package-musl PROPERTIES COST 300)
endif()
add_package_test(rebuild rebuild.sh)
# It compiles the library a second time: first, so that it does not run alone at the end.
set_tests_properties(package-rebuild PROPERTIES COST 1000)
