SRC += hw/fw/fw_cfg.c
