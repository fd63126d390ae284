/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions and interrupts on x86_64: Intel SDM volume 3, chapter 6.
 *
 * The kernel causes no exception on purpose, so each one is reported for a person (what, where,
 * registers, backtrace) and ends the run with status EXIT_EXCEPTION. A report runs on a stack of its
 * own (processor.h): thus it works too when the stack has run into its guard page. An exception
 * during a report gets one line, and one during that line gets silence.
 *
 * See it at work: make run APP=crash ARGS=stack
 */
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/processor.h"
#include "arch/x86_64/vectors.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "kernel/exit.h"
#include "kernel/irq.h"
#include "kernel/memory.h"

/* What traps_entry.S pushes, and above it what the CPU pushed. */
struct trap_frame {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "64-bit IDT gate");

#define GATE_INTERRUPT 0x8e /* present, ring 0, masks interrupts */
#define EXCEPTION_STUB_SIZE 16
#define INTERRUPT_STUB_SIZE 8

enum exception {
	EXCEPTION_NMI = 2,
	EXCEPTION_DOUBLE_FAULT = 8,
	EXCEPTION_PAGE_FAULT = 14,
	EXCEPTION_MACHINE_CHECK = 18,
};

static const char *const exception_names[VECTOR_EXCEPTIONS] = {
	[0] = "divide error",
	[1] = "debug exception",
	[2] = "non-maskable interrupt",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[6] = "invalid opcode",
	[7] = "no vector unit",
	[8] = "double fault",
	[10] = "invalid task-state segment",
	[11] = "segment not present",
	[12] = "stack segment fault",
	[13] = "general protection fault",
	[14] = "page fault",
	[16] = "x87 floating-point error",
	[17] = "unaligned access",
	[18] = "machine check",
	[19] = "vector floating-point error",
	[20] = "virtualization exception",
	[21] = "control protection exception",
	[28] = "hypervisor injection exception",
	[29] = "VMM communication exception",
	[30] = "security exception",
};

extern const char exception_stubs[], interrupt_stubs[];

/* Called by traps_entry.S alone. */
_Noreturn void exception_report(const struct trap_frame *frame);
void interrupt_taken(unsigned vector);

static struct gate idt[VECTOR_COUNT];

static unsigned fault_stack_of(unsigned vector)
{
	switch (vector) {
	case EXCEPTION_NMI:
		return STACK_NMI;
	case EXCEPTION_DOUBLE_FAULT:
		return STACK_DOUBLE_FAULT;
	case EXCEPTION_MACHINE_CHECK:
		return STACK_MACHINE_CHECK;
	default:
		return STACK_EXCEPTION;
	}
}

static void set_gate(unsigned vector, const char *stub, unsigned ist)
{
	uintptr_t address = (uintptr_t)stub;

	idt[vector] = (struct gate){
		.offset_low = address & 0xffff,
		.selector = SELECTOR_CODE,
		.ist = (uint8_t)ist,
		.type = GATE_INTERRUPT,
		.offset_middle = address >> 16 & 0xffff,
		.offset_high = (uint32_t)(address >> 32),
	};
}

void traps_init(void)
{
	for (unsigned i = 0; i < VECTOR_EXCEPTIONS; i++)
		set_gate(i, exception_stubs + i * EXCEPTION_STUB_SIZE, fault_stack_of(i));
	/* Interrupts run on the stack that they find: they are masked wherever it is not sound. */
	for (unsigned i = VECTOR_EXCEPTIONS; i < VECTOR_COUNT; i++)
		set_gate(i, interrupt_stubs + (i - VECTOR_EXCEPTIONS) * INTERRUPT_STUB_SIZE, 0);
}

void traps_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uintptr_t)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static __attribute__((noinline)) void our_own(unsigned vector)
{
	if (vector == VECTOR_TIMER)
		lapic_timer_taken();
	else if (vector == VECTOR_CPU)
		event_interrupt();
}

