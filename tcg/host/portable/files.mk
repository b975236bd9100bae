SRC += tcg/host/portable/interp.c tcg/host/portable/fp.c tcg/host/portable/vec.c tcg/host/portable/lanes.c tcg/host/portable/vecfp.c \
       tcg/host/portable/sha.c
# The compiler must neither fold floating point, nor move it over a change of the rounding mode, nor fuse it.
CFLAGS_tcg/host/portable/fp.c := -frounding-math -ftrapping-math -ffp-contract=off
