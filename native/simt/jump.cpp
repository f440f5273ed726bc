#include "simt/jump.h"

#if defined(__x86_64__) && defined(__linux__)

// Saves the registers that belong to a caller, and takes those of the other stack. A Transfer is returned in rax and
// rdx, and is the argument of a function in rdi and rsi: a stack that begins finds it there.
asm(R"(
  .text
  .globl st_simt_jump
  .hidden st_simt_jump
  .type st_simt_jump, @function
  .balign 16
st_simt_jump:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, %rax
  mov %rsi, %rdx
  mov %rdi, %rsp
  mov %rax, %rdi
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
  .size st_simt_jump, . - st_simt_jump
)");

#endif
