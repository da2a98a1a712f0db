# Asks the compilers what they build for. Refuses a C and a C++ compiler that do not fit together, and makes the header
# rogue/BuiltWith.h, with which the C++ headers recognise programs that use another standard library.

# Sets `result` to `text` as preprocessed with the compiler and the flags of `language`.
function(rogue_memory_bridge_preprocess language extension text result)
    set(file "${PROJECT_BINARY_DIR}/compilers/ask.${extension}")
    file(WRITE "${file}" "${text}")
    separate_arguments(flags UNIX_COMMAND "${CMAKE_${language}_COMPILER_ARG1} ${CMAKE_${language}_FLAGS}")
    if(CMAKE_SYSROOT)
        list(APPEND flags "--sysroot=${CMAKE_SYSROOT}")
    endif()
    if(CMAKE_${language}_COMPILER_TARGET)
        list(APPEND flags "--target=${CMAKE_${language}_COMPILER_TARGET}")
    endif()
    execute_process(COMMAND "${CMAKE_${language}_COMPILER}" ${flags} -E -P "${file}"
        OUTPUT_VARIABLE out ERROR_VARIABLE error RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "${CMAKE_${language}_COMPILER} cannot preprocess ${file}: ${error}")
    endif()
    set(${result} "${out}" PARENT_SCOPE)
endfunction()

# musl defines no macro of its own: on Linux it is what remains.
set(libc_question "#include <limits.h>
#if !defined(__linux__)
libc is system
#elif defined(__UCLIBC__)
libc is uClibc
#elif defined(__GLIBC__)
libc is glibc
#elif defined(__BIONIC__)
libc is Bionic
#else
libc is musl
#endif
")
rogue_memory_bridge_preprocess(C c "${libc_question}" answer)
string(REGEX MATCH "libc is ([A-Za-z]+)" matched "${answer}")
set(libc "${CMAKE_MATCH_1}")

if(ROGUE_MEMORY_BRIDGE_CXX)
    rogue_memory_bridge_preprocess(CXX cpp "${libc_question}#include <cstddef>
#ifdef _LIBCPP_VERSION
libcxx is 1
#else
libcxx is 0
#endif
#ifdef _GLIBCXX_DEBUG
debug is 1
#else
debug is 0
#endif
#ifdef _GLIBCXX_USE_CXX11_ABI
abi is _GLIBCXX_USE_CXX11_ABI
#else
abi is 0
#endif
" answer)
    string(REGEX MATCH "libc is ([A-Za-z]+)" matched "${answer}")
    if(NOT CMAKE_MATCH_1 STREQUAL libc)
        message(FATAL_ERROR
            "The C compiler (${CMAKE_C_COMPILER}) is for ${libc}, and the C++ compiler (${CMAKE_CXX_COMPILER}) for "
            "${CMAKE_MATCH_1}: they cannot be linked together. Choose a C++ compiler for ${libc} with "
            "-DCMAKE_CXX_COMPILER=..., or build only the C interface with -DROGUE_MEMORY_BRIDGE_CXX=OFF "
            "(only its static library with -DROGUE_MEMORY_BRIDGE_SHARED=OFF as well).")
    endif()
    foreach(fact IN ITEMS libcxx debug abi)
        string(REGEX MATCH "${fact} is ([0-9]+)" matched "${answer}")
        set(built_${fact} "${CMAKE_MATCH_1}")
    endforeach()
    configure_file(cmake/BuiltWith.h.in "${PROJECT_BINARY_DIR}/include/rogue/BuiltWith.h" @ONLY)
    # A program in C that links the static C++ library has to name this library too.
    set(cxx_runtime stdc++)
    if(built_libcxx)
        set(cxx_runtime c++)
    endif()
endif()
