# Programs as they are written in the field, built as old and as new projects and run against each other: tests/field.
# Included by tests/CMakeLists.txt, after package.cmake, whose environment their script takes.
foreach(style IN ITEMS old new)
    add_test(NAME field-${style} COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/field/test.sh" ${style})
    set_tests_properties(field-${style} PROPERTIES TIMEOUT 600 COST 100 ENVIRONMENT "${package_environment}")
endforeach()
