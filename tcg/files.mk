SRC += tcg/tcg.c tcg/cache/codebuf.c tcg/cache/lookup.c tcg/cache/link.c tcg/cache/page.c tcg/cache/evict.c
