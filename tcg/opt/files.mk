SRC += tcg/opt/fold.c tcg/opt/passes.c tcg/opt/dce.c tcg/opt/flags.c tcg/opt/refold.c tcg/opt/blocks.c tcg/opt/forward.c tcg/opt/loop.c tcg/opt/phis.c tcg/opt/bases.c tcg/opt/lazy.c tcg/opt/peel.c
