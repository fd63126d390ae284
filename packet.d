packet.o: kernel/net/packet.c kernel/net/packet.h kernel/net/stack.h \
  drivers/virtio/net.h drivers/virtio/port.h kernel/net/lwip.h \
  kernel/net/network.h kernel/net/copy.h kernel/net/memory.h

kernel/net/packet.h:

kernel/net/stack.h:

drivers/virtio/net.h:

drivers/virtio/port.h:

kernel/net/lwip.h:

kernel/net/network.h:

kernel/net/copy.h:

kernel/net/memory.h:
