# Run by StaticLibraries.cmake, when the archive has been built: makes of all objects of ARCHIVE the one object RESULT,
# in which what the version script EXPORTS lists is global, what that needs is local, and the rest is not there. CC is
# the compiler that links, FLAGS its flags, OBJCOPY and NM are its tools; UNWINDER is a library that is joined as well, if
# any; STRIP says whether the debug information goes.
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

# The lines of `global`; the one line of `local` is the star alone.
file(STRINGS "${EXPORTS}" names REGEX "^ +[A-Za-z_][^ ]*;$")
if(NOT names)
    message(FATAL_ERROR "no names were found in ${EXPORTS}")
endif()
list(TRANSFORM names REPLACE "^ +(.*);$" "--keep-global-symbol=\\1")

# Groups hold what each object has of an inline function, for the linker to choose one. They go by the names that are
# made local here: it would choose one for all programs, and leave the others pointing to what is gone.
run("${CC}" ${flags} -r -nostdlib -o "${RESULT}.joined"
    -Wl,--whole-archive "${ARCHIVE}" -Wl,--no-whole-archive ${UNWINDER} -Wl,--force-group-allocation)
# Bitcode is for the linker to optimise across crates, which has been done.
run("${OBJCOPY}" --wildcard ${names} --remove-section=.llvmbc --remove-section=.llvmcmd
    "${RESULT}.joined" "${RESULT}.local")

# What no exported name leads to goes: without its C++, the archive has Rust in it that would call that.
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
