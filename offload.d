offload.o: kernel/net/offload.c kernel/net/offload.h drivers/virtio/net.h \
  drivers/virtio/port.h kernel/net/lwip.h kernel/net/cut.h \
  kernel/net/stack.h kernel/net/network.h kernel/net/headers.h \
  kernel/net/hooks.h lib/be.h

kernel/net/offload.h:

drivers/virtio/net.h:

drivers/virtio/port.h:

kernel/net/lwip.h:

kernel/net/cut.h:

kernel/net/stack.h:

kernel/net/network.h:

kernel/net/headers.h:

kernel/net/hooks.h:

lib/be.h:
