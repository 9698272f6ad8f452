# Programs outside the tree, built and run with nothing but what `meson install` puts in place; sourced by tests/run after
# tests/networks.sh, whose networks they run. The installed tree lies where it was not configured to: it can be moved.
stage=$PWD/build/consumers
example=$PWD/tests/examples
network=$PWD/build/models/resnet50.onnx
rm -rf "$stage"
mkdir -p "$stage"
warnings="-Wall -Wextra -Wpedantic -Werror"

# installed NAME BUILD: installs, and sets `library` to where its libraries are.
installed() {
    count "$1" meson install -C "$2" --no-rebuild --quiet --destdir "$stage/$3"
    library=$(dirname "$(find "$stage/$3" -name libstoa.so)")
    export PKG_CONFIG_PATH=$library/pkgconfig
}

# needed LIBRARY NAMES...: it depends on these and on nothing else.
needed() {
    local file=$1 found
    shift
    found=$(readelf -d "$file" | sed -n 's/.*NEEDED.*\[\(.*\)\.so\..*/\1/p' | sort | tr '\n' ' ')
    [ "$found" = "$* " ] || { echo "depends on $found"; return 1; }
}

small() {
    strip -o "$stage/stripped" "$1" && size=$(stat -c %s "$stage/stripped") && echo "$size bytes" && [ "$size" -lt 1500000 ]
}

# declared INSTALLED: what the installed headers declare, the libraries beside them have.
declared() {
    local headers missing
    headers=$(dirname "$(find "$stage/$1" -name stoa.h)")
    missing=$(sh src/exported.sh "$headers"/*.h | sed -n 's/^  \(stoa_.*\);$/\1/p' | sort |
        comm -23 - <(nm -D --defined-only "$library"/*.so | sed -n 's/.* T //p' | sort))
    [ -z "$missing" ] || { echo "$missing"; return 1; }
}

# agrees PROGRAM...: it prints what the tree's own prints.
agrees() {
    local expected found
    expected=$(build/release/tests/examples/embed "$network") && found=$("$@" "$network") || { echo "$found"; return 1; }
    [ -n "$expected" ] && [ "$found" = "$expected" ] || { echo "$found, not $expected"; return 1; }
}

# compiled OUTPUT COMPILER...
compiled() {
    local output=$1
    shift
    "$@" -o "$stage/$output"
}

installed 'meson install' build/release full
count 'libstoa is under 1.5 MB stripped' small "$library/libstoa.so"
count 'what the headers declare is there' declared full
count 'libstoa depends on OpenBLAS, protobuf-c and the C library alone' \
    needed "$library/libstoa.so" libc libm libopenblas libprotobuf-c
count 'libstoa-data depends on image libraries, not on BLAS' needed "$library/libstoa-data.so" libc libjpeg libpng16 libz

# shellcheck disable=SC2046,SC2086
{
    count 'C by pkg-config' compiled c cc -std=c11 $warnings "$example/embed.c" $(pkg-config --cflags --libs stoa)
    count 'C++17 by pkg-config' compiled cpp c++ -std=c++17 $warnings tests/consumers/embed.cpp $(pkg-config --cflags --libs stoa)
    count 'libstoa-data by pkg-config' compiled data cc -std=c11 $warnings tests/consumers/data.c $(pkg-config --cflags --libs stoa-data)
    count 'libstoa-show by pkg-config' compiled show cc -std=c11 $warnings tests/consumers/show.c $(pkg-config --cflags --libs stoa-show)
    # The linker takes the first folder that has either library: here the static one.
    mkdir "$stage/static"
    cp "$library/libstoa.a" "$stage/static"
    count 'C by pkg-config, static' compiled static-c cc -std=c11 $warnings "$example/embed.c" -L"$stage/static" \
        $(pkg-config --cflags --libs --static stoa)
    count 'C by pkg-config, static: needs no libstoa.so' needed "$stage/static-c" libc libm libopenblas libprotobuf-c
}
for program in c cpp; do
    count "$program by pkg-config: runs" agrees env LD_LIBRARY_PATH="$library" "$stage/$program"
done
count 'libstoa-data by pkg-config: runs' env LD_LIBRARY_PATH="$library" "$stage/data"
count 'libstoa-show by pkg-config: runs' env LD_LIBRARY_PATH="$library" "$stage/show" "$network"
count 'C by pkg-config, static: runs' agrees "$stage/static-c"

count 'find_package(stoa)' cmake -S tests/consumers -B "$stage/cmake" -Dstoa_DIR="$library/cmake/stoa" -DEXAMPLES="$example"
count 'find_package(stoa): builds' cmake --build "$stage/cmake"
for program in shared static cpp; do
    count "find_package(stoa), $program: runs" agrees "$stage/cmake/$program"
done
count 'find_package(stoa), data: runs' "$stage/cmake/data"
count 'find_package(stoa), show: runs' "$stage/cmake/show" "$network"

module=$(dirname "$(dirname "$(find "$stage/full" -name declarations.py)")")
count 'Python: runs' env PYTHONPATH="$module" /usr/bin/python3 -c 'import sys, stoa; stoa.Session(sys.argv[1]).summary()' "$network"

# A library that cannot train: the same program runs.
installed 'meson install, without training' build/inference inference
count 'without training: what the headers declare is there' declared inference
# shellcheck disable=SC2046,SC2086
count 'without training: C by pkg-config' compiled inference-c cc -std=c11 $warnings "$example/embed.c" $(pkg-config --cflags --libs stoa)
count 'without training: runs' env LD_LIBRARY_PATH="$library" "$stage/inference-c" "$network"
unset PKG_CONFIG_PATH
