checksum.o: kernel/net/checksum.c kernel/net/checksum.h

kernel/net/checksum.h:
