SRC += tcg/opt/fold.c tcg/opt/passes.c tcg/opt/dce.c tcg/opt/flags.c tcg/opt/refold.c
