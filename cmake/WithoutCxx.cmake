# Run by Libraries.cmake, when the archive has been built: copies ARCHIVE to RESULT without the objects that come of
# C++, which are those of the sources CXX_NAMES. AR is the archiver.
cmake_minimum_required(VERSION 3.21)

# An ar whose plugin is older than Rust's LLVM says so for each object, and does its work all the same: what it says is
# shown if it fails.
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
# cc, which compiles C++ for build.rs, puts a hash before the name.
string(REPLACE ";" "|" names "${CXX_NAMES}")
list(FILTER members INCLUDE REGEX "^[0-9a-f]+-(${names})\\.o$")
if(NOT members)
    message(FATAL_ERROR "${ARCHIVE} has no objects of ${CXX_NAMES}: they have other names now?")
endif()
ar(d "${RESULT}.new" ${members})
file(RENAME "${RESULT}.new" "${RESULT}")
