/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exception was, for a person to read: its class by name, where it came from, the
 * registers, and how the program got there (Arm Architecture Reference Manual, D17.2.37: ESR_EL1).
 *
 *     make run ARCH=aarch64 APP=crash ARGS=null
 *
 * Left out: returning. Nothing of ours faults on purpose, but for the firmware calls that trap.S
 * knows.
 */
#include <stddef.h>

#include "arch/aarch64/trap.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "kernel/layout.h"
#include "lib/format.h"

struct trap_frame {
	uint64_t x[31];
	uint64_t sp, elr, spsr, esr, far;
	uint64_t vector; /* its number in the vector table */
	uint64_t unused; /* keeps the stack aligned to 16 */
};

_Static_assert(offsetof(struct cpu, self) == CPU_SELF, "head.S");
_Static_assert(offsetof(struct cpu, fault_stack) == CPU_FAULT_STACK, "trap.S");
_Static_assert(offsetof(struct cpu, scratch) == CPU_SCRATCH, "trap.S");
_Static_assert(offsetof(struct trap_frame, sp) == TRAP_SP, "trap.S");
_Static_assert(offsetof(struct trap_frame, elr) == TRAP_ELR, "trap.S");
_Static_assert(offsetof(struct trap_frame, spsr) == TRAP_SPSR, "trap.S");
_Static_assert(offsetof(struct trap_frame, esr) == TRAP_ESR, "trap.S");
_Static_assert(offsetof(struct trap_frame, far) == TRAP_FAR, "trap.S");
_Static_assert(offsetof(struct trap_frame, vector) == TRAP_VECTOR, "trap.S");
_Static_assert(sizeof(struct trap_frame) == TRAP_FRAME, "trap.S");

_Noreturn void trap_report(const struct trap_frame *frame);

/* ---- Names -------------------------------------------------------------------- */

#define VECTOR_SYNC 4 /* synchronous, from EL1 with its own stack pointer */

enum class {
	CLASS_INSTRUCTION_ABORT = 0x21,
	CLASS_PC_ALIGNMENT = 0x22,
	CLASS_DATA_ABORT = 0x25,
};

#define ESR_CLASS(esr) ((esr) >> 26 & 0x3f)
#define ESR_FAR_INVALID (1 << 10)
#define ESR_WRITE (1 << 6)
#define ESR_STATUS(esr) ((esr)&0x3f)
#define IS_TRANSLATION(status) ((status) / 4 == 1) /* at any level */

/* One behind the other, each with its class before it, in octal: pointers to them would take twice the space. */
static const char class_names[] = "\000undefined instruction\0"
				  "\001trapped WFI or WFE\0"
				  "\007trapped floating-point instruction\0"
				  "\015branch target exception\0"
				  "\016illegal execution state\0"
				  "\025supervisor call\0"
				  "\026hypervisor call\0"
				  "\027secure monitor call\0"
				  "\030trapped system register\0"
				  "\031trapped SVE instruction\0"
				  "\034pointer authentication failure\0"
				  "\040instruction abort from EL0\0"
				  "\041instruction abort\0"
				  "\042misaligned program counter\0"
				  "\044data abort from EL0\0"
				  "\045data abort\0"
				  "\046misaligned stack pointer\0"
				  "\054floating-point exception\0"
				  "\057system error\0"
				  "\061breakpoint\0"
				  "\063software step\0"
				  "\065watchpoint\0"
				  "\074BRK instruction\0";

static const char *class_name(uint64_t class)
{
	const char *name = class_names;

	while (name < class_names + sizeof(class_names) - 1) {
		if ((uint8_t)*name++ == class)
			return name;
		while (*name++ != '\0')
			;
	}
	return "exception of an unknown class";
}

static const char *vector_name(uint64_t vector)
{
	static const char *const kinds[] = { "synchronous exception", "interrupt", "fast interrupt",
					     "system error" };
	return kinds[vector % 4];
}

