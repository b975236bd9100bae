SRC += hw/virtio/blk.c hw/virtio/mmio.c hw/virtio/net.c hw/virtio/pci.c hw/virtio/queue.c hw/virtio/packed.c hw/virtio/rng.c hw/virtio/serial.c hw/virtio/virtio.c
