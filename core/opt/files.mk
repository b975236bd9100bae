SRC += core/opt/optlist.c core/opt/optlist_parse.c core/opt/parse.c core/opt/sys.c core/opt/user.c core/opt/help.c core/opt/version.c core/opt/personality.c
SRC += core/opt/identify.c core/opt/run.c
