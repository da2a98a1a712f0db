#!/bin/sh
# The demo ends well with the examples as they are, also under valgrind if it is there, and fails when a value is wrong.
. "$(dirname "$0")/common.sh"

demo() {
    sh "$SOURCE/examples/demo.sh" "$1" 2>&1
}

install_to "$scratch/prefix"
configure "$SOURCE/examples" "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix"
cmake --build "$scratch/build"
demo "$scratch/build" >"$scratch/said" || { cat "$scratch/said"; fail "the demo fails"; }
cat "$scratch/said"
[ "$(grep -c ' ok$' "$scratch/said")" -ge 16 ] || fail "the demo shows fewer than 8 accesses of each client"
! grep -q WRONG "$scratch/said" || fail "the demo ends with 0 although a value is wrong"

# The same with memory that lies, client by client
mkdir "$scratch/liar"
sed 's/rim::Emulate::create(4, 1024 \* 1024)/std::make_shared<Liar>()/' "$SOURCE/examples/server.cpp" >"$scratch/liar.cpp"
grep -q Liar "$scratch/liar.cpp" || fail "the server of the examples has changed: adapt this test"
"$CXX" -std=c++14 -include "$SOURCE/tests/package/liar.h" -I "$SOURCE/include" "$scratch/liar.cpp" "$LIBBRIDGE" \
    -Wl,-rpath,"$(dirname "$LIBBRIDGE")" -o "$scratch/liar/server"
for client in client client-c; do
    printf '#!/bin/sh\nexit 0\n' >"$scratch/liar/client"
    cp "$scratch/liar/client" "$scratch/liar/client-c"
    chmod +x "$scratch/liar/client" "$scratch/liar/client-c"
    demo "$scratch/liar" >"$scratch/said" || { cat "$scratch/said"; fail "the lying server itself fails"; }
    cp "$scratch/build/$client" "$scratch/liar/$client"
    if demo "$scratch/liar" >"$scratch/said"; then fail "$client calls wrong values right"; fi
    [ "$(grep -c ' WRONG$' "$scratch/said")" -ge 4 ] || { cat "$scratch/said"; fail "$client overlooks wrong values"; }
done

command -v valgrind >/dev/null || exit 0
mkdir "$scratch/valgrind"
for program in server client client-c; do
    cat >"$scratch/valgrind/$program" <<END
#!/bin/sh
exec valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite \
    "$scratch/build/$program" "\$@"
END
    chmod +x "$scratch/valgrind/$program"
done
demo "$scratch/valgrind" >"$scratch/said" || { cat "$scratch/said"; fail "valgrind found something"; }
