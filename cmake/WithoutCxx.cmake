# Copies ARCHIVE to RESULT without the objects of the C++ sources CXX_NAMES. AR is the archiver. A script that
# Libraries.cmake runs after cargo.
cmake_minimum_required(VERSION 3.21)

# An ar with a plugin older than Rust's LLVM complains about each object and still works. So its output is shown only if it
# fails.
function(ar)
    execute_process(COMMAND "${AR}" ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE error RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${AR} ${ARGV0} fails: ${error}")
    endif()
    set(out "${out}" PARENT_SCOPE)
endfunction()

file(COPY_FILE "${ARCHIVE}" "${RESULT}.new")
ar(t "${RESULT}.new")
string(REPLACE "\n" ";" members "${out}")
# The crate `cc`, with which build.rs compiles C++, puts a hash before each name.
string(REPLACE ";" "|" names "${CXX_NAMES}")
list(FILTER members INCLUDE REGEX "^[0-9a-f]+-(${names})\\.o$")
if(NOT members)
    message(FATAL_ERROR "${ARCHIVE} has no objects of ${CXX_NAMES}: have their names changed?")
endif()
ar(d "${RESULT}.new" ${members})
file(RENAME "${RESULT}.new" "${RESULT}")
