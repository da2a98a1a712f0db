// Included first by every header here. It defines some macros and makes two checks: that none of
// Rogue's own headers is included beside the bridge's, and that the C++ standard library is the one
// that the bridge was built with. It declares nothing.

// Rogue's headers and these declare the same names, differently. This check is outside the include
// guard: a header of Rogue's that comes after one of these includes this file again, and must meet
// the check. The names are the include guards of Rogue 5 and 6, up to 6.15.

// Headers of which the bridge has its own version. Their declarations would clash.
#if defined(__ROGUE_DIRECTIVES_H__) || defined(__ROGUE_ENABLE_SHARED_FROM_THIS_H__) ||             \
    defined(__ROGUE_GENERAL_ERROR_H__) || defined(__ROGUE_GIL_RELEASE_H__) ||                      \
    defined(__ROGUE_HELPERS_H__) || defined(__ROGUE_INTERFACES_MEMORY_EMULATOR_H__) ||             \
    defined(__ROGUE_INTERFACES_MEMORY_ERRORS_H__) || defined(__ROGUE_INTERFACES_MEMORY_HUB_H__) || \
    defined(__ROGUE_INTERFACES_MEMORY_MASTER_H__) ||                                               \
    defined(__ROGUE_INTERFACES_MEMORY_SLAVE_H__) ||                                                \
    defined(__ROGUE_INTERFACES_MEMORY_TCP_CLIENT_H__) ||                                           \
    defined(__ROGUE_INTERFACES_MEMORY_TCP_SERVER_H__) ||                                           \
    defined(__ROGUE_INTERFACES_MEMORY_TRANSACTION_H__) ||                                          \
    defined(__ROGUE_INTERFACES_MEMORY_TRANSACTION_LOCK_H__) || defined(__ROGUE_LOGGING_H__) ||     \
    defined(__ROGUE_QUEUE_H__) || defined(__ROGUE_SCOPED_GIL_H__) || defined(__ROGUE_VERSION_H__)
#define ROGUE_MEMORY_BRIDGE_MEETS_ROGUE
#endif