void interrupt_taken(unsigned vector)
{
	if (__builtin_expect(vector - VECTOR_FIRST <= VECTOR_LAST - VECTOR_FIRST, true))
		irq_dispatch(vector);
	else if (vector == VECTOR_SPURIOUS || vector < VECTOR_FIRST)
		return; /* neither is in service at the local APIC, so neither is acknowledged there */
	else
		our_own(vector);
	/* After the handlers: they have silenced the device, so a level-triggered line is low again. */
	lapic_eoi();
}

/* A page fault's error code (SDM volume 3, 4.7). */
#define PAGE_FAULT_PRESENT (1 << 0)
#define PAGE_FAULT_WRITE (1 << 1)
#define PAGE_FAULT_RESERVED (1 << 3)
#define PAGE_FAULT_EXECUTION (1 << 4)

static void explain_page_fault(uint64_t error, uint64_t address)
{
	const char *what = error & PAGE_FAULT_EXECUTION ? "execution"
			   : error & PAGE_FAULT_WRITE   ? "write"
							: "read";
	const char *where = error & PAGE_FAULT_RESERVED  ? "by way of a corrupt page table"
			    : error & PAGE_FAULT_PRESENT ? "which the page does not permit"
			    : address < PAGE_SIZE        ? "on the null page"
			    : address >= STACK_BASE && address < IMAGE_BASE
				    ? "beyond a stack's end: stack overflow"
				    : "where nothing is mapped";

	kprint("  %s at %016llx, %s\n", what, (unsigned long long)address, where);
}

static void print_registers(const struct trap_frame *frame)
{
	const struct {
		const char *name;
		uint64_t value;
	} registers[] = {
		{ "rip", frame->rip }, { "rsp", frame->rsp }, { "rbp", frame->rbp },
		{ "rax", frame->rax }, { "rbx", frame->rbx }, { "rcx", frame->rcx },
		{ "rdx", frame->rdx }, { "rsi", frame->rsi }, { "rdi", frame->rdi },
		{ "r8 ", frame->r8 },  { "r9 ", frame->r9 },  { "r10", frame->r10 },
		{ "r11", frame->r11 }, { "r12", frame->r12 }, { "r13", frame->r13 },
		{ "r14", frame->r14 }, { "r15", frame->r15 }, { "flg", frame->rflags },
	};

	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		kprint("  %s %016llx%s", registers[i].name, (unsigned long long)registers[i].value,
		       i % 3 == 2 ? "\n" : "");
}

/* Where to begin the backtrace. After a jump to where there is no code (a wrong function pointer) that is
 * where the call came from, which lies on top of the stack still. */
static uint64_t came_from(const struct trap_frame *frame)
{
	const uint64_t *top = (const uint64_t *)frame->rsp;

	if (frame->vector == EXCEPTION_PAGE_FAULT && (frame->error & PAGE_FAULT_EXECUTION) != 0 &&
	    frame->rsp % sizeof(*top) == 0 && mapped(top))
		return *top;
	return frame->rip;
}

void exception_report(const struct trap_frame *frame)
{
	static unsigned reports;
	unsigned vector = (unsigned)frame->vector;
	const char *name = exception_names[vector];
	uint64_t address;

	/* Before anything that may fault. */
	__asm__ volatile("movq %%cr2, %0" : "=r"(address));
	if (vector == EXCEPTION_NMI && cpu_stopping())
		cpu_stop(); /* by arch_cpu_stop */
	cpu_stop_others();
	reports++;
	if (reports > 2)
		arch_shutdown(EXIT_EXCEPTION);
	if (name == NULL)
		name = "reserved exception";
	arch_console_init();
	if (reports == 2) {
		kprint("\nanother exception during the report: %s at %016llx, address %016llx\n",
		       name, (unsigned long long)frame->rip, (unsigned long long)address);
		kernel_exit(EXIT_EXCEPTION);
	}

	kprint("\nEXCEPTION: %s (vector %u, error code 0x%llx) on CPU %u\n", name, vector,
	       (unsigned long long)frame->error, arch_cpu()->id);
	if (vector == EXCEPTION_PAGE_FAULT)
		explain_page_fault(frame->error, address);
	print_registers(frame);
	backtrace(came_from(frame), 0, frame->rbp);
	kernel_exit(EXIT_EXCEPTION);
}
