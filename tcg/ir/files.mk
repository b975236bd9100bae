SRC += tcg/ir/ops.c tcg/ir/build.c tcg/ir/slots.c tcg/ir/make.c tcg/ir/edit.c tcg/ir/print.c tcg/ir/eval.c tcg/ir/cfg.c tcg/ir/verify.c tcg/ir/parse.c
