# Checks whether the sources of this folder fit the headers of a Rogue. Sets `result` to an empty
# string, or to the reason why they do not fit. Used by ReplaceRogueBridge.cmake and by
# CMakeLists.txt here.
function(known_rogue include_dir result)
    # The classes have Rogue's layout. These are the members that the sources define or rely on.
    set(members_Master "std::mutex mastMtx_" "struct timeval sumTime_" "Slave> slave_")
    set(members_Transaction "struct timeval timeout_" "bool isSubTransaction_" "Transaction> parentTransaction_")
    set(members_TcpServer "void* zmqCtx_" "atomic<bool> threadEn_" "virtual int sendResponseMsg_(void* " "void start()")
    set(members_TcpClient "void* zmqCtx_" "atomic<bool> threadEn_" "uint32_t probeSeq_" "bool waitReadyOnStart_"
        "bool waitReady(double timeout, double period)" "void start()")
    foreach(class IN ITEMS Master Transaction TcpServer TcpClient)
        set(header "rogue/interfaces/memory/${class}.h")
        if(NOT EXISTS "${include_dir}/${header}")
            set(${result} "it has no ${header}" PARENT_SCOPE)
            return()
        endif()
        file(READ "${include_dir}/${header}" text)
        string(REGEX REPLACE "[ \t\r\n]+" " " text "${text}")
        foreach(member IN LISTS members_${class})
            string(FIND "${text}" "${member}" place)
            if(place EQUAL -1)
                set(${result} "its ${header} has no \"${member}\"" PARENT_SCOPE)
                return()
            endif()
        endforeach()
    endforeach()
    set(${result} "" PARENT_SCOPE)
endfunction()
