# Joins all objects of ARCHIVE to one object, RESULT. Names in the version script EXPORTS stay global; what they need
# becomes local; the rest is removed. CC with FLAGS links; OBJCOPY and NM are its tools. UNWINDER, if set, is a library to
# join as well. STRIP removes the debug information. A script that StaticLibraries.cmake runs after cargo.
cmake_minimum_required(VERSION 3.21)

function(run)
    execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE error RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        list(GET ARGN 0 command)
        message(FATAL_ERROR "${command} fails: ${error}")
    endif()
    set(out "${out}" PARENT_SCOPE)
endfunction()
separate_arguments(flags UNIX_COMMAND "${FLAGS}")

# The names of `global`: `local` has only a star.
file(STRINGS "${EXPORTS}" names REGEX "^ +[A-Za-z_][^ ]*;$")
if(NOT names)
    message(FATAL_ERROR "${EXPORTS} lists no names")
endif()
list(TRANSFORM names REPLACE "^ +(.*);$" "--keep-global-symbol=\\1")

# The objects of a C++ inline function form a group, of which a linker keeps one and drops the others. Groups are matched
# by names that become local here, so that a program's linker would drop objects that are still in use.
run("${CC}" ${flags} -r -nostdlib -o "${RESULT}.joined"
    -Wl,--whole-archive "${ARCHIVE}" -Wl,--no-whole-archive ${UNWINDER} -Wl,--force-group-allocation)
# Bitcode is only for optimising across crates, which cargo has done.
run("${OBJCOPY}" --wildcard ${names} --remove-section=.llvmbc --remove-section=.llvmcmd
    "${RESULT}.joined" "${RESULT}.local")

# Removes what no exported name needs. In the archive without C++ that includes Rust code which calls C++.
run("${NM}" -g --defined-only "${RESULT}.local")
string(REGEX MATCHALL "[^ \n]+\n" roots "${out}")
list(TRANSFORM roots STRIP)
list(TRANSFORM roots PREPEND "-Wl,-u,")
list(JOIN roots "\n" roots)
file(WRITE "${RESULT}.roots" "${roots}\n")
run("${CC}" ${flags} -r -nostdlib -o "${RESULT}.needed" "${RESULT}.local" -Wl,--gc-sections "@${RESULT}.roots")

set(strip "")
if(STRIP)
    set(strip --strip-unneeded)
endif()
run("${OBJCOPY}" ${strip} "${RESULT}.needed" "${RESULT}.new")
file(REMOVE "${RESULT}.joined" "${RESULT}.local" "${RESULT}.roots" "${RESULT}.needed")
file(RENAME "${RESULT}.new" "${RESULT}")