// Rogue's other headers. A program may have a copy of one of them in its own tree, usually
// MemMap.h, and use it with the bridge. So these count only if the compiler finds the rest of
// Rogue. A program that has such a copy, on a machine that has a Rogue, defines
// ROGUE_MEMORY_BRIDGE_OWN_COPIES.
#if !defined(ROGUE_MEMORY_BRIDGE_OWN_COPIES)
#ifdef __has_include
#if __has_include("rogue/interfaces/stream/Master.h")
#define ROGUE_MEMORY_BRIDGE_FINDS_ROGUE
#endif
#else
#define ROGUE_MEMORY_BRIDGE_FINDS_ROGUE
#endif
#endif
#ifdef ROGUE_MEMORY_BRIDGE_FINDS_ROGUE
#undef ROGUE_MEMORY_BRIDGE_FINDS_ROGUE
#if defined(__ROGUE_HARDWARE_AXI_AXI_STREAM_DMA_H__) ||                                            \
    defined(__ROGUE_HARDWARE_AXI_MEM_MAP_H__) || defined(__ROGUE_HARDWARE_AXI_MODULE_H__) ||       \
    defined(__ROGUE_HARDWARE_MEM_MAP_H__) || defined(__ROGUE_HARDWARE_MODULE_H__) ||               \
    defined(__ROGUE_HARDWARE_PGP_EVR_CONTROL_H__) ||                                               \
    defined(__ROGUE_HARDWARE_PGP_EVR_STATUS_H__) || defined(__ROGUE_HARDWARE_PGP_INFO_H__) ||      \
    defined(__ROGUE_HARDWARE_PGP_MODULE_H__) || defined(__ROGUE_HARDWARE_PGP_PCI_STATUS_H__) ||    \
    defined(__ROGUE_HARDWARE_PGP_PGP_CARD_H__) || defined(__ROGUE_HARDWARE_PGP_STATUS_H__) ||      \
    defined(__ROGUE_INTERFACES_MEMORY_BLOCK_H__) ||                                                \
    defined(__ROGUE_INTERFACES_MEMORY_FRAME_LOCK_H__) ||                                           \
    defined(__ROGUE_INTERFACES_MEMORY_MODULE_H__) ||                                               \
    defined(__ROGUE_INTERFACES_MEMORY_VARIABLE_H__) || defined(__ROGUE_INTERFACES_MODULE_H__) ||   \
    defined(__ROGUE_INTERFACES_STREAM_BUFFER_H__) ||                                               \
    defined(__ROGUE_INTERFACES_STREAM_FIFO_H__) ||                                                 \
    defined(__ROGUE_INTERFACES_STREAM_FILTER_H__) ||                                               \
    defined(__ROGUE_INTERFACES_STREAM_FRAME_ACCESSOR_H__) ||                                       \
    defined(__ROGUE_INTERFACES_STREAM_FRAME_H__) ||                                                \
    defined(__ROGUE_INTERFACES_STREAM_FRAME_ITERATOR_H__) ||                                       \
    defined(__ROGUE_INTERFACES_STREAM_MASTER_H__) ||                                               \
    defined(__ROGUE_INTERFACES_STREAM_MODULE_H__) ||                                               \
    defined(__ROGUE_INTERFACES_STREAM_POOL_H__) ||                                                 \
    defined(__ROGUE_INTERFACES_STREAM_RATE_DROP_H__) ||                                            \
    defined(__ROGUE_INTERFACES_STREAM_SLAVE_H__) ||                                                \
    defined(__ROGUE_INTERFACES_STREAM_TCP_CLIENT_H__) ||                                           \
    defined(__ROGUE_INTERFACES_STREAM_TCP_CORE_H__) ||                                             \
    defined(__ROGUE_INTERFACES_STREAM_TCP_SERVER_H__) || defined(__ROGUE_INTERFACE_API_BSP_H__) || \
    defined(__ROGUE_LIBRARY_BASE_H__) || defined(__ROGUE_MODULE_H__) ||                            \
    defined(__ROGUE_NUMPY_H__) || defined(__ROGUE_PROTOCOLS_BATCHER_COMBINER_V1_H__) ||            \
    defined(__ROGUE_PROTOCOLS_BATCHER_COMBINER_V2_H__) ||                                          \
    defined(__ROGUE_PROTOCOLS_BATCHER_CORE_V1_H__) ||                                              \
    defined(__ROGUE_PROTOCOLS_BATCHER_CORE_V2_H__) ||                                              \
    defined(__ROGUE_PROTOCOLS_BATCHER_DATA_H__) ||                                                 \
    defined(__ROGUE_PROTOCOLS_BATCHER_INVERTER_V1_H__) ||                                          \
    defined(__ROGUE_PROTOCOLS_BATCHER_INVERTER_V2_H__) ||                                          \
    defined(__ROGUE_PROTOCOLS_BATCHER_MODULE_H__) ||                                               \
    defined(__ROGUE_PROTOCOLS_BATCHER_SPLITTER_V1_H__) ||                                          \
    defined(__ROGUE_PROTOCOLS_BATCHER_SPLITTER_V2_H__) ||                                          \
    defined(__ROGUE_PROTOCOLS_EPICSV3_COMMAND_H__) ||                                              \
    defined(__ROGUE_PROTOCOLS_EPICSV3_MASTER_H__) ||                                               \
    defined(__ROGUE_PROTOCOLS_EPICSV3_MODULE_H__) || defined(__ROGUE_PROTOCOLS_EPICSV3_PV_H__) ||  \
    defined(__ROGUE_PROTOCOLS_EPICSV3_SERVER_H__) ||                                               \
    defined(__ROGUE_PROTOCOLS_EPICSV3_SLAVE_H__) ||                                                \
    defined(__ROGUE_PROTOCOLS_EPICSV3_VALUE_H__) ||                                                \
    defined(__ROGUE_PROTOCOLS_EPICSV3_VARIABLE_H__) ||                                             \
    defined(__ROGUE_PROTOCOLS_EPICSV3_WORK_H__) || defined(__ROGUE_PROTOCOLS_MODULE_H__) ||        \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_APPLICATION_H__) ||                                       \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_CONTROLLER_H__) ||                                        \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_CONTROLLER_V1_H__) ||                                     \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_CONTROLLER_V2_H__) ||                                     \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_CORE_H__) ||                                              \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_CORE_V2_H__) ||                                           \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_MODULE_H__) ||                                            \
    defined(__ROGUE_PROTOCOLS_PACKETIZER_TRANSPORT_H__) ||                                         \
    defined(__ROGUE_PROTOCOLS_ROCEV2_CORE_H__) || defined(__ROGUE_PROTOCOLS_ROCEV2_MODULE_H__) ||  \
    defined(__ROGUE_PROTOCOLS_ROCEV2_SERVER_H__) ||                                                \
    defined(__ROGUE_PROTOCOLS_RSSI_APPLICATION_H__) ||                                             \
    defined(__ROGUE_PROTOCOLS_RSSI_CLIENT_H__) ||                                                  \
    defined(__ROGUE_PROTOCOLS_RSSI_CONTROLLER_H__) ||                                              \
    defined(__ROGUE_PROTOCOLS_RSSI_HEADER_H__) || defined(__ROGUE_PROTOCOLS_RSSI_MODULE_H__) ||    \
    defined(__ROGUE_PROTOCOLS_RSSI_SERVER_H__) || defined(__ROGUE_PROTOCOLS_RSSI_TRANSPORT_H__) || \
    defined(__ROGUE_PROTOCOLS_SRP_CMD_H__) || defined(__ROGUE_PROTOCOLS_SRP_MODULE_H__) ||         \
    defined(__ROGUE_PROTOCOLS_SRP_SRPV0_H__) ||                                                    \
    defined(__ROGUE_PROTOCOLS_SRP_SRPV3EMULATION_H__) ||                                           \
    defined(__ROGUE_PROTOCOLS_SRP_SRPV3_H__) || defined(__ROGUE_PROTOCOLS_UDP_CLIENT_H__) ||       \
    defined(__ROGUE_PROTOCOLS_UDP_CORE_H__) || defined(__ROGUE_PROTOCOLS_UDP_MODULE_H__) ||        \
    defined(__ROGUE_PROTOCOLS_UDP_SERVER_H__) ||                                                   \
    defined(__ROGUE_PROTOCOLS_XILINX_JTAG_DRIVER_H__) ||                                           \
    defined(__ROGUE_PROTOCOLS_XILINX_MODULE_H__) ||                                                \
    defined(__ROGUE_PROTOCOLS_XILINX_XVC_CONNECTION_H__) ||                                        \
    defined(__ROGUE_PROTOCOLS_XILINX_XVC_H__) ||                                                   \
    defined(__ROGUE_PROTOCOLS_XILINX_XVC_SERVER_H__) || defined(__ROGUE_UTILITIES_FILEIO_H__) ||   \
    defined(__ROGUE_UTILITIES_FILEIO_LEGACY_STREAM_READER_H__) ||                                  \
    defined(__ROGUE_UTILITIES_FILEIO_LEGACY_STREAM_WRITER_H__) ||                                  \
    defined(__ROGUE_UTILITIES_FILEIO_MODULE_H__) ||                                                \
    defined(__ROGUE_UTILITIES_FILEIO_STREAM_READER_H__) ||                                         \
    defined(__ROGUE_UTILITIES_FILEIO_STREAM_WRITER_CHANNEL_H__) ||                                 \
    defined(__ROGUE_UTILITIES_FILEIO_STREAM_WRITER_H__) || defined(__ROGUE_UTILITIES_PRBS_H__) ||  \
    defined(__ROGUE_UTILITIES_STREAM_UN_ZIP_H__) || defined(__ROGUE_UTILITIES_STREAM_ZIP_H__) ||   \
    defined(__ROGUE_ZMQ_CLIENT_H__) || defined(__ROGUE_ZMQ_SERVER_H__)
