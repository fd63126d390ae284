merge.o: kernel/net/merge.c kernel/net/merge.h kernel/net/checksum.h \
  kernel/net/headers.h lib/be.h

kernel/net/merge.h:

kernel/net/checksum.h:

kernel/net/headers.h:

lib/be.h:
