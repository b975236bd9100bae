SRC += $(addprefix accel/tcg/,accel.c exclusive.c hot.c info.c listing.c run.c slow.c tlb.c translate.c user.c)