#define ROGUE_MEMORY_BRIDGE_MEETS_ROGUE
#endif
#endif

#ifdef ROGUE_MEMORY_BRIDGE_MEETS_ROGUE
#error "This program includes headers of Rogue and of rogue-memory-bridge, which stands in for \
Rogue's memory bus: use one of the two. For the memory bus alone, take Rogue's include directory \
and library out of the program. For Rogue's other parts (streams, protocols, hardware), take \
rogue-memory-bridge out, or use its C interface, rogue/rim.h, which may stand beside Rogue. If the \
program has its own copy of a header of Rogue's (MemMap.h), define ROGUE_MEMORY_BRIDGE_OWN_COPIES. \
See docs/from-rogue.md."
#include "stopped by the error above"
#endif

#ifndef ROGUE_DIRECTIVES_H
#define ROGUE_DIRECTIVES_H

// Older C libraries define the PRIu64 family of <inttypes.h> for C++ only if this macro is set.
#ifndef __STDC_FORMAT_MACROS
#define __STDC_FORMAT_MACROS
#endif

// std::string and similar types differ between libc++, libstdc++, and libstdc++ with its ABI from
// before GCC 5. A program that is compiled for another one than the bridge would fail to link, with
// symbols missing; this check says why. The build makes BuiltWith.h; it is not in the source tree.
#if defined(__cplusplus) && defined(__has_include)
#if __has_include("rogue/BuiltWith.h")
#include "rogue/BuiltWith.h"

