SRC += hw/fw/bootorder.c hw/fw/fw_cfg.c hw/fw/smbios.c
