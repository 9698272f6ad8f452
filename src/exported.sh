#!/bin/sh
# The linker's version script of the functions that the headers given declare: nothing else leaves the library. Hidden
# visibility alone does not do, as compilers forget it for functions with several targets.
echo '{ global:'
sed -n 's/^STOA_API.*[ *]\(stoa_[a-z0-9_]*\)(.*/  \1;/p' "$@"
echo 'local: *; };'