#include <cstddef> // the smallest header that says which standard library this is
#if defined(_LIBCPP_VERSION) && !ROGUE_MEMORY_BRIDGE_LIBCXX
#error "This source is compiled for libc++, and rogue-memory-bridge was built with libstdc++: \
leave out -stdlib=libc++, or build rogue-memory-bridge with it. See docs/packaging.md."
#include "stopped by the error above"
#elif defined(__GLIBCXX__) && ROGUE_MEMORY_BRIDGE_LIBCXX
#error "This source is compiled for libstdc++, and rogue-memory-bridge was built with libc++: \
add -stdlib=libc++, or build rogue-memory-bridge without it. See docs/packaging.md."
#include "stopped by the error above"
#elif defined(__GLIBCXX__) && _GLIBCXX_USE_CXX11_ABI && !ROGUE_MEMORY_BRIDGE_CXX11_ABI
#error "This source is compiled with _GLIBCXX_USE_CXX11_ABI=1, and rogue-memory-bridge was built \
with 0: add -D_GLIBCXX_USE_CXX11_ABI=0, or build rogue-memory-bridge without it. See \
docs/packaging.md."
#include "stopped by the error above"
#elif defined(__GLIBCXX__) && !_GLIBCXX_USE_CXX11_ABI && ROGUE_MEMORY_BRIDGE_CXX11_ABI
#error "This source is compiled with _GLIBCXX_USE_CXX11_ABI=0, and rogue-memory-bridge was built \
with 1: leave out -D_GLIBCXX_USE_CXX11_ABI=0, or build rogue-memory-bridge with it. See \
docs/packaging.md."
#include "stopped by the error above"
#endif

// In libstdc++'s debug mode (_GLIBCXX_DEBUG) a vector is larger. Functions that return one cannot
// be called if the mode is not the one that the bridge was built with.
#if defined(_LIBCPP_VERSION) || defined(_GLIBCXX_DEBUG) == ROGUE_MEMORY_BRIDGE_DEBUG_CONTAINERS
#elif defined(__clang__)
#define ROGUE_MEMORY_BRIDGE_RETURNS_VECTOR                                                         \
    __attribute__((unavailable("rogue-memory-bridge was not built with the same _GLIBCXX_DEBUG")))
#else
#define ROGUE_MEMORY_BRIDGE_RETURNS_VECTOR                                                         \
    __attribute__((error("rogue-memory-bridge was not built with the same _GLIBCXX_DEBUG")))
#endif
#endif
#endif
#ifndef ROGUE_MEMORY_BRIDGE_RETURNS_VECTOR
#define ROGUE_MEMORY_BRIDGE_RETURNS_VECTOR
#endif

#endif
