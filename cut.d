cut.o: kernel/net/cut.c kernel/net/cut.h kernel/net/stack.h \
  drivers/virtio/net.h drivers/virtio/port.h kernel/net/lwip.h \
  kernel/net/network.h kernel/net/checksum.h kernel/net/headers.h \
  lib/be.h

kernel/net/cut.h:

kernel/net/stack.h:

drivers/virtio/net.h:

drivers/virtio/port.h:

kernel/net/lwip.h:

kernel/net/network.h:

kernel/net/checksum.h:

kernel/net/headers.h:

lib/be.h:
