# Writes registry.c: for each .def file that begins with `#registry STRUCT ARRAY`, the array of what its lines name.
# Each array becomes an object of its own, so that a unit test that reads one list does not link all the others.
# A line reads `KIND SYMBOL`: KIND is for the reader (device_type, machine_type, ...), SYMBOL is what gets its address taken.
BEGIN { print "/* Written from the .def lists by core/registry.awk: every type, in the lists' order. */\n#include <stddef.h>" }
function finish() { if (array != "") printf "\n#ifdef REGISTRY_%s  /* %s */\nstruct %s;\n%sextern const struct %s *const %s[];\nconst struct %s *const %s[] = {\n%s    NULL,\n};\n#endif\n", array, from, type, externs, type, array, type, array, entries }
FNR == 1 { finish(); type = $2; array = $3; from = FILENAME; externs = entries = "" }
/^[ \t]*(#|$)/ { next }
NF != 2 { printf "%s:%d: expected `KIND SYMBOL'\n", FILENAME, FNR > "/dev/stderr"; failed = 1; exit 1 }
{ externs = externs "extern const struct " type " " $2 ";\n"; entries = entries "    &" $2 ",\n" }
END { if (failed) exit 1; finish() }
