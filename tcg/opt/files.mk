SRC += tcg/opt/fold.c
