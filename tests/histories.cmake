# What programs of the tests record, and check-histories, which tells whether it can be explained. Included by
# tests/CMakeLists.txt, before what uses them: `history` is the library, `${check_histories}` the program.
set(histories "${CMAKE_CURRENT_SOURCE_DIR}/histories")

add_library(history STATIC "${histories}/history.c")
target_include_directories(history PUBLIC "${histories}")
target_compile_options(history PRIVATE ${warnings})
set_target_properties(history PROPERTIES C_STANDARD 99)

# A folder for all that cargo makes of it, so that its tests build nothing twice.
set(histories_cargo_dir "${PROJECT_BINARY_DIR}/histories")
set(histories_cargo --locked --release --manifest-path "${histories}/Cargo.toml" --target "${triple}"
    --target-dir "${histories_cargo_dir}")
set(check_histories "${histories_cargo_dir}/${triple}/release/check-histories")
file(GLOB_RECURSE histories_sources CONFIGURE_DEPENDS "${histories}/src/*.rs")
add_custom_command(OUTPUT "${check_histories}"
    COMMAND "${CARGO_COMMAND}" build ${histories_cargo}
    COMMAND "${CMAKE_COMMAND}" -E touch "${check_histories}"
    DEPENDS "${histories}/Cargo.toml" "${histories}/Cargo.lock" ${histories_sources}
    COMMENT "Compiling check-histories with cargo"
    USES_TERMINAL VERBATIM)
add_custom_target(check-histories ALL DEPENDS "${check_histories}")

add_test(NAME histories COMMAND "${CARGO_COMMAND}" test ${histories_cargo})
set_tests_properties(histories PROPERTIES TIMEOUT 300)
