socket_datagram.o: kernel/net/socket_datagram.c kernel/net/copy.h \
  kernel/net/network.h kernel/net/offload.h drivers/virtio/net.h \
  drivers/virtio/port.h kernel/net/lwip.h kernel/net/socket.h \
  kernel/libc_file.h kernel/net/stack.h

kernel/net/copy.h:

kernel/net/network.h:

kernel/net/offload.h:

drivers/virtio/net.h:

drivers/virtio/port.h:

kernel/net/lwip.h:

kernel/net/socket.h:

kernel/libc_file.h:

kernel/net/stack.h:
