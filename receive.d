receive.o: kernel/net/receive.c kernel/net/checksum.h \
  kernel/net/headers.h kernel/net/merge.h kernel/net/offload.h \
  drivers/virtio/net.h drivers/virtio/port.h kernel/net/lwip.h \
  kernel/net/packet.h kernel/net/stack.h kernel/net/network.h \
  kernel/net/time_wait.h lib/be.h

kernel/net/checksum.h:

kernel/net/headers.h:

kernel/net/merge.h:

kernel/net/offload.h:

drivers/virtio/net.h:

drivers/virtio/port.h:

kernel/net/lwip.h:

kernel/net/packet.h:

kernel/net/stack.h:

kernel/net/network.h:

kernel/net/time_wait.h:

lib/be.h:
