# cmake -D OBJDUMP=<objdump> -D OBJECTS=<object file|object file...> -P CheckMeasuring.cmake
# Fails unless the loops of native/cpu/kernels_measure.inl hold every multiply-add that they count. A round works on
# twelve registers of sums, so each loop has at least twelve instructions of the register's width; a compiler that sees
# that two of them compute the same leaves one out. This is read from the code, for every instruction set, and needs no
# processor that has it.
cmake_minimum_required(VERSION 3.25)

set(least 12)
set(scalar "mulps.*%xmm" "addps.*%xmm")
set(avx2 "vfmadd[0-9]+ps.*%ymm")
set(avx512 "vfmadd[0-9]+ps.*%zmm")
set(avx512bf16 ${avx512} "vdpbf16ps.*%zmm" "vpdpbusd.*%zmm")

# The lines of the disassembly that belong to the functions whose names contain multiply_adds, one line each.
function(lines_of_multiply_adds object result)
  execute_process(COMMAND ${OBJDUMP} --disassemble --no-show-raw-insn ${object} OUTPUT_VARIABLE text
                  COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[][;]" " " text "${text}")
  string(REPLACE "\n\n" ";" functions "${text}")
  list(FILTER functions INCLUDE REGEX "^\n?[0-9a-f]+ <[^>\n]*multiply_adds")
  string(REPLACE "\n" ";" lines "${functions}")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

set(checked "")
set(problems "")
string(REPLACE "|" ";" objects "${OBJECTS}")
foreach(object IN LISTS objects)
  if(NOT object MATCHES "kernels_([a-z0-9]+)\\.cpp")
    continue()
  endif()
  set(isa ${CMAKE_MATCH_1})
  list(APPEND checked ${isa})
  lines_of_multiply_adds(${object} lines)
  foreach(instruction IN LISTS ${isa})
    set(found ${lines})
    list(FILTER found INCLUDE REGEX "[ \t]${instruction}")
    list(LENGTH found count)
    message(STATUS "${isa}: ${count} of ${instruction}")
    if(count LESS least)
      string(APPEND problems "${isa}: ${count} instructions match ${instruction}, at least ${least} are counted\n")
    endif()
  endforeach()
endforeach()

list(SORT checked)
if(NOT checked STREQUAL "avx2;avx512;avx512bf16;scalar")
  string(APPEND problems "checked only: ${checked}\n")
endif()
if(problems)
  message(FATAL_ERROR "${problems}")
endif()
