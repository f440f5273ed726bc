# cmake -D CUOBJDUMP=<cuobjdump> -D NVDISASM=<nvdisasm> -D LIBRARY=<shared library> -P CheckWaiting.cmake
# Fails unless every kernel, in its machine code for sm_90, lets the next kernel begin and waits for the one ahead of it
# (native/cuda/launch.cuh) in every thread: nothing that could leave the kernel, branch or access global memory stands
# before the wait. Kernels in `reads_ahead` may read before it, and branch for that: weights, which no kernel of a graph
# writes.
cmake_minimum_required(VERSION 3.25)
set(reads_ahead "linear_kernel|few_rows_kernel|rms_norm_kernel|qkv_epilogue_kernel")
set(stores "[ \t](ST|STG|RED|REDG|ATOM|ATOMG|EXIT|RET|CALL)[ .]")
set(loads "[ \t](LD|LDG|LDGSTS|UBLKCP|BRA|BRX|JMP)[ .]")

# nvdisasm takes a third of the time of cuobjdump -sass, which also prints every instruction's bits.
set(folder ${CMAKE_CURRENT_BINARY_DIR}/waiting)
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder})
cmake_path(ABSOLUTE_PATH LIBRARY)
execute_process(COMMAND ${CUOBJDUMP} -xelf sm_90 ${LIBRARY} WORKING_DIRECTORY ${folder} OUTPUT_QUIET
                COMMAND_ERROR_IS_FATAL ANY)
file(GLOB cubins ${folder}/*.cubin)
set(functions "")
foreach(cubin IN LISTS cubins)
  execute_process(COMMAND ${NVDISASM} -c ${cubin} OUTPUT_VARIABLE code COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[][;]" " " code "${code}") # which lists of CMake read otherwise
  string(REPLACE "\n.text." ";" code "${code}")
  list(POP_FRONT code)
  list(APPEND functions ${code})
endforeach()
file(REMOVE_RECURSE ${folder})

set(count 0)
set(problems "")
foreach(function IN LISTS functions)
  string(REGEX MATCH "^[A-Za-z0-9_]+" name "${function}")
  if(NOT name MATCHES "_kernel")
    continue() # a function that kernels call
  endif()
  math(EXPR count "${count} + 1")
  string(FIND "${function}" "ACQBULK" wait)
  string(FIND "${function}" "PREEXIT" let)
  if(wait LESS 0 OR let LESS 0)
    string(APPEND problems "${name} does not call follow_previous()\n")
    continue()
  endif()
  string(SUBSTRING "${function}" 0 ${wait} before)
  set(forbidden "${stores}")
  if(NOT name MATCHES "${reads_ahead}")
    set(forbidden "${stores}|${loads}")
  endif()
  string(REGEX MATCH "${forbidden}" found "${before}")
  if(found)
    string(APPEND problems "${name} has ${found} before it waits\n")
  endif()
endforeach()
message(STATUS "${count} kernels")
if(count EQUAL 0)
  message(FATAL_ERROR "${LIBRARY} has no kernels for sm_90")
endif()
if(problems)
  message(FATAL_ERROR "${problems}")
endif()
