SRC += $(addprefix tcg/opt/, fold.c fold_arith.c fold_compare.c fold_lanes.c fold_logic.c fold_shift.c fold_vec.c)
SRC += tcg/opt/passes.c tcg/opt/dce.c tcg/opt/flags.c tcg/opt/refold.c tcg/opt/blocks.c tcg/opt/forward.c tcg/opt/loop.c tcg/opt/phis.c tcg/opt/bases.c tcg/opt/lazy.c tcg/opt/sink.c tcg/opt/peel.c
