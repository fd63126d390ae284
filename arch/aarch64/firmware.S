/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls to whoever is outside: a debugger or emulator (semihosting), a hypervisor (HVC), firmware
 * (SMC). Whether anybody is there cannot be asked. Where nobody is, the instruction is undefined, and
 * trap.S then goes on at firmware_absent for any exception between firmware_calls and its end.
 */
	.text
	.global	firmware_calls, firmware_calls_end, firmware_absent
	.global	semihosting_call, firmware_hvc, firmware_smc

firmware_calls:
semihosting_call:
	hlt	#0xf000
	ret
firmware_hvc:
	hvc	#0
	ret
firmware_smc:
	smc	#0
	ret
firmware_calls_end:

firmware_absent:
	mov	x0, #-1
	ret