/* An abort's fault status code; its last two bits are the level of the table walk. */
static const char *status_name(uint64_t status)
{
	static const char *const by_level[] = { "address size fault", "translation fault",
						"access flag fault", "permission fault" };
	if (status < 16)
		return by_level[status / 4];
	if (status == 0x10)
		return "external abort: nothing answers there";
	if (status >= 0x14 && status <= 0x17)
		return "external abort on a page table walk";
	if (status == 0x21)
		return "misaligned";
	return "fault of an unknown kind";
}

/* What an address of ours probably is, when it is none that should be accessed. */
static const char *address_name(uint64_t address, uint64_t status)
{
	if (address < PAGE_SIZE)
		return " (a null pointer)";
	if (address >= STACK_BASE && address < IMAGE_BASE)
		return IS_TRANSLATION(status) ? " (a stack's guard page: it has overflowed)"
					      : " (a stack)";
	if (address >= (uintptr_t)image_start && address < (uintptr_t)text_end)
		return " (code)";
	if (address >= (uintptr_t)text_end && address < (uintptr_t)rodata_end)
		return " (constants)";
	return "";
}

/* ---- The report ------------------------------------------------------------------ */

static void print_abort(const struct trap_frame *frame)
{
	uint64_t class = ESR_CLASS(frame->esr);
	const char *access = class == CLASS_INSTRUCTION_ABORT ? "execute"
			     : frame->esr & ESR_WRITE         ? "write"
							      : "read";

	if (frame->esr & ESR_FAR_INVALID)
		kprint("  %s, by a %s\n", status_name(ESR_STATUS(frame->esr)), access);
	else
		kprint("  %s, tried to %s 0x%016lx%s\n", status_name(ESR_STATUS(frame->esr)),
		       access, (unsigned long)frame->far,
		       address_name(frame->far, ESR_STATUS(frame->esr)));
}

static void print_registers(const struct trap_frame *frame)
{
	kprint("  elr 0x%016lx  spsr 0x%08lx  esr 0x%08lx  far 0x%016lx\n",
	       (unsigned long)frame->elr, (unsigned long)frame->spsr, (unsigned long)frame->esr,
	       (unsigned long)frame->far);
	for (unsigned i = 0; i < 31; i++) {
		kprint("  %sx%u 0x%016lx%s", i < 10 ? " " : "", i, (unsigned long)frame->x[i],
		       i % 4 == 3 ? "\n" : "");
	}
	kprint("   sp 0x%016lx\n", (unsigned long)frame->sp);
}

_Noreturn void trap_report(const struct trap_frame *frame)
{
	/* A fault while reporting must not bring us here for ever: the second one says where it
	 * was, the third one is silent. */
	static unsigned depth;
	cpu_stop_others();
	depth++;
	if (depth > 2)
		arch_shutdown(EXIT_EXCEPTION);

	uint64_t class = ESR_CLASS(frame->esr);
	console_end_line();
	if (depth == 2) {
		kprint("exception while reporting: %s, elr 0x%lx, far 0x%lx\n", class_name(class),
		       (unsigned long)frame->elr, (unsigned long)frame->far);
		kernel_exit(EXIT_EXCEPTION);
	}

	kprint("exception: %s on CPU %u\n",
	       frame->vector == VECTOR_SYNC ? class_name(class) : vector_name(frame->vector),
	       arch_cpu()->id);
	if (frame->vector == VECTOR_SYNC &&
	    (class == CLASS_DATA_ABORT || class == CLASS_INSTRUCTION_ABORT))
		print_abort(frame);
	print_registers(frame);
	/* Where a jump went nowhere, what counts is who jumped: a call has left that in x30. */
	bool jumped = class == CLASS_INSTRUCTION_ABORT || class == CLASS_PC_ALIGNMENT;
	backtrace(jumped ? frame->x[30] : frame->elr, jumped ? 0 : frame->x[30], frame->x[29]);
	kernel_exit(EXIT_EXCEPTION);
}
