SRC += hw/fw/fw_cfg.c hw/fw/smbios.c
