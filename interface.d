interface.o: kernel/net/interface.c kernel/net/acknowledge.h \
  kernel/net/copy.h kernel/net/cut.h kernel/net/stack.h \
  drivers/virtio/net.h drivers/virtio/port.h kernel/net/lwip.h \
  kernel/net/network.h kernel/net/offload.h kernel/net/packet.h \
  lib/containing.h lib/error.h

kernel/net/acknowledge.h:

kernel/net/copy.h:

kernel/net/cut.h:

kernel/net/stack.h:

drivers/virtio/net.h:

drivers/virtio/port.h:

kernel/net/lwip.h:

kernel/net/network.h:

kernel/net/offload.h:

kernel/net/packet.h:

lib/containing.h:

lib/error.h:
