# SPDX-License-Identifier: BSD-2-Clause
# What `help PROGRAM` prints stands at the top of the program's main.c, for whoever reads that.

$(B)/apps/shell/program_help.c: tools/program_help.sh $(PROGRAMS:%=apps/%/main.c)
	@mkdir -p $(@D)
	@tools/program_help.sh $(filter %.c,$^) > $@
$(B)/apps/shell/program_help.o: $(B)/apps/shell/program_help.c $(B)/flags $(C_LIBRARY) | need-build
	$(call say,CC,$@)
	$(Q)$(COMPILE) $(CFLAGS_APP) -c -o $@ $<
$(B)/apps/shell.o: $(B)/apps/shell/program_help.o
