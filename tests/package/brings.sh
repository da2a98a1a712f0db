#!/bin/sh
# A program that includes one header and nothing else gets by it what Rogue's header of that name brings along: standard
# headers and declared names, those of Rogue 5.18, 6.8 and 6.15 together. Each header stands in the table with what it
# brings; a program that relies on all of that is compiled by each compiler.
. "$(dirname "$0")/common.sh"

cat >"$scratch/table" <<'END'
rogue/Directives.h
rogue/EnableSharedFromThis.h memory
rogue/GeneralError.h stdint exception memory string
rogue/GilRelease.h stdint
rogue/Helpers.h
rogue/Logging.h stdint atomic exception memory mutex string thread vector
rogue/Queue.h stdint atomic condition_variable mutex queue
rogue/ScopedGil.h
rogue/Version.h stdint atomic string
rogue/interfaces/memory/Constants.h stdint
rogue/interfaces/memory/Emulate.h stdint memory thread vector map Logging Slave Transaction
rogue/interfaces/memory/Hub.h stdint memory string thread map vector Logging Master Slave Transaction
rogue/interfaces/memory/Master.h stdint map memory string thread vector timeval Logging Slave* Transaction*
rogue/interfaces/memory/Slave.h stdint map memory string vector thread Logging Master Transaction TransactionMap
rogue/interfaces/memory/TcpClient.h stdint atomic condition_variable memory string thread Logging Slave Transaction Master
rogue/interfaces/memory/TcpServer.h stdint atomic memory string thread Logging Master Slave* Transaction*
rogue/interfaces/memory/Transaction.h stdint condition_variable map memory mutex string thread timeval Logging TransactionLock* Master* Hub* TransactionMap
rogue/interfaces/memory/TransactionLock.h stdint memory thread Transaction*
END
(cd "$SOURCE/include" && find rogue -name '*.h' ! -name rim.h ! -name TcpStats.h | sort) >"$scratch/headers"
sed 's/ .*//' "$scratch/table" | sort | diff "$scratch/headers" - >&2 || fail "the table has other headers than there are"

use() { # use WHAT: writes a use of it. A class with a star is declared and no more; without, it can be used.
    case $1 in
    stdint) echo 'uint64_t use_stdint() { return UINT64_C(1); }' ;;
    atomic) echo 'std::atomic<int> use_atomic{0};' ;;
    condition_variable) echo 'std::condition_variable use_condition_variable;' ;;
    exception) echo 'std::exception_ptr use_exception() { return std::current_exception(); }' ;;
    map) echo 'std::map<int, int> use_map;' ;;
    memory) echo 'std::unique_ptr<int> use_unique; std::shared_ptr<int> use_shared() { return std::make_shared<int>(1); }' ;;
    mutex) echo 'std::recursive_mutex use_recursive; std::mutex use_mutex; std::lock_guard<std::mutex> use_guard(use_mutex);' ;;
    queue) echo 'std::queue<int> use_queue;' ;;
    string) echo 'std::string use_string = std::to_string(1);' ;;
    thread) echo 'std::thread use_thread; std::thread::id use_id() { return std::this_thread::get_id(); }' ;;
    vector) echo 'std::vector<int> use_vector(1);' ;;
    timeval) echo 'long use_timeval() { struct timeval time = {1, 2}; return time.tv_sec; }' ;;
    Logging) echo 'rogue::LoggingPtr use_logging() { return rogue::Logging::create("x"); }' ;;
    TransactionMap) echo 'rogue::interfaces::memory::TransactionMap use_transactions;' ;;
    *\*) echo "std::shared_ptr<rogue::interfaces::memory::${1%?}> use_${1%?};" ;;
    *) echo "uint64_t use_$1() { return sizeof(rogue::interfaces::memory::$1) + (rogue::interfaces::memory::${1}Ptr() ? 1 : 0); }" ;;
    esac
}

# The headers that ours name themselves, one through the other: what a standard header happens to bring along with one
# library is not there with another.
named() { # named HEADER
    sed -n 's/^#include <\(.*\)>.*/\1/p' "$SOURCE/include/$1"
    for other in $(sed -n 's/^#include "\(rogue\/.*\)".*/\1/p' "$SOURCE/include/$1" | grep -v BuiltWith); do
        if [ "$other" != "$1" ]; then named "$other"; fi
    done
}

while read -r header brings; do
    source=$scratch/$(echo "${header%.h}" | tr / _).cpp
    echo "#include \"$header\"" >"$source"
    named "$header" | sort -u >"$scratch/named"
    set -f
    for what in $brings; do
        use "$what" >>"$source"
        case $what in
        stdint) standard=stdint.h ;;
        [a-z]*) standard=$what ;;
        *) continue ;;
        esac
        [ "$standard" != timeval ] || continue # comes with <thread>, as with Rogue's
        grep -qx "$standard" "$scratch/named" || fail "$header does not include <$standard>, as Rogue's does"
    done
    set +f
done <"$scratch/table"

cd "$scratch"
jobs=$(nproc 2>/dev/null || echo 1)
for compiler in "$CXX" clang++; do
    command -v "$compiler" >/dev/null || fail "$compiler is missing"
    ls ./*.cpp | xargs -P "$jobs" -n 3 "$compiler" -std=c++14 -I "$SOURCE/include" -fsyntax-only ||
        fail "$compiler: see above"
done
