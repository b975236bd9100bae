SRC += targets/jump.c
INSNGEN_SRC += $(addprefix targets/gen/, insngen.c read.c check.c decoder.c output.c)
