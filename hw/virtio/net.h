/* hw/virtio/net.h - the network card's end of its cable. */
#pragma once

struct device;
struct net_port;

/** virtio_net_port - the port of a realized virtio-net-device. */
struct net_port *virtio_net_port(struct device *dev);
