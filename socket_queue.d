socket_queue.o: kernel/net/socket_queue.c kernel/net/memory.h \
  kernel/net/socket.h kernel/libc_file.h kernel/net/stack.h \
  drivers/virtio/net.h drivers/virtio/port.h kernel/net/lwip.h \
  kernel/net/network.h lib/containing.h

kernel/net/memory.h:

kernel/net/socket.h:

kernel/libc_file.h:

kernel/net/stack.h:

drivers/virtio/net.h:

drivers/virtio/port.h:

kernel/net/lwip.h:

kernel/net/network.h:

lib/containing.h:
