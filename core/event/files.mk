SRC += core/event/clock.c core/event/loop.c core/event/timer.c
SRC += core/event/coroutine.c core/event/iothread.c core/event/workers.c core/event/aio_uring.c core/event/aio_threads.c core/event/colock.c
